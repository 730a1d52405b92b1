// SPDX-License-Identifier: Apache-2.0
#include "packets/payload.hpp"

#include <algorithm>

#include <slipway/base/secret.hpp>
#include <slipway/codec/link_format.hpp>

#include "packets/option_words.hpp"
#include "trace/body.hpp"
#include "trace/text.hpp"

namespace slipway::packets {
namespace {

constexpr std::size_t kShownMax = 96;  // bytes of a text in a field

std::string count_of(std::size_t size) {
  return size == 1 ? "1 byte" : std::to_string(size) + " bytes";
}

/// What a single value is written as, apart from its own bytes.
std::string spelling_of(ContentFormat format, DataType type) {
  if (format == ContentFormat::opaque) return "the bytes themselves";
  return type == DataType::opaque ? "base64" : type == DataType::boolean ? "0 or 1" : "text";
}

void annotate_single(Body& body, ContentFormat format) {
  const auto entries = body.entries();
  if (entries.size() != 1) return;
  const auto type = entries[0].value.type();
  body.sheet.all(body.value_at(entries[0].path, spelling_of(format, type)));
}

void annotate_values(Body& body, ContentFormat format) {
  switch (format) {
    case ContentFormat::tlv:
      return annotate_tlv(body);
    case ContentFormat::senml_cbor:
    case ContentFormat::senml_etch_cbor:
      return annotate_senml_cbor(body);
    case ContentFormat::senml_json:
    case ContentFormat::senml_etch_json:
      return annotate_senml_json(body);
    case ContentFormat::lwm2m_cbor:
      return annotate_lwm2m_cbor(body);
    case ContentFormat::cbor:
      return annotate_cbor(body);
    case ContentFormat::text:
    case ContentFormat::opaque:
      return annotate_single(body, format);
    case ContentFormat::oma_json:  // read for old devices' sake; its members are those of SenML by other
                                   // names
    case ContentFormat::link_format:
      break;
  }
}

/// Who may look at bytes that say nothing of what they are.
struct Hidden {
  bool secret = false;
  [[nodiscard]] Words words(std::string name, std::size_t size, std::string meaning) const {
    return {std::move(name), count_of(size) + (secret ? ", not shown" : ""), std::move(meaning), secret};
  }
};

void annotate_text(Sheet& sheet, std::string name, std::string meaning, const Hidden& hidden) {
  const auto size = sheet.rest().size();
  if (hidden.secret) return sheet.all(hidden.words(std::move(name), size, std::move(meaning)));
  sheet.all(
      {std::move(name), '"' + trace::printable(as_text(sheet.rest()), kShownMax) + '"', std::move(meaning)});
}

void annotate_entries(Sheet& sheet, ContentFormat format, const Path& base, const Reading& reading,
                      const Hidden& hidden) {
  const auto payload = sheet.rest();
  std::vector<Entry> entries(std::min(payload.size() + 1, codec::kEntriesMax));
  Bytes scratch(payload.size() + 64);
  const auto decoded = trace::decode_body(format, base, payload, reading.catalog, {entries, scratch});
  if (decoded) {
    Body body(sheet, reading, base, *decoded);
    annotate_values(body, format);
  }
  const auto reason = decoded ? std::string("not taken apart further")
                              : std::string("does not decode: ") + decoded.error().detail + ", at its byte " +
                                    std::to_string(decoded.error().offset);
  sheet.all(hidden.words("Payload", payload.size(), reason));
  wipe(scratch);
}

bool is_error(coap::Code code) {
  return coap::class_of(code) == 4 || coap::class_of(code) == 5;
}

bool is_execute(const coap::Message& message, const std::optional<Path>& base) {
  return message.code == coap::Code::post && base && base->level() == PathLevel::resource &&
         message.content_format().value_or(0) == static_cast<std::uint16_t>(ContentFormat::text);
}

/// Links are what Register, Update and Discover carry; elsewhere such bytes may be anything.
bool lists_links(const coap::Message& message, std::string_view path, const std::optional<Path>& base) {
  if (message.content_format() != static_cast<std::uint16_t>(ContentFormat::link_format)) return false;
  if (coap::is_request(message.code)) return path == "/rd" || path.starts_with("/rd/");
  return base && !base->has_resource_instance();
}

}  // namespace

std::string Body::name_of(const Path& path) const {
  std::string name(path.text().view());
  const auto* object = path.has_resource() ? reading_.catalog.find(path.object()) : nullptr;
  const auto* resource = object != nullptr ? object->find(path.resource()) : nullptr;
  return resource != nullptr ? name + ' ' + std::string(resource->name) : name;
}

bool Body::masks(const Path& path) const {
  return reading_.secrets == Secrets::masked && path.has_resource() &&
         trace::may_hold_secrets(path, reading_.catalog);
}

const Entry* Body::take(const Path& path) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {  // nearly always the next one
    const auto index = (next_ + i) % entries_.size();
    if (entries_[index].path != path) continue;
    next_ = index + 1;
    return &entries_[index];
  }
  return nullptr;
}

Words Body::value_at(const Path& path, std::string meaning) {
  const auto* entry = take(path);
  Words words{name_of(path), {}, std::move(meaning), masks(path)};
  if (words.secret)
    words.value = "secret";
  else if (entry != nullptr && entry->kind == EntryKind::value)
    words.value = trace::printable(entry->value.to_display(32), kShownMax);
  return words;
}

void annotate_links(Sheet& sheet) {
  const auto text = as_text(sheet.rest());
  const auto* start = sheet.at();
  codec::LinkReader links(text);
  std::optional<codec::Link> last;
  for (;;) {
    const auto link = links.next();
    const bool more = link && *link;
    if (last) {
      const auto* end = more ? start + (*link)->offset : sheet.end();
      const auto attributes = std::string(last->attributes);
      sheet.upto(end,
                 {"link", trace::printable("<" + std::string(last->target) + ">" + attributes, kShownMax),
                  link ? "" : std::string("broken: ") + link.error().detail});
    }
    if (!more) break;
    last = **link;
  }
  sheet.all({"links", count_of(text.size()), "broken"});
}

void annotate_payload(Sheet& sheet, const coap::Message& message, std::string_view path,
                      const Reading& reading) {
  const auto base = path.empty() ? std::nullopt : trace::base_of(path);
  const auto size = sheet.rest().size();
  const Hidden hidden{reading.secrets == Secrets::masked && trace::may_hold_secrets(base, reading.catalog)};
  const auto format = message.content_format();
  if (trace::is_partial(message)) return sheet.all(hidden.words("Payload", size, "a part of a larger body"));
  if (is_error(message.code) && format.value_or(0) == 0) {
    // Text, and not some bytes that the device sent back.
    const auto text = as_text(sheet.rest());
    const Hidden unprintable{reading.secrets == Secrets::masked && trace::printable(text, size) != text};
    return annotate_text(sheet, "Diagnostic payload", "for a person [RFC 7252 §5.5.2]", unprintable);
  }
  if (is_execute(message, base)) return annotate_text(sheet, "Arguments", "of the Execute", hidden);
  if (lists_links(message, path, base)) return annotate_links(sheet);
  if (format && base && !is_error(message.code))
    return annotate_entries(sheet, ContentFormat{*format}, *base, reading, hidden);
  sheet.all(hidden.words("Payload", size, format ? format_text(*format) : "without a content format"));
}

}  // namespace slipway::packets
