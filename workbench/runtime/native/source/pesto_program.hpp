// Loads a program of the workbench and runs it call by call, with ExecuTorch's core runtime only.
//
// This code allocates nothing in `run` and `reset` after the first call of the largest size; the runtime may. One thread
// uses a Program at a time.

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/runtime.h>

#include "pesto_memory.hpp"
#include "pesto_metadata.hpp"

namespace pesto_workbench {

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
        confidence_threshold_(metadata_.confidence_threshold()),
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
    if (!metadata.has("workbench_format")) throw std::runtime_error("not a workbench program: it has no stream metadata");
    if (metadata.has("scope"))
      throw std::runtime_error("its front end is not in the program; the native host cannot compute it");
    return metadata;
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
