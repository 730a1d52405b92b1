// SPDX-License-Identifier: Apache-2.0
// Datagrams are kept in shared buffers that are used again: no malloc per message once warm.
#pragma once

#include <array>
#include <new>
#include <utility>

#include <slipway/base/bytes.hpp>

namespace slipway::coap {

class BufferPool;

/// A datagram with shared ownership: a retransmission, its place in the transmit queue and a remembered
/// answer are the same bytes. Must not outlive its pool. One thread only.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer& other) : block_(other.block_) { retain(); }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() { release(); }

  [[nodiscard]] bool empty() const { return block_ == nullptr; }
  [[nodiscard]] ByteView view() const {
    return block_ == nullptr ? ByteView{} : ByteView{block_->bytes(), block_->size};
  }

 private:
  friend class BufferPool;
  struct Block {
    BufferPool* pool;
    Block* next_free;
    std::uint32_t references;
    std::uint32_t size;
    std::uint32_t size_class;
    [[nodiscard]] std::uint8_t* bytes() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  };
  explicit Buffer(Block* block) : block_(block) {}
  void retain() {
    if (block_ != nullptr) ++block_->references;
  }
  inline void release();

  Block* block_ = nullptr;
};

class BufferPool {
 public:
  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  /// A copy. Above 64 KiB its memory is not kept for the next one.
  [[nodiscard]] Buffer store(ByteView bytes);

 private:
  friend class Buffer;
  static constexpr std::size_t kClasses = 11;  // 64 bytes, doubling, to 64 KiB.
  static constexpr std::size_t capacity_of(std::size_t size_class) { return std::size_t{64} << size_class; }

  [[nodiscard]] Buffer store_large(ByteView bytes);
  void take_back(Buffer::Block* block) {
    if (block->size_class == kClasses) return ::operator delete(block);
    block->next_free = free_[block->size_class];
    free_[block->size_class] = block;
  }

  std::array<Buffer::Block*, kClasses> free_{};
};

inline void Buffer::release() {
  if (block_ != nullptr && --block_->references == 0) block_->pool->take_back(block_);
}

}  // namespace slipway::coap
