// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/bootstrap.hpp>

#include <slipway/lwm2m/registration.hpp>

#include "lwm2m/link_target.hpp"

namespace slipway::lwm2m {
namespace {

std::unexpected<Refusal> refuse(coap::Code code, const char* reason) {
  return std::unexpected(Refusal{code, reason});
}

Result<void> read_attributes(const codec::Link& link, DiscoveredLink& into) {
  codec::LinkAttributes attributes(link);
  for (;;) {
    SLIPWAY_ASSIGN(const auto attribute, attributes.next());
    if (!attribute) return {};
    if (attribute->name == "ssid") {
      const auto server = parse_decimal(attribute->value, 65535);
      if (!server) return fail(ErrorCode::out_of_range, "ssid is not a short server id", link.offset);
      into.server = ShortServerId(static_cast<std::uint16_t>(*server));
    } else if (attribute->name == "uri") {
      into.uri = attribute->value;
    } else if (attribute->name == "ver") {
      const auto version = Version::parse(attribute->value);
      if (!version) return fail(ErrorCode::malformed, "ver is not a version such as 1.1", link.offset);
      into.version = *version;
    }
  }
}

}  // namespace

bool is_bootstrap_format(ContentFormat format) {
  return format == ContentFormat::senml_cbor || format == ContentFormat::senml_json ||
         format == ContentFormat::tlv || format == ContentFormat::lwm2m_cbor;
}

std::expected<BootstrapRequest, Refusal> parse_bootstrap_request(const coap::Message& message) {
  BootstrapRequest request;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    if (option.number != coap::OptionNumber::uri_query) continue;
    const auto query = split_query(option.text());
    if (query.name == "ep") {
      if (request.endpoint) return refuse(coap::Code::bad_request, "ep stands twice");
      if (!valid_endpoint(query.value))
        return refuse(coap::Code::bad_request, "ep is empty, too long or has control characters");
      request.endpoint = query.value;
    } else if (query.name == "pct") {
      if (request.preferred) return refuse(coap::Code::bad_request, "pct stands twice");
      const auto number = parse_decimal(query.value, 65535);
      if (!number) return refuse(coap::Code::bad_request, "pct is not a content format number");
      const auto format = static_cast<ContentFormat>(*number);
      if (!is_bootstrap_format(format))
        return refuse(coap::Code::unsupported_content_format, "pct is none of 110, 112, 11542, 11544");
      request.preferred = format;
    }
  }
  return request;
}

bool add_bootstrap_queries(QueryList& queries, const BootstrapRequest& request) {
  bool fits = true;
  if (request.endpoint) fits &= queries.add("ep", *request.endpoint);
  if (request.preferred) fits &= queries.add("pct", static_cast<std::uint64_t>(*request.preferred));
  return fits;
}

std::optional<InstanceId> Discovered::bootstrap_account() const {
  for (const auto& link : links)
    if (link.path.level() == PathLevel::instance && link.path.object() == ObjectId(0) &&
        link.server.value() == 0)
      return link.path.instance();
  return std::nullopt;
}

bool Discovered::has(const Path& path) const {
  for (const auto& link : links)
    if (link.path == path) return true;
  return false;
}

Result<Discovered> parse_bootstrap_discover(std::string_view text, std::span<DiscoveredLink> buffer) {
  Discovered discovered;
  std::size_t count = 0;
  codec::LinkReader reader(text);
  for (;;) {
    SLIPWAY_ASSIGN(const auto link, reader.next());
    if (!link) break;
    if (link->target.empty() || link->target == "/") {  // the root, or the bare attributes of 1.0
      SLIPWAY_ASSIGN(const auto enabler, codec::find_attribute(*link, "lwm2m"));
      if (!enabler && link->target.empty())
        return fail(ErrorCode::malformed, "a link has no target", link->offset);
      if (!enabler) continue;
      const auto version = Version::parse(enabler->value);
      if (!version) return fail(ErrorCode::malformed, "lwm2m is not a version such as 1.1", link->offset);
      discovered.enabler = *version;
      continue;
    }
    SLIPWAY_ASSIGN(const auto path, path_of_target(link->target, link->offset));
    if (!path || !path->has_object() || path->has_resource()) continue;
    if (count == buffer.size()) return fail(ErrorCode::limit, "the list has too many links", link->offset);
    buffer[count] = DiscoveredLink{.path = *path};
    if (!link->attributes.empty()) SLIPWAY_TRY(read_attributes(*link, buffer[count]));
    ++count;
  }
  discovered.links = buffer.first(count);
  return discovered;
}

BootstrapDiscoverWriter::BootstrapDiscoverWriter(ByteWriter& out, Version enabler) : links_(out) {
  links_.link("/");
  links_.attribute_token("lwm2m", enabler.text());
}

void BootstrapDiscoverWriter::object(ObjectId object, std::optional<Version> version) {
  links_.link(Path(object).text());
  if (version) links_.attribute_token("ver", version->text());
}

void BootstrapDiscoverWriter::instance(const Path& instance, ShortServerId server, std::string_view uri) {
  links_.link(instance.text());
  if (server.value() != 0) links_.attribute("ssid", std::uint64_t{server.value()});
  if (!uri.empty()) links_.attribute_quoted("uri", uri);
}

}  // namespace slipway::lwm2m
