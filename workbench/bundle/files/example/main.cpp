// Runs the bundle's program on its golden audio, call by call, and compares every frame with the expected one.
//
//   ./pesto_example [BUNDLE_FOLDER]     exits with 0: as expected; 1: not as expected; 2: cannot be read or run
//   ./pesto_example PROGRAM.pte AUDIO.wav FRAMES.csv
//
// The second form writes the frames of any float32 WAV, a channel for each stream, for `workbench score`. The WAV needs
// the program's sample rate: `workbench audio RECIPE --out DIR` writes the clips at that rate.
//
// It uses only ExecuTorch's core runtime, so that the handling of memory is visible. With extension/module,
// Module(path, mode, nullptr, nullptr, nullptr, /*share_memory_arenas=*/true) does what `Program` and `Memory` do here.

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
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <executorch/runtime/core/data_loader.h>
#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/hierarchical_allocator.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/runtime.h>

namespace et = executorch::runtime;
using executorch::aten::ScalarType;
using executorch::aten::Tensor;
using executorch::aten::TensorImpl;

void must(et::Error error, const std::string& what) {
  if (error != et::Error::Ok)
    throw std::runtime_error(what + ": ExecuTorch error " + std::to_string(static_cast<int>(error)));
}

template <typename T>
T must(et::Result<T> result, const std::string& what) {
  must(result.error(), what);
  return std::move(result.get());
}

std::vector<char> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Allocates memory that lives until it is reset or destroyed: for loaded methods, and for the temporaries of a call.
class Heap final : public et::MemoryAllocator {
 public:
  Heap() : MemoryAllocator(0, nullptr) {}
  ~Heap() override { reset(); }

  void* allocate(size_t size, size_t alignment = kDefaultAlignment) override {
    const std::align_val_t aligned{std::max<size_t>(alignment, 64)};
    given_.push_back({::operator new(std::max<size_t>(size, 1), aligned), aligned});
    return given_.back().memory;
  }
  void reset() override {
    for (const Given& given : given_) ::operator delete(given.memory, given.aligned);
    given_.clear();
  }

 private:
  struct Given {
    void* memory;
    std::align_val_t aligned;
  };
  std::vector<Given> given_;
};

// A .pte in memory. It must outlive the methods that are loaded from it.
class FileInMemory final : public et::DataLoader {
 public:
  explicit FileInMemory(const std::string& path) {
    const std::vector<char> content = content_of(path);
    size_ = content.size();
    bytes_ = static_cast<char*>(heap_.allocate(size_));
    std::copy(content.begin(), content.end(), bytes_);
  }
  et::Result<et::FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo&) const override {
    if (offset > size_ || size > size_ - offset) return et::Error::InvalidArgument;
    return et::FreeableBuffer(bytes_ + offset, size, nullptr);
  }
  et::Error load_into(size_t offset, size_t size, const SegmentInfo&, void* to) const override {
    if (offset > size_ || size > size_ - offset) return et::Error::InvalidArgument;
    std::memcpy(to, bytes_ + offset, size);
    return et::Error::Ok;
  }
  et::Result<size_t> size() const override { return size_; }

 private:
  Heap heap_;
  size_t size_ = 0;
  char* bytes_ = nullptr;
};

// The planned memory that `forward` and `reset` share, so that `reset` clears the state of `forward`.
class Memory {
 public:
  Memory(const et::Program& program, const std::vector<const char*>& methods) {
    std::vector<size_t> sizes;
    for (const char* name : methods) {
      const et::MethodMeta meta = must(program.method_meta(name), name);
      sizes.resize(std::max(sizes.size(), meta.num_memory_planned_buffers()));
      for (size_t at = 0; at < meta.num_memory_planned_buffers(); ++at)
        sizes[at] = std::max<size_t>(sizes[at], must(meta.memory_planned_buffer_size(at), name));
    }
    for (size_t size : sizes) arenas_.emplace_back(static_cast<uint8_t*>(planned_.allocate(size)), size);
    shared_ = std::make_unique<et::HierarchicalAllocator>(
        et::Span<et::Span<uint8_t>>(arenas_.data(), arenas_.size()));
    manager_ = std::make_unique<et::MemoryManager>(&methods_, shared_.get(), &temporary_);
  }
  et::MemoryManager* manager() { return manager_.get(); }

 private:
  Heap planned_, methods_, temporary_;
  std::vector<et::Span<uint8_t>> arenas_;
  std::unique_ptr<et::HierarchicalAllocator> shared_;
  std::unique_ptr<et::MemoryManager> manager_;
};

// The program's metadata: each entry is a method without inputs that returns a number or a string.
template <typename Read>
auto metadata(const et::Program& program, const char* name, Read read) {
  Memory memory(program, {name});
  et::Method method = must(program.load_method(name, memory.manager()), name);
  must(method.execute(), name);
  return read(method.get_output(0));
}

size_t metadata_number(const et::Program& program, const char* name) {
  return metadata(program, name, [](const et::EValue& value) { return static_cast<size_t>(value.toInt()); });
}

std::string metadata_string(const et::Program& program, const char* name) {
  return metadata(program, name, [](const et::EValue& value) {
    const auto word = value.toString();  // a view of the method's memory, so copy it
    return std::string(word.data(), word.size());
  });
}

// The confidence below which a frame has no pitch to show: in silence the program still returns one. A program whose
// recipe sets no threshold has none in its metadata; 0.12 is just above the confidence of silence.
float confidence_threshold(const et::Program& program) {
  if (!program.method_meta("confidence_threshold").ok()) return 0.12f;
  return metadata(program, "confidence_threshold", [](const et::EValue& value) { return float(value.toDouble()); });
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

// A program, in the state after a reset.
class Pesto {
 public:
  explicit Pesto(const std::string& path)
      : file_(path),
        program_(must(et::Program::load(&file_), path)),
        internal_(metadata_string(program_, "state") == "internal"),
        streams_(metadata_number(program_, "streams")),
        hop_(metadata_number(program_, "hop_samples")),
        frames_per_call_(metadata_number(program_, "frames_per_chunk")),
        confidence_threshold_(confidence_threshold(program_)),
        state_(streams_ * metadata_number(program_, "state_samples"), 0.0f),  // zeros: the state after a reset
        // Both methods are loaded before the first call: loading a method clears the state.
        memory_(program_, internal_ ? std::vector<const char*>{"forward", "reset"} : std::vector<const char*>{"forward"}),
        forward_(must(program_.load_method("forward", memory_.manager()), "forward")) {
    std::istringstream outputs(metadata_string(program_, "outputs"));
    for (std::string name; std::getline(outputs, name, ',');) outputs_.push_back(name);
    if (internal_) reset();
  }
  size_t streams() const { return streams_; }
  size_t hop() const { return hop_; }
  size_t frames_per_call() const { return frames_per_call_; }              // of the smallest call
  bool has_pitch(float confidence) const { return confidence >= confidence_threshold_; }
  const std::vector<std::string>& outputs() const { return outputs_; }     // some of pitch, confidence, volume

  // Takes (streams, frames * hop) samples. The outputs are valid until the next call.
  void call(std::vector<float>& chunk) {
    const size_t count = chunk.size() / streams_;
    TensorImpl::DimOrderType order[] = {0, 1};
    TensorImpl::SizesType size[] = {TensorImpl::SizesType(streams_), TensorImpl::SizesType(count)};
    TensorImpl::StridesType stride[] = {TensorImpl::StridesType(count), 1};
    TensorImpl audio(ScalarType::Float, 2, size, chunk.data(), order, stride);
    must(forward_.set_input(Tensor(&audio), 0), "the audio");
    TensorImpl::SizesType state_size[] = {TensorImpl::SizesType(streams_),
                                          TensorImpl::SizesType(state_.size() / streams_)};
    TensorImpl::StridesType state_stride[] = {state_size[1], 1};
    TensorImpl past(ScalarType::Float, 2, state_size, state_.data(), order, state_stride);
    if (!internal_) must(forward_.set_input(Tensor(&past), 1), "the state");
    must(forward_.execute(), "forward");
    if (!internal_) {  // copied: the next call overwrites the output
      const Tensor next = forward_.get_output(outputs_.size()).toTensor();
      std::copy_n(next.const_data_ptr<float>(), state_.size(), state_.begin());
    }
  }
  // (streams, frames) of the last call
  const float* output(size_t what) { return forward_.get_output(what).toTensor().const_data_ptr<float>(); }

 private:
  void reset() {
    et::Method reset = must(program_.load_method("reset", memory_.manager()), "reset");
    std::unique_ptr<bool[]> which(new bool[streams_]);
    std::fill_n(which.get(), streams_, true);  // true resets a stream
    TensorImpl::SizesType size[] = {TensorImpl::SizesType(streams_)};
    TensorImpl::DimOrderType order[] = {0};
    TensorImpl::StridesType stride[] = {1};
    TensorImpl impl(ScalarType::Bool, 1, size, which.get(), order, stride);
    must(reset.set_input(Tensor(&impl), 0), "reset");
    must(reset.execute(), "reset");
  }

  FileInMemory file_;
  const et::Program program_;
  const bool internal_;
  const size_t streams_, hop_, frames_per_call_;
  const float confidence_threshold_;
  std::vector<float> state_;
  Memory memory_;
  et::Method forward_;
  std::vector<std::string> outputs_;
};

int verify(const std::string& folder) {
  Pesto pesto(folder + "/program.pte");
  const size_t streams = pesto.streams();
  const std::vector<float> samples = samples_of(folder + "/golden/audio.wav", streams);
  const std::vector<Row> rows = rows_of(folder + "/golden/frames.csv");
  long wrong = 0;
  float furthest[3] = {0, 0, 0};
  for (size_t first = 0, at = 0; first < rows.size();) {
    size_t last = first;
    while (last < rows.size() && rows[last].call == rows[first].call) ++last;
    const size_t frames = (last - first) / streams, count = frames * pesto.hop();
    if ((at + count) * streams > samples.size()) throw std::runtime_error("golden/audio.wav: shorter than its frames");
    std::vector<float> chunk = chunk_of(samples, streams, at, count);
    pesto.call(chunk);

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
                  got[0], got[1], pesto.has_pitch(got[1]) ? "" : " (show no pitch)", fits ? "" : "  NOT AS EXPECTED");
    }
    at += count;
    first = last;
  }
  std::printf("%zu frames, %ld not as expected; furthest: pitch %.5f cents, confidence %.2e, volume %.2e\n",
              rows.size() / streams, wrong, 100 * furthest[0], furthest[1], furthest[2]);
  return wrong != 0 || rows.empty();
}

int record(const std::string& program, const std::string& audio, const std::string& frames) {
  Pesto pesto(program);
  const size_t streams = pesto.streams(), each = pesto.frames_per_call(), count = each * pesto.hop();
  const std::vector<float> samples = samples_of(audio, streams);
  std::ofstream table(frames);
  table << "call,frame,stream";
  for (const std::string& name : pesto.outputs()) table << ',' << (name == "pitch" ? "pitch_semitones" : name);
  table << '\n' << std::setprecision(9);  // every bit of a float
  size_t call = 0;
  for (size_t at = 0; at * streams < samples.size(); at += count, ++call) {
    std::vector<float> chunk = chunk_of(samples, streams, at, count);
    pesto.call(chunk);
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
  et::runtime_init();
  try {
    return count == 4 ? record(words[1], words[2], words[3]) : verify(count > 1 ? words[1] : "..");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
