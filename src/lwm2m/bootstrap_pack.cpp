// SPDX-License-Identifier: Apache-2.0
// The Bootstrap-Pack-Request. [LwM2M-CORE 1.2 §6.1.7.7]
#include <slipway/lwm2m/bootstrap.hpp>

#include <slipway/lwm2m/registration.hpp>

#include "lwm2m/link_target.hpp"

namespace slipway::lwm2m {
namespace {

std::unexpected<Refusal> refuse(coap::Code code, const char* reason) {
  return std::unexpected(Refusal{code, reason});
}

/// What a bootstrap account consists of: Security, OSCORE, COSE, MQTT Server. [LwM2M-CORE 1.2 §6.1.2]
bool is_of_an_account(const Path& path) {
  const auto object = path.object().value();
  return path.level() == PathLevel::instance && (object == 0 || object == 21 || object == 23 || object == 24);
}

Result<void> read_account(std::string_view text, AccountInstances& out) {
  codec::LinkReader reader(text);
  for (;;) {
    SLIPWAY_ASSIGN(const auto link, reader.next());
    if (!link) return {};
    if (link->target.empty()) return fail(ErrorCode::malformed, "a link has no target", link->offset);
    SLIPWAY_ASSIGN(const auto path, path_of_target(link->target, link->offset));
    if (!path || !is_of_an_account(*path)) continue;
    if (!out.push_back(*path)) return fail(ErrorCode::limit, "too many links", link->offset);
  }
}

}  // namespace

std::expected<PackRequest, Refusal> parse_pack_request(const coap::Message& message) {
  PackRequest request;
  bool has_account = false;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    if (option.number != coap::OptionNumber::uri_query) continue;
    const auto query = split_query(option.text());
    if (query.name == "ep") {
      if (request.endpoint) return refuse(coap::Code::bad_request, "ep stands twice");
      if (!valid_endpoint(query.value))
        return refuse(coap::Code::bad_request, "ep is empty, too long or has control characters");
      request.endpoint = query.value;
    } else if (query.name == "acc") {
      if (has_account) return refuse(coap::Code::bad_request, "acc stands twice");
      if (!read_account(query.value, request.account))
        return refuse(coap::Code::bad_request, "acc is not a list of at most 8 links such as </0/1>");
      has_account = true;
    }
  }
  if (const auto accept = message.accept()) {
    request.format = static_cast<ContentFormat>(*accept);
    if (!is_bootstrap_format(request.format) || request.format == ContentFormat::tlv)
      return refuse(coap::Code::not_acceptable, "a Pack can be had in 110, 112 and 11544 only");
  }
  return request;
}

}  // namespace slipway::lwm2m
