// SPDX-License-Identifier: Apache-2.0
#include "client/observe.hpp"

#include <algorithm>

#include "client/access.hpp"

namespace slipway::client {
namespace {

/// A server that only hears NON must be asked once a day whether it is still there. [RFC 7641 §4.5]
constexpr Duration kConfirmableEvery = std::chrono::hours(24);
constexpr Duration kFullTablesPause = seconds(1);
constexpr std::uint32_t kNumberMask = 0xffffff;  // the option has 24 bits

bool is_number(const Value& value) {
  return value.type() == DataType::integer || value.type() == DataType::unsigned_integer ||
         value.type() == DataType::floating || value.type() == DataType::time;
}

double number_of(const Value& value) {
  switch (value.type()) {
    case DataType::floating:
      return value.as_floating();
    case DataType::unsigned_integer:
      return static_cast<double>(value.as_unsigned());
    default:
      return static_cast<double>(value.as_integer());
  }
}

}  // namespace

lwm2m::Attributes Observations::attached(ShortServerId server, const Path& path) const {
  const auto found = attributes_.find({server, path});
  return found == attributes_.end() ? lwm2m::Attributes{} : found->second;
}

lwm2m::Attributes Observations::inherited(ShortServerId server, const Path& path) const {
  lwm2m::Attributes result;
  for (std::size_t depth = 1; depth <= path.depth(); ++depth)
    result = lwm2m::merged(result, attached(server, path.prefix(depth)));
  return result;
}

Result<void> Observations::attach(ShortServerId server, const Path& path,
                                  const lwm2m::Attributes& attributes) {
  if (attributes == lwm2m::Attributes{}) {
    attributes_.erase({server, path});
  } else if (!attributes_.contains({server, path}) && attributes_.size() >= services_.config.attributes_max) {
    return fail(ErrorCode::exhausted, "the device keeps no more attributes");
  } else {
    attributes_[{server, path}] = attributes;
  }
  return {};
}

lwm2m::Attributes Observations::effective(const Observation& observation) const {
  lwm2m::Attributes defaults;
  const auto& tree = services_.model.tree();
  if (const auto* server = registrations_.find(observation.server); server != nullptr) {
    const auto period = [&](std::uint16_t resource) -> std::optional<std::uint32_t> {
      const auto value = tree.integer(slipway::client::server(server->instance, resource));
      if (!value || *value <= 0 || *value > 0xffffffff) return std::nullopt;
      return static_cast<std::uint32_t>(*value);
    };
    defaults.pmin = period(2);
    defaults.pmax = period(3);
  }
  return lwm2m::merged(lwm2m::merged(defaults, inherited(observation.server, observation.wish.path)),
                       observation.wish.own);
}

std::optional<std::uint32_t> Observations::add(TimePoint now, ShortServerId server, const Wish& wish) {
  auto found = std::ranges::find_if(observations_, [&](const Observation& observation) {
    return observation.wish.peer == wish.peer && observation.wish.token == wish.token;
  });
  if (found == observations_.end()) {
    if (observations_.size() >= services_.config.observations_max) return std::nullopt;
    observations_.push_back({.mark = ++last_mark_, .server = server, .wish = wish});
    found = std::prev(observations_.end());
  }
  found->wish = wish;
  found->number = (found->number + 1) & kNumberMask;
  found->last_sent = now;
  found->last_confirmable = now;
  found->pending = false;
  found->reported = scalar(*found);
  return found->number;
}

void Observations::cancel(PeerId peer, const coap::Token& token) {
  std::erase_if(observations_, [&](const Observation& observation) {
    return observation.wish.peer == peer && observation.wish.token == token;
  });
}

void Observations::forget(ShortServerId server) {
  std::erase_if(observations_, [&](const Observation& observation) { return observation.server == server; });
}

KeptWatch Observations::keep(ShortServerId server) const {
  KeptWatch watch;
  for (const auto& [where, attributes] : attributes_)
    if (where.first == server) watch.attributes.emplace_back(where.second, attributes);
  for (const auto& observation : observations_) {
    if (observation.server != server) continue;
    const auto& wish = observation.wish;
    watch.observations.push_back({.token = wish.token,
                                  .path = wish.path,
                                  .format = wish.format,
                                  .number = observation.number,
                                  .own = wish.own});
  }
  return watch;
}

void Observations::go_on(TimePoint now, ShortServerId id, const KeptWatch& watch) {
  const auto* server = registrations_.find(id);
  if (server == nullptr) return;
  for (const auto& [path, attributes] : watch.attributes) (void)attach(id, path, attributes);
  for (const auto& kept : watch.observations) {
    if (observations_.size() >= services_.config.observations_max) break;
    observations_.push_back({.mark = ++last_mark_,
                             .server = id,
                             .wish = {.peer = server->peer,
                                      .token = kept.token,
                                      .path = kept.path,
                                      .format = kept.format,
                                      .own = kept.own},
                             .number = kept.number,
                             .last_sent = now,
                             .last_confirmable = now - kConfirmableEvery,
                             .pending = true});
  }
  handle_timeout(now);
}

/// The value of a single resource that is a number or a boolean.
std::optional<Value> Observations::scalar(const Observation& observation) const {
  const auto& path = observation.wish.path;
  const auto* known = path.has_resource() ? services_.model.definition(path) : nullptr;
  if (known == nullptr) return std::nullopt;
  if (known->multiplicity == Multiplicity::multiple && !path.has_resource_instance()) return std::nullopt;
  Collector values;
  if (!services_.model.collect(path, Model::Reader::server, values) || values.entries().size() != 1)
    return std::nullopt;
  const auto value = values.entries().front().value;
  if (!is_number(value) && value.type() != DataType::boolean) return std::nullopt;
  return value;
}

bool Observations::must_tell(const Observation& observation) const {
  const auto now = scalar(observation);
  if (!now || !observation.reported || now->type() != observation.reported->type()) return true;
  const auto attributes = effective(observation);
  if (now->type() == DataType::boolean)
    return lwm2m::must_report(attributes, observation.reported->as_boolean(), now->as_boolean());
  return lwm2m::must_report(attributes, number_of(*observation.reported), number_of(*now));
}

void Observations::changed(TimePoint now, const Path& path) {
  for (auto& observation : observations_) {
    const auto& watched = observation.wish.path;
    if (!watched.contains(path) && !path.contains(watched)) continue;
    if (!observation.pending && must_tell(observation)) observation.pending = true;
  }
  handle_timeout(now);
}

std::optional<TimePoint> Observations::due(const Observation& observation) const {
  if (observation.in_flight) return std::nullopt;
  const auto attributes = effective(observation);
  const auto pmin = attributes.pmin.value_or(0);
  std::optional<TimePoint> at;
  if (observation.pending) at = observation.last_sent + seconds(pmin);
  const auto pmax = attributes.pmax.value_or(0);
  if (pmax != 0 && pmax >= pmin) at = earlier(at, observation.last_sent + seconds(pmax));
  return at;
}

std::optional<TimePoint> Observations::next_timeout() const {
  std::optional<TimePoint> next;
  if (suspended_) return next;
  for (const auto& observation : observations_) {
    const auto* server = registrations_.find(observation.server);
    if (server != nullptr && server->is_registered()) next = earlier(next, due(observation));
  }
  return next;
}

void Observations::handle_timeout(TimePoint now) {
  if (suspended_) return;
  for (std::size_t i = 0; i < observations_.size();) {
    const auto at = due(observations_[i]);
    const bool goes_on = !at || *at > now || notify(now, observations_[i]);
    if (goes_on)
      ++i;
    else
      observations_.erase(observations_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

bool Observations::is_confirmable(TimePoint now, const Observation& observation) const {
  if (const auto con = effective(observation).con) return *con;
  if (now - observation.last_confirmable >= kConfirmableEvery) return true;
  const auto* server = registrations_.find(observation.server);
  return server != nullptr &&
         services_.model.tree().integer(slipway::client::server(server->instance, 26)).value_or(0) == 1;
}

bool Observations::notify(TimePoint now, Observation& observation) {
  const auto* server = registrations_.find(observation.server);
  if (server == nullptr) return false;
  if (!server->is_registered()) return true;
  const auto answer =
      read_for(services_, *server, observation.wish.path, static_cast<std::uint16_t>(observation.wish.format),
               lwm2m::Operation::observe);
  const bool is_value = coap::is_success(answer.code);
  const bool confirmable = !is_value || is_confirmable(now, observation);
  coap::OutgoingResponse response{.code = answer.code, .payload = answer.payload};
  if (is_value) {
    response.content_format = static_cast<std::uint16_t>(observation.wish.format);
    observation.number = (observation.number + 1) & kNumberMask;
    response.observe = observation.number;
  }
  const auto type = confirmable ? coap::Type::confirmable : coap::Type::non_confirmable;
  const auto sent = services_.endpoint.notify(now, observation.wish.peer, observation.wish.token, type,
                                              response, tag_of(Owner::observation, observation.mark));
  // An error ends an observation. [RFC 7641 §4.2] Full tables only delay it.
  if (!is_value) return false;
  if (!sent) {
    observation.not_before = now + kFullTablesPause;
    return true;
  }
  observation.last_sent = now;
  observation.pending = false;
  observation.in_flight = confirmable;
  if (confirmable) observation.last_confirmable = now;
  observation.reported = scalar(observation);
  return true;
}

void Observations::handle_done(TimePoint now, const coap::NotifyDone& event) {
  if (owner_of(event.tag) != Owner::observation) return;
  const auto found = std::ranges::find(observations_, id_of(event.tag), &Observation::mark);
  if (found == observations_.end()) return;
  found->in_flight = false;
  // RST, or silence: the server does not want it any more. [RFC 7641 §4.5]
  if (event.outcome != coap::NotifyOutcome::acknowledged) {
    observations_.erase(found);
    return;
  }
  handle_timeout(now);
}

}  // namespace slipway::client
