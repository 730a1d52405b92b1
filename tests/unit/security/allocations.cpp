// SPDX-License-Identifier: Apache-2.0
#include "allocations.hpp"

#include <cstdlib>
#include <new>

std::size_t slipway::test::allocations = 0;

void* operator new(std::size_t size) {
  ++slipway::test::allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
/// The one that std::stable_partition asks: given back by the same `delete`, it must come from the same
/// place.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++slipway::test::allocations;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
