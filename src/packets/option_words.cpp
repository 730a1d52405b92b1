// SPDX-License-Identifier: Apache-2.0
#include "packets/option_words.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <slipway/codec/content_format.hpp>
#include <slipway/lwm2m/queries.hpp>

#include "trace/text.hpp"

namespace slipway::packets {
namespace {

using coap::OptionNumber;
enum class Kind : std::uint8_t { text, number, opaque, format, block };

struct Known {
  OptionNumber number;
  const char* name;
  Kind kind;
};
constexpr Known kOptions[] = {
    {OptionNumber::if_match, "If-Match", Kind::opaque},
    {OptionNumber::uri_host, "Uri-Host", Kind::text},
    {OptionNumber::etag, "ETag", Kind::opaque},
    {OptionNumber::if_none_match, "If-None-Match", Kind::opaque},
    {OptionNumber::observe, "Observe", Kind::number},
    {OptionNumber::uri_port, "Uri-Port", Kind::number},
    {OptionNumber::location_path, "Location-Path", Kind::text},
    {OptionNumber::oscore, "OSCORE", Kind::opaque},
    {OptionNumber::uri_path, "Uri-Path", Kind::text},
    {OptionNumber::content_format, "Content-Format", Kind::format},
    {OptionNumber::max_age, "Max-Age", Kind::number},
    {OptionNumber::uri_query, "Uri-Query", Kind::text},
    {OptionNumber::accept, "Accept", Kind::format},
    {OptionNumber::location_query, "Location-Query", Kind::text},
    {OptionNumber::block2, "Block2", Kind::block},
    {OptionNumber::block1, "Block1", Kind::block},
    {OptionNumber::size2, "Size2", Kind::number},
    {OptionNumber::proxy_uri, "Proxy-Uri", Kind::text},
    {OptionNumber::proxy_scheme, "Proxy-Scheme", Kind::text},
    {OptionNumber::size1, "Size1", Kind::number},
    {OptionNumber::echo, "Echo", Kind::opaque},
    {OptionNumber::no_response, "No-Response", Kind::number},
    {OptionNumber::request_tag, "Request-Tag", Kind::opaque},
};

/// Queries of the Enabler. [LwM2M-TRANSPORT 1.2 §6.4]
constexpr std::pair<std::string_view, const char*> kQueries[] = {
    {"acc", "instances of the bootstrap account (1.2.1)"},
    {"b", "binding: U is UDP, T TCP, S SMS, N non-IP"},
    {"con", "notifications are confirmable: 1 yes"},
    {"depth", "how deep Discover looks"},
    {"edge", "report only 0: falling, 1: rising"},
    {"ep", "endpoint name of the device"},
    {"epmax", "longest time between evaluations, seconds"},
    {"epmin", "least time between evaluations, seconds"},
    {"gt", "report when the value crosses this, upwards or downwards"},
    {"hqmax", "most notifications kept while they cannot be sent"},
    {"lt", "of a Register or Update: lifetime, seconds"},
    {"lwm2m", "version of the Enabler"},
    {"pct", "content format that the device likes best"},
    {"pid", "profile ids"},
    {"pmax", "longest time between notifications, seconds"},
    {"pmin", "least time between notifications, seconds"},
    {"Q", "queue mode: the device sleeps"},
    {"sms", "number for triggers, without a plus"},
    {"st", "report when the value has moved by this"},
};

const Known* find(OptionNumber number) {
  const auto* found = std::ranges::find(kOptions, number, &Known::number);
  return found == std::end(kOptions) ? nullptr : found;
}

std::string block_text(const coap::Option& option) {
  const auto block = coap::Block::decode(option, coap::Bert::accepted);
  if (!block) return block.error().detail;
  return "block " + std::to_string(block->number) + (block->more ? ", more follow, " : ", the last, ") +
         std::to_string(block->size()) +
         (block->szx == coap::kBertSzx ? " bytes a block, several" : " bytes a block");
}

}  // namespace

std::string format_text(std::uint64_t format) {
  const std::string name = format > 65535 ? "unknown" : to_string(static_cast<ContentFormat>(format));
  return std::to_string(format) + " (" + name + ")";
}

std::string option_name(OptionNumber number) {
  const auto* known = find(number);
  return known != nullptr ? known->name : "option " + std::to_string(static_cast<unsigned>(number));
}

std::string option_value(const coap::Option& option) {
  const auto* known = find(option.number);
  const auto kind = known != nullptr ? known->kind : Kind::opaque;
  if (kind == Kind::text) return '"' + trace::printable(option.text()) + '"';
  if (kind == Kind::block) return block_text(option);
  if (kind == Kind::opaque) return to_hex(option.value.first(std::min<std::size_t>(option.value.size(), 16)));
  const auto number = option.number_value();
  if (!number) return number.error().detail;
  return kind == Kind::format ? format_text(*number) : std::to_string(*number);
}

std::string option_meaning(const coap::Option& option) {
  if (option.number == OptionNumber::uri_query) {
    const auto name = lwm2m::split_query(option.text()).name;
    const auto* found = std::ranges::find(kQueries, name, &std::pair<std::string_view, const char*>::first);
    return found == std::end(kQueries) ? "" : found->second;
  }
  if (option.number == OptionNumber::observe)
    return "of a request: 0 begins, 1 ends; of a notification: its place in the order";
  if (option.number == OptionNumber::max_age) return "seconds";
  if (option.number == OptionNumber::size1) return "bytes of the whole body";
  return "";
}

}  // namespace slipway::packets
