// SPDX-License-Identifier: Apache-2.0
// Reading messages. [RFC 7252 §3]
#include <bit>

#include <slipway/coap/message.hpp>

namespace slipway::coap {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr unsigned kPayloadMarker = 0xFF;
constexpr unsigned kNibbleReserved = 15;
// Offsets of options are kept in 16 bits; UDP cannot carry more either.
constexpr std::size_t kDatagramMax = 65535;

/// An option's delta and length with their extensions, and where its value starts; 0 when the header is broken.
struct OptionHeader {
  unsigned delta;
  unsigned length;
  std::size_t value_at;
};

/// Reads the 0, 1 or 2 bytes that extend a nibble [RFC 7252 §3.1]: 13 adds one byte + 13, 14 adds two bytes + 269.
/// False when they are missing.
bool extend(unsigned& nibble, ByteView datagram, std::size_t& at) {
  if (nibble < 13) return true;
  const std::size_t size = nibble == 13 ? 1 : 2;
  if (datagram.size() - at < size) return false;
  nibble = size == 1 ? 13u + datagram[at] : 269u + (static_cast<unsigned>(datagram[at]) << 8 | datagram[at + 1]);
  at += size;
  return true;
}

/// The rare option whose header is longer than a byte; by value, so that the parser's loop stays in registers.
OptionHeader extended_header(ByteView datagram, unsigned first, std::size_t at) {
  unsigned delta = first >> 4;
  unsigned length = first & 15;
  if (!extend(delta, datagram, at) || !extend(length, datagram, at)) return {};
  return {delta, length, at};
}

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

Result<Block> Block::decode(const Option& option) {
  if (option.value.size() > 3) return fail(ErrorCode::malformed, "a Block option has at most 3 bytes");
  std::uint32_t value = 0;
  for (const auto byte : option.value) value = value << 8 | byte;
  if ((value & 7) == 7) return fail(ErrorCode::malformed, "block size 7 is reserved");
  return Block{.number = value >> 4, .more = (value & 8) != 0, .szx = static_cast<std::uint8_t>(value & 7)};
}

std::optional<Header> peek_header(ByteView datagram) {
  if (datagram.size() < kHeaderSize || datagram[0] >> 6 != 1) return std::nullopt;
  return Header{.type = static_cast<Type>(datagram[0] >> 4 & 3),
                .code = Code{datagram[1]},
                .message_id = MessageId(static_cast<std::uint16_t>(datagram[2] << 8 | datagram[3])),
                .token_length = static_cast<std::uint8_t>(datagram[0] & 15)};
}

[[gnu::always_inline]] inline Error Message::read(ByteView datagram) {
  const auto flaw = [](ErrorCode code_of, const char* detail, std::size_t offset) {
    return Error{code_of, static_cast<std::uint32_t>(offset), detail};
  };
  const auto* const data = datagram.data();
  const std::size_t size = datagram.size();
  if (size < kHeaderSize) return flaw(ErrorCode::truncated, "a CoAP header has 4 bytes", size);
  if (size > kDatagramMax) return flaw(ErrorCode::limit, "a datagram has at most 65535 bytes", 0);
  const unsigned first_byte = data[0];
  const std::size_t token_length = first_byte & 15;
  if (first_byte >> 6 != 1) return flaw(ErrorCode::malformed, "the CoAP version is not 1", 0);
  if (token_length > Token::kSizeMax) return flaw(ErrorCode::malformed, "a token has at most 8 bytes", 0);
  type = static_cast<Type>(first_byte >> 4 & 3);
  code = Code{data[1]};
  message_id = MessageId(static_cast<std::uint16_t>(data[2] << 8 | data[3]));
  if (code == Code::empty && size != kHeaderSize)
    return flaw(ErrorCode::malformed, "an empty message has nothing after its header", kHeaderSize);
  std::size_t at = kHeaderSize + token_length;
  if (at > size) return flaw(ErrorCode::truncated, "the message ends inside its token", size);
  token = size >= kHeaderSize + Token::kSizeMax ? Token::from_padded(data + kHeaderSize, token_length)
                                                : Token(datagram.subspan(kHeaderSize, token_length));
  base_ = data;

  unsigned number = 0;
  OptionRef* entry = options_.data();
  OptionRef* const entries_end = entry + kOptionsMax;
  while (at < size) {
    const std::size_t start = at++;
    const unsigned first = data[start];
    unsigned delta = first >> 4;
    unsigned length = first & 15;
    if (delta >= 13 || length >= 13) {
      if (first == kPayloadMarker) {
        if (at == size) return flaw(ErrorCode::malformed, "a payload marker without a payload", start);
        payload = {data + at, size - at};
        break;
      }
      if (delta == kNibbleReserved || length == kNibbleReserved)
        return flaw(ErrorCode::malformed, "an option uses the reserved nibble 15", start);
      if (delta < 13 && length == 13 && at < size) {  // A text of 13 to 268 bytes, common in a Register.
        length += data[at++];
      } else {
        const auto header = extended_header(datagram, first, at);
        if (header.value_at == 0)
          return flaw(ErrorCode::truncated, "the message ends inside an option's header", start);
        delta = header.delta;
        length = header.length;
        at = header.value_at;
      }
    }
    number += delta;
    const std::size_t next = at + length;
    if (next > size) return flaw(ErrorCode::truncated, "the message ends inside an option", start);
    if (entry == entries_end) return flaw(ErrorCode::limit, "more options than one message may have", start);
    entry->number = static_cast<std::uint16_t>(number);
    entry->offset = static_cast<std::uint16_t>(at);
    entry->length = static_cast<std::uint16_t>(length);
    ++entry;
    at = next;
  }
  // Numbers only grow, so that looking at the last one is enough.
  if (number > 65535) return flaw(ErrorCode::malformed, "an option's number is above 65535", at);
  option_count_ = static_cast<std::uint8_t>(entry - options_.data());
  return Error{.detail = nullptr};
}

Result<Message> Message::parse(ByteView datagram) {
  // One object on every path, so that it is built where the caller wants it.
  Result<Message> result{std::in_place};
  const auto flaw = result->read(datagram);
  if (flaw.detail != nullptr) [[unlikely]] result = std::unexpected(flaw);
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

std::optional<std::uint32_t> Message::observe() const { return find_number(OptionNumber::observe); }

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
