// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap_codes.hpp"

#include <array>

#include <slipway/lwm2m/bootstrap.hpp>

#include "client/accounts.hpp"

namespace slipway::client {
namespace {

using coap::Code;
using Verb = BootstrapVerb;
using Scope = CodeRow::Scope;

constexpr auto kNoObject = "the device does not have this object";
constexpr auto kNoPath = "the path is not one of objects";

// Decided here, where the texts leave it open (facts A.6, K 4):
//  - a Write that lacks a mandatory resource is carried out, and Finish answers 4.06: later writes of the
//  session
//    may complete the instance, and the Enabler test int-9 expects it so;
//  - a Write of a resource makes its instance: "whether or not the instance exists" [LwM2M-CORE 1.2
//  §6.1.7.5];
//  - a Write of /o leaves the instances that its payload does not name (facts A.7, K 16);
//  - a Write over the bootstrap account replaces it, in place;
//  - a second bootstrap account can be written, and then either of the two be deleted by its path: replaced,
//  or
//    repaired. Finish answers 4.06 while there are two ("replacement and purge" [LwM2M-CORE 1.2 §6.1.3.3]);
//  - a resource instance is no target of Bootstrap-Write;
//  - what is wrong with a payload has its codes in lwm2m/codes.cpp: 4.00 without a Content-Format, when it
//  does
//    not parse, or of a wrong type or range; 4.15 for a format that is not read here; 4.13 above body_max
//    (CoAP); 5.00 where the device has no room, since no 4.xx fits.
// clang-format off
constexpr auto kRows = std::to_array<CodeRow>({
    // [LwM2M-CORE 1.2 §6.1.7.3]
    {.verb = Verb::discover, .target = Target::root,              .code = Code::content},
    {.verb = Verb::discover, .target = Target::object,            .code = Code::content},
    {.verb = Verb::discover, .target = Target::unknown_object,    .code = Code::not_found, .refusal = kNoObject},
    {.verb = Verb::discover, .target = {},                        .code = Code::bad_request, .refusal = "Discover takes / or an object"},

    // /1 and /2 only; the 1.1.1 table that says /2 is a misprint. [LwM2M-CORE 1.2 §6.1.7.4]
    {.verb = Verb::read, .target = Target::object,           .scope = Scope::servers_and_rights, .code = Code::content},
    {.verb = Verb::read, .target = Target::instance,         .scope = Scope::servers_and_rights, .code = Code::content},
    {.verb = Verb::read, .target = Target::missing_instance, .scope = Scope::servers_and_rights, .code = Code::not_found, .refusal = "there is no such object instance"},
    {.verb = Verb::read, .target = {},                       .code = Code::method_not_allowed, .refusal = "a bootstrap server reads /1 and /2 only, objects or instances"},

    // Nothing but 4.00 and 4.15 is an error here (issues 153 and 184 of the Enabler). [LwM2M-CORE 1.2 §6.1.7.5]
    {.verb = Verb::write, .target = Target::object,            .code = Code::changed},
    {.verb = Verb::write, .target = Target::instance,          .code = Code::changed},
    {.verb = Verb::write, .target = Target::missing_instance,  .code = Code::changed},
    {.verb = Verb::write, .target = Target::account,           .code = Code::changed},
    {.verb = Verb::write, .target = Target::device,            .code = Code::changed},
    {.verb = Verb::write, .target = Target::permanent,         .code = Code::changed},
    {.verb = Verb::write, .target = Target::resource,          .code = Code::changed},
    {.verb = Verb::write, .target = Target::unknown_object,    .code = Code::bad_request, .refusal = kNoObject},
    {.verb = Verb::write, .target = Target::closed_instance,   .code = Code::bad_request, .refusal = "this object instance cannot be created"},
    {.verb = Verb::write, .target = Target::no_path,           .code = Code::bad_request, .refusal = kNoPath},
    {.verb = Verb::write, .target = {},                        .code = Code::bad_request, .refusal = "a write takes an object, an instance or a resource"},

    // / and /o leave what is protected and succeed; aimed at it, a delete is refused. [LwM2M-CORE 1.2 §6.1.7.6]
    {.verb = Verb::del, .target = Target::root,              .code = Code::deleted},
    {.verb = Verb::del, .target = Target::object,            .code = Code::deleted},
    {.verb = Verb::del, .target = Target::instance,          .code = Code::deleted},
    {.verb = Verb::del, .target = Target::unknown_object,    .code = Code::bad_request, .refusal = kNoObject},
    {.verb = Verb::del, .target = Target::missing_instance,  .code = Code::bad_request, .refusal = "there is no such object instance"},
    {.verb = Verb::del, .target = Target::closed_instance,   .code = Code::bad_request, .refusal = "there is no such object instance"},
    {.verb = Verb::del, .target = Target::account,           .code = Code::bad_request, .refusal = "the bootstrap account stays, with what it links to"},
    {.verb = Verb::del, .target = Target::device,            .code = Code::bad_request, .refusal = "the Device instance stays"},
    {.verb = Verb::del, .target = Target::permanent,         .code = Code::bad_request, .refusal = "this object instance is always there"},
    {.verb = Verb::del, .target = Target::no_path,           .code = Code::bad_request, .refusal = kNoPath},
    {.verb = Verb::del, .target = {},                        .code = Code::bad_request, .refusal = "a delete takes /, an object or an instance"},
});
// clang-format on
constexpr CodeRow kNoOperation{.verb = Verb::unknown,
                               .target = {},
                               .code = Code::bad_request,
                               .refusal = "this is no operation of the bootstrap interface"};

}  // namespace

BootstrapVerb verb_of(const coap::Message& request) {
  switch (request.code) {
    case Code::put:
      return Verb::write;
    case Code::del:
      return Verb::del;
    case Code::get:
      return request.accept() == static_cast<std::uint16_t>(ContentFormat::link_format) ? Verb::discover
                                                                                        : Verb::read;
    case Code::post:
      return request.uri_path() == lwm2m::kBootstrapPath ? Verb::finish : Verb::unknown;
    default:
      return Verb::unknown;
  }
}

Target target_of(const Model& model, const Path& path) {
  if (path.is_root()) return Target::root;
  const auto* object = model.find(path.object());
  if (object == nullptr) return Target::unknown_object;
  if (path.has_resource_instance()) return Target::resource_instance;
  if (path.has_resource()) return Target::resource;
  if (!path.has_instance()) return Target::object;
  if (!model.has_instance(path)) {
    const bool is_open = object->kind() != Object::Kind::fixed && path.instance().value() != kReservedId;
    return is_open ? Target::missing_instance : Target::closed_instance;
  }
  if (path == Path(kDevice, InstanceId(0))) return Target::device;
  if (survives_delete(model.tree(), path) && !is_spare_account(model.tree(), path)) return Target::account;
  return object->is_permanent(path.instance()) ? Target::permanent : Target::instance;
}

std::span<const CodeRow> bootstrap_code_rows() {
  return kRows;
}

const CodeRow& code_row(BootstrapVerb verb, Target target, const Path& path) {
  const bool is_server_or_right = path.object() == kServer || path.object() == kAccessControl;
  for (const auto& row : kRows) {
    const bool fits = row.verb == verb && (!row.target || *row.target == target) &&
                      (row.scope == Scope::any || (!path.is_root() && is_server_or_right));
    if (fits) return row;
  }
  return kNoOperation;
}

}  // namespace slipway::client
