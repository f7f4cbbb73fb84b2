// The memory of a program: allocators, the file itself, and what its methods share. `pesto_program.hpp` includes it.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <executorch/runtime/core/data_loader.h>
#include <executorch/runtime/core/hierarchical_allocator.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/program.h>

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

}  // namespace pesto_workbench
