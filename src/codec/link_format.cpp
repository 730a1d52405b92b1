// SPDX-License-Identifier: Apache-2.0
// CoRE link format. [RFC 6690 §2]
//
//   links     := link *( "," link )
//   link      := "<" target ">" *( ";" attribute )
//   attribute := name [ "=" ( token | DQUOTE text DQUOTE ) ]     \ escapes the next character of text
#include <slipway/codec/link_format.hpp>

#include <charconv>

namespace slipway::codec {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

/// The place of the quote that ends a string which starts after `at`, or npos.
std::size_t closing_quote(std::string_view text, std::size_t at) {
  const auto quote = text.find('"', at);
  if (quote == std::string_view::npos) return quote;
  if (text.substr(at, quote - at).find('\\') == std::string_view::npos) return quote;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at;
    }
  }
  return std::string_view::npos;
}

/// Where the attributes that start at `at` end: at a comma outside of quotes, or at the end.
Result<std::size_t> end_of_link(std::string_view text, std::size_t at) {
  for (; at < text.size(); ++at) {
    if (text[at] == ',') return at;
    if (text[at] == '<') return fail(ErrorCode::malformed, "two links without a comma between them", at);
    if (text[at] != '"') continue;
    const auto quote = closing_quote(text, at + 1);
    if (quote == std::string_view::npos)
      return fail(ErrorCode::truncated, "a quoted string is not closed", at);
    at = quote;
  }
  return at;
}

bool is_name_char(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '<' && c != '>' && c != '=' && c != ';';
}

/// Where the name that a text starts with ends.
std::size_t name_end(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_name_char(text[at])) ++at;
  return at;
}

bool is_token(std::string_view value) {
  for (const char c : value)
    if (static_cast<unsigned char>(c) < ' ' || c == '"' || c == '<' || c == '>') return false;
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  text.remove_prefix(skip_blanks(text, 0));
  return text;
}

}  // namespace

Result<std::optional<Link>> LinkReader::next() {
  at_ = skip_blanks(text_, at_);
  while (at_ < text_.size() && text_[at_] == ',') {
    if (at_ == 0) return fail(ErrorCode::malformed, "a comma before the first link", at_);
    at_ = skip_blanks(text_, at_ + 1);
  }
  if (at_ >= text_.size()) return std::nullopt;
  Link link{.target = {}, .attributes = {}, .offset = at_};
  auto attributes = at_;
  if (text_[at_] == '<') {
    const auto close = text_.find('>', at_);
    if (close == std::string_view::npos)
      return fail(ErrorCode::truncated, "a link target is not closed by >", at_);
    link.target = text_.substr(at_ + 1, close - at_ - 1);
    attributes = skip_blanks(text_, close + 1);
    if (attributes < text_.size() && text_[attributes] != ';' && text_[attributes] != ',')
      return fail(ErrorCode::malformed, "neither ; nor , after a link target", attributes);
  } else if (at_ != 0) {
    return fail(ErrorCode::malformed, "a link starts with <", at_);
  }
  SLIPWAY_ASSIGN(const auto end, end_of_link(text_, attributes));
  link.attributes = text_.substr(attributes, end - attributes);
  at_ = end;
  return link;
}

Result<std::optional<LinkAttribute>> LinkAttributes::next() {
  while (!rest_.empty() && (rest_.front() == ';' || is_blank(rest_.front()))) rest_.remove_prefix(1);
  if (rest_.empty()) return std::nullopt;
  const auto name = name_end(rest_);
  const auto stop = skip_blanks(rest_, name);
  LinkAttribute attribute{.name = rest_.substr(0, name)};
  if (name == 0 || (stop < rest_.size() && rest_[stop] != '=' && rest_[stop] != ';'))
    return fail(ErrorCode::malformed, "a link attribute without a name", offset_);
  if (stop == rest_.size() || rest_[stop] == ';') {
    rest_.remove_prefix(stop);
    return attribute;
  }
  attribute.has_value = true;
  rest_.remove_prefix(skip_blanks(rest_, stop + 1));
  if (!rest_.empty() && rest_.front() == '"') {
    const auto quote = closing_quote(rest_, 1);
    if (quote == std::string_view::npos)
      return fail(ErrorCode::malformed, "a quoted string is not closed", offset_);
    attribute.quoted = true;
    attribute.value = rest_.substr(1, quote - 1);
    rest_.remove_prefix(skip_blanks(rest_, quote + 1));
    if (!rest_.empty() && rest_.front() != ';')
      return fail(ErrorCode::malformed, "something follows a quoted string", offset_);
    return attribute;
  }
  const auto end = rest_.find(';');
  attribute.value = trim(rest_.substr(0, end));
  if (!is_token(attribute.value)) return fail(ErrorCode::malformed, "a broken attribute value", offset_);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  return attribute;
}

Result<std::optional<LinkAttribute>> find_attribute(const Link& link, std::string_view name) {
  LinkAttributes attributes(link);
  for (;;) {
    SLIPWAY_ASSIGN(const auto attribute, attributes.next());
    if (!attribute || attribute->name == name) return attribute;
  }
}

void LinkWriter::link(std::string_view target) {
  if (!first_) out_.u8(',');
  first_ = false;
  out_.u8('<');
  out_.text(target);
  out_.u8('>');
}

void LinkWriter::attribute(std::string_view name) {
  out_.u8(';');
  out_.text(name);
}

void LinkWriter::attribute(std::string_view name, std::uint64_t value) {
  char text[20];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  attribute_token(name, {text, static_cast<std::size_t>(end - text)});
}

void LinkWriter::attribute_token(std::string_view name, std::string_view value) {
  attribute(name);
  out_.u8('=');
  out_.text(value);
}

void LinkWriter::attribute_quoted(std::string_view name, std::string_view value) {
  attribute(name);
  out_.text("=\"");
  for (const char c : value) {
    if (c == '"' || c == '\\') out_.u8('\\');
    out_.u8(static_cast<std::uint8_t>(c));
  }
  out_.u8('"');
}

}  // namespace slipway::codec
