// SPDX-License-Identifier: Apache-2.0
// Device management. [LwM2M-CORE 1.2 §6.3] [LwM2M-TRANSPORT 1.2 §6.4.4]
#include <slipway/codec/link_format.hpp>
#include <slipway/lwm2m/attributes.hpp>

#include "packets/recipe.hpp"

namespace slipway::packets {
namespace {

const std::string kTransport = "[LwM2M-TRANSPORT 1.2 §6.4.4]";

/// Errors that every operation on a path shares.
std::vector<Reply> path_errors(std::initializer_list<Reply> more = {}) {
  std::vector<Reply> errors{
      {.code = Code::bad_request,
       .when = "the request or its payload is malformed",
       .content = diagnostic("a SenML name that is no path")},
      {.code = Code::unauthorized, .when = "Access Control (/2) does not let this server"},
      {.code = Code::not_found, .when = "there is no such object, instance or resource"},
      {.code = Code::method_not_allowed, .when = "the target does not have this operation"}};
  errors.insert(errors.end(), more.begin(), more.end());
  return errors;
}

const char* since_of(ContentFormat format) {
  const bool is_new = format == ContentFormat::lwm2m_cbor;
  const bool is_old =
      format == ContentFormat::tlv || format == ContentFormat::text || format == ContentFormat::opaque;
  return is_new ? "1.2" : is_old ? "1.0" : "1.1";
}

OperationRecipe read() {
  OperationRecipe operation{
      .name = "Read",
      .sources = {"[LwM2M-CORE 1.2 §6.3.1]", kTransport},
      .examples = {},
      .errors = path_errors(
          {{.code = Code::not_acceptable, .when = "the device does not write the format of Accept"}})};
  const auto add = [&](const char* level, const char* path, ContentFormat format,
                       const std::vector<Entry>& entries) {
    operation.examples.push_back({.id = std::string("read-") + level + "-" + in_format(format),
                                  .title = std::string("GET ") + path + " in " + in_format(format),
                                  .when = std::string("the values of ") +
                                          (path[2] == '\0' ? "an object" : "this " + std::string(level)),
                                  .since = since_of(format),
                                  .path = path,
                                  .accept = format,
                                  .replies = {{.code = Code::content,
                                               .when = "what is readable of it",
                                               .content = values(format, path, entries)}}});
  };
  for (const auto format : {ContentFormat::tlv, ContentFormat::senml_cbor})
    add("object", "/3", format, device_object());
  for (const auto format :
       {ContentFormat::tlv, ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor})
    add("instance", "/3/0", format, device_object());
  const std::vector battery{entry("/3/0/9", Value::integer(87))};
  for (const auto format : {ContentFormat::text, ContentFormat::cbor, ContentFormat::tlv,
                            ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor})
    add("resource", "/3/0/9", format, battery);
  for (const auto format : {ContentFormat::text, ContentFormat::senml_cbor}) {
    add("resource-instance", "/3/0/11/0", format, {entry("/3/0/11/0", Value::integer(0))});
    operation.examples.back().since = "1.1";
  }
  return operation;
}

Content links(std::string_view first, std::initializer_list<const char*> others) {
  Bytes buffer(512);
  ByteWriter out(buffer);
  codec::LinkWriter writer(out);
  writer.link(first);
  lwm2m::write(writer, {.pmin = 10, .pmax = 60});
  for (const auto* target : others) writer.link(target);
  buffer.resize(out.size());
  return {ContentFormat::link_format, std::move(buffer)};
}

OperationRecipe discover() {
  const auto example = [](const char* level, const char* path, Content content) {
    return Recipe{
        .id = std::string("discover-") + level,
        .title = std::string("GET ") + path + " as links",
        .when = "what there is, and the attributes set on it",
        .path = path,
        .accept = ContentFormat::link_format,
        .replies = {{.code = Code::content, .when = "links and attributes", .content = std::move(content)}}};
  };
  return {.name = "Discover",
          .sources = {"[LwM2M-CORE 1.2 §6.3.2]", kTransport},
          .examples = {example("object", "/3",
                               links("/3", {"/3/0", "/3/0/0", "/3/0/1", "/3/0/4", "/3/0/9", "/3/0/11"})),
                       example("instance", "/3/0",
                               links("/3/0", {"/3/0/0", "/3/0/1", "/3/0/4", "/3/0/9", "/3/0/11"})),
                       example("resource", "/3/0/9", links("/3/0/9", {}))},
          .errors = path_errors()};
}

void add_write(OperationRecipe& operation, const char* id, Code code, const char* path, ContentFormat format,
               std::vector<Entry> entries, const char* when, const char* since = nullptr) {
  operation.examples.push_back(
      {.id = std::string(id) + "-" + in_format(format),
       .title = std::string(coap::describe(code).view()) + " " + path + " in " + in_format(format),
       .when = when,
       .since = since != nullptr ? since : since_of(format),
       .code = code,
       .path = path,
       .content = values(format, path, std::move(entries)),
       .replies = {{.code = Code::changed, .when = "written"}}});
}

OperationRecipe write() {
  OperationRecipe operation{
      .name = "Write",
      .sources = {"[LwM2M-CORE 1.2 §6.3.3]", kTransport},
      .examples = {},
      .errors = path_errors(
          {{.code = Code::not_acceptable, .when = "the value is not acceptable"},
           {.code = Code::request_entity_incomplete, .when = "a block is missing"},
           {.code = Code::request_entity_too_large, .when = "the payload is longer than the device takes"},
           {.code = Code::unsupported_content_format, .when = "the device does not read this format"}})};
  const std::vector lifetime{entry("/1/0/1", Value::integer(3600))};
  for (const auto format : {ContentFormat::text, ContentFormat::cbor, ContentFormat::tlv,
                            ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor})
    add_write(operation, "write-resource", Code::put, "/1/0/1", format, lifetime, "replaces one value");
  for (const auto format : {ContentFormat::tlv, ContentFormat::senml_cbor})
    add_write(operation, "write-instance", Code::put, "/3303/0", format,
              {entry("/3303/0/5701", Value::string("Cel")), entry("/3303/0/5750", Value::string("freezer"))},
              "replaces the whole instance");
  for (const auto format : {ContentFormat::tlv, ContentFormat::senml_cbor})
    add_write(operation, "write-partial", Code::post, "/1/0", format,
              {entry("/1/0/2", Value::integer(10)), entry("/1/0/3", Value::integer(60))},
              "replaces what is named and leaves the rest");
  add_write(operation, "write-resource-instance", Code::put, "/2/0/2/101", ContentFormat::text,
            {entry("/2/0/2/101", Value::integer(15))}, "replaces one instance of a multiple resource", "1.1");
  add_write(operation, "write-resource-instances", Code::post, "/2/0/2", ContentFormat::senml_cbor,
            {entry("/2/0/2/102", Value::integer(1))}, "adds one instance of a multiple resource", "1.2");
  return operation;
}

OperationRecipe write_attributes() {
  const auto example = [](const char* id, const char* path, const char* when, const char* since,
                          std::vector<std::string> queries) {
    return Recipe{.id = id,
                  .title = std::string("PUT ") + path + " with attributes",
                  .when = when,
                  .since = since,
                  .code = Code::put,
                  .path = path,
                  .queries = std::move(queries),
                  .replies = {{.code = Code::changed, .when = "they hold for later observations"}}};
  };
  return {.name = "Write-Attributes",
          .sources = {"[LwM2M-CORE 1.2 §6.3.4]", "[LwM2M-CORE 1.2.2 §7.3]", kTransport},
          .examples = {example("write-attributes-periods", "/3303/0", "how often to notify", "1.0",
                               {"pmin=10", "pmax=60"}),
                       example("write-attributes-thresholds", "/3303/0/5700",
                               "when to notify: below -18.5, above 4, on a step", "1.0",
                               {"gt=4", "lt=-18.5", "st=0.5"}),
                       example("write-attributes-evaluation", "/3303/0/5700",
                               "how often the device looks at the value", "1.1", {"epmin=5", "epmax=30"}),
                       example("write-attributes-confirmable", "/3303/0/5700",
                               "confirmable notifications, ten kept", "1.2", {"con=1", "hqmax=10"}),
                       example("write-attributes-unset", "/3303/0", "takes one away", "1.0", {"pmax"})},
          .errors = path_errors()};
}

OperationRecipe execute() {
  const auto example = [](const char* id, const char* path, const char* when, const char* since,
                          Content content) {
    return Recipe{.id = id,
                  .title = std::string("POST ") + path,
                  .when = when,
                  .since = since,
                  .code = Code::post,
                  .path = path,
                  .content = std::move(content),
                  .replies = {{.code = Code::changed, .when = "done, or begun"}}};
  };
  return {
      .name = "Execute",
      .sources = {"[LwM2M-CORE 1.2 §6.3.5]", kTransport},
      .examples =
          {example("execute-reboot", "/3/0/4", "reboot", "1.0", {}),
           example("execute-arguments", "/3/0/4", "the same with arguments", "1.0", text("0='soft',1")),
           example("execute-update", "/1/0/8", "send an Update now", "1.0", {}),
           example("execute-bootstrap", "/1/0/9", "bootstrap again: server-initiated bootstrap", "1.1", {}),
           example("execute-disable", "/1/0/4", "de-register, and stay away for /1/0/5 seconds", "1.0", {})},
      .errors = path_errors()};
}

OperationRecipe create() {
  OperationRecipe operation{.name = "Create",
                            .sources = {"[LwM2M-CORE 1.2 §6.3.6]", kTransport},
                            .examples = {},
                            .errors = path_errors({{.code = Code::unsupported_content_format,
                                                    .when = "the device does not read this format"}})};
  const auto add = [&](const char* id, ContentFormat format, std::uint16_t instance, const char* when,
                       const char* location) {
    const Path base(ObjectId(3303), InstanceId(instance));
    operation.examples.push_back(
        {.id = std::string(id) + "-" + in_format(format),
         .title = "POST /3303 in " + in_format(format),
         .when = when,
         .since = since_of(format),
         .code = Code::post,
         .path = "/3303",
         .content = values(format, "/3303",
                           {{.path = base.child(5700), .value = Value::floating(-18.5)},
                            {.path = base.child(5750), .value = Value::string("freezer")}}),
         .replies = {{.code = Code::created, .when = "created", .location = location}}});
  };
  for (const auto format : {ContentFormat::tlv, ContentFormat::senml_cbor, ContentFormat::lwm2m_cbor})
    add("create", format, 1, "the server chooses the id: 1", "");
  for (const auto format : {ContentFormat::tlv, ContentFormat::lwm2m_cbor})
    add("create-any", format, kReservedId, "the device chooses the id", "/3303/1");
  return operation;
}

OperationRecipe remove() {
  const auto example = [](const char* id, const char* path, const char* when, const char* since) {
    return Recipe{.id = id,
                  .title = std::string("DELETE ") + path,
                  .when = when,
                  .since = since,
                  .code = Code::del,
                  .path = path,
                  .replies = {{.code = Code::deleted, .when = "it is gone"}}};
  };
  return {.name = "Delete",
          .sources = {"[LwM2M-CORE 1.2 §6.3.7]", kTransport},
          .examples = {example("delete-instance", "/3303/1", "an object instance; never /3/0", "1.0"),
                       example("delete-resource-instance", "/2/0/2/102",
                               "one instance of a multiple resource", "1.1")},
          .errors = path_errors()};
}

OperationRecipe read_composite() {
  const auto paths = [](ContentFormat format) {
    return values(format, "/",
                  {{.path = entry("/3/0/9", {}).path, .kind = EntryKind::absent},
                   {.path = entry("/3303/0/5700", {}).path, .kind = EntryKind::absent}});
  };
  OperationRecipe operation{.name = "Read-Composite",
                            .sources = {"[LwM2M-CORE 1.2 §6.3.8]", kTransport},
                            .examples = {},
                            .errors = path_errors({{.code = Code::not_acceptable,
                                                    .when = "the device does not write the format of Accept"},
                                                   {.code = Code::unsupported_content_format,
                                                    .when = "the device does not read the list's format"}})};
  for (const auto format : {ContentFormat::senml_cbor, ContentFormat::senml_json})
    operation.examples.push_back(
        {.id = "read-composite-" + in_format(format),
         .title = "FETCH / in " + in_format(format),
         .when = "several values of several objects at once; what is missing is left out",
         .since = "1.1",
         .code = Code::fetch,
         .accept = format,
         .content = paths(format),
         .replies = {{.code = Code::content,
                      .when = "what is there and readable",
                      .content = values(format, "/",
                                        {entry("/3/0/9", Value::integer(87)),
                                         entry("/3303/0/5700", Value::floating(21.5))})}}});
  return operation;
}

OperationRecipe write_composite() {
  OperationRecipe operation{.name = "Write-Composite",
                            .sources = {"[LwM2M-CORE 1.2 §6.3.9]", kTransport},
                            .examples = {},
                            .errors = path_errors({{.code = Code::not_acceptable,
                                                    .when = "a value is not acceptable; none is written"}})};
  for (const auto format : {ContentFormat::senml_cbor, ContentFormat::senml_json, ContentFormat::lwm2m_cbor})
    operation.examples.push_back(
        {.id = "write-composite-" + in_format(format),
         .title = "iPATCH / in " + in_format(format),
         .when = "all of it, or nothing",
         .since = format == ContentFormat::lwm2m_cbor ? "1.2" : "1.1",
         .code = Code::ipatch,
         .content = values(
             format, "/", {entry("/1/0/1", Value::integer(3600)), entry("/3/0/14", Value::string("+01:00"))}),
         .replies = {{.code = Code::changed, .when = "all of it is written"}}});
  return operation;
}

}  // namespace

void add_management(Catalogue& catalogue) {
  for (const auto& operation : {read(), discover(), write(), write_attributes(), execute(), create(),
                                remove(), read_composite(), write_composite()})
    catalogue.add(Interface::management, operation);
}

}  // namespace slipway::packets
