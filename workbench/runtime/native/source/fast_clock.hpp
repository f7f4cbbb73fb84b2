// A clock for profiling that runs 1000 times faster.
//
// XNNPACK times its operators with clock_gettime and reports whole microseconds, cut off: an operator of 0.7 us would
// read 0. While this clock is on, every clock_gettime of the process returns a time that runs 1000 times faster, so that
// a microsecond of XNNPACK is a nanosecond. The SDK's libraries call clock_gettime dynamically, so a definition in the
// program takes precedence over that of the C library.

#pragma once

namespace pesto_workbench {

constexpr bool kFastClock =
#if defined(__GLIBC__)
    true;
#else
    false;
#endif

constexpr int kFaster = 1000;  // times, while it is on

void set_fast_clock(bool on);

}  // namespace pesto_workbench
