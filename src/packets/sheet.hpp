// SPDX-License-Identifier: Apache-2.0
// The fields of a message as they are found, from its first byte to its last.
#pragma once

#include <slipway/packets/annotate.hpp>

namespace slipway::packets {

struct Words {
  std::string name;
  std::string value{};
  std::string meaning{};
  bool secret = false;
};

/// A field begins where the one before it ended: so no byte is left out, and none stands twice.
class Sheet {
 public:
  explicit Sheet(ByteView message) : message_(message) {}

  [[nodiscard]] const std::uint8_t* at() const { return message_.data() + offset_; }
  [[nodiscard]] const std::uint8_t* end() const { return message_.data() + message_.size(); }
  [[nodiscard]] ByteView rest() const { return message_.subspan(offset_); }
  void begin(Part part) { part_ = part; }

  /// Everything up to `end`; nothing when that is not beyond the last field.
  void upto(const std::uint8_t* end, Words words) {
    if (end <= at()) return;
    add(static_cast<std::size_t>(end - at()), std::move(words));
  }
  /// The next `size` bytes, or what is left of them.
  void add(std::size_t size, Words words) {
    size = std::min(size, message_.size() - offset_);
    if (size == 0) return;
    fields_.push_back({.offset = offset_,
                       .size = size,
                       .part = part_,
                       .name = std::move(words.name),
                       .value = std::move(words.value),
                       .meaning = std::move(words.meaning),
                       .secret = words.secret});
    offset_ += size;
  }
  void all(Words words) { add(message_.size() - offset_, std::move(words)); }
  [[nodiscard]] std::vector<Field> take() && { return std::move(fields_); }

 private:
  ByteView message_;
  std::size_t offset_ = 0;
  Part part_ = Part::header;
  std::vector<Field> fields_;
};

}  // namespace slipway::packets
