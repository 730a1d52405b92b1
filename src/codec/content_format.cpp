// SPDX-License-Identifier: Apache-2.0
#include <slipway/codec/content_format.hpp>

#include <array>
#include <charconv>

namespace slipway {
namespace {

struct Named {
  ContentFormat format;
  const char* name;
};

constexpr std::array<Named, 11> kNames{{
    {ContentFormat::text, "text"},
    {ContentFormat::link_format, "link-format"},
    {ContentFormat::opaque, "opaque"},
    {ContentFormat::cbor, "cbor"},
    {ContentFormat::senml_json, "senml-json"},
    {ContentFormat::senml_cbor, "senml-cbor"},
    {ContentFormat::senml_etch_json, "senml-etch-json"},
    {ContentFormat::senml_etch_cbor, "senml-etch-cbor"},
    {ContentFormat::tlv, "tlv"},
    {ContentFormat::oma_json, "oma-json"},
    {ContentFormat::lwm2m_cbor, "lwm2m-cbor"},
}};

}  // namespace

const char* to_string(ContentFormat format) {
  for (const auto& named : kNames)
    if (named.format == format) return named.name;
  return "unknown";
}

Result<ContentFormat> parse_content_format(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  for (const auto& named : kNames)
    if (text == named.name || (is_number && static_cast<std::uint16_t>(named.format) == number))
      return named.format;
  return fail(ErrorCode::unsupported, "no content format of LwM2M has this name or number");
}

bool holds_many(ContentFormat format) {
  return format != ContentFormat::text && format != ContentFormat::opaque && format != ContentFormat::cbor;
}

}  // namespace slipway
