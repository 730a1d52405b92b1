// SPDX-License-Identifier: Apache-2.0
// Reading messages. [RFC 7252 §3] [RFC 8323 §3.2]
#include <bit>

#include <slipway/coap/message.hpp>

namespace slipway::coap {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kPayloadMarker = 0xFF;
// Nibbles of an option's header from which on more bytes follow.
constexpr std::size_t kDeltaExtended = 0xD0;
constexpr std::size_t kLengthExtended = 0x0D;
constexpr std::size_t kNibbleReserved = 15;
// Offsets of options are kept in 16 bits; UDP cannot carry more either.
constexpr std::size_t kDatagramMax = 65535;
// The nibbles of a frame's length from which on 1, 2 and 4 bytes follow, and what they add to.
constexpr unsigned kLength8 = 13, kLength16 = 14;
constexpr std::uint64_t kFrom8 = 13, kFrom16 = 269, kFrom32 = 65805;

/// Masks that keep the first n of eight bytes, in the order of memory.
constexpr auto kFirstBytes = [] {
  std::array<std::uint64_t, Token::kSizeMax + 1> masks{};
  for (std::size_t n = 0; n < masks.size(); ++n) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < n; ++i) bytes[i] = 0xFF;
    masks[n] = std::bit_cast<std::uint64_t>(bytes);
  }
  return masks;
}();

}  // namespace

Token::Token(ByteView bytes)
    : size_(static_cast<std::uint8_t>(bytes.size() < kSizeMax ? bytes.size() : kSizeMax)) {
  for (std::size_t i = 0; i < size_; ++i) bytes_[i] = bytes[i];
}

Token Token::from_padded(const std::uint8_t* eight_bytes, std::size_t size) {
  std::uint64_t value;
  std::memcpy(&value, eight_bytes, sizeof value);
  value &= kFirstBytes[size];
  Token token;
  std::memcpy(token.bytes_.data(), &value, sizeof value);
  token.size_ = static_cast<std::uint8_t>(size);
  return token;
}

std::uint64_t Token::hash() const {
  std::uint64_t value;
  std::memcpy(&value, bytes_.data(), sizeof value);
  value = (value ^ size_) * 0x9E3779B97F4A7C15u;
  return value ^ value >> 32;
}

Result<std::uint64_t> Option::number_value() const {
  if (value.size() > 8) return fail(ErrorCode::out_of_range, "an unsigned option has at most 8 bytes");
  std::uint64_t result = 0;
  for (const auto byte : value) result = result << 8 | byte;
  return result;
}

Result<Block> Block::decode(const Option& option, Bert bert) {
  if (option.value.size() > 3) return fail(ErrorCode::malformed, "a Block option has at most 3 bytes");
  std::uint32_t value = 0;
  for (const auto byte : option.value) value = value << 8 | byte;
  if ((value & 7) == kBertSzx && bert == Bert::refused)
    return fail(ErrorCode::malformed, "block size 7 is reserved");
  return Block{.number = value >> 4, .more = (value & 8) != 0, .szx = static_cast<std::uint8_t>(value & 7)};
}

std::optional<Header> peek_header(ByteView datagram) {
  if (datagram.size() < kHeaderSize || datagram[0] >> 6 != 1) return std::nullopt;
  return Header{.type = static_cast<Type>(datagram[0] >> 4 & 3),
                .code = Code{datagram[1]},
                .message_id = MessageId(static_cast<std::uint16_t>(datagram[2] << 8 | datagram[3])),
                .token_length = static_cast<std::uint8_t>(datagram[0] & 15)};
}

/// Kept apart from reading, which then holds nothing but a number for each of these.
[[gnu::noinline, gnu::cold]] std::unexpected<Error> Message::error_of(Flaw flaw) {
  switch (flaw.rule) {
    case Rule::none:
      break;
    case Rule::header_size:
      return fail(ErrorCode::truncated, "a CoAP header has 4 bytes", flaw.offset);
    case Rule::datagram_size:
      return fail(ErrorCode::limit, "a datagram has at most 65535 bytes", flaw.offset);
    case Rule::version:
      return fail(ErrorCode::malformed, "the CoAP version is not 1", flaw.offset);
    case Rule::token_size:
      return fail(ErrorCode::malformed, "a token has at most 8 bytes", flaw.offset);
    case Rule::empty_has_nothing:
      return fail(ErrorCode::malformed, "an empty message has nothing after its header", flaw.offset);
    case Rule::token_cut:
      return fail(ErrorCode::truncated, "the message ends inside its token", flaw.offset);
    case Rule::payload_missing:
      return fail(ErrorCode::malformed, "a payload marker without a payload", flaw.offset);
    case Rule::reserved_nibble:
      return fail(ErrorCode::malformed, "an option uses the reserved nibble 15", flaw.offset);
    case Rule::option_header_cut:
      return fail(ErrorCode::truncated, "the message ends inside an option's header", flaw.offset);
    case Rule::option_cut:
      return fail(ErrorCode::truncated, "the message ends inside an option", flaw.offset);
    case Rule::too_many_options:
      return fail(ErrorCode::limit, "more options than one message may have", flaw.offset);
    case Rule::frame_cut:
      return fail(ErrorCode::truncated, "the frame is shorter than it says", flaw.offset);
    case Rule::frame_length:
      return fail(ErrorCode::malformed, "the frame is longer than it says", flaw.offset);
    case Rule::options_too_long:
      return fail(ErrorCode::limit, "options end within the first 65535 bytes of a frame", flaw.offset);
    case Rule::option_number:
      break;
  }
  return fail(ErrorCode::malformed, "an option's number is above 65535", flaw.offset);
}

/// Reads what extends the nibbles of an option's header [RFC 7252 §3.1]: 13 adds one byte + 13, 14 adds two
/// bytes + 269, 15 is reserved. Apart from the loop, so that the common option stays in registers.
inline Message::OptionHeader Message::extended_header(ByteView datagram, std::size_t first, std::size_t at) {
  const std::size_t delta = first >> 4;
  const std::size_t length = first & 15;
  if (delta < 13 && length == 13 && at < datagram.size())  // A text of 13 to 268 bytes, common in a Register.
    return {Rule::none, delta, length + datagram[at], at + 1};
  if (delta == kNibbleReserved || length == kNibbleReserved) return {Rule::reserved_nibble, 0, 0, at};
  OptionHeader header{Rule::none, delta, length, at};
  for (auto* value : {&header.delta, &header.length}) {
    if (*value < 13) continue;
    const std::size_t bytes = *value - 12;
    if (datagram.size() - header.value_at < bytes) return {Rule::option_header_cut, 0, 0, at};
    const auto* const from = datagram.data() + header.value_at;
    *value = bytes == 1 ? 13u + from[0] : 269u + (static_cast<std::size_t>(from[0]) << 8 | from[1]);
    header.value_at += bytes;
  }
  return header;
}

/// From `at` on, which ends where the options do.
[[gnu::always_inline]] inline Message::Flaw Message::read_options(ByteView bytes, std::size_t& at) {
  const auto* const data = bytes.data();
  const std::size_t size = bytes.size();
  base_ = data;

  std::size_t number = 0;
  std::size_t count = 0;
  while (at < size) {
    const std::size_t first = data[at++];
    std::size_t length = first & 15;
    std::size_t next = at + length;
    if (first >= kDeltaExtended || length >= kLengthExtended) {
      if (first == kPayloadMarker) {
        if (at == size) return {Rule::payload_missing, at};
        payload = {data + at, size - at};
        break;
      }
      const auto header = extended_header(bytes, first, at);
      if (header.rule != Rule::none) return {header.rule, at};
      number += header.delta - (first >> 4);
      length = header.length;
      at = header.value_at;
      next = at + length;
    }
    number += first >> 4;
    if (next > size) return {Rule::option_cut, at};
    if (count == kOptionsMax) return {Rule::too_many_options, at};
    options_[count++] = {static_cast<std::uint16_t>(number), static_cast<std::uint16_t>(at),
                         static_cast<std::uint16_t>(length)};
    at = next;
  }
  // Numbers only grow, so that looking at the last one is enough.
  if (number > 65535) return {Rule::option_number, at};
  option_count_ = static_cast<std::uint8_t>(count);
  return {Rule::none, 0};
}

[[gnu::always_inline]] inline Message::Flaw Message::read(ByteView datagram) {
  const auto* const data = datagram.data();
  const std::size_t size = datagram.size();
  if (size < kHeaderSize) return {Rule::header_size, size};
  if (size > kDatagramMax) return {Rule::datagram_size, 0};
  const unsigned first_byte = data[0];
  const std::size_t token_length = first_byte & 15;
  if (first_byte >> 6 != 1) return {Rule::version, 0};
  if (token_length > Token::kSizeMax) return {Rule::token_size, 0};
  type = static_cast<Type>(first_byte >> 4 & 3);
  code = Code{data[1]};
  message_id = MessageId(static_cast<std::uint16_t>(data[2] << 8 | data[3]));
  if (code == Code::empty && size != kHeaderSize) return {Rule::empty_has_nothing, kHeaderSize};
  std::size_t at = kHeaderSize + token_length;
  if (at > size) return {Rule::token_cut, size};
  token = size >= kHeaderSize + Token::kSizeMax ? Token::from_padded(data + kHeaderSize, token_length)
                                                : Token(datagram.subspan(kHeaderSize, token_length));
  return read_options(datagram, at);
}

Result<Message> Message::parse(ByteView datagram) {
  // One object on every path, so that it is built where the caller wants it.
  Result<Message> result{std::in_place};
  const auto flaw = result->read(datagram);
  if (flaw.rule != Rule::none) [[unlikely]]
    result = error_of(flaw);
  return result;
}

Result<std::optional<FrameHeader>> peek_frame(ByteView stream) {
  if (stream.empty()) return std::optional<FrameHeader>{};
  const unsigned length = stream[0] >> 4;
  FrameHeader header{static_cast<std::uint8_t>(stream[0] & 15), 0, length};
  if (header.token_length > Token::kSizeMax) return fail(ErrorCode::malformed, "a token has at most 8 bytes");
  if (length >= kLength8) {
    const bool one = length == kLength8;
    const bool two = length == kLength16;
    header.length_bytes = one ? 1 : two ? 2 : 4;
    if (stream.size() <= header.length_bytes) return std::optional<FrameHeader>{};
    std::uint64_t extended = 0;
    for (std::size_t i = 1; i <= header.length_bytes; ++i) extended = extended << 8 | stream[i];
    header.content_size = extended + (one ? kFrom8 : two ? kFrom16 : kFrom32);
  }
  return std::optional(header);
}

Message::Flaw Message::read_frame(ByteView frame) {
  const auto header = peek_frame(frame);
  if (!header) return {Rule::token_size, 0};
  if (!*header || (*header)->size() > frame.size()) return {Rule::frame_cut, frame.size()};
  if ((*header)->size() < frame.size())
    return {Rule::frame_length, static_cast<std::size_t>((*header)->size())};
  code = Code{frame[(*header)->code_at()]};
  token = Token(frame.subspan((*header)->code_at() + 1, (*header)->token_length));
  auto at = (*header)->content_at();
  const auto flaw = read_options(frame, at);
  if (flaw.rule == Rule::none && at > kDatagramMax) return {Rule::options_too_long, at};
  return flaw;
}

Result<Message> Message::parse_frame(ByteView frame) {
  Result<Message> result{std::in_place};
  const auto flaw = result->read_frame(frame);
  if (flaw.rule != Rule::none) result = error_of(flaw);
  return result;
}

std::optional<Option> Message::find(OptionNumber number) const {
  const auto wanted = static_cast<std::uint16_t>(number);
  for (std::size_t i = 0; i < option_count_ && options_[i].number <= wanted; ++i)
    if (options_[i].number == wanted) return option(i);
  return std::nullopt;
}

std::optional<std::uint32_t> Message::find_number(OptionNumber number) const {
  const auto found = find(number);
  if (!found || found->value.size() > 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const auto byte : found->value) value = value << 8 | byte;
  return value;
}

std::optional<std::uint16_t> Message::content_format() const {
  const auto value = find_number(OptionNumber::content_format);
  if (!value || *value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::optional<std::uint16_t> Message::accept() const {
  const auto value = find_number(OptionNumber::accept);
  if (!value || *value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::optional<std::uint32_t> Message::observe() const {
  return find_number(OptionNumber::observe);
}

BoundedString<256> Message::uri_path() const {
  constexpr std::size_t kPathMax = 255;
  BoundedString<256> path;
  for (std::size_t i = 0; i < option_count_; ++i) {
    const auto segment = option(i);
    if (segment.number > OptionNumber::uri_path) break;
    if (segment.number != OptionNumber::uri_path) continue;
    if (path.size() == kPathMax) break;
    path.append('/');
    path.append(segment.text().substr(0, kPathMax - path.size()));
  }
  if (path.empty()) path.append('/');
  return path;
}

}  // namespace slipway::coap
