// SPDX-License-Identifier: Apache-2.0
// The power is cut after every call of the file system and at every byte of a write, in everything that
// changes a device's state. The device wakes up with exactly the old or exactly the new state, and its
// credentials open the servers' doors.
#include <set>

#include <slipway/lwm2m/smartcard_file.hpp>

#include "device/state_file.hpp"
#include "fragile_files.hpp"
#include "unit/client/stage.hpp"

namespace slipway::device::test {
namespace {

using namespace client::test;
using client::Model;

const std::string kFile = "/flash/state";
const std::string kRotated = "the second key of 101";
const std::string kOnCard = "the key on the card";

std::vector<Entry> management(std::string_view key = "fedcba9876543210") {
  return security_entries("/0/1", 101, "coaps://lwm2m.example:5684", key) + server_entries("/1/0", 101);
}
Bytes card_with(std::string_view key) {
  auto entries =
      security_entries("/0/7", 107, "coaps://card.example:5684", key) + server_entries("/1/7", 107);
  std::ranges::sort(entries, {}, &Entry::path);
  Bytes file(lwm2m::kSmartcardFileMax);
  file.resize(*lwm2m::encode_smartcard_file(entries, file));
  return file;
}

/// A device, its flash memory and its servers. The servers accept every key that they have given out, as they
/// do until a newer one has been used.
class World {
 public:
  World(FragileFiles& flash, client::ClientConfig config)
      : state(flash, kFile, Model::check_snapshot), device(factory_entries()) {
    const auto kept = state.read();
    EXPECT_TRUE(kept) << (kept ? "" : kept.error());
    const bool is_loaded = !kept || !kept->bytes || device.model.load(*kept->bytes);
    EXPECT_TRUE(is_loaded);
    stage.emplace(device.model, std::move(config));
    stage->storage = Stage::Storage::hangs;
    stage->on_persist = [this](const client::PersistWanted& wanted) { wanted_.push_back(keep(wanted)); };
  }

  /// Lets everything happen, and answers for storage.
  void settle() {
    stage->settle();
    while (!wanted_.empty()) {
      const auto [id, outcome] = wanted_.front();
      wanted_.erase(wanted_.begin());
      stage->client.persisted(stage->now, id, outcome);
      stage->settle();
    }
  }
  void start() {
    stage->start();
    settle();
  }
  void pass(Duration duration) {
    for (const auto end = stage->now + duration; stage->now < end;) {
      const auto next = stage->next();
      stage->pass(next && *next < end ? std::max<Duration>(*next - stage->now, milliseconds(1))
                                      : end - stage->now);
      settle();
    }
  }
  /// What the bootstrap server does in a session; false when the device has lost its power.
  void finish() {
    (void)stage->send(0, {.code = coap::Code::post, .path = "/bs"});
    settle();
  }
  void bootstrap_with(const std::vector<Entry>& entries, const std::vector<std::string>& targets) {
    for (const auto& target : targets) {
      std::vector<Entry> part;
      for (const auto& e : entries)
        if (e.path.prefix(2) == path(target)) part.push_back(e);
      (void)stage->put(0, target, part);
    }
  }

  StateFile state;
  Device device;
  std::optional<Stage> stage;
  std::vector<Bytes> written;  ///< contents whose writing has begun
  std::size_t durable = 0;     ///< of them, how many the file system has confirmed, up to the last one

 private:
  std::pair<std::uint64_t, client::Client::Persisted> keep(const client::PersistWanted& wanted) {
    written.emplace_back(wanted.snapshot.begin(), wanted.snapshot.end());
    const bool must_go = wanted.earlier == client::Earlier::must_go;
    const auto done =
        state.write(wanted.snapshot, must_go ? StateFile::Keep::nothing : StateFile::Keep::previous);
    if (done) durable = written.size();
    return {wanted.id, done ? client::Client::Persisted::durable : client::Client::Persisted::failed};
  }
  std::vector<std::pair<std::uint64_t, client::Client::Persisted>> wanted_;
};

struct Scenario {
  const char* name;
  std::vector<Entry>
      kept;  ///< what an earlier bootstrap has written; empty: the device comes from the factory
  client::SmartcardUse reader = client::SmartcardUse::none;
  std::optional<Bytes> card{};          ///< at the start
  std::function<void(World&)> happens;  ///< once the device has started
};

void request_bootstrap(World& world) {
  world.stage->client.request_bootstrap(world.stage->now);
  world.settle();
}

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  all.push_back({.name = "bootstrap", .happens = [](World& world) {
                   world.bootstrap_with(management(), {"/0/1", "/1/0"});
                   world.finish();
                   world.pass(seconds(5));
                 }});
  all.push_back({.name = "bootstrap with a repair", .happens = [](World& world) {
                   world.bootstrap_with(management(), {"/0/1"});
                   world.finish();  // 4.06: the pair is missing
                   world.bootstrap_with(management(), {"/1/0"});
                   world.finish();
                   world.pass(seconds(5));
                 }});
  all.push_back({.name = "rotation by a pack", .kept = management(), .happens = [](World& world) {
                   world.stage->answer = [](const Received& request) {
                     if (!request.path.ends_with("/bspack")) return Stage::agreeable(request);
                     const auto pack = encoded(ContentFormat::senml_cbor, "/", management(kRotated));
                     return Reply{
                         .code = coap::Code::content, .format = 112, .payload = std::string(as_text(pack))};
                   };
                   request_bootstrap(world);
                   world.pass(seconds(5));
                 }});
  all.push_back(
      {.name = "replacement of the bootstrap account", .kept = management(), .happens = [](World& world) {
         request_bootstrap(world);
         world.bootstrap_with(bootstrap_entries("/0/0") + management(kRotated), {"/0/0", "/0/1", "/1/0"});
         world.finish();
         world.pass(seconds(5));
       }});
  all.push_back({.name = "factory reset", .kept = management(kRotated), .happens = [](World& world) {
                   world.stage->client.factory_reset(world.stage->now);
                   world.pass(seconds(5));
                 }});
  const auto present = client::SmartcardUse::present;
  all.push_back(
      {.name = "a first card", .reader = present, .card = card_with(kOnCard), .happens = [](World&) {}});
  all.push_back(
      {.name = "another card", .reader = present, .card = card_with(kOnCard), .happens = [](World& world) {
         world.stage->card = card_with("the next key on the card");
         world.pass(seconds(210));
       }});
  all.push_back({.name = "the card is removed",
                 .reader = present,
                 .card = card_with(kOnCard),
                 .happens = [](World& world) {
                   world.stage->card.reset();
                   world.pass(seconds(210));
                 }});
  all.push_back({.name = "a value that a server writes", .kept = management(), .happens = [](World& world) {
                   (void)world.stage->put_text(101, "/1/0/1", "4000");
                   world.settle();
                 }});
  return all;
}

client::ClientConfig config_of(const Scenario& scenario) {
  client::ClientConfig config;
  config.smartcard = scenario.reader;
  return config;
}

/// The medium before anything happens.
Image medium_before(const Scenario& scenario) {
  if (scenario.kept.empty()) return {};
  const Device device(factory_entries() + scenario.kept);
  return {{kFile, *device.model.snapshot()}};
}

void play(World& world, const Scenario& scenario) {
  world.stage->card = scenario.card;
  world.start();
  scenario.happens(world);
}

/// Whether the device's keys are ones that its servers have given it, and lead it to a registration.
void expect_to_go_on(const Image& image, const Scenario& scenario) {
  static const std::set<std::string> kAccepted = {
      "0123456789abcdef",        "a key of the device's own", "fedcba9876543210", kRotated, kOnCard,
      "the next key on the card"};
  FragileFiles flash(image);
  World world(flash, config_of(scenario));
  world.stage->card = scenario.card;
  world.start();
  if (world.stage->client.state() == client::State::bootstrapping) {
    world.bootstrap_with(management(), {"/0/1", "/1/0"});
    world.finish();
  }
  world.pass(seconds(5));
  EXPECT_EQ(world.stage->client.state(), client::State::registered);
  for (const auto& session : world.stage->sessions)
    EXPECT_TRUE(kAccepted.contains(session.key)) << session.uri;
}

Bytes content_of(const Image& image) {
  FragileFiles flash(image);
  StateFile file(flash, kFile, Model::check_snapshot);
  const auto read = file.read();
  EXPECT_TRUE(read) << (read ? "" : read.error());
  return read && read->bytes ? *read->bytes : Bytes{};
}

class PowerCut : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Scenario scenario_ = scenarios()[GetParam()];
};

TEST_P(PowerCut, AfterEveryCallLeavesTheOldOrTheNewState) {
  SCOPED_TRACE(scenario_.name);
  const auto before = medium_before(scenario_);
  const Bytes oldest = before.empty() ? Bytes{} : before.at(kFile);
  std::size_t most = 0;
  {
    FragileFiles flash(before);
    World whole(flash, config_of(scenario_));
    play(whole, scenario_);
    most = flash.calls();
    ASSERT_FALSE(whole.written.empty()) << "the scenario writes";
    ASSERT_EQ(whole.durable, whole.written.size());
  }
  std::set<Bytes> gone_on;
  for (std::size_t calls = 0; calls <= most; ++calls) {
    FragileFiles flash(before);
    flash.power_for = calls;
    World world(flash, config_of(scenario_));
    play(world, scenario_);
    // The first write that was not confirmed is the one in which the power went.
    const auto& last = world.durable == 0 ? oldest : world.written[world.durable - 1];
    const auto& next = world.durable < world.written.size() ? world.written[world.durable] : last;
    flash.for_each_image([&](const Image& image) {
      const auto content = content_of(image);
      EXPECT_TRUE(content == last || content == next) << "after " << calls << " calls";
      if (gone_on.insert(content).second) expect_to_go_on(image, scenario_);
    });
    if (HasFailure()) return;
  }
  EXPECT_GE(gone_on.size(), 2u) << "both the old and the new state were seen";
}

TEST_P(PowerCut, ACallThatFailsIsMadeUpForAndTheStateIsKeptInTheEnd) {
  SCOPED_TRACE(scenario_.name);
  const auto before = medium_before(scenario_);
  std::size_t most = 0;
  {
    FragileFiles flash(before);
    World whole(flash, config_of(scenario_));
    play(whole, scenario_);
    most = flash.calls();
  }
  for (std::size_t call = 0; call < most; ++call) {
    FragileFiles flash(before);
    flash.fails_at = call;
    World world(flash, config_of(scenario_));
    play(world, scenario_);
    world.pass(std::chrono::minutes(20));  // a bootstrap session that failed is over, and writes are repeated
    const auto kept = world.state.read();
    ASSERT_TRUE(kept) << "call " << call;
    if (world.device.model.in_transaction() || !kept->bytes) continue;
    EXPECT_EQ(*kept->bytes, *world.device.model.snapshot()) << "call " << call;
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, PowerCut, ::testing::Range(std::size_t{0}, scenarios().size()),
                         [](const auto& scenario) { return std::to_string(scenario.param); });

/// A factory reset leaves no key of before on the medium, wherever the power went, once the factory state is
/// there.
TEST(PowerCutOfAReset, LeavesNoKeysOfBefore) {
  const auto all = scenarios();
  const auto reset = std::ranges::find(all, std::string_view("factory reset"), &Scenario::name);
  FragileFiles flash(medium_before(*reset));
  {
    World first(flash, {});
    first.start();
    ASSERT_EQ(first.stage->put_text(101, "/1/0/1", "4000").code, coap::Code::changed);
    first.settle();  // now there is a previous state, too
  }
  World world(flash, {});
  play(world, *reset);
  flash.for_each_image([&](const Image& image) {
    for (const auto& [name, bytes] : image)
      EXPECT_EQ(std::ranges::search(bytes, as_bytes(kRotated)).size(), 0u) << name;
  });
}

}  // namespace
}  // namespace slipway::device::test
