// SPDX-License-Identifier: Apache-2.0
// The device maker's API: declarations, typed functions, stored values.
#include <array>

#include "stage.hpp"

namespace slipway::client::test {
namespace {

// What must not compile, asked politely.
template <class T, class Function>
concept CanRead = requires(Resource<T> resource, Function function) { resource.reads(function); };
template <class T, class Function>
concept CanWrite = requires(Resource<T> resource, Function function) { resource.writes(function); };
template <class T>
concept IsResource = requires(Instance instance) { instance.resource<T>(ResourceId(0)); };

using Text = decltype([] { return "text"; });
using Whole = decltype([] { return 5; });
using Real = decltype([] { return 5.5; });
using Single = decltype([] { return 5.5f; });
using Truth = decltype([] { return true; });
using MaybeReal = decltype([] { return std::optional<double>(); });
using TriedReal = decltype([]() -> Result<double> { return 1.0; });
static_assert(CanRead<double, Real> && CanRead<double, Single> && CanRead<double, MaybeReal> &&
              CanRead<double, TriedReal>);
static_assert(CanRead<std::int64_t, Whole> && CanRead<std::string, Text> && CanRead<bool, Truth>);
static_assert(!CanRead<double, Text> && !CanRead<double, Truth> && !CanRead<double, Whole>);
static_assert(!CanRead<std::int64_t, Real> && !CanRead<std::int64_t, Truth> &&
              !CanRead<std::uint64_t, Whole>);
static_assert(!CanRead<std::string, Whole> && !CanRead<bool, Whole> && !CanRead<Bytes, Text>);
static_assert(CanWrite<double, decltype([](double) {})> &&
              !CanWrite<double, decltype([](std::string_view) {})>);
static_assert(!CanWrite<double, decltype([](double) { return 5; })>);
static_assert(IsResource<double> && IsResource<void> && !IsResource<float> && !IsResource<int> &&
              !IsResource<char*>);

std::vector<Entry> read(const Model& model, std::string_view at, Collector& out) {
  const auto done = model.collect(path(at), Model::Reader::server, out);
  EXPECT_TRUE(done) << (done ? "" : done.error().detail);
  return {out.entries().begin(), out.entries().end()};
}

TEST(ClientModel, EveryDataTypeIsReadThroughAFunction) {
  Model model;
  auto& instance = model.object(ObjectId(9000)).instance(InstanceId(0));
  instance.resource<std::string>(ResourceId(0)).reads([] { return std::string("text"); });
  instance.resource<std::int64_t>(ResourceId(1)).reads([] { return -5; });
  instance.resource<std::uint64_t>(ResourceId(2)).reads([] { return std::uint64_t{5}; });
  instance.resource<double>(ResourceId(3)).reads([] { return 2.5; });
  instance.resource<bool>(ResourceId(4)).reads([] { return true; });
  instance.resource<Bytes>(ResourceId(5)).reads([] { return Bytes{1, 2, 3}; });
  instance.resource<std::chrono::sys_seconds>(ResourceId(6)).reads([] {
    return std::chrono::sys_seconds(seconds(7));
  });
  instance.resource<Objlnk>(ResourceId(7)).reads([] { return Objlnk{3, 0}; });
  instance.resource<CoreLink>(ResourceId(8)).reads([] { return CoreLink{"</3/0>"}; });
  instance.resource<double>(ResourceId(9)).reads([] { return std::optional<double>(); });
  Collector out;
  const auto entries = read(model, "/9000/0", out);
  const std::array<Value, 9> expected = {
      Value::string("text"), Value::integer(-5),    Value::unsigned_integer(5),
      Value::floating(2.5),  Value::boolean(true),  Value::opaque(as_bytes("\x01\x02\x03")),
      Value::time(7),        Value::objlnk({3, 0}), Value::corelnk("</3/0>")};
  ASSERT_EQ(entries.size(), expected.size());  // the absent one is not there
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(entries[i].value, expected[i]) << i;
}

TEST(ClientModel, MultipleResourcesComeFromRangesAndMaps) {
  Model model;
  auto& instance = model.object(ObjectId(9000)).instance(InstanceId(0));
  instance.resources<std::int64_t>(ResourceId(0)).reads([] {
    return std::array{std::int64_t{7}, std::int64_t{8}};
  });
  instance.resources<std::string>(ResourceId(1)).reads([] {
    return std::map<std::uint16_t, std::string>{{3, "three"}, {9, "nine"}};
  });
  instance.resources<double>(ResourceId(2)).reads([] { return std::vector<double>(); });
  Collector out;
  const auto entries = read(model, "/9000/0", out);
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[1].path, path("/9000/0/0/1"));
  EXPECT_EQ(entries[3].path, path("/9000/0/1/9"));
  EXPECT_EQ(entries[3].value, Value::string("nine"));
  EXPECT_EQ(entries[4].kind, EntryKind::multiple);
}

TEST(ClientModel, APartialWriteOfAMultipleResourceHandsOverTheWhole) {
  Model model;
  std::map<std::uint16_t, std::int64_t> values = {{0, 10}, {1, 11}};
  model.object(ObjectId(9000))
      .instance(InstanceId(0))
      .resources<std::int64_t>(ResourceId(0))
      .reads([&] { return values; })
      .writes([&](const std::map<std::uint16_t, std::int64_t>& all) { values = all; });
  const std::array change = {entry("/9000/0/0/1", Value::integer(21))};
  ASSERT_TRUE(model.write(path("/9000/0/0"), change, Model::Merge::update));
  EXPECT_EQ(values, (std::map<std::uint16_t, std::int64_t>{{0, 10}, {1, 21}}));
  ASSERT_TRUE(model.write(path("/9000/0/0"), change, Model::Merge::replace));
  EXPECT_EQ(values, (std::map<std::uint16_t, std::int64_t>{{1, 21}}));
}

TEST(ClientModel, DefinitionsFollowFromTheDeclarations) {
  Model model;
  auto& instance = model.object(ObjectId(9000)).instance(InstanceId(0));
  instance.resource<double>(ResourceId(1)).reads([] { return 1.0; }).writes([](double) {});
  instance.resource<void>(ResourceId(2)).executes([] {});
  instance.value<std::string>(ResourceId(3), "x");
  instance.value<std::string>(ResourceId(4), "x").writable();
  EXPECT_EQ(model.definition(path("/9000/0/1"))->operations, Operations::read_write);
  EXPECT_EQ(model.definition(path("/9000/0/2"))->operations, Operations::execute);
  EXPECT_EQ(model.definition(path("/9000/0/3"))->operations, Operations::read);
  EXPECT_EQ(model.definition(path("/9000/0/4"))->operations, Operations::read_write);
  EXPECT_EQ(model.definition(path("/9000/0/5")), nullptr);
}

TEST(ClientModel, ADeclarationAgainstTheCatalogueIsAComplaint) {
  Model model;
  model.object(ObjectId(3)).instance(InstanceId(0)).resource<double>(ResourceId(0)).reads([] { return 1.0; });
  const auto verified = model.verify();
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error(), "/3/0/0: the resource is declared with another type than its definition has");
}

TEST(ClientModel, TooManyObjectsAreAComplaint) {
  ModelBounds bounds;
  bounds.objects_max = 5;
  Model model(builtin_objects(), bounds);
  model.object(ObjectId(9000));
  EXPECT_TRUE(model.verify());
  model.object(ObjectId(9001));
  EXPECT_FALSE(model.verify());
}

TEST(ClientModel, StoredValuesAreReadSetAndHeard) {
  Model model;
  auto& instance = model.object(ObjectId(9000)).instance(InstanceId(0));
  std::string heard;
  auto name =
      instance.value<std::string>(ResourceId(0), "first").writable().on_write([&](std::string_view text) {
        heard = text;
      });
  EXPECT_EQ(name.get(), "first");
  ASSERT_TRUE(name.set("second"));
  EXPECT_EQ(name.get(), "second");
  EXPECT_EQ(heard, "");
  const std::array change = {entry("/9000/0/0", Value::string("third"))};
  ASSERT_TRUE(model.write(path("/9000/0/0"), change, Model::Merge::replace));
  EXPECT_EQ(heard, "third");
}

TEST(ClientModel, WhatTheApplicationSetsSurvivesARollback) {
  Model model;
  auto name = model.object(ObjectId(9000)).instance(InstanceId(0)).value<std::string>(ResourceId(0), "first");
  model.begin();
  ASSERT_TRUE(name.set("second"));
  model.rollback();
  EXPECT_EQ(name.get(), "second");
}

TEST(ClientModel, SettingOutsideTheRangeIsRefused) {
  Model model;
  auto level = model.object(ObjectId(3)).instance(InstanceId(0)).value<std::int64_t>(ResourceId(9), 50);
  EXPECT_EQ(level.set(101).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(level.get(), 50);
}

TEST(ClientModel, CreatedInstancesAreMadeByTheFactoryAndComeBackAfterARestart) {
  Device device;
  ASSERT_TRUE(device.model.create_instance(path("/1000/5")));
  EXPECT_EQ(device.model.create_instance(path("/1000/5")).error().code, ErrorCode::duplicate);
  EXPECT_EQ(device.model.tree().text(path("/1000/5/0")), "new");
  const auto bytes = device.model.snapshot();
  Device other;
  ASSERT_TRUE(other.model.load(*bytes));
  ASSERT_NE(other.model.find(ObjectId(1000))->find(InstanceId(5)), nullptr);
  EXPECT_EQ(other.state(), device.state());
}

TEST(ClientModel, TheMakerHearsOfADelete) {
  Model model;
  std::vector<std::uint16_t> gone;
  model.object(ObjectId(9000))
      .creatable([](Instance&) -> Result<void> { return {}; })
      .on_delete([&](InstanceId id) { gone.push_back(id.value()); });
  ASSERT_TRUE(model.create_instance(path("/9000/2")));
  ASSERT_TRUE(model.delete_instance(path("/9000/2")));
  EXPECT_EQ(gone, (std::vector<std::uint16_t>{2}));
}

TEST(ClientModel, AFactoryThatRefusesLeavesNothing) {
  Model model;
  model.object(ObjectId(9000)).creatable([](Instance&) -> Result<void> {
    return fail(ErrorCode::exhausted, "no port is free");
  });
  EXPECT_EQ(model.create_instance(path("/9000/2")).error().code, ErrorCode::exhausted);
  EXPECT_FALSE(model.has_instance(path("/9000/2")));
}

// --- Factory packs ----------------------------------------------------------------------------------

std::string refusal(std::vector<Entry> entries) {
  Model model;
  const auto before = *model.snapshot();
  const auto loaded = model.load_factory(entries);
  EXPECT_FALSE(loaded);
  EXPECT_EQ(*model.snapshot(), before);
  return loaded ? "" : loaded.error();
}

TEST(FactoryPack, IsRefusedWithPlaceAndRule) {
  EXPECT_EQ(refusal({}), "/1: there is neither a bootstrap nor a server account");
  auto second = factory_entries();
  for (auto& item : second) item.path = Path(item.path.object(), InstanceId(1), item.path.resource());
  EXPECT_EQ(refusal(factory_entries() + second), "/0/1: there are two bootstrap accounts");
  EXPECT_EQ(
      refusal(security_entries("/0/1", 101) + server_entries("/1/0", 101) + security_entries("/0/2", 101)),
      "/0/2: two Security instances have the same short server id");
  EXPECT_EQ(refusal(security_entries("/0/1", 101)),
            "/0/1: the account has no Server instance of its short server id");
  EXPECT_EQ(refusal(factory_entries() + std::vector<Entry>{entry("/77/0/0", Value::integer(1))}),
            "/77/0/0: the device does not have this object");
  EXPECT_EQ(refusal(factory_entries() + std::vector<Entry>{entry("/0/0/99", Value::integer(1))}),
            "/0/0/99: the object has no such resource");
  EXPECT_EQ(refusal(factory_entries() + std::vector<Entry>{entry("/0/0/11", Value::string("soon"))}),
            "/0/0/11: the value has another type than the resource");
}

TEST(FactoryPack, NeverTellsASecret) {
  auto entries = factory_entries();
  entries.pop_back();
  const std::string too_long(65, 'S');
  entries.push_back(entry("/0/0/5", Value::opaque(as_bytes(too_long))));
  EXPECT_EQ(refusal(entries), "/0/0/5: the PSK is above 64 bytes");
}

TEST(FactoryPack, CarriesAdditionalInstancesOfStoredObjects) {
  Model model;
  model.object(ObjectId(24)).stored();
  const auto loaded =
      model.load_factory(factory_entries() + std::vector<Entry>{entry("/24/0/6", Value::string("client-7"))});
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(model.tree().text(path("/24/0/6")), "client-7");
}

}  // namespace
}  // namespace slipway::client::test
