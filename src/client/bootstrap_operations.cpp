// SPDX-License-Identifier: Apache-2.0
#include "client/bootstrap_operations.hpp"

#include <algorithm>

#include <slipway/lwm2m/bootstrap.hpp>
#include <slipway/lwm2m/codes.hpp>

#include "client/access.hpp"
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
  if (path.depth() > 1) return Answer::error(Code::bad_request, "Discover takes / or an object");
  if (path.has_object() && services.model.find(path.object()) == nullptr)
    return Answer::error(Code::not_found, "the device does not have this object");
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
  const bool is_target = path.object() == kServer || path.object() == kAccessControl;
  if (!path.has_object() || path.depth() > 2 || !is_target)
    return Answer::error(Code::method_not_allowed, "a bootstrap server reads /1 and /2 only");
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

/// Text or opaque of no bytes where the resource takes some: how Leshan says that it has no SMS key. Inside a
/// list it is the same as leaving an optional resource out.
bool stands_for_nothing(const ResourceDefinition& known, const Value& value) {
  const bool has_length = value.type() == DataType::opaque || value.type() == DataType::string;
  return has_length && value.type() == known.type && known.presence == Presence::optional &&
         value.as_opaque().empty() && known.range.present && known.range.min > 0;
}

/// What is known of an entry's place: unknown optional resources are no error inside a list.
enum class Place : std::uint8_t { known, unknown };

Result<Place> check_entry(const Model& model, const Path& base, const Entry& entry) {
  const auto* object = model.find(entry.path.object());
  if (object == nullptr) return fail(ErrorCode::unknown_object, "the device does not have this object");
  if (object->kind() == Object::Kind::fixed && !model.has_instance(entry.path.prefix(2)))
    return fail(ErrorCode::not_found, "this object instance cannot be created");
  if (entry.path.has_instance() && entry.path.instance().value() == kReservedId)
    return fail(ErrorCode::out_of_range, "65535 is no instance id");
  if (entry.kind == EntryKind::absent) return fail(ErrorCode::malformed, "a record has no value");
  if (!entry.path.has_resource()) return Place::known;
  const auto* known = model.definition(entry.path);
  const bool has_value = known != nullptr && known->type != DataType::none;
  const bool is_there =
      has_value && (object->kind() == Object::Kind::stored || model.has_resource(entry.path.prefix(3)));
  if (!is_there) {
    if (base.has_resource())
      return fail(ErrorCode::unknown_resource, "the device does not have this resource");
    return Place::unknown;
  }
  const bool is_multiple = known->multiplicity == Multiplicity::multiple;
  if (is_multiple != (entry.path.has_resource_instance() || entry.kind == EntryKind::multiple))
    return fail(ErrorCode::wrong_type, "a resource is single or multiple, not the other");
  if (entry.kind != EntryKind::value) return Place::known;
  if (!base.has_resource() && stands_for_nothing(*known, entry.value)) return Place::unknown;
  SLIPWAY_TRY(check(*known, entry.value));
  return Place::known;
}

/// Removes what an instance holds, where it is made of stored values only.
void empty_instance(Model& model, const Path& instance) {
  if (model.find(instance.object())->kind() != Object::Kind::stored) return;
  model.mutable_tree().erase(instance);
}

/// Makes the instances that a payload names: only then it is known which resources they have.
Result<void> make_instances(Model& model, std::span<const Entry> entries) {
  for (const auto& entry : entries) {
    const auto instance = entry.path.prefix(2);
    const auto* object = model.find(instance.object());
    if (object == nullptr || object->kind() != Object::Kind::creatable || !instance.has_instance() ||
        instance.instance().value() == kReservedId || model.has_instance(instance))
      continue;
    SLIPWAY_TRY(model.create_instance(instance));
  }
  return {};
}

Result<void> apply(Model& model, const Path& base, std::span<const Entry> entries) {
  std::optional<Path> current;
  if (base.depth() == 2) {
    empty_instance(model, base);
    if (!model.has_instance(base)) SLIPWAY_TRY(model.create_instance(base));
    current = base;
  }
  for (std::size_t i = 0; i < entries.size();) {
    const auto instance = entries[i].path.prefix(2);
    if (current != instance) {
      // An instance in the payload is written as a whole; one resource is written on its own.
      if (!base.has_resource()) empty_instance(model, instance);
      if (!model.has_instance(instance)) SLIPWAY_TRY(model.create_instance(instance));
      current = instance;
    }
    if (!entries[i].path.has_resource()) {
      ++i;
      continue;
    }
    const auto resource = entries[i].path.prefix(3);
    auto end = i;
    while (end < entries.size() && entries[end].path.prefix(3) == resource) ++end;
    SLIPWAY_TRY(model.write(resource, entries.subspan(i, end - i), Model::Merge::replace));
    i = end;
  }
  return {};
}

Answer write(Services& services, const Path& path, const coap::Message& request) {
  auto& model = services.model;
  if (!path.has_object() || path.depth() > 3)
    return Answer::error(Code::bad_request, "a write takes an object, an instance or a resource");
  if (model.find(path.object()) == nullptr)
    return Answer::error(Code::bad_request, "the device does not have this object");
  const auto number = request.content_format();
  if (!number) return Answer::error(Code::bad_request, "the payload has no Content-Format");
  DecodedPayload decoded;
  if (auto done = decode_payload(model, path, ContentFormat{*number}, request.payload, decoded); !done)
    return refusal(Operation::bootstrap_write, done.error());
  // A refused write leaves nothing behind, also when a bound is met half way.
  const auto before = model.save();
  const auto refuse = [&](Answer answer) {
    model.restore(before);
    return answer;
  };
  if (auto made = make_instances(model, decoded.entries); !made)
    return refuse(refusal(Operation::bootstrap_write, made.error()));
  std::vector<Entry> known;
  for (const auto& entry : decoded.entries) {
    const auto place = check_entry(model, path, entry);
    if (!place) return refuse(refusal(Operation::bootstrap_write, place.error()));
    if (*place == Place::known) known.push_back(entry);
  }
  if (path.has_resource() && known.empty())
    return refuse(Answer::error(Code::bad_request, "the payload has no value"));
  std::ranges::sort(known, {}, &Entry::path);
  if (auto done = apply(model, path, known); !done)
    return refuse(refusal(Operation::bootstrap_write, done.error()));
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
  if (path.depth() > 2) return Answer::error(Code::bad_request, "a delete takes /, an object or an instance");
  if (path.has_object() && model.find(path.object()) == nullptr)
    return Answer::error(Code::bad_request, "the device does not have this object");
  if (path.has_instance()) {
    if (!model.has_instance(path))
      return Answer::error(Code::bad_request, "there is no such object instance");
    if (survives_delete(model.tree(), path))
      return Answer::error(Code::bad_request, "the bootstrap account and the Device instance stay");
    if (model.find(path.object())->is_permanent(path.instance()))
      return Answer::error(Code::bad_request, "this object instance is always there");
    delete_one(model, path);
    return {.code = Code::deleted};
  }
  for (const auto& [id, object] : model.objects()) {
    if (path.has_object() && path.object() != id) continue;
    for (const auto instance : model.instances_of(id))
      if (!survives_delete(model.tree(), Path(id, instance))) delete_one(model, Path(id, instance));
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
  const auto path = Path::parse(request.uri_path());
  if (!path) return Answer::error(Code::bad_request, "the path is not one of objects");
  switch (request.code) {
    case Code::put:
      return write(services, *path, request);
    case Code::del:
      return remove(services, *path);
    case Code::get: {
      const auto accept = request.accept();
      const bool wants_links = accept == static_cast<std::uint16_t>(ContentFormat::link_format);
      return wants_links ? discover(services, enabler, *path) : read(services, enabler, *path, accept);
    }
    default:
      return Answer::error(Code::bad_request, "this is no operation of the bootstrap interface");
  }
}

}  // namespace slipway::client
