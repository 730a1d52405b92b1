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

const Site kElsewhere{
    .name = "elsewhere", .bootstrap = std::nullopt, .management = Address::v4(192, 0, 2, 2, 5684)};

/// How long a node waits for another one. [node/remotes.hpp]
constexpr Duration kHandOverMax = seconds(10);

fleet::Plan plan_of_thermometers() {
  fleet::Plan plan{.name = "thermometers", .servers = {}, .access = {}, .instances = {}, .format = {}};
  plan.servers.push_back(
      {.id = ShortServerId(101), .uri = "coaps://192.0.2.1:5684", .lifetime_s = 300, .server_resources = {}});
  const Path further(ObjectId(3303), InstanceId(1));
  plan.instances.push_back(
      {.instance = further, .values = {{further.child(5750), OwnedValue(Value::string("cellar"))}}});
  return plan;
}

std::shared_ptr<const fleet::Plan> shared(fleet::Plan plan) {
  return std::make_shared<const fleet::Plan>(std::move(plan));
}

StoryPlans plans_of(Story story) {
  auto home = plan_of_thermometers();
  auto elsewhere = plan_of_thermometers();
  elsewhere.servers[0].uri = "coaps://192.0.2.2:5684";
  elsewhere.servers[0].remote = "elsewhere";
  if (story == Story::replacement)
    home.bootstrap = fleet::BootstrapAccountPlan{.uri = "coaps://192.0.2.1:5784"};
  return {.home = shared(std::move(home)), .elsewhere = shared(std::move(elsewhere))};
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
      elsewhere_store_(timeline_, random_, settings.store),
      servers_(timeline_, network_, random_, journal_, store_, shared(plan_of_thermometers()), random_.u64()),
      elsewhere_(timeline_, network_, random_, journal_, elsewhere_store_, nullptr, random_.u64(),
                 kElsewhere),
      device_(timeline_, network_, random_, journal_, birth_of(random_, settings.seed), settings.device),
      goal_(goal_of(settings.story)) {
  store_.provision(device_.factory_credential());
  for (auto* servers : {&servers_, &elsewhere_})
    servers->device_has_key = [this](ByteView key) { return device_.has_had_key(key); };
  servers_.hand_over = [this](std::vector<fleet::Credential> credentials, SimStore::Done done) {
    hand_over(std::move(credentials), std::move(done));
  };
  servers_.was_durable_elsewhere = [this](ByteView key) { return elsewhere_store_.was_durable(key); };
  device_.is_accepted = [this](fleet::ServerRole role, ByteView identity, ByteView key) {
    return is_accepted(role, identity, key);
  };
  device_.boot();
  plan(settings.troubles);
}

std::unique_ptr<Goal> World::goal_of(Story story) {
  if (story == Story::first_journey)
    return std::make_unique<Operator>(timeline_, random_, journal_, servers_, device_);
  return std::make_unique<Campaign>(timeline_, random_, journal_, servers_, elsewhere_, device_, story,
                                    plans_of(story));
}

/// By one of the servers; an operator who revoked it, and a store that had to drop it, are excused.
bool World::is_accepted(fleet::ServerRole role, ByteView identity, ByteView key) const {
  for (const auto* store : {&store_, &elsewhere_store_}) {
    if (store->has_dropped(identity) || store->has_revoked(identity)) return true;
    const auto* credential = store->durable(role, identity);
    if (credential != nullptr && credential->state != fleet::CredentialState::retired &&
        equal(credential->key.reveal(), key))
      return true;
  }
  return false;
}

/// A request to the other node and its answer: either may be late, and is then taken for lost.
void World::hand_over(std::vector<fleet::Credential> credentials, SimStore::Done done) {
  const auto late = [this] { return happens(random_, 10) ? kHandOverMax : between(random_, {}, seconds(1)); };
  auto open = std::make_shared<SimStore::Done>(std::move(done));
  const auto end = [open](Written written) {
    if (*open) std::exchange(*open, nullptr)(written);
  };
  auto given = std::make_shared<std::vector<fleet::Credential>>(std::move(credentials));
  timeline_.after(kHandOverMax, [end] { end(Written::failed); });
  timeline_.after(late(), [this, end, late, given] {
    elsewhere_.take_credentials(std::move(*given), [this, end, late](Written written) {
      timeline_.after(late(), [end, written] { end(written); });
    });
  });
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
    plan_one(troubles.within, [this] { (happens(random_, 75) ? servers_ : elsewhere_).restart(); });
  for (unsigned i = 0; i < troubles.moves; ++i) plan_one(troubles.within, [this] { device_.move(); });
  for (unsigned i = 0; i < troubles.sleeps; ++i)
    plan_one(troubles.within, [this, longest = troubles.sleep_max] {
      if (device_.is_asleep()) return;
      device_.fall_asleep();
      plan_one(longest, [this] {
        if (device_.is_asleep()) device_.boot();  // a reboot may have come before
      });
    });
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
  earlier(elsewhere_.next_timeout());
  if (!next || *next > until) return false;
  const auto now = std::max(*next, timeline_.now());
  steps_at_once_ = now == busy_at_ ? steps_at_once_ + 1 : 0;
  busy_at_ = now;
  if (steps_at_once_ > kStepsAtOnceMax) {
    journal_.violated("time does not go on: an engine asks for the same moment again and again");
    return false;
  }
  if (timeline_.run_one(now)) {
    servers_.turn();
    elsewhere_.turn();
  }
  // Timeouts of nobody's must do nothing, so some are given.
  const auto is_due = [&](std::optional<TimePoint> at) {
    return (at && *at <= now) || happens(spurious_, 2);
  };
  if (is_due(device_.next_timeout())) device_.handle_timeout(now);
  if (is_due(servers_.next_timeout())) servers_.handle_timeout(now);
  if (is_due(elsewhere_.next_timeout())) elsewhere_.handle_timeout(now);
  servers_.turn();
  elsewhere_.turn();
  return violation().empty();
}

void World::run(Duration limit) {
  const auto until = timeline_.now() + limit;
  while (!goal_->done() || troubles_left_ != 0)
    if (!step(until)) break;
  if (!violation().empty()) return;
  journal_.require(goal_->done(), "the journey comes to its end");
  if (!goal_->done()) journal_.note("it stands at: " + goal_->where());
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
  goal_->check_totals();
  const auto left = servers_.leftovers() + elsewhere_.leftovers() + device_.leftovers();
  if (!left.empty()) journal_.violated("something is left when all is over: " + left);
}

std::string World::told() const {
  return journal_.told(builtin_objects());
}

}  // namespace slipway::sim
