// SPDX-License-Identifier: Apache-2.0
// What goes with a server's account, and with a bootstrap account whose time is over.
// [LwM2M-TRANSPORT 1.2 §5.2.5, LwM2M-CORE 1.2 §6.1.3.3, App. E.1]
#include "stage.hpp"

namespace slipway::client::test {
namespace {

constexpr std::int64_t kRead = 1, kWrite = 2, kDelete = 8;

struct Access {
  unsigned place;  ///< of /2
  std::int64_t object, instance, owner;
  std::vector<std::pair<unsigned, std::int64_t>> acl;
};
std::vector<Entry> rule(const Access& access) {
  const auto base = "/2/" + std::to_string(access.place);
  std::vector<Entry> entries{entry(base + "/0", Value::integer(access.object)),
                             entry(base + "/1", Value::integer(access.instance)),
                             entry(base + "/3", Value::integer(access.owner))};
  for (const auto& [server, rights] : access.acl)
    entries.push_back(entry(base + "/2/" + std::to_string(server), Value::integer(rights)));
  return entries;
}

/// A device of three servers (101, 102, 103) whose instances /1000/1.. are ruled by what a test says.
struct Ruled : Device {
  explicit Ruled(const std::vector<Access>& rules)
      : Device(factory_entries() + server(1) + server(2) + server(3) + all(rules)), stage(model) {
    for (const auto& access : rules) {
      if (access.object != 1000 || access.instance == kReservedId) continue;
      EXPECT_TRUE(model.create_instance(path("/1000/" + std::to_string(access.instance))));
    }
    stage.start();
  }
  static std::vector<Entry> server(unsigned n) {
    return security_entries("/0/" + std::to_string(n), 100 + n) +
           server_entries("/1/" + std::to_string(n), 100 + n);
  }
  static std::vector<Entry> all(const std::vector<Access>& rules) {
    std::vector<Entry> entries;
    for (const auto& access : rules) entries = entries + rule(access);
    return entries;
  }
  /// The bootstrap server deletes the account of 101, and finishes.
  void delete_the_first() {
    stage.client.request_bootstrap(stage.now);
    stage.settle();
    ASSERT_EQ(stage.remove(0, "/0/1").code, Code::deleted);
    ASSERT_EQ(stage.finish().code, Code::changed);
  }
  [[nodiscard]] std::optional<std::int64_t> owner(unsigned place) const {
    return model.tree().integer(path("/2/" + std::to_string(place) + "/3"));
  }
  [[nodiscard]] bool has(std::string_view at) const { return model.tree().contains(path(at)); }

  Stage stage;
};

TEST(ClientUnbootstrap, TheServerInstanceGoesWithTheAccount) {
  Ruled device({});
  device.delete_the_first();
  EXPECT_FALSE(device.has("/0/1"));
  EXPECT_FALSE(device.has("/1/1"));
  EXPECT_EQ(device.stage.count<DeregisteredFrom>(), 1u) << "the device considers itself de-registered";
  EXPECT_EQ(device.stage.session(101), nullptr);
  EXPECT_NE(device.stage.session(102), nullptr) << "the others stay registered";
}

TEST(ClientUnbootstrap, WhatOnlyThatServerCouldReachGoesWithItsRule) {
  Ruled device({{.place = 1, .object = 1000, .instance = 1, .owner = 101, .acl = {}},
                {.place = 2, .object = 1000, .instance = 2, .owner = 65535, .acl = {{101, kRead}}},
                {.place = 3, .object = 1000, .instance = 3, .owner = 101, .acl = {{102, 0}, {999, kRead}}}});
  device.delete_the_first();
  for (const auto* gone : {"/1000/1", "/1000/2", "/1000/3", "/2/1", "/2/2", "/2/3"})
    EXPECT_FALSE(device.has(gone)) << gone;
}

TEST(ClientUnbootstrap, WhatAnotherServerCanReachStaysWithoutTheEntryOfTheOneThatWent) {
  Ruled device(
      {{.place = 1,
        .object = 1000,
        .instance = 1,
        .owner = 102,
        .acl = {{101, kRead | kWrite}, {102, kRead}}},
       {.place = 2, .object = 1000, .instance = 2, .owner = 102, .acl = {{101, kRead}}},
       {.place = 3, .object = 1000, .instance = 3, .owner = 65535, .acl = {{0, kRead}, {101, kRead}}}});
  device.delete_the_first();
  for (const auto* stays : {"/1000/1", "/1000/2", "/1000/3"}) EXPECT_TRUE(device.has(stays)) << stays;
  for (const auto* entry_of_the_first : {"/2/1/2/101", "/2/2/2/101", "/2/3/2/101"})
    EXPECT_FALSE(device.has(entry_of_the_first)) << entry_of_the_first;
  EXPECT_EQ(device.owner(1), 102);
  EXPECT_EQ(device.owner(3), 65535);
}

TEST(ClientUnbootstrap, TheNewOwnerHasTheHighestSumOfWriteAndDelete) {
  Ruled device(
      {{.place = 1,
        .object = 1000,
        .instance = 1,
        .owner = 101,
        .acl = {{102, kWrite | kRead}, {103, kWrite | kDelete}}},
       {.place = 2, .object = 1000, .instance = 2, .owner = 101, .acl = {{102, kWrite}, {103, kDelete}}},
       {.place = 3, .object = 1000, .instance = 3, .owner = 101, .acl = {{103, kRead}}},
       {.place = 4, .object = 1000, .instance = 4, .owner = 101, .acl = {{0, kWrite}, {103, 0}}}});
  device.delete_the_first();
  EXPECT_EQ(device.owner(1), 103);
  EXPECT_EQ(device.owner(2), 102) << "a tie: any of them, here the lowest";
  EXPECT_EQ(device.owner(3), 103) << "nobody has write or delete: who can reach it";
  EXPECT_EQ(device.owner(4), 102) << "by the default entry, which 103 has not";
}

TEST(ClientUnbootstrap, TheRightToCreateGoesToo) {
  Ruled device(
      {{.place = 1, .object = 1000, .instance = 65535, .owner = 65535, .acl = {{101, 16}, {102, 16}}},
       {.place = 2, .object = 3303, .instance = 65535, .owner = 65535, .acl = {{101, 16}}}});
  device.delete_the_first();
  EXPECT_FALSE(device.has("/2/1/2/101"));
  EXPECT_TRUE(device.has("/2/1/2/102"));
  EXPECT_FALSE(device.has("/2/2/2/101"));
}

TEST(ClientUnbootstrap, TheDeviceInstanceAndTheBootstrapAccountStayWhoeverOwnedThem) {
  Ruled device({{.place = 1, .object = 3, .instance = 0, .owner = 101, .acl = {}}});
  device.delete_the_first();
  EXPECT_TRUE(device.model.has_instance(path("/3/0")));
  EXPECT_TRUE(device.has("/0/0"));
  EXPECT_FALSE(device.has("/2/1"));
}

TEST(ClientUnbootstrap, ObservationsOfTheServerEnd) {
  Ruled device({{.place = 1, .object = 3303, .instance = 0, .owner = 65535, .acl = {{0, kRead}}}});
  ASSERT_TRUE(device.stage.observe(101, "/3303/0/5700").observe);
  ASSERT_TRUE(device.stage.observe(102, "/3303/0/5700").observe);
  device.delete_the_first();
  device.celsius = 30;
  device.stage.client.changed(device.stage.now, path("/3303/0/5700"));
  device.stage.settle();
  EXPECT_EQ(device.stage.notifications.size(), 1u) << "only 102 hears of it";
}

TEST(ClientUnbootstrap, AnotherServerHearsThatItOwnsNow) {
  Ruled device({{.place = 1, .object = 1000, .instance = 1, .owner = 101, .acl = {{102, kWrite}}}});
  ASSERT_TRUE(device.stage.observe(102, "/2/1/3").observe);
  device.delete_the_first();
  device.stage.pass(seconds(1));
  ASSERT_EQ(device.stage.notifications.size(), 1u);
  EXPECT_EQ(device.stage.notifications[0].payload, "102");
}

TEST(ClientUnbootstrap, AFailedSessionGivesEverythingBack) {
  Ruled device({{.place = 1, .object = 1000, .instance = 1, .owner = 101, .acl = {}}});
  const auto before = device.state();
  device.stage.client.request_bootstrap(device.stage.now);
  device.stage.settle();
  ASSERT_EQ(device.stage.remove(0, "/0/1").code, Code::deleted);
  EXPECT_FALSE(device.has("/1000/1"));
  device.stage.connecting = Stage::Connecting::hangs;
  device.stage.pass(seconds(248));
  EXPECT_EQ(device.state(), before);
}

// --- The bootstrap account's time ----------------------------------------------------------------------

std::vector<Entry> limited(std::int64_t timeout) {
  return factory_entries() + std::vector<Entry>{entry("/0/0/12", Value::integer(timeout))};
}
void bootstrap(Stage& stage) {
  ASSERT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
  ASSERT_EQ(stage.put(0, "/1/1", server_entries("/1/1", 101)).code, Code::changed);
  ASSERT_EQ(stage.finish().code, Code::changed);
}

TEST(ClientAccountTimeout, TheAccountGoesAfterItsTimeWithWhatItLinksTo) {
  Device device(limited(100) +
                std::vector<Entry>{entry("/0/0/17", Value::objlnk({21, 4})),
                                   entry("/21/4/0", Value::opaque(as_bytes("master-secret-16"))),
                                   entry("/21/4/1", Value::opaque(as_bytes("s"))),
                                   entry("/21/4/2", Value::opaque(as_bytes("r")))});
  Stage stage(device.model);
  stage.start();
  bootstrap(stage);
  stage.pass(seconds(99));
  EXPECT_TRUE(device.model.tree().contains(path("/0/0")));
  stage.pass(seconds(1));
  EXPECT_FALSE(device.model.tree().contains(path("/0/0")));
  EXPECT_FALSE(device.model.tree().contains(path("/21/4")));
  EXPECT_TRUE(device.model.tree().contains(path("/0/1")));
  Model kept;
  ASSERT_TRUE(kept.load(stage.persisted.back()));
  EXPECT_FALSE(kept.tree().contains(path("/0/0"))) << "durably";
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  EXPECT_EQ(stage.client.state(), State::registered) << "there is nobody to bootstrap from any more";
}

TEST(ClientAccountTimeout, NoneOrZeroMeansNever) {
  for (const auto& entries : {factory_entries(), limited(0)}) {
    Device device(entries);
    Stage stage(device.model);
    stage.start();
    bootstrap(stage);
    stage.pass(std::chrono::hours(24 * 30));
    EXPECT_TRUE(device.model.tree().contains(path("/0/0")));
  }
}

TEST(ClientAccountTimeout, DoesNotBeginBeforeABootstrapHasSucceeded) {
  Device device(limited(10));
  Stage stage(device.model);
  stage.start();
  stage.pass(std::chrono::hours(24));
  EXPECT_TRUE(device.model.tree().contains(path("/0/0")));
}

TEST(ClientAccountTimeout, CountsOnOverARestartAsFarAsTheClocksTell) {
  for (const bool knows_time : {true, false}) {
    const UnixTime wall{seconds(1'700'000'000)};
    const auto wall_at = [&](int later) {
      return knows_time ? std::optional(UnixTime(wall + seconds(later))) : std::nullopt;
    };
    Device device(limited(1000));
    Stage stage(device.model);
    stage.start(wall_at(0));
    bootstrap(stage);
    Device after(limited(1000));
    ASSERT_TRUE(after.model.load(stage.persisted.back()));
    Stage restarted(after.model);
    restarted.start(wall_at(600));
    restarted.pass(seconds(399));
    EXPECT_TRUE(after.model.tree().contains(path("/0/0")));
    restarted.pass(seconds(2));
    EXPECT_EQ(after.model.tree().contains(path("/0/0")), !knows_time);
    restarted.pass(seconds(600));
    EXPECT_FALSE(after.model.tree().contains(path("/0/0"))) << "without a clock it begins anew at a restart";
  }
}

TEST(ClientAccountTimeout, IsPutOffWhileABootstrapRuns) {
  Device device(limited(100));
  Stage stage(device.model);
  stage.start();
  bootstrap(stage);
  stage.pass(seconds(95));
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  stage.pass(seconds(10));
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_TRUE(device.model.tree().contains(path("/0/0"))) << "a success begins its time anew";
  stage.pass(seconds(100));
  EXPECT_FALSE(device.model.tree().contains(path("/0/0")));
}

}  // namespace
}  // namespace slipway::client::test
