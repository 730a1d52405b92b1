// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

namespace slipway::sim {
namespace {

constexpr unsigned kStepsAtOnceMax = 2000;  // of one moment: more is a loop without time

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

std::shared_ptr<const fleet::Plan> plan_of_thermometers() {
  fleet::Plan plan{.name = "thermometers", .servers = {}, .access = {}, .instances = {}, .format = {}};
  plan.servers.push_back(
      {.id = ShortServerId(101), .uri = "coaps://192.0.2.1:5684", .lifetime_s = 300, .server_resources = {}});
  const Path further(ObjectId(3303), InstanceId(1));
  plan.instances.push_back(
      {.instance = further, .values = {{further.child(5750), OwnedValue(Value::string("cellar"))}}});
  return std::make_shared<const fleet::Plan>(std::move(plan));
}

/// Devices of even seeds ask for a Bootstrap-Pack first.
Birth birth_of(Random& random, std::uint64_t seed) {
  return {.endpoint = "urn:dev:sim:1",
          .identity = random_bytes(random, 12),
          .key = random_bytes(random, 16),
          .pack = seed % 2 == 0 ? client::BootstrapPack::first : client::BootstrapPack::never};
}

}  // namespace

World::World(const Settings& settings)
    : random_(settings.seed),
      spurious_(settings.seed),
      network_(timeline_, random_, settings.weather),
      store_(timeline_, random_, settings.store),
      servers_(timeline_, network_, random_, journal_, store_, plan_of_thermometers(), random_.u64()),
      device_(timeline_, network_, random_, journal_, birth_of(random_, settings.seed), settings.device),
      operator_(timeline_, random_, journal_, servers_, device_) {
  store_.provision(device_.factory_credential());
  servers_.device_has_key = [this](ByteView key) { return device_.has_had_key(key); };
  device_.is_accepted = [this](ByteView identity, ByteView key) {
    const auto* credential = store_.durable(fleet::ServerRole::management, identity);
    if (credential == nullptr) return store_.has_dropped(identity);
    return credential->state != fleet::CredentialState::retired && equal(credential->key.reveal(), key);
  };
  device_.boot();
  plan(settings.troubles);
}

void World::plan_one(Duration within, std::function<void()> trouble) {
  ++troubles_left_;
  timeline_.after(between(random_, Duration{}, within), [this, trouble = std::move(trouble)] {
    --troubles_left_;
    trouble();
  });
}

void World::plan(const Troubles& troubles) {
  for (unsigned i = 0; i < troubles.reboots; ++i)
    plan_one(troubles.within, [this] {
      device_.lose_power();
      device_.boot();
    });
  for (unsigned i = 0; i < troubles.server_restarts; ++i)
    plan_one(troubles.within, [this] { servers_.restart(); });
  for (unsigned i = 0; i < troubles.moves; ++i) plan_one(troubles.within, [this] { device_.move(); });
  for (unsigned i = 0; i < troubles.bootstrap_requests; ++i)
    plan_one(troubles.within, [this] {
      journal_.note("the device is told to bootstrap");
      device_.client().request_bootstrap(timeline_.now());
      device_.turn();
    });
}

bool World::step(TimePoint until) {
  auto next = timeline_.next();
  const auto earlier = [&](std::optional<TimePoint> candidate) {
    if (candidate && (!next || *candidate < *next)) next = candidate;
  };
  earlier(device_.next_timeout());
  earlier(servers_.next_timeout());
  if (!next || *next > until) return false;
  const auto now = std::max(*next, timeline_.now());
  steps_at_once_ = now == busy_at_ ? steps_at_once_ + 1 : 0;
  busy_at_ = now;
  if (steps_at_once_ > kStepsAtOnceMax) {
    journal_.violated("time does not go on: an engine asks for the same moment again and again");
    return false;
  }
  if (timeline_.run_one(now)) servers_.turn();
  // Timeouts of nobody's must do nothing, so some are given.
  const auto is_due = [&](std::optional<TimePoint> at) {
    return (at && *at <= now) || happens(spurious_, 2);
  };
  if (is_due(device_.next_timeout())) device_.handle_timeout(now);
  if (is_due(servers_.next_timeout())) servers_.handle_timeout(now);
  servers_.turn();
  return violation().empty();
}

void World::run(Duration limit) {
  const auto until = timeline_.now() + limit;
  while (!operator_.done() || troubles_left_ != 0)
    if (!step(until)) break;
  if (!violation().empty()) return;
  journal_.require(operator_.done(), "the journey comes to its end");
  if (!operator_.done()) journal_.note("it stands at: " + operator_.where());
}

void World::end() {
  if (!violation().empty()) return;
  journal_.note("the device is shut down");
  device_.shut_down();
  // An idle session of DTLS is kept for two days.
  const auto until = timeline_.now() + std::chrono::hours(24 * 3);
  while (step(until)) {
  }
  if (!violation().empty()) return;
  operator_.check_totals();
  const auto left = servers_.leftovers() + device_.leftovers();
  if (!left.empty()) journal_.violated("something is left when all is over: " + left);
}

std::string World::told() const {
  return journal_.told(builtin_objects());
}

}  // namespace slipway::sim
