// Reads the metadata that a program of the workbench carries. `pesto_program.hpp` includes it.

#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>

#include "pesto_memory.hpp"

namespace pesto_workbench {

// A program whose recipe sets no threshold has none in its metadata. This is just above the confidence of silence.
constexpr float kDisplayThreshold = 0.12f;

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
  bool has(const char* name) const {
    const std::vector<std::string> known = names();
    return std::find(known.begin(), known.end(), name) != known.end();
  }
  float confidence_threshold() const {  // below it, a frame has no pitch to show
    if (!has("confidence_threshold")) return kDisplayThreshold;
    return read("confidence_threshold", [](const et::EValue& value) { return static_cast<float>(value.toDouble()); });
  }

 private:
  const et::Program& program_;
};

}  // namespace pesto_workbench
