// SPDX-License-Identifier: Apache-2.0
// A CoAP message in a datagram or on a stream: parsed in place, written into a fixed buffer.
// [RFC 7252 §3] [RFC 8323 §3.2]
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <slipway/base/bounded.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/result.hpp>

namespace slipway::coap {

enum class Type : std::uint8_t { confirmable, non_confirmable, acknowledgement, reset };

using MessageId = StrongId<struct MessageIdTag, std::uint16_t>;

/// `class.detail`, e.g. Code::content is 2.05. Any byte may come from the wire.
enum class Code : std::uint8_t {
  empty = 0x00,
  get = 0x01,
  post = 0x02,
  put = 0x03,
  del = 0x04,
  fetch = 0x05,
  patch = 0x06,
  ipatch = 0x07,
  created = 0x41,
  deleted = 0x42,
  valid = 0x43,
  changed = 0x44,
  content = 0x45,
  continue_ = 0x5F,
  bad_request = 0x80,
  unauthorized = 0x81,
  bad_option = 0x82,
  forbidden = 0x83,
  not_found = 0x84,
  method_not_allowed = 0x85,
  not_acceptable = 0x86,
  request_entity_incomplete = 0x88,
  conflict = 0x89,
  precondition_failed = 0x8C,
  request_entity_too_large = 0x8D,
  unsupported_content_format = 0x8F,
  internal_server_error = 0xA0,
  not_implemented = 0xA1,
  bad_gateway = 0xA2,
  service_unavailable = 0xA3,
  gateway_timeout = 0xA4,
  proxying_not_supported = 0xA5,
  csm = 0xE1,  // Signalling, on streams only [RFC 8323 §5].
  ping = 0xE2,
  pong = 0xE3,
  release = 0xE4,
  abort = 0xE5,
};
[[nodiscard]] constexpr unsigned class_of(Code code) {
  return static_cast<unsigned>(code) >> 5;
}
[[nodiscard]] constexpr unsigned detail_of(Code code) {
  return static_cast<unsigned>(code) & 31;
}
[[nodiscard]] constexpr bool is_request(Code code) {
  return class_of(code) == 0 && code != Code::empty;
}
[[nodiscard]] constexpr bool is_response(Code code) {
  return class_of(code) >= 2 && class_of(code) <= 5;
}
[[nodiscard]] constexpr bool is_success(Code code) {
  return class_of(code) == 2;
}
[[nodiscard]] constexpr bool is_signal(Code code) {
  return class_of(code) == 7;
}
/// "2.05" for any code.
[[nodiscard]] BoundedString<6> to_string(Code code);
/// "GET", "2.05 Content", "4.06 Not Acceptable"; "7.31" for one without a name.
[[nodiscard]] BoundedString<40> describe(Code code);

/// 0 to 8 bytes, a value. [RFC 7252 §5.3.1]
class Token {
 public:
  static constexpr std::size_t kSizeMax = 8;
  constexpr Token() = default;
  /// More than 8 bytes are cut to 8; parsers refuse them before.
  explicit Token(ByteView bytes);
  /// The first `size` (at most 8) of eight readable bytes; for parsers, without a loop.
  [[nodiscard]] static Token from_padded(const std::uint8_t* eight_bytes, std::size_t size);
  [[nodiscard]] ByteView bytes() const { return {bytes_.data(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t hash() const;
  bool operator==(const Token&) const = default;

 private:
  std::array<std::uint8_t, kSizeMax> bytes_{};
  std::uint8_t size_ = 0;
};

enum class OptionNumber : std::uint16_t {
  if_match = 1,
  uri_host = 3,
  etag = 4,
  if_none_match = 5,
  observe = 6,
  uri_port = 7,
  location_path = 8,
  oscore = 9,
  uri_path = 11,
  content_format = 12,
  max_age = 14,
  uri_query = 15,
  accept = 17,
  location_query = 20,
  block2 = 23,
  block1 = 27,
  size2 = 28,
  proxy_uri = 35,
  proxy_scheme = 39,
  size1 = 60,
  no_response = 258,
  echo = 252,
  request_tag = 292,
};
[[nodiscard]] constexpr bool is_critical(OptionNumber number) {
  return (static_cast<unsigned>(number) & 1) != 0;
}

struct Option {
  OptionNumber number;
  ByteView value;
  [[nodiscard]] std::string_view text() const { return as_text(value); }
  /// The value as an unsigned integer; out_of_range above 8 bytes. An empty value is 0.
  [[nodiscard]] Result<std::uint64_t> number_value() const;
};

/// Most options in one message; more is `limit`. A Register with every parameter uses 11.
inline constexpr std::size_t kOptionsMax = 32;

/// Whether a block may be a BERT one, of any number of 1024 bytes; only on streams. [RFC 8323 §6]
enum class Bert : std::uint8_t { refused, accepted };
inline constexpr std::uint8_t kBertSzx = 7;

/// A Block1 or Block2 option. [RFC 7959 §2.2]
struct Block {
  std::uint32_t number = 0;  ///< 0..1048575
  bool more = false;
  std::uint8_t szx = 6;  ///< 0..6: 16..1024 bytes; 7: BERT
  /// What `number` counts; also the size of every block but the last, unless it is a BERT one.
  [[nodiscard]] std::size_t size() const { return std::size_t{16} << (szx < kBertSzx ? szx : kBertSzx - 1); }
  /// Whether a block that is not the last one may have that many bytes.
  [[nodiscard]] bool fits(std::size_t bytes) const {
    return szx < kBertSzx ? bytes == size() : bytes != 0 && bytes % size() == 0;
  }
  [[nodiscard]] std::size_t offset() const { return number * size(); }
  [[nodiscard]] std::uint32_t encoded() const { return number << 4 | (more ? 8u : 0u) | szx; }
  [[nodiscard]] static Result<Block> decode(const Option& option, Bert bert = Bert::refused);
  bool operator==(const Block&) const = default;
};

/// A parsed message; every view points into the datagram or frame.
class Message {
 public:
  /// Reads one datagram of CoAP over UDP.
  ///
  ///    0                   1                   2                   3
  ///    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
  ///   |Ver| T |  TKL  |      Code     |          Message ID           |
  ///   |   Token (if any, TKL bytes) ...
  ///   |   Options (if any) ...
  ///   |1 1 1 1 1 1 1 1|    Payload (if any) ...
  ///
  /// Errors: truncated, malformed (version, token length, reserved nibble, payload marker without
  /// payload, content in an empty message), limit (options). On error the caller answers as RFC
  /// 7252 §4.2 says: `type` and `message_id` are readable by `peek_header`.
  [[nodiscard]] static Result<Message> parse(ByteView datagram);

  /// Reads one whole frame of CoAP over a stream, which has neither a type nor a message id: they keep the
  /// values of a fresh Message. [RFC 8323 §3.2]
  ///
  ///    0                   1                   2                   3
  ///    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
  ///   |  Len  |  TKL  | Extended Length (0, 1, 2 or 4 bytes) ...
  ///   |      Code     | Token (if any, TKL bytes) ...
  ///   |   Options (if any) ...
  ///   |1 1 1 1 1 1 1 1|    Payload (if any) ...
  ///
  /// Errors: as parse; also truncated and malformed where the frame is not as long as it says, and limit
  /// where options reach beyond its first 65535 bytes. An empty message may have a token and is read.
  [[nodiscard]] static Result<Message> parse_frame(ByteView frame);

  // Written out, because a defaulted constructor would first clear the whole table of options.
  Message() {}

  Type type = Type::confirmable;
  Code code = Code::empty;
  MessageId message_id;
  Token token;
  ByteView payload;

  [[nodiscard]] std::size_t option_count() const { return option_count_; }
  [[nodiscard]] Option option(std::size_t index) const {
    const auto& entry = options_[index];
    return {OptionNumber{entry.number}, ByteView{base_ + entry.offset, entry.length}};
  }
  /// The first option of that number.
  [[nodiscard]] std::optional<Option> find(OptionNumber number) const;
  /// Of an unsigned option; nothing when absent or longer than 4 bytes.
  [[nodiscard]] std::optional<std::uint32_t> find_number(OptionNumber number) const;
  [[nodiscard]] std::optional<std::uint16_t> content_format() const;
  [[nodiscard]] std::optional<std::uint16_t> accept() const;
  [[nodiscard]] std::optional<std::uint32_t> observe() const;
  /// "/rd/5a3f": the Uri-Path segments joined; cut at 255 bytes. "/" when there are none.
  [[nodiscard]] BoundedString<256> uri_path() const;
  /// Replaces the payload by a reassembled one (it must outlive the message).
  void set_payload(ByteView bytes) { payload = bytes; }

 private:
  struct OptionRef {
    std::uint16_t number;
    std::uint16_t offset;
    std::uint16_t length;
  };
  /// The rule that a datagram breaks, and where.
  enum class Rule : std::uint8_t {
    none,
    header_size,
    datagram_size,
    version,
    token_size,
    empty_has_nothing,
    token_cut,
    payload_missing,
    reserved_nibble,
    option_header_cut,
    option_cut,
    too_many_options,
    option_number,
    frame_cut,
    frame_length,
    options_too_long,
  };
  struct Flaw {
    Rule rule;
    std::size_t offset;
  };
  struct OptionHeader {
    Rule rule;
    std::size_t delta;
    std::size_t length;
    std::size_t value_at;
  };
  static OptionHeader extended_header(ByteView datagram, std::size_t first, std::size_t at);
  Flaw read(ByteView datagram);
  Flaw read_frame(ByteView frame);
  Flaw read_options(ByteView bytes, std::size_t& at);
  static std::unexpected<Error> error_of(Flaw flaw);
  const std::uint8_t* base_ = nullptr;
  std::uint8_t option_count_ = 0;
  std::array<OptionRef, kOptionsMax> options_;
};

/// The first four bytes, when a datagram has them and its version is 1.
struct Header {
  Type type;
  Code code;
  MessageId message_id;
  std::uint8_t token_length;
};
[[nodiscard]] std::optional<Header> peek_header(ByteView datagram);

/// What the first bytes of a frame say about it. [RFC 8323 §3.2]
struct FrameHeader {
  std::uint8_t token_length;   ///< 0..8
  std::uint8_t length_bytes;   ///< of the extended length: 0, 1, 2 or 4
  std::uint64_t content_size;  ///< options, payload marker and payload
  [[nodiscard]] std::size_t code_at() const { return std::size_t{1} + length_bytes; }
  [[nodiscard]] std::size_t content_at() const { return code_at() + 1 + token_length; }
  [[nodiscard]] std::uint64_t size() const { return content_at() + content_size; }
};
/// Nothing when more bytes are needed. Errors: malformed (a token length above 8, which covers the extended
/// tokens of RFC 8974 that are not negotiated here).
[[nodiscard]] Result<std::optional<FrameHeader>> peek_frame(ByteView stream);

/// What a buffer needs beyond the frame that is written into it.
inline constexpr std::size_t kFrameRoom = 4;

/// Writes a message. Options must be added in ascending order of their number.
class MessageWriter {
 public:
  MessageWriter(MutableBytes buffer, Type type, Code code, MessageId id, const Token& token);
  /// A frame for a stream [RFC 8323 §3.2]. The buffer needs kFrameRoom bytes more than the frame will have.
  MessageWriter(MutableBytes buffer, Code code, const Token& token);
  void option(OptionNumber number, ByteView value);
  void option(OptionNumber number, std::string_view value) { option(number, as_bytes(value)); }
  void option(OptionNumber number, std::uint64_t value);
  /// One Uri-Path (or Location-Path) option a segment of "/a/b"; none for "/".
  void path(OptionNumber number, std::string_view path);
  void block(OptionNumber number, Block block) { option(number, std::uint64_t{block.encoded()}); }
  void payload(ByteView payload);
  /// Errors: no_space, malformed (options out of order).
  [[nodiscard]] Result<ByteView> finish();

 private:
  /// The start of an option whose value has `size` bytes; false when it cannot be written.
  bool option_header(OptionNumber number, std::size_t size);
  [[nodiscard]] ByteView finish_frame();

  ByteWriter out_;
  std::size_t content_at_ = 0;  ///< of a frame: where its options start; 0 for a datagram
  std::uint16_t last_number_ = 0;
  bool in_order_ = true;
};

}  // namespace slipway::coap
