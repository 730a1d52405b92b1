// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <slipway/trace/journey.hpp>

#include "support/temporary_folder.hpp"

namespace slipway::trace {
namespace {

using nlohmann::json;

Row row(std::int64_t at_us, Direction direction, std::string type, std::string code, std::string path,
        std::string operation, std::string detail, std::vector<std::string> values = {}) {
  return {.at = Duration(at_us),
          .direction = direction,
          .wire_size = 61,
          .type = std::move(type),
          .code = std::move(code),
          .path = std::move(path),
          .operation = std::move(operation),
          .detail = std::move(detail),
          .values = std::move(values)};
}

/// A short bootstrap and some trouble.
Journey sample() {
  constexpr auto up = Direction::up, down = Direction::down;
  Journey journey{.endpoint = "urn:dev:os:0001",
                  .interface = Interface::bootstrap,
                  .began = UnixTime(milliseconds(1'700'000'000'123)),
                  .peer = "127.0.0.1:61616",
                  .outcome = "succeeded"};
  journey.add(row(0, up, "DTLS", "Handshake", "", "", "3 datagrams, PSK, AES-128-CCM-8"));
  journey.add(row(12'340, up, "CON", "POST", "/bs", "Bootstrap-Request", "?ep=urn:dev:os:0001&pct=112"));
  journey.add(row(12'910, down, "ACK", "2.04 Changed", "/bs", "", ""));
  journey.add(
      row(13'300, down, "CON", "PUT", "/0/1", "Bootstrap-Write", "senml-cbor",
          {"/0/1/0 LwM2M Server URI = \"coaps://127.0.0.1:5684\"", "/0/1/5 Secret Key = (16 bytes, secret)",
           "/3/0/14 Zone = \"\xC3\xA4\xC3\xB6\xC3\xBC a text that is rather long, and longer than any line "
           "of a ladder "
           "that is meant to be read on a terminal of a hundred columns or of a hundred and sixty\""}));
  journey.add(row(14'000, up, "ACK", "4.15 Unsupported Content-Format", "/0/1", "", "\"no such format\""));
  journey.add(row(1'234'567, up, "RST", "", "", "", ""));
  journey.rows_dropped = 3;
  return journey;
}

TEST(Journey, CountsMessagesAndBytesBothWays) {
  const auto journey = sample();
  EXPECT_EQ(journey.traffic.messages_up, 4u);
  EXPECT_EQ(journey.traffic.messages_down, 2u);
  EXPECT_EQ(journey.traffic.bytes_up, 4 * 61u);
  EXPECT_EQ(journey.duration, Duration(1'234'567));
}

TEST(Journey, KeepsABoundedNumberOfRowsAndCountsTheRest) {
  Journey journey;
  for (std::size_t i = 0; i < kRowsMax + 5; ++i)
    journey.add(row(0, Direction::up, "CON", "GET", "/3", "", ""));
  EXPECT_EQ(journey.rows.size(), kRowsMax);
  EXPECT_EQ(journey.rows_dropped, 5u);
  EXPECT_EQ(journey.traffic.messages_up, kRowsMax + 5);
}

TEST(Journey, KeepsABoundedAmountOfText) {
  Journey journey;
  const std::vector<std::string> lines(kValueLinesMax, std::string(kLineMax, 'x'));
  for (std::size_t i = 0; i < kRowsMax; ++i)
    journey.add(row(0, Direction::up, "CON", "GET", "/3", "", "", lines));
  std::size_t size = 0;
  for (const auto& kept : journey.rows)
    for (const auto& value : kept.values) size += value.size();
  EXPECT_EQ(journey.rows.size(), kRowsMax);
  EXPECT_LE(size, kJourneyTextMax + kRowsMax * 32);
  EXPECT_EQ(journey.rows.back().values, std::vector<std::string>{"… 64 lines not kept"});
}

TEST(JourneyJson, ComesBackAsItWas) {
  const auto given = sample();
  const auto read = journey_from_json(json::parse(to_json(given).dump()));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(given));
  EXPECT_EQ(read->endpoint, given.endpoint);
  EXPECT_EQ(read->interface, given.interface);
  EXPECT_EQ(read->began, given.began);
  EXPECT_EQ(read->rows.size(), given.rows.size());
  EXPECT_EQ(read->rows[3].values, given.rows[3].values);
  EXPECT_EQ(read->rows[1].at, Duration(12'340));
  EXPECT_EQ(read->rows_dropped, 3u);
  EXPECT_EQ(read->traffic.bytes_down, given.traffic.bytes_down);
}

TEST(JourneyJson, IsJsonWhateverThePeerSent) {
  auto journey = sample();
  journey.endpoint = "\xff\xfe";
  journey.reason = "\xc3";
  journey.rows[0].detail = "\x80";
  EXPECT_NO_THROW((void)to_json(journey).dump());
}

TEST(JourneyJson, WhatIsNoJourneyIsAnError) {
  for (const auto* text :
       {"null", "[]", "{}", "{\"endpoint\": 1}", "\"x\"",
        R"({"endpoint":"e","interface":"bootstrap","began_ms":"x","duration_us":0,"rows":[],"traffic":{}})"})
    EXPECT_FALSE(journey_from_json(json::parse(text))) << text;
  auto broken = to_json(sample());
  broken["rows"][0]["values"] = json::array({1, 2});
  EXPECT_FALSE(journey_from_json(broken));
  broken["rows"][0] = 5;
  EXPECT_FALSE(journey_from_json(broken));
}

TEST(JourneyJson, ReadsABoundedNumberOfRows) {
  auto many = to_json(sample());
  for (std::size_t i = 0; i <= kRowsMax; ++i) many["rows"].push_back(many["rows"][0]);
  EXPECT_EQ(journey_from_json(many).error().code, ErrorCode::limit);
}

// The expected ladders are files, so that a person can look at them. To write them anew after a change that
// is meant: SLIPWAY_WRITE_GOLDEN=1 test_trace --gtest_filter='*Ladder*'
void expect_ladder(const std::string& name, const LadderStyle& style) {
  const std::string file = std::string(SLIPWAY_VECTORS) + "/trace/" + name;
  const auto drawn = ladder(sample(), style);
  if (std::getenv("SLIPWAY_WRITE_GOLDEN") != nullptr) testing::write_file(file, drawn);
  EXPECT_EQ(drawn, testing::read_file(file)) << file;
}

TEST(Ladder, FitsSixtyColumns) {
  expect_ladder("ladder-60.txt", {.width = 60});
}
TEST(Ladder, FitsAHundredColumns) {
  expect_ladder("ladder-100.txt", {.width = 100});
}
TEST(Ladder, FitsAHundredAndSixtyColumns) {
  expect_ladder("ladder-160.txt", {.width = 160});
}
TEST(Ladder, IsColouredWhereAsked) {
  expect_ladder("ladder-100-colour.txt", {.colour = Colour::on, .width = 100});
}

std::size_t columns(std::string_view line) {
  std::size_t n = 0;
  for (const char c : line) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return n;
}

TEST(Ladder, NeverLeavesItsWidth) {
  for (std::size_t width = 60; width <= 200; ++width) {
    std::istringstream lines(ladder(sample(), {.width = width}));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), width) << line;
  }
}

TEST(Ladder, IsDrawnAlsoForNoWidthAtAll) {
  EXPECT_FALSE(ladder(sample(), {.width = 0}).empty());
  EXPECT_FALSE(ladder({}, {.width = 0}).empty());
}

TEST(Ladder, NeutralisesWhatAServerMayHaveMadeUp) {
  const auto hostile = row(0, Direction::up, "C\x1bN", "\x1b[2J", "/\x07", "\x1b]0;x", "a\nb", {"\x1b[31m"});
  EXPECT_EQ(ladder_row(hostile, {}).find('\x1b'), std::string::npos);
  EXPECT_EQ(ladder_row(hostile, {}).find('\x07'), std::string::npos);
}

TEST(Journey, IsAnnotatedWithinItsBounds) {
  Journey journey;
  journey.annotate("nothing to say it of");
  EXPECT_TRUE(journey.rows.empty());
  journey.add({});
  journey.annotate("refused, and why");
  EXPECT_EQ(journey.rows[0].values, (std::vector<std::string>{"refused, and why"}));
  EXPECT_EQ(journey.traffic.messages_up + journey.traffic.messages_down, 1u) << "it is no message";
  for (std::size_t i = 0; i < 2 * kValueLinesMax; ++i) journey.annotate("again");
  EXPECT_LE(journey.rows[0].values.size(), kValueLinesMax + 1);
  journey.annotate(std::string(kJourneyTextMax, 'x'));
  EXPECT_LE(journey.text_bytes, kJourneyTextMax);
}

TEST(Journey, HasItsHeadlineWithReasonAndRemedy) {
  Journey journey;
  journey.outcome = "succeeded";
  EXPECT_EQ(headline(journey, {}), "succeeded\n");
  journey.outcome = "refused";
  journey.reason = "no enrolment takes this endpoint";
  journey.remedy = "name it\x1b[31m";
  EXPECT_EQ(headline(journey, {}), "refused: no enrolment takes this endpoint\n  → name it.[31m\n");
  const auto again = journey_from_json(to_json(journey));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->remedy, journey.remedy);
}

}  // namespace
}  // namespace slipway::trace
