// What the host and the workbench send each other over pipes, in binary. `session.py` is the other side.
//
// A request is three uint32: a kind and two numbers, then the samples that the kind has. A reply is a uint32 status and a
// uint32 number of bytes, then these bytes: the result (status 0) or a message (status 1). Numbers have the byte order of
// the machine. The first reply comes without a request: the metadata and how long loading took. The host ends when
// stdin ends.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "pesto_metadata.hpp"

namespace pesto_workbench {

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

template <typename Number>
std::string bytes_of(const Number* numbers, size_t count) {
  return {reinterpret_cast<const char*>(numbers), count * sizeof(Number)};
}

// Stdin and the pipe for replies. The process ends if the workbench has ended.
class Pipes {
 public:
  explicit Pipes(std::FILE* replies) : replies_(replies) {}

  bool next(uint32_t (&request)[3]) { return std::fread(request, sizeof request, 1, stdin) == 1; }

  std::vector<float> read_floats(uint64_t rows, uint64_t columns) {
    if (rows * columns > kMostBytes / sizeof(float)) throw std::runtime_error("a request is too large");
    std::vector<float> values(rows * columns);
    if (!values.empty() && std::fread(values.data(), values.size() * sizeof(float), 1, stdin) != 1) std::exit(3);
    return values;
  }

  void reply(const std::string& result) { send(0, result); }
  void reply_error(const std::exception& error) { send(1, error.what()); }

 private:
  void send(uint32_t status, const std::string& content) {
    const uint32_t header[] = {status, static_cast<uint32_t>(content.size())};
    if (std::fwrite(header, sizeof header, 1, replies_) != 1 ||
        (!content.empty() && std::fwrite(content.data(), content.size(), 1, replies_) != 1) ||
        std::fflush(replies_) != 0)
      std::exit(3);
  }

  std::FILE* replies_;
};

inline std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') json += '\\';
    if (static_cast<unsigned char>(letter) >= 0x20) json += letter;
  }
  return json + '"';
}

// The first reply: how long loading took, and the metadata of the program.
inline std::string first_reply(const Metadata& metadata, uint64_t load_ns) {
  std::string json = "{\"load_ns\": " + std::to_string(load_ns) + ", \"entries\": {";
  const char* separator = "";
  for (const std::string& name : metadata.names()) {
    const std::string value = metadata.read(name.c_str(), [&name](const et::EValue& entry) {
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

}  // namespace pesto_workbench
