// SPDX-License-Identifier: Apache-2.0
// Reading messages. [RFC 7252 §3]
#include <slipway/coap/message.hpp>

namespace slipway::coap {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr unsigned kPayloadMarker = 0xFF;
constexpr unsigned kNibbleReserved = 15;
// Offsets of options are kept in 16 bits; UDP cannot carry more either.
constexpr std::size_t kDatagramMax = 65535;

/// Reads the 0, 1 or 2 bytes that extend an option's delta or length [RFC 7252 §3.1]: a nibble of 13
/// adds one byte + 13, 14 adds two bytes + 269, 15 is reserved. False when they are missing.
bool extend(unsigned& nibble, const std::uint8_t*& at, const std::uint8_t* end) {
  if (nibble < 13) return true;
  if (nibble == 13) {
    if (end - at < 1) return false;
    nibble = 13u + *at++;
    return true;
  }
  if (end - at < 2) return false;
  nibble = 269u + (static_cast<unsigned>(at[0]) << 8 | at[1]);
  at += 2;
  return true;
}

}  // namespace

Token::Token(ByteView bytes) : size_(static_cast<std::uint8_t>(bytes.size() < kSizeMax ? bytes.size() : kSizeMax)) {
  if (size_ == kSizeMax) {
    std::memcpy(bytes_.data(), bytes.data(), kSizeMax);
  } else {
    for (std::size_t i = 0; i < size_; ++i) bytes_[i] = bytes[i];
  }
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

Result<Message> Message::parse(ByteView datagram) {
  // One object on every path, so that it is built where the caller wants it.
  Result<Message> result{std::in_place};
  const auto reject = [&](ErrorCode code, const char* detail, const std::uint8_t* where) {
    result = fail(code, detail, static_cast<std::size_t>(where - datagram.data()));
  };
  Message& message = *result;
  const auto* const begin = datagram.data();
  const auto* const end = begin + datagram.size();
  if (datagram.size() < kHeaderSize) {
    reject(ErrorCode::truncated, "a CoAP header has 4 bytes", end);
    return result;
  }
  if (datagram.size() > kDatagramMax) {
    reject(ErrorCode::limit, "a datagram has at most 65535 bytes", begin);
    return result;
  }
  if (begin[0] >> 6 != 1) {
    reject(ErrorCode::malformed, "the CoAP version is not 1", begin);
    return result;
  }
  const std::size_t token_length = begin[0] & 15;
  if (token_length > Token::kSizeMax) {
    reject(ErrorCode::malformed, "a token has at most 8 bytes", begin);
    return result;
  }
  message.type = static_cast<Type>(begin[0] >> 4 & 3);
  message.code = Code{begin[1]};
  message.message_id = MessageId(static_cast<std::uint16_t>(begin[2] << 8 | begin[3]));
  if (message.code == Code::empty && datagram.size() != kHeaderSize) {
    reject(ErrorCode::malformed, "an empty message has nothing after its header", begin + kHeaderSize);
    return result;
  }
  const auto* at = begin + kHeaderSize;
  if (static_cast<std::size_t>(end - at) < token_length) {
    reject(ErrorCode::truncated, "the message ends inside its token", end);
    return result;
  }
  message.token = Token(ByteView{at, token_length});
  at += token_length;

  message.base_ = begin;
  unsigned number = 0;
  std::size_t count = 0;
  while (at != end) {
    const auto* const start = at;
    const unsigned first = *at++;
    unsigned delta = first >> 4;
    unsigned length = first & 15;
    if (delta >= 13 || length >= 13) [[unlikely]] {
      if (first == kPayloadMarker) {
        if (at == end) {
          reject(ErrorCode::malformed, "a payload marker without a payload", start);
          return result;
        }
        message.payload = {at, end};
        break;
      }
      if (delta == kNibbleReserved || length == kNibbleReserved) {
        reject(ErrorCode::malformed, "an option uses the reserved nibble 15", start);
        return result;
      }
      if (!extend(delta, at, end) || !extend(length, at, end)) {
        reject(ErrorCode::truncated, "the message ends inside an option's header", start);
        return result;
      }
    }
    number += delta;
    if (number > 65535) {
      reject(ErrorCode::malformed, "an option's number is above 65535", start);
      return result;
    }
    if (static_cast<std::size_t>(end - at) < length) {
      reject(ErrorCode::truncated, "the message ends inside an option", start);
      return result;
    }
    if (count == kOptionsMax) {
      reject(ErrorCode::limit, "more options than one message may have", start);
      return result;
    }
    message.options_[count++] = {static_cast<std::uint16_t>(number), static_cast<std::uint16_t>(at - begin),
                                 static_cast<std::uint16_t>(length)};
    at += length;
  }
  message.option_count_ = static_cast<std::uint8_t>(count);
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
