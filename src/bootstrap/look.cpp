// SPDX-License-Identifier: Apache-2.0
// What is asked of a device before it is changed: Discover, then Read. [LwM2M-CORE 1.2 §6.1.7.3, §6.1.7.4]
#include <algorithm>

#include "bootstrap/core_objects.hpp"
#include "bootstrap/engine.hpp"

namespace slipway::bootstrap {
namespace {

/// Codes by which a device says that it cannot do a Discover: it is bootstrapped blindly then.
bool cannot_discover(coap::Code code) {
  return code == coap::Code::bad_request || code == coap::Code::not_found ||
         code == coap::Code::method_not_allowed || code == coap::Code::not_acceptable ||
         code == coap::Code::not_implemented;
}

/// The same of a Read: the device is taken as unread.
bool cannot_be_read(coap::Code code) {
  return cannot_discover(code) || code == coap::Code::unauthorized;
}

/// Version 1.1 brought Bootstrap-Read, and SenML.
constexpr Version kFirstWithRead{1, 1};

/// Whether the device has a /1 instance of a server that the plan names.
bool may_have_a_server_as_planned(const Session& session) {
  return std::ranges::any_of(session.links, [&](const auto& link) {
    return is_instance_of(link, kServer) &&
           std::ranges::any_of(session.plan->servers, [&](const auto& its) { return its.id == link.server; });
  });
}

bool has_access_control(const Session& session) {
  return std::ranges::any_of(session.links,
                             [](const auto& link) { return is_instance_of(link, kAccessControl); });
}

}  // namespace

void Server::Impl::start_looking(TimePoint now, Slot slot) {
  auto& session = table_[slot];
  session.phase = Phase::looking;
  session.links.clear();
  if (session.round == Round::first) {
    const auto wished = session.plan->format ? session.plan->format : session.preferred;
    session.format = wished.value_or(ContentFormat::tlv);
    session.choice = wished ? FormatChoice::settled : FormatChoice::by_version;
    plan_before(*session.plan, session.list);
  }
  if (session.plan->discover == fleet::DiscoverFirst::yes)
    session.list.operations.push_back({.operation = Operation::discover});
  proceed(now, slot);
}

void Server::Impl::looked(TimePoint now, Slot slot, const PlannedOperation& operation,
                          const coap::Message& message) {
  if (operation.operation == Operation::discover)
    on_discovered(now, slot, message);
  else
    on_read(now, slot, operation, message);
}

void Server::Impl::on_discovered(TimePoint now, Slot slot, const coap::Message& message) {
  auto& session = table_[slot];
  const auto operation = session.list.operations[session.next];
  const auto fail_with = [&](const Note& note) {
    push_done(now, slot, operation, &message, note);
    fail(now, slot, Outcome::operation_refused, note);
  };
  if (!coap::is_success(message.code)) {
    const auto note = explain_refusal(session, operation, message.code, message.payload);
    // To forget what was known would be to write over the bootstrap account.
    const bool knew = session.listing == DeviceState::Listing::told;
    if (knew || !cannot_discover(message.code)) return fail_with(note);
    push_done(now, slot, operation, &message, note);
  } else {
    const auto parsed = lwm2m::parse_bootstrap_discover(as_text(message.payload), links_);
    if (!parsed) return fail_with(explain_unreadable(operation, parsed.error()));
    push_done(now, slot, operation, &message);
    session.listing = DeviceState::Listing::told;
    session.enabler = parsed->enabler;
    session.links.assign(parsed->links.begin(), parsed->links.end());
    for (auto& link : session.links) link.uri = {};  // it points into the message
    if (session.choice == FormatChoice::by_version && session.enabler >= kFirstWithRead)
      session.format = ContentFormat::senml_cbor;
    append_reads(session);
  }
  ++session.next;
  proceed(now, slot);
}

/// /1 and /2 are read where something may be left as it is, or must be kept. [LwM2M-CORE 1.2 §6.1.7.4]
void Server::Impl::append_reads(Session& session) {
  if (session.plan->existing == fleet::Existing::replace || session.enabler < kFirstWithRead) return;
  auto& operations = session.list.operations;
  if (may_have_a_server_as_planned(session))
    operations.push_back({.operation = Operation::read, .path = Path(kServer)});
  if (!session.plan->access.empty() && has_access_control(session))
    operations.push_back({.operation = Operation::read, .path = Path(kAccessControl)});
}

void Server::Impl::on_read(TimePoint now, Slot slot, const PlannedOperation& operation,
                           const coap::Message& message) {
  auto& session = table_[slot];
  Note note;
  auto& answer = operation.path.object() == kServer ? session.servers : session.access;
  answer.payload.reset();
  if (!coap::is_success(message.code)) {
    note = explain_refusal(session, operation, message.code, message.payload);
  } else {
    answer.format =
        message.content_format() ? static_cast<ContentFormat>(*message.content_format()) : session.format;
    answer.payload.emplace(message.payload.begin(), message.payload.end());
    read_scratch_.resize(2 * kReadBytesMax);
    const auto entries = decode_read(answer, operation.path.object(), server_entries_, read_scratch_);
    if (!entries) {
      note = explain_unreadable(operation, entries.error());
      answer.payload.reset();
    }
  }
  push_done(now, slot, operation, &message, note);
  if (!coap::is_success(message.code) && !cannot_be_read(message.code))
    return fail(now, slot, Outcome::operation_refused, note);
  ++session.next;
  proceed(now, slot);
}

Result<std::span<Entry>> Server::Impl::decode_read(const ReadAnswer& answer, ObjectId object,
                                                   std::vector<Entry>& entries, MutableBytes scratch) {
  if (answer.payload->size() > kReadBytesMax)
    return slipway::fail(ErrorCode::limit, "it is larger than 16 KiB");
  entries.resize(kReadEntriesMax);
  return codec::decode(answer.format, Path(object), *answer.payload, {.catalog = &catalog_},
                       {.entries = entries, .scratch = scratch});
}

/// From what the device has told, the operations that are left. False when the session has ended over it.
bool Server::Impl::compute(TimePoint now, Slot slot) {
  auto& session = table_[slot];
  DeviceState device{.listing = session.listing,
                     .discovered = {.enabler = session.enabler, .links = session.links}};
  // Both were decoded when they came; a failure here means unread.
  const MutableBytes scratch(read_scratch_);
  if (session.servers.payload)
    if (const auto read =
            decode_read(session.servers, kServer, server_entries_, scratch.first(kReadBytesMax)))
      device.servers = *read;
  if (session.access.payload)
    if (const auto read =
            decode_read(session.access, kAccessControl, access_entries_, scratch.subspan(kReadBytesMax)))
      device.access = *read;
  const auto planned = plan_operations(*session.plan, device, session.round, catalog_, session.list);
  session.servers.payload.reset();
  session.access.payload.reset();
  if (!planned) {
    fail(now, slot, Outcome::plan_unfit, planned.error().detail);
    return false;
  }
  session.phase = Phase::doing;
  return true;
}

}  // namespace slipway::bootstrap
