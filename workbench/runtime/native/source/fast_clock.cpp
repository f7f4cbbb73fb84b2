#include <ctime>

#include "fast_clock.hpp"

#if defined(__GLIBC__)

#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace {

constexpr int64_t kSecond = 1000000000;

using ClockGettime = int (*)(clockid_t, timespec*);
ClockGettime real_clock = nullptr;  // of the C library, which reads the time without a system call
bool on = false;
int64_t since = 0;  // when it was switched on, in ns: only what has passed from then on is multiplied

int read(clockid_t clock, timespec* time) {
  return real_clock != nullptr ? real_clock(clock, time)
                               : static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int error = read(clock, time);
  if (!on || error != 0 || clock != CLOCK_MONOTONIC) return error;
  const int64_t fast = since + (time->tv_sec * kSecond + time->tv_nsec - since) * pesto_workbench::kFaster;
  time->tv_sec = fast / kSecond;
  time->tv_nsec = fast % kSecond;
  return 0;
}

void pesto_workbench::set_fast_clock(bool active) {
  if (real_clock == nullptr) real_clock = reinterpret_cast<ClockGettime>(dlsym(RTLD_NEXT, "clock_gettime"));
  timespec now;
  on = false;
  clock_gettime(CLOCK_MONOTONIC, &now);
  since = now.tv_sec * kSecond + now.tv_nsec;
  on = active;
}

#else

void pesto_workbench::set_fast_clock(bool) {}

#endif
