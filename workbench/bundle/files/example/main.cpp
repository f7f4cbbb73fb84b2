// Runs the bundle's program on its golden audio, call by call, and compares every frame with the expected one.
//
//   ./pesto_example [BUNDLE_FOLDER]     exits with 0: as expected; 1: not as expected; 2: cannot be read or run
//   ./pesto_example PROGRAM.pte AUDIO.wav FRAMES.csv
//
// The second form writes the frames of any float32 WAV, a channel for each stream, for `workbench score`. The WAV needs
// the program's sample rate: `workbench audio RECIPE --out DIR` writes the clips at that rate.
//
// `pesto_program.hpp` beside this file is what an app needs: it loads the program, runs it and keeps its state.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "pesto_program.hpp"

std::vector<char> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Row {  // of golden/frames.csv: a frame of one stream, and its tolerance
  long call, frame, stream;
  float expected[3], within[3];  // pitch in semitones, confidence, volume; within is inf if it is not compared
};

std::vector<Row> rows_of(const std::string& path) {
  std::ifstream file(path);
  std::string line, cell;
  if (!std::getline(file, line)) throw std::runtime_error(path + ": cannot be read");
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::vector<double> numbers;
    while (std::getline(cells, cell, ',')) numbers.push_back(std::strtod(cell.c_str(), nullptr));
    if (numbers.size() != 9) throw std::runtime_error(path + ": a row without nine columns");
    Row row{long(numbers[0]), long(numbers[1]), long(numbers[2]), {}, {}};
    for (int what = 0; what < 3; ++what) {
      row.expected[what] = float(numbers[3 + what]);
      row.within[what] = float(numbers[6 + what]);
    }
    rows.push_back(row);
  }
  return rows;
}

// The samples of a WAV of 32-bit floats with a channel for each stream; channels are interleaved.
std::vector<float> samples_of(const std::string& path, size_t streams) {
  const std::vector<char> bytes = content_of(path);
  uint32_t size = 0;
  uint16_t format[8] = {};  // kind of sample, channels, rate and byte rate (two words each), frame bytes, sample bits
  for (size_t at = 12; at + 8 <= bytes.size(); at += 8 + size + size % 2) {
    std::memcpy(&size, &bytes[at + 4], 4);  // little-endian, like every phone
    if (size > bytes.size() - at - 8) break;
    if (std::memcmp(&bytes[at], "fmt ", 4) == 0 && size >= sizeof format)
      std::memcpy(format, &bytes[at + 8], sizeof format);
    if (std::memcmp(&bytes[at], "data", 4) == 0) {
      if (format[0] == 1 || format[7] != 32) throw std::runtime_error(path + ": not a WAV of 32-bit floats");
      if (format[1] != streams)
        throw std::runtime_error(path + ": the number of channels is " + std::to_string(format[1]) +
                                 ", the program takes " + std::to_string(streams));
      std::vector<float> samples(size / 4);
      std::memcpy(samples.data(), bytes.data() + at + 8, samples.size() * 4);
      return samples;
    }
  }
  throw std::runtime_error(path + ": no audio in it");
}

std::vector<float> chunk_of(const std::vector<float>& samples, size_t streams, size_t at, size_t count) {
  std::vector<float> chunk(streams * count, 0.0f);  // (streams, samples); silence after the end
  for (size_t stream = 0; stream < streams; ++stream)
    for (size_t sample = 0; sample < count && (at + sample) * streams < samples.size(); ++sample)
      chunk[stream * count + sample] = samples[(at + sample) * streams + stream];
  return chunk;
}

int verify(const std::string& folder) {
  pesto_workbench::Program pesto(folder + "/program.pte");
  const size_t streams = pesto.streams();
  const std::vector<float> samples = samples_of(folder + "/golden/audio.wav", streams);
  const std::vector<Row> rows = rows_of(folder + "/golden/frames.csv");
  long wrong = 0;
  float furthest[3] = {0, 0, 0};
  for (size_t first = 0, at = 0; first < rows.size();) {
    size_t last = first;
    while (last < rows.size() && rows[last].call == rows[first].call) ++last;
    const size_t frames = (last - first) / streams, count = frames * pesto.hop_samples();
    if ((at + count) * streams > samples.size()) throw std::runtime_error("golden/audio.wav: shorter than its frames");
    std::vector<float> chunk = chunk_of(samples, streams, at, count);
    pesto.run(chunk.data(), count);

    for (size_t row = first; row < last; ++row) {
      const size_t place = rows[row].stream * frames + (rows[row].frame - rows[first].frame);
      float got[3];
      bool fits = true;
      for (int what = 0; what < 3; ++what) {
        got[what] = pesto.output(what)[place];
        const float off = std::fabs(got[what] - rows[row].expected[what]);
        fits = fits && std::isfinite(got[what]);  // also if it is not compared
        if (std::isfinite(rows[row].within[what])) {
          fits = fits && off <= rows[row].within[what];  // false for NaN
          furthest[what] = std::max(furthest[what], off);
        }
      }
      wrong += !fits;
      std::printf("frame %ld stream %ld: pitch %.4f semitones, confidence %.4f%s%s\n", rows[row].frame, rows[row].stream,
                  got[0], got[1], got[1] >= pesto.confidence_threshold() ? "" : " (show no pitch)",
                  fits ? "" : "  NOT AS EXPECTED");
    }
    at += count;
    first = last;
  }
  std::printf("%zu frames, %ld not as expected; furthest: pitch %.5f cents, confidence %.2e, volume %.2e\n",
              rows.size() / streams, wrong, 100 * furthest[0], furthest[1], furthest[2]);
  return wrong != 0 || rows.empty();
}

int record(const std::string& program, const std::string& audio, const std::string& frames) {
  pesto_workbench::Program pesto(program);
  const size_t streams = pesto.streams(), each = pesto.min_frames(), count = each * pesto.hop_samples();
  const std::vector<float> samples = samples_of(audio, streams);
  std::ofstream table(frames);
  table << "call,frame,stream";
  for (const std::string& name : pesto.outputs()) table << ',' << (name == "pitch" ? "pitch_semitones" : name);
  table << '\n' << std::setprecision(9);  // every bit of a float
  size_t call = 0;
  for (size_t at = 0; at * streams < samples.size(); at += count, ++call) {
    std::vector<float> chunk = chunk_of(samples, streams, at, count);
    pesto.run(chunk.data(), count);
    for (size_t frame = 0; frame < each; ++frame)
      for (size_t stream = 0; stream < streams; ++stream) {
        table << call << ',' << call * each + frame << ',' << stream;
        for (size_t what = 0; what < pesto.outputs().size(); ++what) table << ',' << pesto.output(what)[stream * each + frame];
        table << '\n';
      }
  }
  if (!table.flush()) throw std::runtime_error(frames + ": cannot be written");
  std::printf("%s: %zu frames\n", frames.c_str(), call * each);
  return 0;
}

int main(int count, char** words) {
  executorch::runtime::runtime_init();
  try {
    return count == 4 ? record(words[1], words[2], words[3]) : verify(count > 1 ? words[1] : "..");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
