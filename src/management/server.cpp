// SPDX-License-Identifier: Apache-2.0
#include <slipway/management/server.hpp>

#include "management/engine.hpp"

namespace slipway::management {
namespace {

using coap::Code;

std::unexpected<Error> wrong_level() {
  return fail(ErrorCode::wrong_path, "the operation has no target of this level");
}

}  // namespace

Server::Impl::Wanted Server::Impl::reading(Kind kind, const Path& path, std::optional<ContentFormat> accept) {
  return {.kind = kind,
          .method = Code::get,
          .path = path,
          .accept = accept,
          .accept_chosen = accept ? Chosen::by_caller : Chosen::by_engine};
}

const char* to_string(RegistrationEnd end) {
  switch (end) {
    case RegistrationEnd::deregistered:
      return "deregistered";
    case RegistrationEnd::expired:
      return "expired";
    case RegistrationEnd::replaced:
      return "replaced";
    case RegistrationEnd::revoked:
      return "revoked";
  }
  return "unknown";
}

const char* to_string(OperationFailure failure) {
  switch (failure) {
    case OperationFailure::timeout:
      return "timeout";
    case OperationFailure::reset:
      return "reset";
    case OperationFailure::session_lost:
      return "session-lost";
    case OperationFailure::deregistered:
      return "deregistered";
    case OperationFailure::undecodable:
      return "undecodable";
    case OperationFailure::cancelled:
      return "cancelled";
    case OperationFailure::too_large:
      return "too-large";
  }
  return "unknown";
}

Server::Server(const ServerConfig& config, const ObjectCatalog& catalog, Random& random)
    : impl_(std::make_unique<Impl>(config, catalog, random)) {}
Server::~Server() = default;

void Server::handle_datagram(TimePoint now, UnixTime wall, const PeerContext& peer, ByteView datagram) {
  impl_->handle_datagram(now, wall, peer, datagram);
}
void Server::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> Server::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<coap::Transmit> Server::poll_transmit() {
  return impl_->poll_transmit();
}
std::optional<Event> Server::poll_event() {
  return impl_->poll_event();
}

Result<OperationId> Server::read(TimePoint now, std::string_view endpoint, const Path& path,
                                 std::optional<ContentFormat> accept) {
  if (path.is_root()) return wrong_level();
  return impl_->submit(now, endpoint, Impl::reading(Kind::read, path, accept));
}

Result<OperationId> Server::discover(TimePoint now, std::string_view endpoint, const Path& path) {
  if (path.is_root() || path.has_resource_instance()) return wrong_level();
  return impl_->submit(now, endpoint, Impl::reading(Kind::discover, path, ContentFormat::link_format));
}

Result<OperationId> Server::write(TimePoint now, std::string_view endpoint, const Path& path, WriteMode mode,
                                  std::span<const Entry> entries, std::optional<ContentFormat> format) {
  const bool partial = mode == WriteMode::partial;
  if (!path.has_instance() || (partial && path.has_resource_instance())) return wrong_level();
  return impl_->submit_values(
      now, endpoint,
      {.kind = Kind::write, .method = partial ? Code::post : Code::put, .path = path, .format = format},
      entries);
}

Result<OperationId> Server::write_attributes(TimePoint now, std::string_view endpoint, const Path& path,
                                             std::span<const std::string_view> attributes) {
  if (path.is_root()) return wrong_level();
  return impl_->submit(
      now, endpoint,
      {.kind = Kind::write_attributes, .method = Code::put, .path = path, .queries = attributes});
}

Result<OperationId> Server::execute(TimePoint now, std::string_view endpoint, const Path& path,
                                    std::string_view arguments) {
  if (path.level() != PathLevel::resource) return wrong_level();
  Impl::Wanted wanted{
      .kind = Kind::execute, .method = Code::post, .path = path, .payload = as_bytes(arguments)};
  if (!arguments.empty()) wanted.format = ContentFormat::text;
  return impl_->submit(now, endpoint, wanted);
}

Result<OperationId> Server::create(TimePoint now, std::string_view endpoint, ObjectId object,
                                   std::span<const Entry> entries, std::optional<ContentFormat> format) {
  return impl_->submit_values(
      now, endpoint, {.kind = Kind::create, .method = Code::post, .path = Path(object), .format = format},
      entries);
}

Result<OperationId> Server::del(TimePoint now, std::string_view endpoint, const Path& path) {
  if (path.level() != PathLevel::instance && path.level() != PathLevel::resource_instance)
    return wrong_level();
  return impl_->submit(now, endpoint, {.kind = Kind::del, .method = Code::del, .path = path});
}

Result<Server::Observing> Server::observe(TimePoint now, std::string_view endpoint, const Path& path,
                                          std::optional<ContentFormat> accept) {
  if (path.is_root()) return wrong_level();
  return impl_->observe(now, endpoint, path, accept);
}

Result<OperationId> Server::cancel_observation(TimePoint now, ObservationId observation) {
  return impl_->cancel_observation(now, observation);
}
void Server::cancel(TimePoint now, OperationId operation) {
  impl_->cancel(now, operation);
}

std::optional<Registration> Server::find(std::string_view endpoint) const {
  return impl_->find(endpoint);
}
std::size_t Server::registrations() const {
  return impl_->registry().size();
}

void Server::list(std::string_view after, std::size_t limit,
                  void (*visit)(void* context, const Registration&), void* context) const {
  const auto& registry = impl_->registry();
  registry.visit_after(after, limit, [&](Slot slot) {
    LocationText location;
    visit(context, registry.view(slot, location));
  });
}

Result<ObservationId> Server::restore_observation(std::string_view endpoint, const Path& path) {
  return impl_->restore_observation(endpoint, path);
}
void Server::restore(TimePoint now, const Registration& registration, Duration remaining) {
  impl_->restore(now, registration, remaining);
}
void Server::revoke(TimePoint now, std::string_view endpoint) {
  impl_->revoke(now, endpoint);
}
void Server::peer_gone(TimePoint now, PeerId peer) {
  impl_->peer_gone(now, peer);
}
const ServerCounters& Server::counters() const {
  return impl_->counters();
}

}  // namespace slipway::management
