// SPDX-License-Identifier: Apache-2.0
// The registration interface. [LwM2M-CORE 1.2 §6.2] [LwM2M-TRANSPORT 1.2 §6.4.3]
#include <slipway/lwm2m/registration.hpp>

#include "packets/recipe.hpp"

namespace slipway::packets {
namespace {

std::vector<std::string> register_queries(const lwm2m::RegisterParameters& parameters) {
  lwm2m::QueryList queries;
  (void)lwm2m::add_register_queries(queries, parameters);
  return strings(queries);
}

enum class Listed : std::uint8_t { plain, with_root, after_a_change };

Content objects(Listed listed) {
  Bytes buffer(1024);
  ByteWriter out(buffer);
  lwm2m::ObjectListWriter links(out);
  constexpr ContentFormat kFormats[] = {ContentFormat::senml_cbor, ContentFormat::tlv};
  if (listed == Listed::with_root) links.root(kFormats);
  links.instance(ObjectId(1), InstanceId(0));
  links.instance(ObjectId(3), InstanceId(0));
  links.object(ObjectId(5));
  links.object(ObjectId(3303), Version{1, 1});
  links.instance(ObjectId(3303), InstanceId(0));
  if (listed == Listed::after_a_change) links.instance(ObjectId(3303), InstanceId(1));
  buffer.resize(out.size());
  return {ContentFormat::link_format, std::move(buffer)};
}

OperationRecipe register_device() {
  const Reply created{.code = Code::created,
                      .when = "registered; the location is where Update and De-register go",
                      .location = std::string(kLocation)};
  const auto example = [&](const char* id, const char* title, const char* when, const char* since,
                           const lwm2m::RegisterParameters& parameters, Listed listed) {
    return Recipe{.id = id,
                  .title = title,
                  .when = when,
                  .since = since,
                  .code = Code::post,
                  .path = "/rd",
                  .queries = register_queries(parameters),
                  .content = objects(listed),
                  .replies = {created}};
  };
  return {
      .name = "Register",
      .direction = Direction::up,
      .sources = {"[LwM2M-CORE 1.2 §6.2.1]", "[LwM2M-TRANSPORT 1.2 §6.4.3]"},
      .examples =
          {example(
               "register", "POST /rd", "a device that listens all the time", "1.2",
               {.endpoint = kEndpoint, .lifetime = seconds(300), .enabler = Version{1, 2}, .binding = "U"},
               Listed::with_root),
           example("register-queue-mode", "POST /rd in queue mode",
                   "a device that sleeps between its messages", "1.1",
                   {.endpoint = kEndpoint,
                    .lifetime = seconds(86400),
                    .enabler = Version{1, 1},
                    .binding = "U",
                    .queue_mode = true},
                   Listed::plain),
           example("register-1.0", "POST /rd as in 1.0",
                   "queue mode stands in the binding, and b is the current one", "1.0",
                   {.endpoint = kEndpoint,
                    .lifetime = seconds(86400),
                    .enabler = Version{1, 0},
                    .binding = "U",
                    .queue_mode = true},
                   Listed::plain),
           example("register-sms", "POST /rd with a number", "a device that a short message wakes", "1.0",
                   {.endpoint = kEndpoint,
                    .lifetime = seconds(86400),
                    .enabler = Version{1, 2},
                    .binding = "US",
                    .sms = "491700000000"},
                   Listed::plain)},
      .errors = {
          {.code = Code::bad_request,
           .when = "a parameter is missing or malformed, or ep is not the name of the credential"},
          {.code = Code::forbidden, .when = "the device may not register here"},
          {.code = Code::conflict, .when = "the object list cannot be determined (1.1)"},
          {.code = Code::precondition_failed,
           .when = "this version of the Enabler is not spoken; try a lower one"},
          {.code = Code::request_entity_too_large, .when = "the object list is longer than the server keeps"},
          {.code = Code::service_unavailable, .when = "the server has no room", .max_age = 60}}};
}

OperationRecipe update() {
  const Reply changed{.code = Code::changed, .when = "the lifetime begins anew"};
  const auto example = [&](const char* id, const char* title, const char* when,
                           const lwm2m::RegisterParameters& parameters) {
    return Recipe{.id = id,
                  .title = title,
                  .when = when,
                  .code = Code::post,
                  .path = std::string(kLocation),
                  .queries = register_queries(parameters),
                  .replies = {changed}};
  };
  auto list = example("update-objects", "POST /rd/5a3f with the object list",
                      "an instance came or went; the list is complete", {});
  list.content = objects(Listed::after_a_change);
  return {.name = "Update",
          .direction = Direction::up,
          .sources = {"[LwM2M-CORE 1.2 §6.2.2]", "[LwM2M-TRANSPORT 1.2 §6.4.3]"},
          .examples = {example("update", "POST /rd/5a3f", "a sign of life; nothing has changed", {}),
                       example("update-lifetime", "POST /rd/5a3f with lt", "the lifetime has changed",
                               {.lifetime = seconds(600)}),
                       example("update-binding", "POST /rd/5a3f with b", "the binding has changed",
                               {.binding = "UT"}),
                       example("update-sms", "POST /rd/5a3f with sms", "the number has changed",
                               {.sms = "491700000001"}),
                       std::move(list)},
          .errors = {{.code = Code::bad_request, .when = "a parameter is malformed"},
                     {.code = Code::not_found, .when = "the registration is gone: register again"}}};
}

OperationRecipe deregister() {
  return {.name = "De-register",
          .direction = Direction::up,
          .sources = {"[LwM2M-CORE 1.2 §6.2.3]", "[LwM2M-TRANSPORT 1.2 §6.4.3]"},
          .examples = {{.id = "deregister",
                        .title = "DELETE /rd/5a3f",
                        .when = "the device leaves this server",
                        .code = Code::del,
                        .path = std::string(kLocation),
                        .replies = {{.code = Code::deleted, .when = "the registration is gone"}}}},
          .errors = {{.code = Code::bad_request, .when = "the location is malformed"},
                     {.code = Code::not_found, .when = "there was no such registration"}}};
}

}  // namespace

void add_registration(Catalogue& catalogue) {
  for (const auto& operation : {register_device(), update(), deregister()})
    catalogue.add(Interface::registration, operation);
}

}  // namespace slipway::packets
