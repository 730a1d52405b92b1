// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/fleet/configuration.hpp>

#include "cli/plan_text.hpp"
#include "cli/rehearsal.hpp"

namespace slipway::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kServer = "[[plan.p.server]]\nid = 101\nuri = \"coaps://h\"\n";

std::shared_ptr<const fleet::Plan> plan(const std::string& more) {
  const auto read = fleet::parse_configuration(
      "[[enrolment]]\nendpoints = [\"d\"]\nplan = \"p\"\n" + std::string(kServer) + more, "f.toml",
      builtin_objects());
  if (!read) throw std::runtime_error(read.error().front().text());
  return read->plans.at("p");
}

Rehearsal rehearsed(const std::string& more, ContentFormat format = ContentFormat::senml_cbor,
                    std::string discover = {}) {
  const auto played = plan(more);
  if (discover.empty()) discover = factory_fresh(*played, {1, 1});
  return rehearse(played,
                  {.endpoint = "d", .enabler = {1, 1}, .preferred = format, .discover = std::move(discover)},
                  builtin_objects());
}

std::vector<std::string> names(const Rehearsal& rehearsal) {
  std::vector<std::string> all;
  for (const auto& operation : rehearsal.operations)
    all.push_back(std::string(coap::describe(operation.code).view()) + " " + operation.path);
  return all;
}

/// Bytes that are not shown.
std::size_t hidden(const RehearsedOperation& operation) {
  std::size_t count = 0;
  for (const auto& message : operation.messages)
    count += static_cast<std::size_t>(std::ranges::count(message.secret, true));
  return count;
}

TEST(Rehearsal, ShowsWhatADeviceOutOfTheFactoryGetsInOrder) {
  const auto shown = rehearsed("[[plan.p.instance]]\npath = \"/3/0\"\nresources = { \"14\" = \"+01:00\" }\n");
  EXPECT_EQ(shown.outcome, bootstrap::Outcome::succeeded) << shown.reason;
  EXPECT_THAT(names(shown),
              ElementsAre("2.04 Changed ", "GET /", "PUT /0/1", "PUT /1/1", "PUT /3/0", "POST /bs"));
  const auto& write = shown.operations[4];
  EXPECT_EQ(write.name, "Bootstrap-Write");
  EXPECT_EQ(write.format, ContentFormat::senml_cbor);
  EXPECT_THAT(write.values, ElementsAre("/3/0/14 UTC Offset = \"+01:00\""));
  const auto message = coap::Message::parse(write.messages.at(0).bytes).value();
  EXPECT_EQ(message.payload.size(), write.payload_size);
  EXPECT_EQ(write.wire_size(), write.messages[0].bytes.size());
}

TEST(Rehearsal, HidesTheBytesOfKeysAndNoOthers) {
  const std::pair<ContentFormat, std::size_t> kHidden[] = {{ContentFormat::tlv, 16},
                                                           {ContentFormat::senml_cbor, 16},
                                                           {ContentFormat::lwm2m_cbor, 16},
                                                           {ContentFormat::senml_json, 22}};
  for (const auto& [format, size] : kHidden) {
    const auto shown = rehearsed("", format);
    const auto& security = shown.operations.at(2);
    EXPECT_EQ(security.path, "/0/1");
    EXPECT_EQ(hidden(security), size) << to_string(format);
    EXPECT_THAT(security.values, Contains("/0/1/5 Secret Key = (16 bytes, secret)"));
    EXPECT_EQ(hidden(shown.operations.at(3)), 0u);
    EXPECT_THAT(to_text(shown, Paint::plain), HasSubstr(".. .."));
  }
}

TEST(Rehearsal, HidesAKeyThatLiesInTwoBlocks) {
  const auto shown = rehearsed("[[plan.p.instance]]\npath = \"/24/0\"\nresources = { \"6\" = \"" +
                               std::string(990, 'c') + "\", \"8\" = \"" + "8e1f3ab2c4d507968879a0b1c2d3e4f5" +
                               "8e1f3ab2c4d507968879a0b1c2d3e4f6\" }\n");
  const auto& write = shown.operations.at(4);
  ASSERT_EQ(write.messages.size(), 2u);
  EXPECT_GT(write.payload_size, 1024u);
  EXPECT_EQ(hidden(write), 32u);
  EXPECT_NE(std::ranges::count(write.messages[0].secret, true), 0);
  EXPECT_NE(std::ranges::count(write.messages[1].secret, true), 0);
}

TEST(Rehearsal, HidesAWholePayloadThatCannotBeRead) {
  const auto shown = rehearsed(
      "[[plan.p.after]]\ndo = \"write\"\npath = \"/21/0\"\nformat = \"tlv\"\npayload = \"c8aabb\"\n");
  const auto write = std::ranges::find(shown.operations, "/21/0", &RehearsedOperation::path);
  ASSERT_NE(write, shown.operations.end());
  EXPECT_EQ(hidden(*write), 3u);
  EXPECT_THAT(write->values, ElementsAre());
}

TEST(Rehearsal, APackIsOneAnswerWithEverything) {
  const PlayedDevice device{
      .endpoint = "d", .preferred = ContentFormat::senml_json, .begin = Begin::pack, .discover = ""};
  const auto shown = rehearse(plan(""), device, builtin_objects());
  ASSERT_EQ(shown.outcome, bootstrap::Outcome::succeeded) << shown.reason;
  ASSERT_EQ(shown.operations.size(), 1u);
  EXPECT_EQ(shown.operations[0].format, ContentFormat::senml_json);
  EXPECT_THAT(shown.operations[0].values, Contains("/1/1/0 Short Server ID = 101"));
  EXPECT_EQ(hidden(shown.operations[0]), 22u);

  const auto refused = rehearse(plan("[plan.p.bootstrap]\nuri = \"coaps://b\"\n"), device, builtin_objects());
  EXPECT_EQ(refused.outcome, bootstrap::Outcome::refused);
  EXPECT_THAT(to_text(refused, Paint::plain), HasSubstr("Bootstrap-Pack  4.05"));
}

TEST(Rehearsal, TakesWhatTheDeviceHas) {
  const auto shown =
      rehearsed("", ContentFormat::tlv, "</>;lwm2m=1.1,</0/5>,</0/6>;ssid=7,</1/3>;ssid=7,</3/0>");
  EXPECT_THAT(names(shown), ::testing::AllOf(Contains("DELETE /0/6"), Contains("DELETE /1/3"),
                                             Contains("PUT /0/0"), Not(Contains("PUT /0/5"))));
}

TEST(Rehearsal, TellsWhyASessionWouldEnd) {
  std::string discover = "</>;lwm2m=1.1";
  for (int i = 0; i < 600; ++i) discover += ",</3303/" + std::to_string(i) + ">";
  const auto shown = rehearsed("", ContentFormat::tlv, discover);
  EXPECT_NE(shown.outcome, bootstrap::Outcome::succeeded);
  EXPECT_FALSE(shown.reason.empty());
}

TEST(Rehearsal, AFreshDeviceListsItsBootstrapAccountAndTheObjectsOfThePlan) {
  EXPECT_EQ(factory_fresh(*plan("[[plan.p.instance]]\npath = \"/6/0\"\n"), {1, 1}),
            "</>;lwm2m=1.1,</0/0>,</1>,</2>,</3/0>,</6>");
  EXPECT_EQ(factory_fresh(*plan(""), {1, 0}), "</>;lwm2m=1.0,</0/0>,</1>,</2>,</3/0>");
}

TEST(Rehearsal, AsJsonSaysTheSame) {
  const auto json = to_json(rehearsed(""));
  EXPECT_EQ(json["outcome"], "succeeded");
  const auto& write = json["operations"][2];
  EXPECT_EQ(write["path"], "/0/1");
  EXPECT_EQ(write["format"], "senml-cbor");
  const std::string hex = write["messages"][0];
  EXPECT_EQ(hex.size(), 2 * write["wire_size"].get<std::size_t>());
  EXPECT_THAT(hex, HasSubstr(std::string(32, '.')));
}

}  // namespace
}  // namespace slipway::cli
