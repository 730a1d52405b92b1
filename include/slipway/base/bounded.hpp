// SPDX-License-Identifier: Apache-2.0
// Containers with their capacity in their type, for what must not grow.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace slipway {

/// A vector in place. `push_back` on a full one returns false and changes nothing.
template <class T, std::size_t Capacity>
class BoundedVector {
 public:
  [[nodiscard]] bool push_back(const T& value) {
    if (size_ == Capacity) return false;
    items_[size_++] = value;
    return true;
  }
  void clear() { size_ = 0; }
  void resize_down(std::size_t size) { size_ = size < size_ ? size : size_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ == Capacity; }
  static constexpr std::size_t capacity() { return Capacity; }
  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  T* data() { return items_.data(); }
  const T* data() const { return items_.data(); }

 private:
  std::array<T, Capacity> items_{};
  std::size_t size_ = 0;
};

/// Text in place. `append` past the capacity keeps what fits and returns false.
template <std::size_t Capacity>
class BoundedString {
 public:
  BoundedString() = default;
  BoundedString(std::string_view text) { (void)append(text); }
  bool append(std::string_view text) {
    const auto room = Capacity - size_;
    const auto count = text.size() < room ? text.size() : room;
    if (count != 0) std::memcpy(text_.data() + size_, text.data(), count);
    size_ += count;
    return count == text.size();
  }
  bool append(char c) { return append(std::string_view(&c, 1)); }
  void clear() { size_ = 0; }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  static constexpr std::size_t capacity() { return Capacity; }
  operator std::string_view() const { return view(); }
  friend bool operator==(const BoundedString& a, std::string_view b) { return a.view() == b; }

 private:
  std::array<char, Capacity> text_{};
  std::size_t size_ = 0;
};

}  // namespace slipway
