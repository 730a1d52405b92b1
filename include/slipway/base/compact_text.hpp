// SPDX-License-Identifier: Apache-2.0
// A short text of a record of which a million are kept.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

namespace slipway {

/// Text of up to 255 bytes behind one pointer; what is longer is cut. Empty, it holds no memory.
class CompactText {
 public:
  static constexpr std::size_t kMax = 255;

  CompactText() = default;
  explicit CompactText(std::string_view text) {
    if (text.empty()) return;
    const auto size = text.size() < kMax ? text.size() : kMax;
    bytes_ = std::make_unique_for_overwrite<char[]>(size + 1);
    bytes_[0] = static_cast<char>(static_cast<unsigned char>(size));
    std::memcpy(bytes_.get() + 1, text.data(), size);
  }
  [[nodiscard]] bool empty() const { return !bytes_; }
  [[nodiscard]] std::string_view view() const {
    if (!bytes_) return {};
    return {bytes_.get() + 1, static_cast<unsigned char>(bytes_[0])};
  }

 private:
  std::unique_ptr<char[]> bytes_;
};

}  // namespace slipway
