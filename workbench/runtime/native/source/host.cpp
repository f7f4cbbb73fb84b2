// Runs a program for the workbench: requests arrive on stdin, replies leave on stdout, both in binary.
//
//   pesto_host PROGRAM.pte THREADS
//   pesto_profiler PROGRAM.pte THREADS    the same, compiled with PESTO_PROFILER: it can record operators
//
// A request is three uint32: a kind and two numbers, then the samples that the kind has. A reply is a uint32 status and a
// uint32 number of bytes, then these bytes: the result (status 0) or a message (status 1). Numbers have the byte order of
// the machine. The first reply comes without a request: the metadata and how long loading took. The host ends when
// stdin ends. `session.py` is the other side.

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

namespace {

using Clock = std::chrono::steady_clock;

enum Request : uint32_t {
  kReset = 1,      // stream, or kAll
  kStep = 2,       // samples of each stream; then (streams, samples) float32: returns the uint64 nanoseconds, the outputs
  kLoadCalls = 3,  // number of calls, samples of each stream; then (calls, streams, samples) float32
  kTime = 4,       // first call, number of calls: runs them and returns the nanoseconds of each, uint64
  kCounters = 5,   // returns allocations of the last kTime and peak memory in bytes, int64 each; -1 if not known
  kTrace = 6,      // first call, number of calls: runs them and returns the events of each; pesto_profiler only
};
constexpr uint32_t kAll = 0xFFFFFFFF;
constexpr uint64_t kMostBytes = uint64_t{1} << 31;

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

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') json += '\\';
    if (static_cast<unsigned char>(letter) >= 0x20) json += letter;
  }
  return json + '"';
}

std::string as_json(const pesto_workbench::Metadata& metadata, uint64_t load_ns) {
  std::string json = "{\"load_ns\": " + std::to_string(load_ns) + ", \"entries\": {";
  const char* separator = "";
  for (const std::string& name : metadata.names()) {
    const std::string value = metadata.read(name.c_str(), [&name](const executorch::runtime::EValue& entry) {
      if (entry.isInt()) return std::to_string(entry.toInt());
      if (entry.isDouble()) {
        char digits[32];
        std::snprintf(digits, sizeof digits, "%.17g", entry.toDouble());
        return std::string(digits).find_first_not_of("-0123456789") == std::string::npos ? std::string(digits) + ".0"
                                                                                         : std::string(digits);
      }
      if (!entry.isString()) throw std::runtime_error(name + ": not a metadata entry");
      const auto text = entry.toString();
      return quoted(std::string(text.data(), text.size()));
    });
    json += separator + quoted(name) + ": " + value;
    separator = ", ";
  }
  return json + "}}";
}

class Host {
 public:
  Host(const char* path, std::FILE* replies) : replies_(replies) {
    const auto started = Clock::now();
    program_ = std::make_unique<pesto_workbench::Program>(path, tracer());
    const uint64_t load_ns = nanoseconds(Clock::now() - started);
    const std::string hello = as_json(program_->metadata(), load_ns);
    reply(0, hello.data(), hello.size());
  }

  void serve() {
    for (uint32_t request[3]; std::fread(request, sizeof request, 1, stdin) == 1;) {
      try {
        handle(request[0], request[1], request[2]);
      } catch (const std::exception& error) {
        reply(1, error.what(), std::strlen(error.what()));
      }
    }
  }

  void reply(uint32_t status, const void* bytes, size_t size) {
    const uint32_t header[] = {status, static_cast<uint32_t>(size)};
    if (std::fwrite(header, sizeof header, 1, replies_) != 1 ||
        (size > 0 && std::fwrite(bytes, size, 1, replies_) != 1) || std::fflush(replies_) != 0)
      std::exit(3);  // the workbench has ended
  }

 private:
  void handle(uint32_t kind, uint32_t first, uint32_t second) {
    switch (kind) {
      case kReset:
        first == kAll ? program_->reset() : program_->reset(first);
        return reply(0, nullptr, 0);
      case kStep:
        return step(first);
      case kLoadCalls:
        calls_ = read_floats(uint64_t{first} * program_->streams(), second);
        samples_ = second;
        return reply(0, nullptr, 0);
      case kTime:
        return time(first, second);
      case kCounters: {
        const int64_t counters[] = {allocations_, peak_rss_bytes()};
        return reply(0, counters, sizeof counters);
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
    std::vector<float> audio = read_floats(program_->streams(), samples);
    const auto started = Clock::now();
    const size_t count = program_->streams() * program_->run(audio.data(), samples);
    const uint64_t call_ns = nanoseconds(Clock::now() - started);
    std::string content(reinterpret_cast<const char*>(&call_ns), sizeof call_ns);
    for (size_t index = 0; index < program_->outputs().size(); ++index)
      content.append(reinterpret_cast<const char*>(program_->output(index)), count * sizeof(float));
    reply(0, content.data(), content.size());
  }

  void time(uint32_t first, uint32_t count) {
    const size_t size = program_->streams() * samples_;
    if (size == 0 || calls_.size() < size) throw std::runtime_error("no calls were loaded");
    const size_t loaded = calls_.size() / size;
    std::vector<uint64_t> times(count);
    const int64_t before = pesto_workbench::allocations();
    for (size_t index = 0; index < count; ++index) {
      float* audio = &calls_[(first + index) % loaded * size];
      const auto started = Clock::now();
      program_->run(audio, samples_);
      times[index] = nanoseconds(Clock::now() - started);
    }
    allocations_ = before < 0 ? -1 : pesto_workbench::allocations() - before;
    reply(0, times.data(), times.size() * sizeof(uint64_t));
  }

#ifdef PESTO_PROFILER
  executorch::runtime::EventTracer* tracer() { return &trace_; }

  // Replies two uint32, the number of events of a call and of bytes of their names; the names, a line each; the uint32
  // instruction of each event; then of each call in int64 nanoseconds its time, the same without recording, and the
  // start and end of each event.
  void trace(uint32_t first, uint32_t count) {
    const size_t size = program_->streams() * samples_;
    if (size == 0 || calls_.size() < size) throw std::runtime_error("no calls were loaded");
    if (!pesto_workbench::kFastClock)
      throw std::runtime_error("operators cannot be timed here: XNNPACK reports whole microseconds; use Linux with glibc");
    const size_t loaded = calls_.size() / size;
    std::string names, instructions, times;
    pesto_workbench::set_fast_clock(true);
    for (size_t index = 0; index < count; ++index) {
      trace_.clear();
      const et_timestamp_t begun = executorch::runtime::pal_current_ticks(), started = trace_.now();
      program_->run(&calls_[(first + index) % loaded * size], samples_);
      const et_timestamp_t ended = trace_.now(), finished = executorch::runtime::pal_current_ticks();
      const auto ns = [started](et_timestamp_t ticks) {
        return (static_cast<int64_t>(ticks) - static_cast<int64_t>(started)) / pesto_workbench::kFaster;
      };
      append(times, static_cast<int64_t>((finished - begun) / pesto_workbench::kFaster));
      append(times, ns(ended));
      for (const auto& event : trace_.events()) {
        if (index == 0) names += event.name + "\n", append(instructions, event.instruction);
        append(times, ns(event.start));
        append(times, ns(event.end));
      }
    }
    pesto_workbench::set_fast_clock(false);
    std::string content;
    append(content, static_cast<uint32_t>(instructions.size() / sizeof(uint32_t)));
    append(content, static_cast<uint32_t>(names.size()));
    content += names + instructions + times;
    reply(0, content.data(), content.size());
  }

  template <typename Number>
  static void append(std::string& bytes, Number number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  }

  pesto_workbench::OperatorTrace trace_;
#else
  executorch::runtime::EventTracer* tracer() { return nullptr; }
#endif

  std::vector<float> read_floats(uint64_t rows, uint64_t columns) {
    if (rows * columns > kMostBytes / sizeof(float)) throw std::runtime_error("a request is too large");
    std::vector<float> values(rows * columns);
    if (!values.empty() && std::fread(values.data(), values.size() * sizeof(float), 1, stdin) != 1) std::exit(3);
    return values;
  }

  std::FILE* replies_;
  std::unique_ptr<pesto_workbench::Program> program_;
  std::vector<float> calls_;
  size_t samples_ = 0;
  int64_t allocations_ = -1;
};

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "usage: pesto_host PROGRAM.pte THREADS\n");
    return 2;
  }
  // Replies go to a copy of stdout, and whatever a library prints there goes to stderr.
  std::FILE* replies = fdopen(dup(fileno(stdout)), "wb");
  dup2(fileno(stderr), fileno(stdout));
#ifdef _WIN32
  _setmode(_fileno(stdin), _O_BINARY);
#endif
  executorch::runtime::runtime_init();
  try {
    executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(
        static_cast<uint32_t>(std::strtoul(words[2], nullptr, 10)));
    Host(words[1], replies).serve();
  } catch (const std::exception& error) {
    const uint32_t header[] = {1, static_cast<uint32_t>(std::strlen(error.what()))};
    std::fwrite(header, sizeof header, 1, replies);
    std::fputs(error.what(), replies);
    std::fflush(replies);
    return 2;
  }
  return 0;
}
