// SPDX-License-Identifier: Apache-2.0
// The bootstrap interface. [LwM2M-CORE 1.2 §6.1.7] [LwM2M-TRANSPORT 1.2 §6.4.2]
#include <array>

#include <slipway/lwm2m/bootstrap.hpp>

#include "packets/recipe.hpp"

namespace slipway::packets {
namespace {

constexpr ContentFormat kLists[] = {ContentFormat::tlv, ContentFormat::senml_cbor, ContentFormat::senml_json,
                                    ContentFormat::lwm2m_cbor};

std::string since_of(ContentFormat format) {
  if (format == ContentFormat::lwm2m_cbor) return "1.2";
  return format == ContentFormat::tlv || format == ContentFormat::text || format == ContentFormat::opaque
             ? "1.0"
             : "1.1";
}

std::vector<std::string> request_queries(std::optional<ContentFormat> preferred) {
  lwm2m::QueryList queries;
  (void)lwm2m::add_bootstrap_queries(queries, {.endpoint = kEndpoint, .preferred = preferred});
  return strings(queries);
}

std::vector<std::string> pack_queries() {
  lwm2m::QueryList queries;
  (void)queries.add("ep", kEndpoint);
  std::array<std::uint8_t, 32> text;
  ByteWriter out(text);
  codec::LinkWriter(out).link("/0/0");
  (void)queries.add("acc", as_text(out.written()));
  return strings(queries);
}

Content discovered(std::string_view path) {
  Bytes buffer(1024);
  ByteWriter out(buffer);
  lwm2m::BootstrapDiscoverWriter links(out, {1, 2});
  links.instance(Path(ObjectId(0), InstanceId(0)));
  links.instance(Path(ObjectId(0), InstanceId(1)), ShortServerId(101), "coaps://lwm2m.example.com:5684");
  if (path == "/") {
    links.instance(Path(ObjectId(1), InstanceId(0)), ShortServerId(101));
    links.object(ObjectId(2));
    links.instance(Path(ObjectId(3), InstanceId(0)));
    links.object(ObjectId(5));
  }
  buffer.resize(out.size());
  return {ContentFormat::link_format, std::move(buffer)};
}

OperationRecipe request() {
  const std::string answered = "the session is open; the server goes on with Discover, Write and Finish";
  return {
      .name = "Bootstrap-Request",
      .direction = Direction::up,
      .sources = {"[LwM2M-CORE 1.2 §6.1.7.1]", "[LwM2M-TRANSPORT 1.2 §6.4.2]"},
      .examples = {{.id = "bootstrap-request-pct",
                    .title = "POST /bs with a preferred format",
                    .when = "a device without a usable account asks for one, and says which format it likes",
                    .since = "1.1",
                    .code = Code::post,
                    .path = "/bs",
                    .queries = request_queries(ContentFormat::senml_cbor),
                    .replies = {{.code = Code::changed, .when = answered}}},
                   {.id = "bootstrap-request-1.0",
                    .title = "POST /bs as in 1.0",
                    .when = "a 1.0 device; also the second attempt after a 4.xx to pct",
                    .code = Code::post,
                    .path = "/bs",
                    .queries = request_queries(std::nullopt),
                    .replies = {{.code = Code::changed, .when = answered}}}},
      .errors = {
          {.code = Code::bad_request,
           .when = "no enrolment takes the name, it is not that of the credential, or a query is malformed"},
          {.code = Code::unsupported_content_format,
           .when = "pct names a format that no bootstrap server writes (1.1)"},
          {.code = Code::service_unavailable,
           .when = "the server has no room or its store is down: come back after Max-Age",
           .max_age = 60}}};
}

OperationRecipe pack() {
  auto entries = security_account();
  const auto server = server_account();
  entries.insert(entries.end(), server.begin(), server.end());
  return {
      .name = "Bootstrap-Pack-Request",
      .direction = Direction::up,
      .sources = {"[LwM2M-CORE 1.2 §6.1.7.7]", "[LwM2M-TRANSPORT 1.2 §6.4.2]"},
      .examples =
          {{.id = "bootstrap-pack-request",
            .title = "GET /bspack",
            .when =
                "a 1.2 device asks for all its accounts in one answer; there is no Finish then. It names its "
                "bootstrap account (acc, 1.2.1), which the pack must not write over",
            .since = "1.2",
            .path = "/bspack",
            .queries = pack_queries(),
            .accept = ContentFormat::senml_cbor,
            .replies = {{.code = Code::content,
                         .when = "the pack: every object named in it is replaced",
                         .content = values(ContentFormat::senml_cbor, "/", entries)}}}},
      .errors = {
          {.code = Code::bad_request, .when = "as for a Bootstrap-Request; the device goes on with POST /bs"},
          {.code = Code::unauthorized, .when = "the device may not have a pack"},
          {.code = Code::not_found, .when = "there is no pack for this device"},
          {.code = Code::method_not_allowed, .when = "the server does packs, but not for this device"},
          {.code = Code::not_acceptable, .when = "no pack in the format of Accept"},
          {.code = Code::not_implemented, .when = "the server does no packs"}}};
}

OperationRecipe discover() {
  return {
      .name = "Bootstrap-Discover",
      .sources = {"[LwM2M-CORE 1.2 §6.1.7.3]", "[LwM2M-TRANSPORT 1.2 §6.4.2]"},
      .examples =
          {{.id = "bootstrap-discover-root",
            .title = "GET /",
            .when =
                "what has the device, and which /0 instance is its bootstrap account: the one without ssid",
            .accept = ContentFormat::link_format,
            .replies =
                {{.code = Code::content, .when = "all objects and instances", .content = discovered("/")}}},
           {.id = "bootstrap-discover-object",
            .title = "GET /0",
            .when = "the same for one object",
            .path = "/0",
            .accept = ContentFormat::link_format,
            .replies =
                {{.code = Code::content, .when = "instances of that object", .content = discovered("/0")}}}},
      .errors = {{.code = Code::bad_request,
                  .when = "the target is no object, or the query is not understood",
                  .content = diagnostic("Discover takes / or an object")},
                 {.code = Code::not_found,
                  .when = "the device does not have the object",
                  .content = diagnostic("the device does not have this object")}}};
}

OperationRecipe read() {
  OperationRecipe operation{
      .name = "Bootstrap-Read",
      .sources = {"[LwM2M-CORE 1.2 §6.1.7.4]", "[LwM2M-TRANSPORT 1.2 §6.4.2]"},
      .examples = {},
      .errors = {{.code = Code::bad_request, .when = "the request cannot be understood"},
                 {.code = Code::unauthorized, .when = "not on the session of the bootstrap server"},
                 {.code = Code::not_found, .when = "there is no such instance"},
                 {.code = Code::method_not_allowed,
                  .when = "any other object than /1 and /2: /0 is never read",
                  .content = diagnostic("a bootstrap server reads /1 and /2 only, objects or instances")},
                 {.code = Code::not_acceptable,
                  .when = "the device does not write the format of Accept",
                  .content = diagnostic("object instances are not given in this format")}}};
  struct Case {
    const char *id, *path;
    ContentFormat format;
    std::vector<Entry> entries;
  };
  const Case cases[] = {{"bootstrap-read-servers", "/1", ContentFormat::senml_cbor, server_account()},
                        {"bootstrap-read-server", "/1/0", ContentFormat::tlv, server_account()},
                        {"bootstrap-read-access-control", "/2", ContentFormat::senml_json, access_rule()},
                        {"bootstrap-read-access-rule", "/2/0", ContentFormat::lwm2m_cbor, access_rule()}};
  for (const auto& example : cases)
    operation.examples.push_back(
        {.id = example.id,
         .title = std::string("GET ") + example.path,
         .when = "what is there, before an account is added beside it",
         .since = example.format == ContentFormat::lwm2m_cbor ? "1.2" : "1.1",
         .path = example.path,
         .accept = example.format,
         .replies = {{.code = Code::content,
                      .when = "the values, in " + in_format(example.format),
                      .content = values(example.format, example.path, example.entries)}}});
  return operation;
}

void add_write(OperationRecipe& operation, const char* level, std::string_view path, ContentFormat format,
               std::vector<Entry> entries, std::string when) {
  operation.examples.push_back(
      {.id = std::string("bootstrap-write-") + level + "-" + in_format(format),
       .title = "PUT " + std::string(path) + " in " + in_format(format),
       .when = std::move(when),
       .since = since_of(format),
       .code = Code::put,
       .path = std::string(path),
       .content = values(format, path, std::move(entries)),
       .replies = {{.code = Code::changed, .when = "written, whether it was there or not"}}});
}

OperationRecipe write() {
  OperationRecipe operation{
      .name = "Bootstrap-Write",
      .sources = {"[LwM2M-CORE 1.2 §6.1.7.5]", "[LwM2M-TRANSPORT 1.2 §6.4.2]"},
      .examples = {},
      .errors = {{.code = Code::bad_request,
                  .when = "the payload does not fit the object, or the device does not have the object",
                  .content = diagnostic("the device does not have this object")},
                 {.code = Code::unsupported_content_format, .when = "the device does not read this format"}}};
  for (const auto format : kLists)
    add_write(operation, "object", "/0", format, security_account(),
              "instances of an object, each with its id");
  for (const auto format : kLists)
    add_write(operation, "instance", "/0/1", format, security_account(),
              "the Security instance of a management server: address, identity, key");
  add_write(operation, "server", "/1/0", ContentFormat::senml_cbor, server_account(),
            "the Server instance that belongs to it: same short server id");
  add_write(operation, "access-control", "/2/0", ContentFormat::tlv, access_rule(),
            "server 101 may read, write and execute /3/0, and owns it");
  const auto lifetime = std::vector{entry("/1/0/1", Value::integer(3600))};
  for (const auto format : {ContentFormat::text, ContentFormat::cbor, ContentFormat::tlv,
                            ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor})
    add_write(operation, "resource", "/1/0/1", format, lifetime, "one value: the lifetime");
  add_write(operation, "resource", "/0/1/5", ContentFormat::opaque,
            {entry("/0/1/5", Value::opaque(as_bytes("AN-EXAMPLE-KEY-1")))}, "one value: a new key");
  return operation;
}

OperationRecipe remove() {
  OperationRecipe operation{
      .name = "Bootstrap-Delete",
      .sources = {"[LwM2M-CORE 1.2 §6.1.7.6]", "[LwM2M-TRANSPORT 1.2 §6.4.2]"},
      .examples = {},
      .errors = {{.code = Code::bad_request,
                  .when = "there is no such target, or it is the bootstrap account or /3/0",
                  .content = diagnostic("there is no such object instance")}}};
  constexpr std::pair<const char*, const char*> kTargets[] = {
      {"root", "/"}, {"object", "/1"}, {"instance", "/0/1"}};
  constexpr const char* kWhen[] = {"everything but the bootstrap account and /3/0",
                                   "all instances of an object, with the same exceptions", "one instance"};
  for (std::size_t i = 0; i < std::size(kTargets); ++i)
    operation.examples.push_back({.id = std::string("bootstrap-delete-") + kTargets[i].first,
                                  .title = std::string("DELETE ") + kTargets[i].second,
                                  .when = kWhen[i],
                                  .code = Code::del,
                                  .path = kTargets[i].second,
                                  .replies = {{.code = Code::deleted, .when = "it is gone"}}});
  return operation;
}

OperationRecipe finish() {
  return {.name = "Bootstrap-Finish",
          .sources = {"[LwM2M-CORE 1.2 §6.1.7.2]", "[LwM2M-TRANSPORT 1.2 §6.4.2]"},
          .examples = {{.id = "bootstrap-finish",
                        .title = "POST /bs from the server",
                        .when = "all has been written: check it, keep it, register",
                        .code = Code::post,
                        .path = "/bs",
                        .replies = {{.code = Code::changed,
                                     .when = "the configuration is consistent and durable"}}}},
          .errors = {{.code = Code::bad_request, .when = "there is no bootstrap going on"},
                     {.code = Code::not_acceptable,
                      .when = "the configuration is inconsistent; the session stays open for a repair",
                      .content = diagnostic("/0/1/10: a server account has no short server id")}}};
}

}  // namespace

void add_bootstrap(Catalogue& catalogue) {
  for (const auto& operation : {request(), pack(), discover(), read(), write(), remove(), finish()})
    catalogue.add(Interface::bootstrap, operation);
}

}  // namespace slipway::packets
