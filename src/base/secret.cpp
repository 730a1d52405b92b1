// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/secret.hpp>

namespace slipway {

namespace {

/// Called through a volatile pointer, a memset cannot be left out, although nobody reads what it wrote.
void* (*volatile const overwrite)(void*, int, std::size_t) = std::memset;

}  // namespace

void wipe(MutableBytes bytes) {
  if (!bytes.empty()) overwrite(bytes.data(), 0, bytes.size());
}

Secret::Secret(ByteView bytes) : size_(bytes.size()) {
  if (size_ == 0) return;
  data_ = new std::uint8_t[size_];
  std::memcpy(data_, bytes.data(), size_);
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Secret::~Secret() {
  wipe({data_, size_});
  delete[] data_;
}

}  // namespace slipway
