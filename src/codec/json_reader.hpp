// SPDX-License-Identifier: Apache-2.0
// Reads JSON from a payload, one token at a time. [RFC 8259]
#pragma once

#include "codec/scalar.hpp"

namespace slipway::codec {

/// How deep a value that is not for us may be nested before the payload is refused.
inline constexpr std::size_t kJsonSkipDepthMax = 16;

class JsonReader {
 public:
  explicit JsonReader(EntrySink& sink) : sink_(sink), at_(sink.begin()), end_(sink.end()) {}

  [[nodiscard]] const std::uint8_t* at() const { return at_; }
  bool fail(ErrorCode code, const char* detail) { return sink_.fail(code, detail, at_); }

  /// Goes on from another place of the payload.
  void seek(const std::uint8_t* at) { at_ = at; }

  /// Eats `[` or `{`.
  [[nodiscard]] bool open(char bracket);

  enum class Step : std::uint8_t { item, end, failed };
  /// Steps to the next item of what open() began; `first` is true before its first one.
  [[nodiscard]] Step next(char closing, bool& first);
  /// A key and its colon.
  [[nodiscard]] bool key(ByteView& out);

  /// Text without escapes is a view of the payload, other text is rebuilt in the scratch.
  [[nodiscard]] bool string(ByteView& out);
  /// String, number, boolean or null.
  [[nodiscard]] bool scalar(Scalar& out);
  /// A base64 string, as bytes.
  [[nodiscard]] bool base64(Scalar& out);
  /// Passes over one value of any kind.
  [[nodiscard]] bool skip();
  /// Fails when something follows.
  [[nodiscard]] bool finish();

 private:
  void skip_blanks();
  [[nodiscard]] bool truncated() { return fail(ErrorCode::truncated, "the JSON ends too early"); }
  [[nodiscard]] bool unescape(const std::uint8_t* begin, const std::uint8_t* end, ByteView& out);
  [[nodiscard]] bool unicode(const std::uint8_t*& at, const std::uint8_t* end, std::uint8_t*& out);
  [[nodiscard]] bool number(Scalar& out);
  [[nodiscard]] bool word(std::string_view word);

  EntrySink& sink_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace slipway::codec
