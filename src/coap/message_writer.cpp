// SPDX-License-Identifier: Apache-2.0
// Writing messages. [RFC 7252 §3] [RFC 8323 §3.2]
#include <bit>

#include <slipway/coap/message.hpp>

namespace slipway::coap {
namespace {

constexpr std::uint8_t kVersion1 = 1 << 6;
constexpr std::uint8_t kPayloadMarker = 0xFF;
constexpr std::size_t kOptionLengthMax = 65535 + 269;
// A frame's length is known last, so that room for its longest form is left before the code.
constexpr std::size_t kFrameLengthMax = 5;
constexpr std::size_t kFrom16 = 269, kFrom32 = 65805;

/// The nibble that announces `value`: itself, or how many bytes follow.
unsigned nibble_of(std::size_t value) {
  return value < 13 ? static_cast<unsigned>(value) : value < 269 ? 13 : 14;
}

void write_extension(ByteWriter& out, std::size_t value) {
  if (value >= 269) {
    out.u16(static_cast<std::uint16_t>(value - 269));
  } else if (value >= 13) {
    out.u8(static_cast<std::uint8_t>(value - 13));
  }
}

}  // namespace

MessageWriter::MessageWriter(MutableBytes buffer, Type type, Code code, MessageId id, const Token& token)
    : out_(buffer) {
  out_.u32(static_cast<std::uint32_t>(kVersion1 | static_cast<unsigned>(type) << 4 | token.size()) << 24 |
           static_cast<std::uint32_t>(code) << 16 | id.value());
  out_.bytes(token.bytes());
}

MessageWriter::MessageWriter(MutableBytes buffer, Code code, const Token& token) : out_(buffer) {
  (void)out_.skip(kFrameLengthMax);
  out_.u8(static_cast<std::uint8_t>(code));
  out_.bytes(token.bytes());
  content_at_ = kFrameLengthMax + 1 + token.size();
}

inline bool MessageWriter::option_header(OptionNumber number, std::size_t size) {
  const auto raw = static_cast<std::uint16_t>(number);
  if (raw < last_number_) {
    in_order_ = false;
    return false;
  }
  if (size > kOptionLengthMax) {
    out_.overflow();
    return false;
  }
  const std::size_t delta = raw - last_number_;
  last_number_ = raw;
  if (delta < 13 && size < 13) {  // nearly all options
    out_.u8(static_cast<std::uint8_t>(delta << 4 | size));
    return true;
  }
  out_.u8(static_cast<std::uint8_t>(nibble_of(delta) << 4 | nibble_of(size)));
  write_extension(out_, delta);
  write_extension(out_, size);
  return true;
}

void MessageWriter::option(OptionNumber number, ByteView value) {
  if (option_header(number, value.size())) out_.bytes(value);
}

void MessageWriter::option(OptionNumber number, std::uint64_t value) {
  // As few bytes as hold the value; zero has none. [RFC 7252 §3.2]
  const auto size = (static_cast<std::size_t>(std::bit_width(value)) + 7) / 8;
  if (option_header(number, size)) out_.unsigned_of(value, size);
}

void MessageWriter::path(OptionNumber number, std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  while (!path.empty()) {
    std::size_t slash = 0;
    while (slash < path.size() && path[slash] != '/') ++slash;
    option(number, path.substr(0, slash));
    if (slash == path.size()) return;
    path.remove_prefix(slash + 1);
  }
}

void MessageWriter::payload(ByteView payload) {
  if (payload.empty()) return;  // A marker without a payload would be a format error.
  out_.u8(kPayloadMarker);
  out_.bytes(payload);
}

Result<ByteView> MessageWriter::finish() {
  if (!in_order_) return fail(ErrorCode::malformed, "options must be written in ascending order");
  if (!out_.ok()) return fail(ErrorCode::no_space, "the message does not fit its buffer");
  return content_at_ == 0 ? out_.written() : finish_frame();
}

/// Puts the length, as short as it can be written, right before the code.
ByteView MessageWriter::finish_frame() {
  const auto whole = out_.mutable_written();
  const std::size_t length = whole.size() - content_at_;
  const std::size_t extension = length < 13 ? 0 : length < kFrom16 ? 1 : length < kFrom32 ? 2 : 4;
  const std::size_t start = kFrameLengthMax - 1 - extension;
  ByteWriter header(whole.subspan(start, 1 + extension));
  const auto nibble = extension == 4 ? 15u : nibble_of(length);
  header.u8(static_cast<std::uint8_t>(nibble << 4 | (content_at_ - kFrameLengthMax - 1)));
  if (extension == 4) {
    header.u32(static_cast<std::uint32_t>(length - kFrom32));
  } else {
    write_extension(header, length);
  }
  return whole.subspan(start);
}

}  // namespace slipway::coap
