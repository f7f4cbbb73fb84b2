#include "pesto.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "pesto_program.hpp"

struct pesto {
  explicit pesto(const char* path) : program(path) {
    if (program.streams() != 1)
      throw std::runtime_error(std::string(path) + ": the program has " + std::to_string(program.streams()) +
                               " streams, and pesto.h runs programs of one");
    chunk.resize(program.min_frames() * program.hop_samples());
    sample_rate_hz = static_cast<int>(program.metadata().number("sample_rate_hz"));
    const double delay_ms = program.metadata().read("algorithmic_ms", [](const auto& value) { return value.toDouble(); });
    latency_samples = static_cast<int>(std::ceil(delay_ms * sample_rate_hz / 1000) + static_cast<double>(chunk.size()));
    frames.resize((PESTO_MAX_SAMPLES / chunk.size() + 1) * program.min_frames());
    for (size_t index = 0; index < program.outputs().size(); ++index) {
      const std::string& name = program.outputs()[index];
      output_index[name == "pitch" ? 0 : name == "confidence" ? 1 : 2] = static_cast<int>(index);
    }
    program.run(chunk.data(), chunk.size());  // of silence: what the first call allocates is allocated here
    program.reset();
  }

  float value(int output, size_t frame) {
    const int index = output_index[output];
    return index < 0 ? std::numeric_limits<float>::quiet_NaN() : program.output(static_cast<size_t>(index))[frame];
  }

  pesto_workbench::Program program;
  std::vector<float> chunk;
  std::vector<pesto_frame> frames;
  size_t filled = 0;
  uint64_t consumed = 0;
  int output_index[3] = {-1, -1, -1};  // of pitch, confidence and volume
  int sample_rate_hz = 0, latency_samples = 0;
};

extern "C" {

pesto* pesto_create(const char* program_path, char* error, size_t error_size) {
  try {
    executorch::runtime::runtime_init();
    return std::make_unique<pesto>(program_path).release();
  } catch (const std::exception& reason) {
    if (error_size > 0) std::snprintf(error, error_size, "%s", reason.what());
    return nullptr;
  }
}

int pesto_sample_rate_hz(const pesto* tracker) { return tracker->sample_rate_hz; }

float pesto_confidence_threshold(const pesto* tracker) { return tracker->program.confidence_threshold(); }

int pesto_latency_samples(const pesto* tracker) { return tracker->latency_samples; }

int pesto_process(pesto* tracker, const float* samples, size_t count, const pesto_frame** frames) {
  *frames = tracker->frames.data();
  if (count > PESTO_MAX_SAMPLES) return PESTO_TOO_MANY_SAMPLES;
  size_t found = 0;
  try {
    while (count > 0) {
      const size_t taken = std::min(count, tracker->chunk.size() - tracker->filled);
      std::copy_n(samples, taken, tracker->chunk.begin() + static_cast<std::ptrdiff_t>(tracker->filled));
      samples += taken;
      count -= taken;
      tracker->filled += taken;
      if (tracker->filled < tracker->chunk.size()) break;
      tracker->filled = 0;
      const size_t added = tracker->program.run(tracker->chunk.data(), tracker->chunk.size());
      for (size_t frame = 0; frame < added; ++frame) {
        tracker->consumed += tracker->program.hop_samples();
        tracker->frames[found++] = {tracker->value(0, frame), tracker->value(1, frame), tracker->value(2, frame),
                                    tracker->consumed};
      }
    }
  } catch (const std::exception&) {
    return PESTO_FAILED;
  }
  return static_cast<int>(found);
}

int pesto_reset(pesto* tracker) {
  try {
    tracker->program.reset();
  } catch (const std::exception&) {
    return PESTO_FAILED;
  }
  tracker->filled = 0;
  tracker->consumed = 0;
  return 0;
}

void pesto_destroy(pesto* tracker) { delete tracker; }
}
