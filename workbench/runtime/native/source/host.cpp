// Runs a program for the workbench: requests arrive on stdin, replies leave on stdout. `host_protocol.hpp` describes both.
//
//   pesto_host PROGRAM.pte THREADS
//   pesto_profiler PROGRAM.pte THREADS    the same, compiled with PESTO_PROFILER: it can record operators

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#define dup _dup
#define dup2 _dup2
#define fdopen _fdopen
#define fileno _fileno
#else
#include <unistd.h>
#endif

#include "allocations.hpp"
#include "host_protocol.hpp"
#include "pesto_program.hpp"
#ifdef PESTO_PROFILER
#include "fast_clock.hpp"
#include "operator_trace.hpp"
#endif

// The SDK has the library of the thread pool and not its header.
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(uint32_t threads);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

namespace pesto_workbench {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t nanoseconds(Clock::duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

int64_t peak_rss_bytes() {
  std::FILE* status = std::fopen("/proc/self/status", "r");
  if (status == nullptr) return -1;
  long long kilobytes = -1;
  for (char line[256]; std::fgets(line, sizeof line, status) != nullptr;)
    if (std::sscanf(line, "VmHWM: %lld", &kilobytes) == 1) break;
  std::fclose(status);
  return kilobytes < 0 ? -1 : kilobytes * 1024;
}

class Host {
 public:
  Host(const char* path, Pipes pipes) : pipes_(pipes) {
    const auto started = Clock::now();
    program_ = std::make_unique<Program>(path, tracer());
    const uint64_t load_ns = nanoseconds(Clock::now() - started);
    pipes_.reply(first_reply(program_->metadata(), load_ns));
  }

  void serve() {
    for (uint32_t request[3]; pipes_.next(request);) {
      try {
        handle(request[0], request[1], request[2]);
      } catch (const std::exception& error) {
        pipes_.reply_error(error);
      }
    }
  }

 private:
  void handle(uint32_t kind, uint32_t first, uint32_t second) {
    switch (kind) {
      case kReset:
        first == kAll ? program_->reset() : program_->reset(first);
        return pipes_.reply("");
      case kStep:
        return step(first);
      case kLoadCalls:
        calls_ = pipes_.read_floats(uint64_t{first} * program_->streams(), second);
        samples_ = second;
        return pipes_.reply("");
      case kTime:
        return time(first, second);
      case kCounters: {
        const int64_t counters[] = {allocations_, peak_rss_bytes()};
        return pipes_.reply(bytes_of(counters, 2));
      }
#ifdef PESTO_PROFILER
      case kTrace:
        return trace(first, second);
#endif
      default:
        throw std::runtime_error("an unknown request");
    }
  }

  void step(uint32_t samples) {
    std::vector<float> audio = pipes_.read_floats(program_->streams(), samples);
    const auto started = Clock::now();
    const size_t count = program_->streams() * program_->run(audio.data(), samples);
    const uint64_t call_ns = nanoseconds(Clock::now() - started);
    std::string content = bytes_of(&call_ns, 1);
    for (size_t index = 0; index < program_->outputs().size(); ++index)
      content += bytes_of(program_->output(index), count);
    pipes_.reply(content);
  }

  void time(uint32_t first, uint32_t count) {
    const size_t size = program_->streams() * samples_;
    if (size == 0 || calls_.size() < size) throw std::runtime_error("no calls were loaded");
    const size_t loaded = calls_.size() / size;
    std::vector<uint64_t> times(count);
    const int64_t before = allocations();
    for (size_t index = 0; index < count; ++index) {
      float* audio = &calls_[(first + index) % loaded * size];
      const auto started = Clock::now();
      program_->run(audio, samples_);
      times[index] = nanoseconds(Clock::now() - started);
    }
    allocations_ = before < 0 ? -1 : allocations() - before;
    pipes_.reply(bytes_of(times.data(), times.size()));
  }

#ifdef PESTO_PROFILER
  et::EventTracer* tracer() { return &trace_; }

  // Replies two uint32, the number of events of a call and of bytes of their names; the names, a line each; the uint32
  // instruction of each event; then of each call in int64 nanoseconds its time, the same without recording, and the
  // start and end of each event.
  void trace(uint32_t first, uint32_t count) {
    const size_t size = program_->streams() * samples_;
    if (size == 0 || calls_.size() < size) throw std::runtime_error("no calls were loaded");
    if (!kFastClock)
      throw std::runtime_error("operators cannot be timed here: XNNPACK reports whole microseconds; use Linux with glibc");
    const size_t loaded = calls_.size() / size;
    std::string names, instructions, times;
    set_fast_clock(true);
    for (size_t index = 0; index < count; ++index) {
      trace_.clear();
      const et_timestamp_t begun = et::pal_current_ticks(), started = trace_.now();
      program_->run(&calls_[(first + index) % loaded * size], samples_);
      const et_timestamp_t ended = trace_.now(), finished = et::pal_current_ticks();
      const auto ns = [started](et_timestamp_t ticks) {
        return (static_cast<int64_t>(ticks) - static_cast<int64_t>(started)) / kFaster;
      };
      append(times, static_cast<int64_t>((finished - begun) / kFaster));
      append(times, ns(ended));
      for (const auto& event : trace_.events()) {
        if (index == 0) names += event.name + "\n", append(instructions, event.instruction);
        append(times, ns(event.start));
        append(times, ns(event.end));
      }
    }
    set_fast_clock(false);
    std::string content;
    append(content, static_cast<uint32_t>(instructions.size() / sizeof(uint32_t)));
    append(content, static_cast<uint32_t>(names.size()));
    content += names + instructions + times;
    pipes_.reply(content);
  }

  template <typename Number>
  static void append(std::string& bytes, Number number) {
    bytes += bytes_of(&number, 1);
  }

  OperatorTrace trace_;
#else
  et::EventTracer* tracer() { return nullptr; }
#endif

  Pipes pipes_;
  std::unique_ptr<Program> program_;
  std::vector<float> calls_;
  size_t samples_ = 0;
  int64_t allocations_ = -1;
};

}  // namespace
}  // namespace pesto_workbench

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "usage: pesto_host PROGRAM.pte THREADS\n");
    return 2;
  }
  // Replies go to a copy of stdout, and whatever a library prints there goes to stderr.
  pesto_workbench::Pipes pipes(fdopen(dup(fileno(stdout)), "wb"));
  dup2(fileno(stderr), fileno(stdout));
#ifdef _WIN32
  _setmode(_fileno(stdin), _O_BINARY);
#endif
  executorch::runtime::runtime_init();
  try {
    executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(
        static_cast<uint32_t>(std::strtoul(words[2], nullptr, 10)));
    pesto_workbench::Host(words[1], pipes).serve();
  } catch (const std::exception& error) {
    pipes.reply_error(error);
    return 2;
  }
  return 0;
}
