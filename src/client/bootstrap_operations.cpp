// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap_operations.hpp"

#include <algorithm>

#include <slipway/lwm2m/bootstrap.hpp>
#include <slipway/lwm2m/codes.hpp>

#include "client/access.hpp"
#include "client/bootstrap_codes.hpp"
#include "client/bootstrap_write.hpp"
#include "client/links.hpp"

namespace slipway::client {
namespace {

using coap::Code;
using lwm2m::Operation;

Answer refusal(Operation operation, const Error& error) {
  return Answer::error(lwm2m::code_for(operation, error.code), error.detail);
}

/// The server that an instance belongs to, as Discover tells it: of /0 and /1 by their id, of what a /0
/// instance links to by that instance.
ShortServerId server_of_instance(const Tree& tree, const Path& instance) {
  if (instance.object() == kSecurity) return security_server(tree, instance.instance());
  if (instance.object() == kServer) return server_of(tree, instance.instance());
  const Objlnk target{instance.object().value(), instance.instance().value()};
  for (const auto& [path, value] : tree.below(Path(kSecurity)))
    if (value.view().type() == DataType::objlnk && value.view().as_objlnk() == target)
      return security_server(tree, path.instance());
  return ShortServerId(0);
}

void discover_object(const Model& model, const Object& object, Version enabler,
                     lwm2m::BootstrapDiscoverWriter& out) {
  const auto version = presented_version(object, enabler);
  const auto ids = model.instances_of(object.id());
  if (ids.empty() || version) out.object(object.id(), version);
  for (const auto id : ids) {
    const Path instance(object.id(), id);
    const auto server = server_of_instance(model.tree(), instance);
    const auto uri = object.id() == kSecurity && is_server(server) ? model.tree().text(security(id, 0)) : "";
    out.instance(instance, server, uri);
  }
}

Answer discover(Services& services, Version enabler, const Path& path) {
  Answer answer{.code = Code::content, .format = ContentFormat::link_format};
  for (std::size_t room = 1024; room <= services.config.body_max; room *= 2) {
    answer.payload.assign(room, 0);
    ByteWriter writer(answer.payload);
    lwm2m::BootstrapDiscoverWriter links(writer, enabler);
    for (const auto& [id, object] : services.model.objects())
      if (path.is_root() || path.object() == id) discover_object(services.model, object, enabler, links);
    if (!writer.ok()) continue;
    answer.payload.resize(writer.size());
    return answer;
  }
  return Answer::error(Code::internal_server_error, "the list is longer than body_max");
}

Answer read(Services& services, Version enabler, const Path& path, std::optional<std::uint16_t> accept) {
  auto format = enabler < Version{1, 1} ? ContentFormat::tlv : services.config.preferred_format;
  if (accept) format = ContentFormat{*accept};
  if (!holds_many(format) || !lwm2m::is_bootstrap_format(format))
    return Answer::error(Code::not_acceptable, "object instances are not given in this format");
  Collector values;
  if (path.has_instance()) {
    if (auto done = services.model.collect(path, Model::Reader::bootstrap, values); !done)
      return refusal(Operation::bootstrap_read, done.error());
  } else {
    for (const auto id : services.model.instances_of(path.object()))
      if (auto done = services.model.collect(Path(path.object(), id), Model::Reader::bootstrap, values);
          !done)
        return refusal(Operation::bootstrap_read, done.error());
  }
  auto payload = encode_payload(format, path, values.entries(), services.config.body_max);
  if (!payload) return refusal(Operation::bootstrap_read, payload.error());
  return {.code = Code::content, .format = format, .payload = std::move(*payload)};
}

// --- Write -----------------------------------------------------------------------------------------

Answer write(Services& services, const Path& path, const coap::Message& request) {
  auto& model = services.model;
  const auto number = request.content_format();
  if (!number) return Answer::error(Code::bad_request, "the payload has no Content-Format");
  DecodedPayload decoded;
  if (auto done = decode_payload(model, path, ContentFormat{*number}, request.payload, decoded); !done)
    return refusal(Operation::bootstrap_write, done.error());
  // A refused write leaves nothing behind, also when a bound is met half way.
  const auto before = model.save();
  if (auto done = write_bootstrap(model, path, decoded.entries); !done) {
    model.restore(before);
    return refusal(Operation::bootstrap_write, done.error());
  }
  return {.code = Code::changed};
}

// --- Delete ----------------------------------------------------------------------------------------

void delete_one(Model& model, const Path& instance) {
  const auto server =
      instance.object() == kSecurity ? security_server(model.tree(), instance.instance()) : ShortServerId(0);
  if (!model.delete_instance(instance)) return;
  if (is_server(server)) unbootstrap(model, server);
}

Answer remove(Services& services, const Path& path) {
  auto& model = services.model;
  if (path.has_instance()) {
    delete_one(model, path);
    return {.code = Code::deleted};
  }
  for (const auto& [id, object] : model.objects()) {
    if (path.has_object() && path.object() != id) continue;
    for (const auto instance : model.instances_of(id)) {
      const Path at(id, instance);
      const bool stays = survives_delete(model.tree(), at) || object.is_permanent(instance);
      if (!stays) delete_one(model, at);
    }
  }
  return {.code = Code::deleted};
}

}  // namespace

Result<void> decode_payload(const Model& model, const Path& base, ContentFormat format, ByteView payload,
                            DecodedPayload& out) {
  out.entries.resize(codec::kEntriesMax);
  out.scratch.resize(payload.size());
  const auto decoded = codec::decode(format, base, payload, {.catalog = &model.catalog()},
                                     {.entries = out.entries, .scratch = out.scratch});
  if (!decoded) return std::unexpected(decoded.error());
  out.entries.resize(decoded->size());
  return {};
}

Result<Bytes> encode_payload(ContentFormat format, const Path& base, std::span<const Entry> entries,
                             std::size_t body_max) {
  for (std::size_t room = 1024;; room *= 4) {
    Bytes payload(std::min(room, body_max));
    const auto size = codec::encode(format, base, entries, payload);
    if (size) {
      payload.resize(*size);
      return payload;
    }
    if (size.error().code != ErrorCode::no_space || room >= body_max) return std::unexpected(size.error());
  }
}

Answer bootstrap_operation(Services& services, Version enabler, const coap::Message& request) {
  const auto parsed = Path::parse(request.uri_path());
  const auto path = parsed ? *parsed : Path();
  const auto verb = verb_of(request);
  const auto& row = code_row(verb, parsed ? target_of(services.model, path) : Target::no_path, path);
  if (row.is_refusal()) return Answer::error(row.code, row.refusal);
  switch (verb) {
    case BootstrapVerb::discover:
      return discover(services, enabler, path);
    case BootstrapVerb::read:
      return read(services, enabler, path, request.accept());
    case BootstrapVerb::write:
      return write(services, path, request);
    case BootstrapVerb::del:
      return remove(services, path);
    case BootstrapVerb::finish:
    case BootstrapVerb::unknown:
      break;
  }
  return Answer::error(row.code, "this is no operation of the bootstrap interface");
}

}  // namespace slipway::client
