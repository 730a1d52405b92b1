// SPDX-License-Identifier: Apache-2.0
#include "coap/buffer_pool.hpp"

#include <bit>
#include <new>

namespace slipway::coap {

BufferPool::~BufferPool() {
  for (auto* block : free_) {
    while (block != nullptr) {
      auto* next = block->next_free;
      ::operator delete(block);
      block = next;
    }
  }
}

Buffer BufferPool::store_large(ByteView bytes) {
  auto* const block = static_cast<Buffer::Block*>(::operator new(sizeof(Buffer::Block) + bytes.size()));
  *block = {.pool = this,
            .next_free = nullptr,
            .references = 1,
            .size = static_cast<std::uint32_t>(bytes.size()),
            .size_class = kClasses};
  std::memcpy(block->bytes(), bytes.data(), bytes.size());
  return Buffer(block);
}

Buffer BufferPool::store(ByteView bytes) {
  if (bytes.size() > capacity_of(kClasses - 1)) return store_large(bytes);
  const auto size_class =
      static_cast<std::uint32_t>(bytes.size() <= 64 ? 0 : std::bit_width(bytes.size() - 1) - 6);
  auto*& free = free_[size_class];
  auto* block = free;
  if (block != nullptr) {
    free = block->next_free;
  } else {
    block = static_cast<Buffer::Block*>(::operator new(sizeof(Buffer::Block) + capacity_of(size_class)));
    block->pool = this;
    block->size_class = size_class;
  }
  block->references = 1;
  block->size = static_cast<std::uint32_t>(bytes.size());
  if (!bytes.empty()) std::memcpy(block->bytes(), bytes.data(), bytes.size());
  return Buffer(block);
}

}  // namespace slipway::coap
