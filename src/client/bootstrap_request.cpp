// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap_request.hpp"

#include <slipway/base/uri.hpp>
#include <slipway/lwm2m/bootstrap.hpp>

namespace slipway::client {
namespace {

/// An option of CoAP holds 255 bytes. [RFC 7252 §5.10]
constexpr std::size_t kAccBytesMax = 255 - std::string_view("acc=").size();

ContentFormat bootstrap_format(const ClientConfig& config) {
  return lwm2m::is_bootstrap_format(config.preferred_format) ? config.preferred_format
                                                             : ContentFormat::senml_cbor;
}

/// A pack has no single object as its base, which TLV needs.
ContentFormat pack_format(const ClientConfig& config) {
  const auto format = bootstrap_format(config);
  return format == ContentFormat::tlv ? ContentFormat::senml_cbor : format;
}

/// `acc`: what the server must not write over. Left out where it does not fit, as 1.2.0 did without it.
bool add_account(lwm2m::QueryList& queries, const Tree& tree, InstanceId account) {
  std::array<std::uint8_t, kAccBytesMax> buffer{};
  ByteWriter out(buffer);
  codec::LinkWriter links(out);
  for (const auto& part : parts_of_account(tree, account)) links.link(part.text());
  return !out.ok() || queries.add("acc", as_text(out.written()));
}

}  // namespace

RequestForm first_form(const ClientConfig& config) {
  if (config.enabler < Version{1, 1}) return RequestForm::legacy;
  const bool has_pack = config.enabler >= Version{1, 2} && config.bootstrap_pack == BootstrapPack::first;
  return has_pack ? RequestForm::pack : RequestForm::with_format;
}

Result<coap::RequestId> send_bootstrap_request(TimePoint now, Services& services, PeerId peer,
                                               RequestForm form) {
  const auto& tree = services.model.tree();
  const auto account = bootstrap_account(tree);
  if (!account) return fail(ErrorCode::not_found, "there is no bootstrap account");
  const bool is_pack = form == RequestForm::pack;
  lwm2m::QueryList queries;
  std::string path;
  bool fits = true;
  const auto uri = parse_uri(tree.text(security(*account, 0)));
  if (uri && uri->path != "/") path = uri->path;
  if (uri && !uri->query.empty()) fits = queries.add(uri->query);
  path += is_pack ? lwm2m::kBootstrapPackPath : lwm2m::kBootstrapPath;
  std::optional<ContentFormat> preferred;
  if (form == RequestForm::with_format) preferred = bootstrap_format(services.config);
  fits = fits && lwm2m::add_bootstrap_queries(queries,
                                              {.endpoint = services.config.endpoint, .preferred = preferred});
  if (is_pack) fits = fits && add_account(queries, tree, *account);
  if (!fits) return fail(ErrorCode::limit, "the request does not fit its bounds");
  coap::OutgoingRequest request{.code = is_pack ? coap::Code::get : coap::Code::post,
                                .path = path,
                                .queries = queries.view(),
                                .tag = tag_of(Owner::bootstrap)};
  if (is_pack) request.accept = static_cast<std::uint16_t>(pack_format(services.config));
  return services.endpoint.request(now, peer, request);
}

}  // namespace slipway::client
