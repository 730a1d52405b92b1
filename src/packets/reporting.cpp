// SPDX-License-Identifier: Apache-2.0
// Information reporting, and what all interfaces share of CoAP.
// [LwM2M-CORE 1.2 §6.4] [LwM2M-TRANSPORT 1.2 §6.4.5] [RFC 7641] [RFC 7959]
#include "packets/recipe.hpp"

namespace slipway::packets {
namespace {

const std::string kTransport = "[LwM2M-TRANSPORT 1.2 §6.4.5]";

Content temperature(ContentFormat format, double celsius) {
  return values(format, "/3303/0/5700", {entry("/3303/0/5700", Value::floating(celsius))});
}

Reply observed(Content content) {
  return {.code = Code::content,
          .when = "the value now; notifications follow",
          .content = std::move(content),
          .observe = 0};
}

Reply notified(Type type, const char* name, const char* when, std::uint32_t order, Content content) {
  return {.code = Code::content,
          .when = when,
          .content = std::move(content),
          .observe = order,
          .type = type,
          .name = name};
}

OperationRecipe observe() {
  const auto cbor = ContentFormat::senml_cbor;
  const std::vector<Entry> location{entry("/3303/0/5700", Value::floating(21.5)),
                                    entry("/3303/0/5701", Value::string("Cel"))};
  return {
      .name = "Observe",
      .sources = {"[LwM2M-CORE 1.2 §6.4.1]", "[LwM2M-CORE 1.2 §6.4.2]", kTransport, "[RFC 7641 §3]"},
      .examples = {{.id = "observe-resource",
                    .title = "GET /3303/0/5700 with Observe 0",
                    .when = "tell me when it changes",
                    .path = "/3303/0/5700",
                    .observe = 0,
                    .accept = cbor,
                    .replies = {observed(temperature(cbor, 21.5)),
                                notified(
                                    Type::non_confirmable, "notify",
                                    "Notify: the value has changed; if it is lost, the next one replaces it",
                                    1, temperature(cbor, 22.25)),
                                notified(Type::confirmable, "notify-confirmable",
                                         "Notify that must arrive; answered by an empty ACK", 2,
                                         temperature(cbor, 22.5)),
                                {.code = Code::not_found,
                                 .when = "Notify that ends the observation: the resource is gone",
                                 .type = Type::confirmable,
                                 .name = "notify-4.04"}}},
                   {.id = "observe-resource-text",
                    .title = "GET /3303/0/5700 with Observe 0, as text",
                    .when = "the same in the shortest format",
                    .path = "/3303/0/5700",
                    .observe = 0,
                    .accept = ContentFormat::text,
                    .replies = {observed(temperature(ContentFormat::text, 21.5)),
                                notified(Type::non_confirmable, "notify", "Notify", 1,
                                         temperature(ContentFormat::text, 22.25))}},
                   {.id = "observe-instance",
                    .title = "GET /3303/0 with Observe 0",
                    .when = "any value of an instance",
                    .path = "/3303/0",
                    .observe = 0,
                    .accept = ContentFormat::tlv,
                    .replies = {observed(values(ContentFormat::tlv, "/3303/0", location)),
                                notified(Type::non_confirmable, "notify", "Notify: the whole instance", 1,
                                         values(ContentFormat::tlv, "/3303/0", location))}},
                   {.id = "observe-with-attributes",
                    .title = "GET /3303/0/5700 with Observe 0 and attributes",
                    .when = "attributes for this observation only",
                    .since = "1.2",
                    .path = "/3303/0/5700",
                    .queries = {"pmin=10", "pmax=60"},
                    .observe = 0,
                    .accept = cbor,
                    .replies = {observed(temperature(cbor, 21.5))}}},
      .errors = {{.code = Code::bad_request, .when = "the request is malformed, or an attribute is unknown"},
                 {.code = Code::unauthorized, .when = "Access Control (/2) does not let this server read"},
                 {.code = Code::not_found, .when = "there is no such target"},
                 {.code = Code::method_not_allowed, .when = "the target cannot be read"},
                 {.code = Code::not_acceptable, .when = "the device does not write the format of Accept"}}};
}

OperationRecipe cancel() {
  return {.name = "Cancel Observation",
          .sources = {"[LwM2M-CORE 1.2 §6.4.3]", kTransport, "[RFC 7641 §3.6]"},
          .examples = {{.id = "cancel-observation",
                        .title = "GET /3303/0/5700 with Observe 1",
                        .when = "with the token of the Observe; a RST to a Notify does the same",
                        .path = "/3303/0/5700",
                        .observe = 1,
                        .accept = ContentFormat::senml_cbor,
                        .replies = {{.code = Code::content,
                                     .when = "the value now; no notifications follow",
                                     .content = temperature(ContentFormat::senml_cbor, 22.5)}}}}};
}

Recipe composite(const char* id, const char* title, const char* when, std::uint32_t observe) {
  const auto cbor = ContentFormat::senml_cbor;
  const auto now =
      values(cbor, "/", {entry("/3/0/9", Value::integer(87)), entry("/3303/0/5700", Value::floating(21.5))});
  Recipe recipe{.id = id,
                .title = title,
                .when = when,
                .since = "1.1",
                .code = Code::fetch,
                .observe = observe,
                .accept = cbor,
                .content = values(cbor, "/",
                                  {{.path = entry("/3/0/9", {}).path, .kind = EntryKind::absent},
                                   {.path = entry("/3303/0/5700", {}).path, .kind = EntryKind::absent}})};
  if (observe == 0)
    recipe.replies = {observed(now),
                      notified(Type::non_confirmable, "notify", "Notify: all of the list", 1, now)};
  else
    recipe.replies = {
        {.code = Code::content, .when = "the values now; no notifications follow", .content = now}};
  return recipe;
}

OperationRecipe observe_composite() {
  return {.name = "Observe-Composite",
          .sources = {"[LwM2M-CORE 1.2 §6.4.4]", kTransport},
          .examples = {composite("observe-composite", "FETCH / with Observe 0",
                                 "several values, told together", 0)},
          .errors = {{.code = Code::not_acceptable, .when = "the device does not write the format of Accept"},
                     {.code = Code::unsupported_content_format,
                      .when = "the device does not read the list's format"}}};
}

OperationRecipe cancel_composite() {
  return {.name = "Cancel Observation-Composite",
          .sources = {"[LwM2M-CORE 1.2 §6.4.5]", kTransport},
          .examples = {composite("cancel-observation-composite", "FETCH / with Observe 1",
                                 "with the token and the list of the Observe", 1)}};
}

OperationRecipe send() {
  OperationRecipe operation{
      .name = "Send",
      .direction = Direction::up,
      .sources = {"[LwM2M-CORE 1.2 §6.4.6]", kTransport},
      .examples = {},
      .errors = {{.code = Code::bad_request, .when = "the payload does not decode"},
                 {.code = Code::not_found, .when = "the device is not registered here"}}};
  for (const auto format : {ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor})
    operation.examples.push_back({.id = "send-" + in_format(format),
                                  .title = "POST /dp in " + in_format(format),
                                  .when = "the device reports unasked; /1/x/23 must be false",
                                  .since = format == ContentFormat::lwm2m_cbor ? "1.2" : "1.1",
                                  .code = Code::post,
                                  .path = "/dp",
                                  .content = values(format, "/",
                                                    {entry("/3/0/9", Value::integer(87)),
                                                     entry("/3303/0/5700", Value::floating(21.5))}),
                                  .replies = {{.code = Code::changed, .when = "taken"}}});
  operation.examples.push_back(operation.examples.front());
  auto& history = operation.examples.back();
  history.id = "send-history-senml-cbor";
  history.title = "POST /dp with times";
  history.when = "values that were kept while the server was not there";
  auto earlier = entry("/3303/0/5700", Value::floating(21.5)),
       later = entry("/3303/0/5700", Value::floating(21.75));
  earlier.time = 1'735'689'600;
  later.time = 1'735'689'660;
  history.content = values(ContentFormat::senml_cbor, "/", {earlier, later});
  return operation;
}

}  // namespace

void add_reporting(Catalogue& catalogue) {
  for (const auto& operation : {observe(), cancel(), observe_composite(), cancel_composite(), send()})
    catalogue.add(Interface::reporting, operation);
}

void add_coap(Catalogue& catalogue) {
  const OperationRecipe separate{
      .name = "Separate response",
      .sources = {"[RFC 7252 §5.2.2]"},
      .examples = {{.id = "separate",
                    .title = "GET /3/0/9 that takes time",
                    .when = "a request whose answer is not ready at once",
                    .path = "/3/0/9",
                    .accept = ContentFormat::text,
                    .replies = {{.code = Code::empty, .when = "received; stop repeating it", .name = "ack"},
                                {.code = Code::content,
                                 .when = "the answer, with a message id of its own and the request's token",
                                 .content = values(ContentFormat::text, "/3/0/9",
                                                   {entry("/3/0/9", Value::integer(87))}),
                                 .type = Type::confirmable,
                                 .name = "response"}}}}};
  const OperationRecipe alive{
      .name = "Ping",
      .direction = Direction::up,
      .sources = {"[RFC 7252 §4.3]"},
      .examples = {{.id = "ping",
                    .title = "an empty confirmable message",
                    .when = "are you there?",
                    .code = Code::empty,
                    .path = "",
                    .replies = {{.code = Code::empty,
                                 .when = "yes; a Notify that nobody asked for gets the same",
                                 .type = Type::reset,
                                 .name = "reset"}}}}};
  // The TLV of a certificate of this size, cut as coap::Endpoint cuts it.
  const Bytes certificate(1400, 0x30);
  const auto body = values(ContentFormat::tlv, "/0/1/3", {entry("/0/1/3", Value::opaque(certificate))});
  const ByteView whole = body.bytes;
  const auto block = [&](const char* id, const char* when, coap::Block at, Code answer, const char* then) {
    const auto part = whole.subspan(at.offset(), std::min(at.size(), whole.size() - at.offset()));
    return Recipe{
        .id = id,
        .title = "PUT /0/1/3, block " + std::to_string(at.number),
        .when = when,
        .since = "1.0",
        .code = Code::put,
        .path = "/0/1/3",
        .block1 = at,
        .size1 = at.number == 0 ? std::optional(static_cast<std::uint32_t>(whole.size())) : std::nullopt,
        .content = {ContentFormat::tlv, {part.begin(), part.end()}},
        .replies = {{.code = answer, .when = then, .block1 = at}}};
  };
  const OperationRecipe write{
      .name = "Block-wise Write",
      .sources = {"[RFC 7959 §2.5]"},
      .examples = {block("block1-first", "the first part of a payload of 1404 bytes",
                         {.number = 0, .more = true, .szx = 6}, Code::continue_, "go on"),
                   block("block1-last", "the last part", {.number = 1, .more = false, .szx = 6},
                         Code::changed, "the whole payload has been written")},
      .errors = {{.code = Code::request_entity_incomplete, .when = "a block is missing: begin anew"},
                 {.code = Code::request_entity_too_large, .when = "more than the receiver takes"}}};
  for (const auto& operation : {separate, alive, write}) catalogue.add(Interface::coap, operation);
}

}  // namespace slipway::packets
