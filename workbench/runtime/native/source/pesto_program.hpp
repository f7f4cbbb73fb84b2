// Loads a program of the workbench and runs it call by call, with ExecuTorch's core runtime only.
//
// This code allocates nothing in `run` and `reset` after the first call of the largest size; the runtime may. One thread
// uses a Program at a time.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <executorch/runtime/core/data_loader.h>
#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/hierarchical_allocator.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/runtime.h>

namespace pesto_workbench {

namespace et = executorch::runtime;

inline void check(et::Error error, const char* what) {
  if (error != et::Error::Ok)
    throw std::runtime_error(std::string(what) + " failed with ExecuTorch's " + et::to_string(error));
}

template <typename T>
T check(et::Result<T> result, const char* what) {
  check(result.error(), what);
  return std::move(result.get());
}

// Allocates blocks that live until it is destroyed: the memory of loaded methods.
class BlockAllocator final : public et::MemoryAllocator {
 public:
  BlockAllocator() : MemoryAllocator(0, nullptr) {}
  BlockAllocator(const BlockAllocator&) = delete;
  BlockAllocator& operator=(const BlockAllocator&) = delete;
  ~BlockAllocator() override {
    for (const Block& block : blocks_) ::operator delete(block.memory, block.alignment);
  }

  void* allocate(size_t size, size_t alignment = kDefaultAlignment) override {
    const std::align_val_t aligned{std::max<size_t>(alignment, 64)};
    blocks_.push_back({::operator new(std::max<size_t>(size, 1), aligned), aligned});
    return blocks_.back().memory;
  }

 private:
  struct Block {
    void* memory;
    std::align_val_t alignment;
  };
  std::vector<Block> blocks_;
};

// Memory for the temporaries of one operator. It keeps its blocks, so that only the first calls allocate.
class ScratchAllocator final : public et::MemoryAllocator {
 public:
  ScratchAllocator() : MemoryAllocator(0, nullptr) {}

  void* allocate(size_t size, size_t alignment = kDefaultAlignment) override {
    for (; index_ < blocks_.size(); ++index_, used_ = 0) {
      const size_t begin = (used_ + alignment - 1) / alignment * alignment;
      if (begin + size <= blocks_[index_].size) {
        used_ = begin + size;
        return blocks_[index_].memory + begin;
      }
    }
    const size_t block = std::max<size_t>(size, 4096);
    blocks_.push_back({static_cast<uint8_t*>(backing_.allocate(block, alignment)), block});
    used_ = size;
    return blocks_.back().memory;
  }
  void reset() override { index_ = used_ = 0; }

 private:
  struct Block {
    uint8_t* memory;
    size_t size;
  };
  BlockAllocator backing_;
  std::vector<Block> blocks_;
  size_t index_ = 0, used_ = 0;
};

// A .pte in memory. It must outlive the program that is loaded from it.
class FileInMemory final : public et::DataLoader {
 public:
  explicit FileInMemory(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
    if (file == nullptr || std::fseek(file.get(), 0, SEEK_END) != 0) throw std::runtime_error("cannot be read");
    const long size = std::ftell(file.get());
    if (size <= 0) throw std::runtime_error("is empty or not a file");
    std::rewind(file.get());
    size_ = static_cast<size_t>(size);
    bytes_ = static_cast<uint8_t*>(memory_.allocate(size_));
    if (std::fread(bytes_, 1, size_, file.get()) != size_) throw std::runtime_error("cannot be read");
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
  BlockAllocator memory_;
  size_t size_ = 0;
  uint8_t* bytes_ = nullptr;
};

// The planned memory that `forward` and `reset` share, so that `reset` clears the state of `forward`.
class Memory {
 public:
  Memory(const et::Program& program, const std::vector<const char*>& methods) {
    std::vector<size_t> sizes;
    for (const char* name : methods) {
      const et::MethodMeta meta = check(program.method_meta(name), name);
      sizes.resize(std::max(sizes.size(), meta.num_memory_planned_buffers()));
      for (size_t index = 0; index < meta.num_memory_planned_buffers(); ++index) {
        const int64_t size = check(meta.memory_planned_buffer_size(index), name);
        if (size < 0) throw std::runtime_error(std::string(name) + ": a planned buffer has a negative size");
        sizes[index] = std::max(sizes[index], static_cast<size_t>(size));
      }
    }
    for (const size_t size : sizes) {
      arenas_.emplace_back(static_cast<uint8_t*>(planned_.allocate(size)), size);
      std::memset(arenas_.back().data(), 0, size);
    }
    shared_ = std::make_unique<et::HierarchicalAllocator>(et::Span<et::Span<uint8_t>>(arenas_.data(), arenas_.size()));
    manager_ = std::make_unique<et::MemoryManager>(&methods_, shared_.get(), &scratch_);
  }
  et::MemoryManager* manager() { return manager_.get(); }

 private:
  BlockAllocator planned_, methods_;
  ScratchAllocator scratch_;
  std::vector<et::Span<uint8_t>> arenas_;
  std::unique_ptr<et::HierarchicalAllocator> shared_;
  std::unique_ptr<et::MemoryManager> manager_;
};

// The program's metadata: each entry is a method without inputs that returns a number or a string.
class Metadata {
 public:
  explicit Metadata(const et::Program& program) : program_(program) {}

  template <typename Read>
  auto read(const char* name, Read convert) const {
    Memory memory(program_, {name});
    et::Method method = check(program_.load_method(name, memory.manager()), name);
    check(method.execute(), name);
    if (method.outputs_size() != 1) throw std::runtime_error(std::string(name) + ": not a metadata entry");
    return convert(method.get_output(0));
  }
  size_t number(const char* name) const {
    return read(name, [name](const et::EValue& value) {
      if (!value.isInt() || value.toInt() < 0) throw std::runtime_error(std::string(name) + ": not a whole number");
      return static_cast<size_t>(value.toInt());
    });
  }
  std::string text(const char* name) const {
    return read(name, [name](const et::EValue& value) {
      if (!value.isString()) throw std::runtime_error(std::string(name) + ": not a text");
      const auto view = value.toString();  // into the method's memory, so it is copied
      return std::string(view.data(), view.size());
    });
  }
  std::vector<std::string> names() const {  // of all entries
    std::vector<std::string> found;
    for (size_t index = 0; index < program_.num_methods(); ++index) {
      const std::string name = check(program_.get_method_name(index), "the list of methods");
      if (name != "forward" && name != "reset") found.push_back(name);
    }
    return found;
  }

 private:
  const et::Program& program_;
};

// A program with its state, which is zero at the beginning.
class Program {
 public:
  // A `tracer` receives what the runtime reports of `forward`; it must outlive the program. Throws std::runtime_error with
  // the path and what is wrong.
  explicit Program(const std::string& path, et::EventTracer* tracer = nullptr) try
      : file_(path),
        program_(check(et::Program::load(&file_), "loading")),
        metadata_(checked(program_)),
        state_kind_(metadata_.text("state")),
        streams_(metadata_.number("streams")),
        hop_samples_(metadata_.number("hop_samples")),
        min_frames_(metadata_.number("frames_per_chunk")),
        max_frames_(metadata_.number("max_frames_per_chunk")),
        past_samples_(metadata_.number("state_samples")),
        confidence_threshold_(threshold(metadata_)),
        memory_(program_, methods()),
        forward_(check(program_.load_method("forward", memory_.manager(), tracer), "loading forward")) {
    if (streams_ < 1 || hop_samples_ < 1 || min_frames_ < 1 || max_frames_ < min_frames_)
      throw std::runtime_error("the metadata is invalid");
    std::istringstream names(metadata_.text("outputs"));
    for (std::string name; std::getline(names, name, ',');) outputs_.push_back(name);
    if (state_kind_ == "internal") {
      // Both methods are loaded before the first call: loading a method clears the state.
      reset_ = std::make_unique<et::Method>(check(program_.load_method("reset", memory_.manager()), "loading reset"));
    } else if (state_kind_ != "frozen") {
      past_.assign(streams_ * past_samples_, 0.0f);
    }
    if (state_kind_ == "none") input_.resize(streams_ * (past_samples_ + max_frames_ * hop_samples_));
    which_ = std::make_unique<bool[]>(streams_);
  } catch (const std::exception& error) {
    throw std::runtime_error(path + ": " + error.what());
  }

  const Metadata& metadata() const { return metadata_; }
  size_t streams() const { return streams_; }
  size_t hop_samples() const { return hop_samples_; }
  size_t min_frames() const { return min_frames_; }  // of a call
  size_t max_frames() const { return max_frames_; }
  float confidence_threshold() const { return confidence_threshold_; }  // below it, a frame has no pitch to show
  const std::vector<std::string>& outputs() const { return outputs_; }  // some of pitch, confidence, volume

  bool accepts(size_t samples) const {  // the runtime accepts other sizes too, and they corrupt the state
    const size_t frames = samples / hop_samples_;
    return samples % hop_samples_ == 0 && frames >= min_frames_ && frames <= max_frames_;
  }

  // Takes (streams, samples) and returns the number of frames of each stream. The outputs are valid until the next call.
  size_t run(float* audio, size_t samples) {
    if (!accepts(samples)) throw std::runtime_error("the program does not accept a call of this size");
    float* first = audio;
    size_t width = samples;
    if (state_kind_ == "none") {
      first = input_.data();
      width = past_samples_ + samples;
      for (size_t stream = 0; stream < streams_; ++stream) {
        std::copy_n(&past_[stream * past_samples_], past_samples_, first + stream * width);
        std::copy_n(audio + stream * samples, samples, first + stream * width + past_samples_);
      }
    }
    set_input(0, first, width);
    if (state_kind_ == "explicit") set_input(1, past_.data(), past_samples_);
    check(forward_.execute(), "the call");
    if (state_kind_ == "explicit") {  // copied: the next call overwrites the output
      const auto next = forward_.get_output(outputs_.size()).toTensor();
      if (static_cast<size_t>(next.numel()) != past_.size()) throw std::runtime_error("the state has another size");
      std::copy_n(next.const_data_ptr<float>(), past_.size(), past_.begin());
    } else if (state_kind_ == "none") {
      for (size_t stream = 0; stream < streams_; ++stream)
        std::copy_n(first + stream * width + samples, past_samples_, &past_[stream * past_samples_]);
    }
    for (size_t index = 0; index < outputs_.size(); ++index) {
      const auto values = forward_.get_output(index).toTensor();
      if (static_cast<size_t>(values.numel()) != streams_ * (samples / hop_samples_))
        throw std::runtime_error("an output has another size than the metadata says");
    }
    return samples / hop_samples_;
  }

  // (streams, frames) of the last call
  const float* output(size_t index) { return forward_.get_output(index).toTensor().const_data_ptr<float>(); }

  void reset() {
    for (size_t stream = 0; stream < streams_; ++stream) which_[stream] = true;
    reset_marked();
  }
  void reset(size_t stream) {
    if (stream >= streams_) throw std::runtime_error("there is no stream of this index");
    for (size_t index = 0; index < streams_; ++index) which_[index] = index == stream;
    reset_marked();
  }

 private:
  static Metadata checked(const et::Program& program) {
    Metadata metadata(program);
    const std::vector<std::string> names = metadata.names();
    if (std::find(names.begin(), names.end(), "workbench_format") == names.end())
      throw std::runtime_error("not a workbench program: it has no stream metadata");
    if (std::find(names.begin(), names.end(), "scope") != names.end())
      throw std::runtime_error("its front end is not in the program; the native host cannot compute it");
    return metadata;
  }
  // A program whose recipe sets no threshold has none in its metadata; 0.12 is just above the confidence of silence.
  static float threshold(const Metadata& metadata) {
    const std::vector<std::string> names = metadata.names();
    if (std::find(names.begin(), names.end(), "confidence_threshold") == names.end()) return 0.12f;
    return metadata.read("confidence_threshold", [](const et::EValue& value) { return float(value.toDouble()); });
  }
  std::vector<const char*> methods() const {
    if (state_kind_ == "internal") return {"forward", "reset"};
    return {"forward"};
  }
  void set_input(size_t index, float* data, size_t width) {
    using Impl = executorch::aten::TensorImpl;
    Impl::SizesType sizes[] = {static_cast<Impl::SizesType>(streams_), static_cast<Impl::SizesType>(width)};
    Impl::DimOrderType order[] = {0, 1};
    Impl::StridesType strides[] = {sizes[1], 1};
    Impl tensor(executorch::aten::ScalarType::Float, 2, sizes, data, order, strides);
    check(forward_.set_input(executorch::aten::Tensor(&tensor), index), "setting an input");
  }
  void reset_marked() {
    if (reset_ != nullptr) {
      using Impl = executorch::aten::TensorImpl;
      Impl::SizesType sizes[] = {static_cast<Impl::SizesType>(streams_)};
      Impl::DimOrderType order[] = {0};
      Impl::StridesType strides[] = {1};
      Impl tensor(executorch::aten::ScalarType::Bool, 1, sizes, which_.get(), order, strides);
      check(reset_->set_input(executorch::aten::Tensor(&tensor), 0), "setting the streams to reset");
      check(reset_->execute(), "the reset");
    }
    for (size_t stream = 0; stream < streams_ && !past_.empty(); ++stream)
      if (which_[stream]) std::fill_n(&past_[stream * past_samples_], past_samples_, 0.0f);
  }

  FileInMemory file_;
  const et::Program program_;
  const Metadata metadata_;
  const std::string state_kind_;
  const size_t streams_, hop_samples_, min_frames_, max_frames_, past_samples_;
  const float confidence_threshold_;
  std::vector<float> past_, input_;  // if the program does not keep its state
  std::unique_ptr<bool[]> which_;    // the streams to reset
  Memory memory_;
  et::Method forward_;
  std::unique_ptr<et::Method> reset_;
  std::vector<std::string> outputs_;
};

}  // namespace pesto_workbench
