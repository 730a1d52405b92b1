// SPDX-License-Identifier: Apache-2.0
#include "codec/json_reader.hpp"

#include "codec/base64.hpp"
#include "codec/number.hpp"
#include "codec/utf8.hpp"

namespace slipway::codec {
namespace {

bool is_number_character(std::uint8_t c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/// The character that `\c` stands for, or 0; `\u` is not among them.
std::uint8_t escaped(std::uint8_t c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

bool hex4(const std::uint8_t* at, const std::uint8_t* end, std::uint32_t& out) {
  if (end - at < 4) return false;
  out = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned c = at[i];
    const unsigned digit = c >= '0' && c <= '9'   ? c - '0'
                           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                  : 16;
    if (digit == 16) return false;
    out = out << 4 | digit;
  }
  return true;
}

}  // namespace

void JsonReader::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
}

bool JsonReader::open(char bracket) {
  skip_blanks();
  if (at_ == end_) return truncated();
  if (*at_ != static_cast<std::uint8_t>(bracket))
    return fail(ErrorCode::malformed, bracket == '[' ? "an array was expected" : "an object was expected");
  ++at_;
  return true;
}

JsonReader::Step JsonReader::next(char closing, bool& first) {
  skip_blanks();
  if (at_ == end_) {
    (void)truncated();
    return Step::failed;
  }
  if (*at_ == static_cast<std::uint8_t>(closing)) {
    ++at_;
    return Step::end;
  }
  if (!first) {
    if (*at_ != ',') {
      fail(ErrorCode::malformed, "a comma was expected");
      return Step::failed;
    }
    ++at_;
    skip_blanks();
    if (at_ != end_ && *at_ == static_cast<std::uint8_t>(closing)) {
      fail(ErrorCode::malformed, "a comma before the end");
      return Step::failed;
    }
  }
  first = false;
  return Step::item;
}

bool JsonReader::key(ByteView& out) {
  if (!string(out)) return false;
  skip_blanks();
  if (at_ == end_) return truncated();
  if (*at_ != ':') return fail(ErrorCode::malformed, "a colon was expected");
  ++at_;
  return true;
}

bool JsonReader::string(ByteView& out) {
  skip_blanks();
  if (at_ == end_) return truncated();
  if (*at_ != '"') return fail(ErrorCode::malformed, "a string was expected");
  const auto* begin = at_ + 1;
  bool plain = true;
  const auto* quote = begin;
  for (; quote != end_ && *quote != '"'; ++quote) {
    if (*quote < 0x20) {
      at_ = quote;
      return fail(ErrorCode::malformed, "a control character in a string");
    }
    if (*quote == '\\') {
      plain = false;
      if (++quote == end_) break;
    }
  }
  if (quote == end_) return truncated();
  out = {begin, quote};
  if (!plain && !unescape(begin, quote, out)) return false;
  if (!is_utf8(out)) return fail(ErrorCode::malformed, "a string that is not UTF-8");
  at_ = quote + 1;
  return true;
}

bool JsonReader::unescape(const std::uint8_t* begin, const std::uint8_t* end, ByteView& out) {
  // What an escape stands for is never longer than the escape.
  const auto size = static_cast<std::size_t>(end - begin);
  auto* const room = sink_.take_scratch(size, begin);
  if (room == nullptr) return false;
  auto* put = room;
  for (const auto* at = begin; at != end;) {
    if (*at != '\\') {
      *put++ = *at++;
      continue;
    }
    const auto c = at[1];  // there is one: the quote that ends the string is not escaped
    at += 2;
    if (c == 'u') {
      if (!unicode(at, end, put)) return fail(ErrorCode::malformed, "a broken \\u escape");
    } else if (const auto plain = escaped(c); plain != 0) {
      *put++ = plain;
    } else {
      return fail(ErrorCode::malformed, "an escape that JSON does not have");
    }
  }
  out = {room, put};
  sink_.return_scratch(size - out.size());
  return true;
}

bool JsonReader::unicode(const std::uint8_t*& at, const std::uint8_t* end, std::uint8_t*& out) {
  std::uint32_t code = 0;
  if (!hex4(at, end, code)) return false;
  at += 4;
  if (code >= 0xd800 && code <= 0xdfff) {  // the first half of a pair, and then its second
    std::uint32_t low = 0;
    if (code > 0xdbff || end - at < 6 || at[0] != '\\' || at[1] != 'u' || !hex4(at + 2, end, low))
      return false;
    if (low < 0xdc00 || low > 0xdfff) return false;
    at += 6;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  out = put_utf8(out, code);
  return true;
}

bool JsonReader::number(Scalar& out) {
  const auto* start = at_;
  while (at_ != end_ && is_number_character(*at_)) ++at_;
  const auto parsed = parse_number(as_text({start, at_}), NumberGrammar::json);
  if (!parsed) {
    at_ = start;
    return fail(parsed.error().code, parsed.error().detail);
  }
  out = *parsed;
  return true;
}

bool JsonReader::word(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size()) return truncated();
  if (as_text({at_, word.size()}) != word) return fail(ErrorCode::malformed, "not a JSON value");
  at_ += word.size();
  return true;
}

bool JsonReader::scalar(Scalar& out) {
  skip_blanks();
  if (at_ == end_) return truncated();
  switch (*at_) {
    case '"':
      out.kind = Scalar::Kind::text;
      return string(out.data);
    case 't':
    case 'f':
      out.kind = Scalar::Kind::boolean;
      out.flag = *at_ == 't';
      return word(out.flag ? "true" : "false");
    case 'n':
      out.kind = Scalar::Kind::null;
      return word("null");
    default:
      return number(out);
  }
}

bool JsonReader::base64(Scalar& out) {
  const auto* start = at_;
  if (!scalar(out)) return false;
  if (out.kind == Scalar::Kind::null) return true;
  if (out.kind != Scalar::Kind::text) return fail(ErrorCode::malformed, "base64 was expected");
  return to_bytes(out, sink_, start);
}

bool JsonReader::skip() {
  // Brackets are counted, and their kinds kept as bits: 1 for an object.
  static_assert(kJsonSkipDepthMax <= 32);
  std::uint32_t objects = 0;
  std::size_t depth = 0;
  bool first = true;
  for (;;) {
    if (depth != 0) {
      const bool in_object = (objects & 1) != 0;
      const auto step = next(in_object ? '}' : ']', first);
      if (step == Step::failed) return false;
      if (step == Step::end) {
        objects >>= 1;
        first = false;
        if (--depth == 0) return true;
        continue;
      }
      ByteView ignored;
      if (in_object && !key(ignored)) return false;
    }
    skip_blanks();
    if (at_ == end_) return truncated();
    if (*at_ == '[' || *at_ == '{') {
      if (++depth > kJsonSkipDepthMax) return fail(ErrorCode::limit, "JSON nested too deep");
      objects = objects << 1 | (*at_ == '{' ? 1u : 0u);
      ++at_;
      first = true;
      continue;
    }
    Scalar ignored;
    if (!scalar(ignored)) return false;
    if (depth == 0) return true;
  }
}

bool JsonReader::finish() {
  skip_blanks();
  return at_ == end_ || fail(ErrorCode::malformed, "something follows the JSON value");
}

}  // namespace slipway::codec
