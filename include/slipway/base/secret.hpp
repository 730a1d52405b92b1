// SPDX-License-Identifier: Apache-2.0
// The one type that holds a key. No formatter, no comparison that leaks, no implicit copy.
#pragma once

#include <cstdint>
#include <utility>

#include <slipway/base/bytes.hpp>

namespace slipway {

/// Overwrites memory in a way that the compiler keeps.
void wipe(MutableBytes bytes);

/// Owns secret bytes and wipes them. A copy is made by `clone()` only, so that each one can be seen
/// in a review. `reveal()` is for the code that must use the key (TLS, sealing, a bootstrap write):
/// its result goes to no log, trace, error or answer.
class Secret {
 public:
  Secret() = default;
  explicit Secret(ByteView bytes);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] Secret clone() const { return Secret(reveal()); }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] ByteView reveal() const { return {data_, size_}; }
  [[nodiscard]] bool same_as(const Secret& other) const {
    return equal_constant_time(reveal(), other.reveal());
  }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace slipway
