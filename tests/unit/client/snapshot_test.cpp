// SPDX-License-Identifier: Apache-2.0
// The stored state as bytes: equal states give equal bytes, damage is found, nothing is half loaded.
#include "stage.hpp"

namespace slipway::client::test {
namespace {

TEST(ClientSnapshot, IsTakenBackByteForByte) {
  Device device(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101));
  ASSERT_TRUE(device.model.create_instance(path("/1000/5")));
  ASSERT_TRUE(device.model.create_instance(path("/2/0")));
  ASSERT_TRUE(device.model.set(path("/1/0/12"), Value::time(1'700'000'000)));
  ASSERT_TRUE(device.model.set(path("/0/1/16/0"), Value::unsigned_integer(49320)));
  ASSERT_TRUE(device.model.set(path("/0/1/17"), Value::objlnk({21, 0})));
  ASSERT_TRUE(device.model.mutable_tree().mark(path("/1/0/25")));
  Device other;
  ASSERT_TRUE(other.model.load(*device.model.snapshot()));
  EXPECT_EQ(other.state(), device.state());
  EXPECT_EQ(other.model.tree().find(path("/0/1/17")), Value::objlnk({21, 0}));
  EXPECT_EQ(other.model.tree().find(path("/1/0/12")), Value::time(1'700'000'000));
  EXPECT_EQ(other.model.tree().find(path("/0/1/16/0")), Value::unsigned_integer(49320));
}

TEST(ClientSnapshot, EveryDamagedByteIsFoundAndNothingChanges) {
  Device device;
  const auto good = *device.model.snapshot();
  Device other(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101));
  const auto before = other.state();
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] ^= 0x20;
    EXPECT_FALSE(other.model.load(bad)) << i;
    EXPECT_FALSE(Model::check_snapshot(bad)) << i;
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(other.model.load(ByteView(good).first(size))) << size;
  EXPECT_EQ(other.state(), before);
}

TEST(ClientSnapshot, RemembersWhereAccountsCameFromAndWhoWasRegisteredWith) {
  Device device;
  device.model.mutable_memory() = {
      .card = {.digest = 0xfedcba9876543210, .instances = {path("/0/1"), path("/1/0")}},
      .bootstrapped = true,
      .registered = {ShortServerId(101), ShortServerId(65534)}};
  Device other;
  ASSERT_TRUE(other.model.load(*device.model.snapshot()));
  EXPECT_EQ(other.model.memory(), device.model.memory());
}

/// Taken from the release before: its header has no memory, and ends after the checksum.
TEST(ClientSnapshot, TheFirstVersionIsStillRead) {
  Device device;
  const auto now = *device.model.snapshot();
  const std::size_t marks = (now[6] << 8 | now[7]) * 7u;
  const std::size_t memory = now[20] << 8 | now[21];
  Bytes rest(now.begin() + 22, now.begin() + 22 + static_cast<std::ptrdiff_t>(marks));
  rest.insert(rest.end(), now.begin() + 22 + static_cast<std::ptrdiff_t>(marks + memory), now.end());
  Bytes first(now.begin(), now.begin() + 12);
  first[5] = 1;
  for (int shift = 56; shift >= 0; shift -= 8)
    first.push_back(static_cast<std::uint8_t>(fnv1a(rest) >> shift));
  first.insert(first.end(), rest.begin(), rest.end());
  Device other(security_entries("/0/1", 101) + server_entries("/1/0", 101));
  ASSERT_TRUE(other.model.load(first));
  EXPECT_EQ(other.state(), device.state());
  EXPECT_EQ(other.model.memory(), Memory{});
}

TEST(ClientSnapshot, AnotherFormatVersionIsRefused) {
  Device device;
  auto bytes = *device.model.snapshot();
  bytes[5] = 3;
  EXPECT_EQ(Model::check_snapshot(bytes).error().code, ErrorCode::unsupported);
  EXPECT_EQ(device.model.load(bytes).error().code, ErrorCode::unsupported);
}

TEST(ClientSnapshot, ReplacesStoredObjectsAndKeepsNewInitialValues) {
  Model old_firmware;
  old_firmware.object(ObjectId(9000))
      .instance(InstanceId(0))
      .value<std::string>(ResourceId(0), "old")
      .writable();
  ASSERT_TRUE(old_firmware.load_factory(factory_entries()));
  Model new_firmware;
  auto& instance = new_firmware.object(ObjectId(9000)).instance(InstanceId(0));
  auto first = instance.value<std::string>(ResourceId(0), "new");
  auto second = instance.value<std::string>(ResourceId(1), "added");
  ASSERT_TRUE(new_firmware.load_factory(security_entries("/0/7", 107) + server_entries("/1/7", 107)));
  ASSERT_TRUE(new_firmware.load(*old_firmware.snapshot()));
  EXPECT_EQ(first.get(), "old");
  EXPECT_EQ(second.get(), "added");
  EXPECT_FALSE(new_firmware.tree().contains(path("/0/7")));
  EXPECT_TRUE(new_firmware.tree().contains(path("/0/0/5")));
}

TEST(ClientSnapshot, ValuesOfObjectsThatAreGoneAreDropped) {
  Device device;
  Model smaller;
  ASSERT_TRUE(smaller.load(*device.model.snapshot()));
  EXPECT_FALSE(smaller.tree().contains(path("/3")));
  EXPECT_TRUE(smaller.tree().contains(path("/0/0")));
}

TEST(ClientTree, KeepsItsBounds) {
  Tree tree({.values_max = 4, .bytes_max = 10});
  EXPECT_TRUE(tree.put(path("/0/0/0"), Value::string("12345")));
  EXPECT_TRUE(tree.put(path("/0/0/0"), Value::string("1234567890")));
  EXPECT_EQ(tree.put(path("/0/0/3"), Value::opaque(as_bytes("x"))).error().code, ErrorCode::limit);
  EXPECT_TRUE(tree.put(path("/0/0/0"), Value::string("")));
  EXPECT_TRUE(tree.put(path("/0/0/3"), Value::opaque(as_bytes("x"))));
  EXPECT_TRUE(tree.put(path("/0/0/4"), Value::integer(1)));
  EXPECT_EQ(tree.put(path("/0/0/5"), Value::integer(1)).error().code, ErrorCode::limit);
  EXPECT_EQ(tree.put(path("/0/0"), Value::integer(1)).error().code, ErrorCode::wrong_path);
  EXPECT_TRUE(tree.erase(path("/0")));
  EXPECT_EQ(tree.size(), 0u);
  EXPECT_TRUE(tree.put(path("/0/0/0"), Value::string("1234567890")));
}

}  // namespace
}  // namespace slipway::client::test
