// SPDX-License-Identifier: Apache-2.0
// Queries and link lists of both interfaces: whatever is accepted can be written and read again.
#include <array>
#include <cstdlib>

#include <slipway/lwm2m/bootstrap.hpp>
#include <slipway/lwm2m/registration.hpp>

namespace {

using namespace slipway;
using namespace slipway::lwm2m;

void require(bool holds) {
  if (!holds) std::abort();
}

void try_queries(ByteView data) {
  const auto message = coap::Message::parse(data);
  if (!message) return;
  (void)parse_bootstrap_request(*message);
  for (const auto kind : {RegistrationKind::initial, RegistrationKind::update}) {
    const auto parameters = parse_register(*message, kind);
    if (!parameters) continue;
    QueryList queries;
    if (!add_register_queries(queries, *parameters)) continue;
    std::array<std::uint8_t, 2048> buffer;
    coap::MessageWriter writer(buffer, coap::Type::confirmable, coap::Code::post, coap::MessageId(1), {});
    for (const auto query : queries.view()) writer.option(coap::OptionNumber::uri_query, query);
    const auto again = parse_register(coap::Message::parse(writer.finish().value()).value(), kind);
    require(again.has_value() && again->endpoint == parameters->endpoint &&
            again->lifetime == parameters->lifetime && again->queue_mode == parameters->queue_mode);
  }
}

void try_lists(std::string_view text) {
  std::array<ObjectLink, 64> links;
  if (const auto list = parse_object_list(text, links)) {
    std::array<std::uint8_t, 64 * 40> buffer;
    ByteWriter out(buffer);
    ObjectListWriter writer(out);
    for (const auto& link : list->links) {
      if (link.path.has_instance())
        writer.instance(link.path.object(), link.path.instance());
      else
        writer.object(link.path.object(), link.version);
    }
    require(out.ok());
    std::array<ObjectLink, 64> again;
    require(parse_object_list(as_text(out.written()), again)->links.size() == list->links.size());
  }
  std::array<DiscoveredLink, 64> discovered;
  if (const auto found = parse_bootstrap_discover(text, discovered))
    if (const auto account = found->bootstrap_account()) require(found->has(Path(ObjectId(0), *account)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try_queries({data, size});
  try_lists(as_text({data, size}));
  return 0;
}
