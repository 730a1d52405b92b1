// SPDX-License-Identifier: Apache-2.0
#include "client/management.hpp"

#include <charconv>

#include <slipway/lwm2m/codes.hpp>
#include <slipway/lwm2m/queries.hpp>

#include "client/access.hpp"
#include "client/bootstrap_operations.hpp"
#include "client/discover.hpp"
#include "client/writing.hpp"

namespace slipway::client {
namespace {

using coap::Code;
using lwm2m::Operation;
using lwm2m::Right;

constexpr std::uint16_t kDisable = 4;
constexpr std::uint16_t kUpdateTrigger = 8;
constexpr std::uint16_t kBootstrapTrigger = 9;

Answer refusal(Operation operation, const Error& error) {
  return Answer::error(lwm2m::code_for(operation, error.code), error.detail);
}
Answer refusal(Operation operation, ErrorCode code, const char* reason) {
  return Answer::error(lwm2m::code_for(operation, code), reason);
}

bool has_queries(const coap::Message& message) {
  return message.find(coap::OptionNumber::uri_query).has_value();
}

/// Calls `visit(text)` for each query; the first error ends it.
template <class Visitor>
Result<void> for_each_query(const coap::Message& message, Visitor&& visit) {
  for (std::size_t i = 0; i < message.option_count(); ++i)
    if (const auto option = message.option(i); option.number == coap::OptionNumber::uri_query)
      SLIPWAY_TRY(visit(option.text()));
  return {};
}

/// The object and, below it, the object instance are there; rights come next, operations after them.
std::optional<Answer> check_target(const Model& model, Operation operation, const Path& path) {
  if (model.find(path.object()) == nullptr)
    return refusal(operation, ErrorCode::unknown_object, "the device does not have this object");
  if (path.has_instance() && !model.has_instance(path))
    return refusal(operation, ErrorCode::not_found, "there is no such object instance");
  return std::nullopt;
}

Answer not_here(Operation operation) {
  return refusal(operation, ErrorCode::wrong_path, "the operation does not take this kind of path");
}

/// TLV without an object instance leaves the id to the device.
Result<void> decode_create(const Model& model, ObjectId object, ContentFormat format, ByteView payload,
                           DecodedPayload& decoded) {
  const auto done = decode_payload(model, Path(object), format, payload, decoded);
  if (done || format != ContentFormat::tlv) return done;
  SLIPWAY_ASSIGN(const auto free, choose_instance(model, object, {}));
  return decode_payload(model, free, format, payload, decoded);
}

Result<void> create_with(Model& model, const Path& instance, std::span<const Entry> entries,
                         ShortServerId owner) {
  SLIPWAY_TRY(model.create_instance(instance));
  SLIPWAY_TRY(write_entries(model, instance, entries, WriteKind::create));
  return own_new_instance(model, instance, owner);
}

}  // namespace

bool valid_arguments(std::string_view text) {
  unsigned seen = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const char digit = text[at++];
    if (digit < '0' || digit > '9' || (seen >> (digit - '0') & 1) != 0) return false;
    seen |= 1u << (digit - '0');
    if (at < text.size() && text[at] == '=') {
      if (at + 1 >= text.size() || text[at + 1] != '\'') return false;
      const auto end = text.find('\'', at + 2);
      if (end == std::string_view::npos) return false;
      at = end + 1;
    }
    if (at == text.size()) return true;
    if (text[at++] != ',') return false;
  }
  return text.empty();  // a comma at the end, unless there is nothing at all
}

Effects Management::handle(TimePoint now, const Server& server, const coap::RequestReceived& event) {
  Effects effects;
  const auto path = Path::parse(event.message.uri_path());
  if (!path) {
    // Too deep is a wrong combination; anything else is no path of ours.
    const auto code = path.error().code == ErrorCode::limit ? Code::method_not_allowed : Code::not_found;
    services_.respond(now, event.id, Answer::error(code, path.error().detail));
    return effects;
  }
  const auto answer = dispatch({now, server, event.message, *path}, effects);
  services_.respond(now, event.id, answer);
  return effects;
}

Answer Management::dispatch(const Request& request, Effects& effects) {
  const auto& path = request.path;
  if (path.has_object() && is_hidden(path.object()))
    return Answer::error(Code::unauthorized, "only the bootstrap server may touch this object");
  switch (request.message.code) {
    case Code::get:
      return get(request);
    case Code::put:
      return put(request, effects);
    case Code::post:
      return post(request, effects);
    case Code::del:
      return remove(request, effects);
    // Read-, Write- and Observe-Composite have their place here; both are optional for a device.
    case Code::fetch:
    case Code::ipatch:
      return Answer::error(Code::method_not_allowed, "the device has no composite operations");
    default:
      return Answer::error(Code::method_not_allowed, "there is no such operation");
  }
}

// --- Read, Discover, Observe ------------------------------------------------------------------------

Answer Management::get(const Request& request) {
  if (!request.path.has_object()) return not_here(Operation::read);
  const auto accept = request.message.accept();
  if (accept == static_cast<std::uint16_t>(ContentFormat::link_format)) return discover(request);
  if (const auto number = request.message.observe()) {
    if (*number == 0) return observe(request);
    observations_.cancel(request.server.peer, request.message.token);
  }
  return read_for(services_, request.server, request.path, accept, Operation::read);
}

Answer Management::observe(const Request& request) {
  lwm2m::AttributeChange change;
  const auto parsed =
      for_each_query(request.message, [&](std::string_view query) { return change.add(query); });
  if (!parsed) return Answer::error(Code::bad_request, parsed.error().detail);
  auto answer =
      read_for(services_, request.server, request.path, request.message.accept(), Operation::observe);
  if (!coap::is_success(answer.code)) return answer;
  const auto own = change.apply_to({});
  if (const auto fits = lwm2m::check(own); !fits)
    return Answer::error(Code::bad_request, fits.error().detail);
  answer.observe = observations_.add(request.now, request.server.id,
                                     {.peer = request.server.peer,
                                      .token = request.message.token,
                                      .path = request.path,
                                      .format = *answer.format,
                                      .own = own});
  return answer;
}

Answer Management::discover(const Request& request) {
  if (auto wrong = check_target(services_.model, Operation::discover, request.path)) return *wrong;
  if (request.path.has_resource() && !discoverable(services_.model, request.path))
    return refusal(Operation::discover, ErrorCode::not_found, "there is no such resource");
  std::optional<unsigned> depth;
  const auto parsed = for_each_query(request.message, [&](std::string_view text) -> Result<void> {
    const auto query = lwm2m::split_query(text);
    if (query.name != "depth") return {};
    const auto number = lwm2m::parse_decimal(query.value, 3);
    if (!number) return fail(ErrorCode::malformed, "depth is 0 to 3");
    depth = static_cast<unsigned>(*number);
    return {};
  });
  if (!parsed) return refusal(Operation::discover, parsed.error());
  auto links = discover_links(services_, observations_, request.server, request.path, depth);
  if (!links) return refusal(Operation::discover, links.error());
  return {.code = Code::content, .format = ContentFormat::link_format, .payload = std::move(*links)};
}

// --- Write ------------------------------------------------------------------------------------------

Answer Management::put(const Request& request, Effects& effects) {
  const bool is_attributes = has_queries(request.message) && request.message.payload.empty();
  if (is_attributes) return write_attributes(request);
  if (!request.path.has_instance()) return not_here(Operation::write);
  return write(request, Model::Merge::replace, effects);
}

Answer Management::write_attributes(const Request& request) {
  constexpr auto kOperation = Operation::write_attributes;
  const auto& [now, server, message, path] = request;
  if (!path.has_object()) return not_here(kOperation);
  if (auto wrong = check_target(services_.model, kOperation, path)) return *wrong;
  if (path.has_instance() && !may(services_.model.tree(), server.id, Right::read, path))
    return refusal(kOperation, ErrorCode::refused, "the server may not read this");
  const auto* known = path.has_resource() ? services_.model.definition(path) : nullptr;
  if (path.has_resource() && (known == nullptr || !services_.model.has_resource(path)))
    return refusal(kOperation, ErrorCode::not_found, "there is no such resource");
  lwm2m::AttributeChange change;
  const auto parsed = for_each_query(message, [&](std::string_view query) { return change.add(query); });
  if (!parsed) return Answer::error(Code::bad_request, parsed.error().detail);
  const bool is_one =
      known != nullptr && (known->multiplicity == Multiplicity::single || path.has_resource_instance());
  const bool is_number =
      is_one && (known->type == DataType::integer || known->type == DataType::unsigned_integer ||
                 known->type == DataType::floating || known->type == DataType::time);
  if (change.needs_number() && !is_number)
    return Answer::error(Code::bad_request, "gt, lt and st are for one resource that is a number");
  if (change.needs_boolean() && !(is_one && known->type == DataType::boolean))
    return Answer::error(Code::bad_request, "edge is for one resource that is a boolean");
  const auto attributes = change.apply_to(observations_.attached(server.id, path));
  if (const auto fits = lwm2m::check(attributes); !fits) return refusal(kOperation, fits.error());
  if (const auto kept = observations_.attach(server.id, path, attributes); !kept)
    return refusal(kOperation, kept.error());
  return {.code = Code::changed};
}

Answer Management::write(const Request& request, Model::Merge merge, Effects& effects) {
  constexpr auto kOperation = Operation::write;
  const auto& [now, server, message, path] = request;
  auto& model = services_.model;
  if (auto wrong = check_target(model, kOperation, path)) return *wrong;
  if (!may(model.tree(), server.id, Right::write, path))
    return refusal(kOperation, ErrorCode::refused, "the server may not write this");
  if (path.has_resource()) {
    const auto* known = model.definition(path);
    const bool is_stored = model.find(path.object())->kind() == Object::Kind::stored;
    if (known == nullptr || !(is_stored || model.has_resource(path)))
      return refusal(kOperation, ErrorCode::not_found, "there is no such resource");
    if (!can_write(known->operations))
      return refusal(kOperation, ErrorCode::wrong_path, "the resource cannot be written");
    if (merge == Model::Merge::update && known->multiplicity == Multiplicity::single)
      return not_here(kOperation);
  }
  const auto format = message.content_format();
  if (!format) return Answer::error(Code::bad_request, "the payload has no Content-Format");
  DecodedPayload decoded;
  if (const auto done = decode_payload(model, path, ContentFormat{*format}, message.payload, decoded); !done)
    return refusal(kOperation, done.error());
  const auto kind = merge == Model::Merge::update ? WriteKind::update : WriteKind::replace;
  const auto stored = write_entries(model, path, decoded.entries, kind);
  if (!stored) return refusal(kOperation, stored.error());
  effects.stored = *stored == StoredChange::yes;
  effects.changed.push_back(path);
  return {.code = Code::changed};
}

// --- Execute, Create, Delete ------------------------------------------------------------------------

Answer Management::post(const Request& request, Effects& effects) {
  const auto& path = request.path;
  if (path.level() == PathLevel::object) return create(request, effects);
  if (path.level() == PathLevel::instance) return write(request, Model::Merge::update, effects);
  if (path.level() != PathLevel::resource) return not_here(Operation::execute);
  const auto* known = services_.model.definition(path);
  const bool is_update = known != nullptr && known->type != DataType::none &&
                         known->multiplicity == Multiplicity::multiple && request.message.content_format();
  return is_update ? write(request, Model::Merge::update, effects) : execute(request, effects);
}

Answer Management::execute(const Request& request, Effects& effects) {
  constexpr auto kOperation = Operation::execute;
  const auto& [now, server, message, path] = request;
  auto& model = services_.model;
  if (auto wrong = check_target(model, kOperation, path)) return *wrong;
  if (!may(model.tree(), server.id, Right::execute, path))
    return refusal(kOperation, ErrorCode::refused, "the server may not execute this");
  const auto* known = model.definition(path);
  if (known == nullptr || !discoverable(model, path))
    return refusal(kOperation, ErrorCode::not_found, "there is no such resource");
  if (!can_execute(known->operations))
    return refusal(kOperation, ErrorCode::wrong_path, "the resource cannot be executed");
  const auto format = message.content_format();
  if (format && *format != static_cast<std::uint16_t>(ContentFormat::text))
    return Answer::error(Code::bad_request, "arguments are plain text");
  const auto arguments = as_text(message.payload);
  if (!valid_arguments(arguments))
    return Answer::error(Code::bad_request, "the arguments do not follow their grammar");
  if (path.object() == kServer) return execute_server(request, effects);
  if (const auto done = model.execute(path, arguments); !done) return refusal(kOperation, done.error());
  return {.code = Code::changed};
}

/// /1/x/4, /1/x/8 and /1/x/9 are the client's own: the answer goes out first, the deed follows.
Answer Management::execute_server(const Request& request, Effects& effects) {
  const auto& path = request.path;
  effects.server = server_of(services_.model.tree(), path.instance());
  switch (path.resource().value()) {
    case kDisable:
      effects.trigger = Effects::Trigger::disable;
      break;
    case kUpdateTrigger:
      effects.trigger = Effects::Trigger::update;
      break;
    case kBootstrapTrigger:
      if (!bootstrap_account(services_.model.tree()))
        return Answer::error(Code::method_not_allowed, "the device has no bootstrap account");
      effects.trigger = Effects::Trigger::bootstrap;
      break;
    default:
      return not_here(Operation::execute);
  }
  return {.code = Code::changed};
}

Answer Management::create(const Request& request, Effects& effects) {
  constexpr auto kOperation = Operation::create;
  const auto& [now, server, message, path] = request;
  auto& model = services_.model;
  if (auto wrong = check_target(model, kOperation, path)) return *wrong;
  if (!may(model.tree(), server.id, Right::create, path))
    return refusal(kOperation, ErrorCode::refused, "the server may not create instances of this object");
  const bool is_account = path.object() == kServer || path.object() == kAccessControl;
  if (is_account || model.find(path.object())->kind() == Object::Kind::fixed)
    return refusal(kOperation, ErrorCode::wrong_path, "instances of this object cannot be created");
  const auto number = message.content_format();
  if (!number && !message.payload.empty())
    return Answer::error(Code::bad_request, "the payload has no Content-Format");
  DecodedPayload decoded;
  if (!message.payload.empty())
    if (const auto done =
            decode_create(model, path.object(), ContentFormat{*number}, message.payload, decoded);
        !done)
      return refusal(kOperation, done.error());
  const auto instance = choose_instance(model, path.object(), decoded.entries);
  if (!instance) return refusal(kOperation, instance.error());
  const auto before = model.save();
  if (const auto made = create_with(model, *instance, decoded.entries, server.id); !made) {
    model.restore(before);
    return refusal(kOperation, made.error());
  }
  effects.stored = true;
  effects.changed.push_back(*instance);
  return {.code = Code::created, .location = std::string(instance->text().view())};
}

Answer Management::remove(const Request& request, Effects& effects) {
  constexpr auto kOperation = Operation::del;
  const auto& [now, server, message, path] = request;
  auto& model = services_.model;
  if (!path.has_instance()) return not_here(kOperation);
  if (auto wrong = check_target(model, kOperation, path)) return *wrong;
  const auto right = path.has_resource() ? Right::write : Right::del;
  if (!may(model.tree(), server.id, right, path))
    return refusal(kOperation, ErrorCode::refused, "the server may not delete this");
  if (path.level() == PathLevel::resource) return not_here(kOperation);
  if (path.has_resource_instance()) {
    const auto* known = model.definition(path);
    if (!model.tree().contains(path))
      return refusal(kOperation, ErrorCode::not_found, "there is no such resource instance");
    if (!can_write(known->operations) || server.enabler < Version{1, 1}) return not_here(kOperation);
    model.mutable_tree().erase(path);
    // The resource stays, also without instances.
    if (!model.tree().contains(path.prefix(3))) (void)model.mutable_tree().mark(path.prefix(3));
  } else {
    const bool is_account = path.object() == kServer || path.object() == kAccessControl;
    if (is_account || path == Path(kDevice, InstanceId(0)))
      return refusal(kOperation, ErrorCode::wrong_path, "this object instance is not for a server to delete");
    if (const auto done = model.delete_instance(path); !done) return refusal(kOperation, done.error());
    drop_rule(model, path);
  }
  effects.stored = true;
  effects.changed.push_back(path);
  return {.code = Code::deleted};
}

}  // namespace slipway::client
