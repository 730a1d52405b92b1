// SPDX-License-Identifier: Apache-2.0
// The object list of a registration. [LwM2M-CORE 1.2 §6.2.1] [RFC 6690]
#include <slipway/lwm2m/registration.hpp>

#include <array>
#include <charconv>
#include <utility>

#include "lwm2m/link_target.hpp"

namespace slipway::lwm2m {
namespace {

constexpr std::string_view kResourceType = "oma.lwm2m";

constexpr std::array kFormats{ContentFormat::text,
                              ContentFormat::link_format,
                              ContentFormat::opaque,
                              ContentFormat::cbor,
                              ContentFormat::senml_json,
                              ContentFormat::senml_cbor,
                              ContentFormat::senml_etch_json,
                              ContentFormat::senml_etch_cbor,
                              ContentFormat::tlv,
                              ContentFormat::oma_json,
                              ContentFormat::lwm2m_cbor};

/// Takes the next blank-separated word off the front of `rest`.
std::string_view next_word(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const auto word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty())
    if (next_word(words) == wanted) return true;
  return false;
}

/// `ct="110 112 60"`; what is not a number or not known is passed over.
FormatSet parse_formats(std::string_view words) {
  FormatSet formats;
  while (!words.empty())
    if (const auto number = parse_decimal(next_word(words), 65535))
      formats.add(static_cast<ContentFormat>(*number));
  return formats;
}

struct Root {
  std::string_view alternate_path;
  FormatSet formats;
};

Result<void> check_alternate_path(std::string_view path, std::size_t offset) {
  if (path.size() > kAlternatePathMax)
    return fail(ErrorCode::limit, "the alternate path is too long", offset);
  if (path.front() != '/') return fail(ErrorCode::malformed, "the alternate path has no slash", offset);
  for (std::size_t at = 1; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto segment = path.substr(at, end - at);
    if (segment.empty()) return fail(ErrorCode::malformed, "the alternate path has an empty segment", offset);
    if (parse_decimal(segment, ~std::uint64_t{0}))
      return fail(ErrorCode::malformed, "the alternate path has a numeric segment", offset);
    at = end + 1;
  }
  return {};
}

/// Looks for `</>;ct=...` and for `</lwm2m>;rt="oma.lwm2m"`, wherever they stand.
Result<Root> find_root(std::string_view text) {
  Root root;
  bool found = false;
  codec::LinkReader reader(text);
  for (;;) {
    SLIPWAY_ASSIGN(const auto link, reader.next());
    if (!link) return root;
    if (link->attributes.empty() || Path::parse(link->target).value_or(Path()).has_object()) continue;
    SLIPWAY_ASSIGN(const auto type, codec::find_attribute(*link, "rt"));
    const bool typed = type && has_word(type->value, kResourceType);
    if (!typed && link->target != "/") continue;
    if (typed && std::exchange(found, true))
      return fail(ErrorCode::malformed, "two links have rt=\"oma.lwm2m\"", link->offset);
    SLIPWAY_ASSIGN(const auto formats, codec::find_attribute(*link, "ct"));
    if (formats) root.formats = parse_formats(formats->value);
    if (typed && link->target != "/" && !link->target.empty()) {
      auto path = link->target;
      if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
      SLIPWAY_TRY(check_alternate_path(path, link->offset));
      root.alternate_path = path;
    }
  }
}

/// Bootstrap-only objects, which no registration lists. [LwM2M-CORE 1.2 §6.2.1]
bool is_hidden(ObjectId object) {
  return object == ObjectId(0) || object == ObjectId(21) || object == ObjectId(23);
}

}  // namespace

std::uint16_t FormatSet::bit(ContentFormat format) {
  for (std::size_t i = 0; i < kFormats.size(); ++i)
    if (kFormats[i] == format) return static_cast<std::uint16_t>(1u << i);
  return 0;
}

Result<ObjectList> parse_object_list(std::string_view text, std::span<ObjectLink> buffer) {
  if (text.size() > kLinksBytesMax) return fail(ErrorCode::limit, "the object list has too many bytes");
  SLIPWAY_ASSIGN(const auto root, find_root(text));
  ObjectList list{.alternate_path = root.alternate_path, .formats = root.formats, .links = {}};
  std::size_t count = 0;
  codec::LinkReader reader(text);
  for (;;) {
    SLIPWAY_ASSIGN(const auto link, reader.next());
    if (!link) break;
    auto target = link->target;
    if (target.empty()) return fail(ErrorCode::malformed, "a link has no target", link->offset);
    if (!target.starts_with(root.alternate_path)) continue;
    target.remove_prefix(root.alternate_path.size());
    SLIPWAY_ASSIGN(const auto path, path_of_target(target, link->offset));
    if (!path || !path->has_object() || path->has_resource() || is_hidden(path->object())) continue;
    if (count == buffer.size())
      return fail(ErrorCode::limit, "the object list has too many links", link->offset);
    SLIPWAY_ASSIGN(const auto version, version_of_link(*link));
    buffer[count++] = ObjectLink{.path = *path, .version = version};
  }
  list.links = buffer.first(count);
  return list;
}

void ObjectListWriter::root(std::span<const ContentFormat> formats) {
  links_.link("/");
  links_.attribute_quoted("rt", kResourceType);
  if (formats.empty()) return;
  BoundedString<64> text;
  for (const auto format : formats) {
    std::array<char, 5> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<unsigned>(format)).ptr;
    if (!text.empty()) (void)text.append(' ');
    (void)text.append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
  }
  links_.attribute_quoted("ct", text);
}

void ObjectListWriter::object(ObjectId object, std::optional<Version> version) {
  links_.link(Path(object).text());
  if (version) links_.attribute_token("ver", version->text());
}

void ObjectListWriter::instance(ObjectId object, InstanceId instance) {
  links_.link(Path(object, instance).text());
}

}  // namespace slipway::lwm2m
