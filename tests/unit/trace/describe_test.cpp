// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <slipway/trace/describe.hpp>

#include "messages.hpp"

namespace slipway::trace {
namespace {

using coap::Code;
using coap::Type;
using enum ContentFormat;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Row describe(Conversation& talk, Direction direction, const Draft& draft) {
  return talk.describe(direction, message(draft), 100);
}
Row describe(Direction direction, const Draft& draft, Interface interface = Interface::management) {
  Conversation talk(builtin_objects(), interface);
  return describe(talk, direction, draft);
}

struct Named {
  const char* name;
  Direction direction;
  Interface interface;
  Draft draft;
};
void PrintTo(const Named& one, std::ostream* out) {
  *out << one.name;
}

Bytes bytes_of_hex(std::string_view hex) {
  return from_hex(hex).value_or(Bytes());
}

TEST(DescribeStream, AFrameIsReadLikeADatagram) {
  Conversation talk(builtin_objects(), Interface::management);
  const auto read =
      talk.describe(Direction::down, bytes_of_hex("6101aa b133 0130 0130"), 9, coap::Framing::stream);
  EXPECT_EQ(read.type, "TCP");
  EXPECT_EQ(read.code, "GET");
  EXPECT_EQ(read.operation, "Read");
  EXPECT_EQ(read.path, "/3/0/0");
  const auto answer =
      talk.describe(Direction::up, bytes_of_hex("5145aa c0 ff 4d6521"), 9, coap::Framing::stream);
  EXPECT_EQ(answer.code, "2.05 Content");
  EXPECT_EQ(answer.path, "/3/0/0");
  EXPECT_THAT(answer.values, ElementsAre("/3/0/0 Manufacturer = \"Me!\""));
}

TEST(DescribeStream, SignalsAreSaidInWords) {
  const auto said = [](std::string_view hex) {
    Conversation talk(builtin_objects());
    const auto row = talk.describe(Direction::up, bytes_of_hex(hex), 1, coap::Framing::stream);
    return row.code + ": " + row.detail;
  };
  EXPECT_EQ(said("50e1 23010400 20"), "7.01 CSM: Max-Message-Size 66560 Block-Wise-Transfer");
  EXPECT_EQ(said("11e2 01 20"), "7.02 Ping: Custody");
  EXPECT_EQ(said("02e3 0001"), "7.03 Pong: ");
  EXPECT_EQ(said("90e4 23613a31 210a ff6279"),
            "7.04 Release: Alternative-Address \"a:1\" Hold-Off 10 \"by\"");
  EXPECT_EQ(said("40e5 2103 ff78"), "7.05 Abort: Bad-CSM-Option 3 \"x\"");
  EXPECT_EQ(said("20e5 ff00"), "7.05 Abort: (1 bytes, not shown)");
  EXPECT_EQ(said("20e1 71aa"), "7.01 CSM: option 7 aa");
  EXPECT_EQ(said("0000"), "0.00 Empty: ");
  EXPECT_EQ(said("50e1"), "not CoAP: the frame is shorter than it says (byte 2)");
}

class OperationNames : public ::testing::TestWithParam<Named> {};

TEST_P(OperationNames, AreTheOnesOfTheSpecification) {
  const auto& [name, direction, interface, draft] = GetParam();
  const auto row = describe(direction, draft, interface);
  EXPECT_EQ(row.operation, name);
  EXPECT_EQ(row.path, draft.path.empty() ? "/" : draft.path);
}

constexpr auto kUp = Direction::up;
constexpr auto kDown = Direction::down;
constexpr auto kBootstrap = Interface::bootstrap;
constexpr auto kManagement = Interface::management;
const Bytes kOne = {'1'};

const Named kNames[] = {
    {"Bootstrap-Request", kUp, Interface::unknown, {.code = Code::post, .path = "/bs"}},
    {"Bootstrap-Pack-Request", kUp, Interface::unknown, {.path = "/bspack"}},
    {"Bootstrap-Finish", kDown, kBootstrap, {.code = Code::post, .path = "/bs"}},
    {"Bootstrap-Discover", kDown, kBootstrap, {.path = "", .accept = link_format}},
    {"Bootstrap-Read", kDown, kBootstrap, {.path = "/1"}},
    {"Bootstrap-Write",
     kDown,
     kBootstrap,
     {.code = Code::put, .path = "/1/0", .format = tlv, .payload = kOne}},
    {"Bootstrap-Delete", kDown, kBootstrap, {.code = Code::del, .path = ""}},
    {"Register", kUp, Interface::unknown, {.code = Code::post, .path = "/rd"}},
    {"Update", kUp, kManagement, {.code = Code::post, .path = "/rd/5a3f"}},
    {"De-register", kUp, kManagement, {.code = Code::del, .path = "/rd/5a3f"}},
    {"Send", kUp, kManagement, {.code = Code::post, .path = "/dp"}},
    {"Read", kDown, kManagement, {.path = "/3/0/0"}},
    {"Discover", kDown, kManagement, {.path = "/3", .accept = link_format}},
    {"Write", kDown, kManagement, {.code = Code::put, .path = "/1/1/1", .format = text, .payload = kOne}},
    {"Write", kDown, kManagement, {.code = Code::put, .path = "/3/0/15"}},
    {"Write (partial)",
     kDown,
     kManagement,
     {.code = Code::post, .path = "/1/1", .format = tlv, .payload = kOne}},
    {"Write (partial)",
     kDown,
     kManagement,
     {.code = Code::post, .path = "/2/0/2", .format = tlv, .payload = kOne}},
    {"Write-Attributes", kDown, kManagement, {.code = Code::put, .path = "/3/0/9", .queries = {"pmin=1"}}},
    {"Write-Attributes", kDown, kManagement, {.code = Code::put, .path = "/3/0/9", .queries = {"edge=1"}}},
    {"Execute", kDown, kManagement, {.code = Code::post, .path = "/3/0/4"}},
    {"Execute", kDown, kManagement, {.code = Code::post, .path = "/3/0/4", .format = text, .payload = kOne}},
    {"Create", kDown, kManagement, {.code = Code::post, .path = "/2", .format = tlv, .payload = kOne}},
    {"Delete", kDown, kManagement, {.code = Code::del, .path = "/2/0"}},
    {"Observe", kDown, kManagement, {.path = "/3/0/9", .observe = 0}},
    {"Cancel Observation", kDown, kManagement, {.path = "/3/0/9", .observe = 1}},
    {"Read-Composite", kDown, kManagement, {.code = Code::fetch, .path = ""}},
    {"Observe-Composite", kDown, kManagement, {.code = Code::fetch, .path = "", .observe = 0}},
    {"Cancel Observation-Composite", kDown, kManagement, {.code = Code::fetch, .path = "", .observe = 1}},
    {"Write-Composite", kDown, kManagement, {.code = Code::ipatch, .path = ""}},
    {"", kUp, kManagement, {.code = Code::put, .path = "/rd/5a3f"}},
    {"", kUp, kManagement, {.path = "/3/0"}},
    {"", kDown, kManagement, {.code = Code::post, .path = "/rd"}},
    {"", kDown, kManagement, {.code = Code::patch, .path = "/3/0"}},
    {"", kDown, kManagement, {.path = "/no/path"}},
};
INSTANTIATE_TEST_SUITE_P(Each, OperationNames, ::testing::ValuesIn(kNames));

TEST(Conversation, LearnsTheInterfaceFromTheFirstRequest) {
  Conversation talk(builtin_objects());
  (void)describe(talk, kUp, {.code = Code::post, .path = "/bs", .token = 1});
  EXPECT_EQ(describe(talk, kDown, {.code = Code::del, .path = "/0", .token = 2}).operation,
            "Bootstrap-Delete");
  (void)describe(talk, kUp, {.code = Code::post, .path = "/rd", .token = 3});
  EXPECT_EQ(describe(talk, kDown, {.code = Code::del, .path = "/2/0", .token = 4}).operation, "Delete");
}

TEST(Conversation, DescribesARegistration) {
  Conversation talk(builtin_objects());
  const auto request = describe(talk, kUp,
                                {.code = Code::post,
                                 .path = "/rd",
                                 .queries = {"ep=dev", "lt=300"},
                                 .format = link_format,
                                 .payload = bytes_of("</>;rt=\"oma.lwm2m\",</3/0>")});
  EXPECT_EQ(request.type, "CON");
  EXPECT_EQ(request.code, "POST");
  EXPECT_EQ(request.detail, "?ep=dev&lt=300 link-format");
  EXPECT_THAT(request.values, ElementsAre("</>;rt=\"oma.lwm2m\"", "</3/0>"));
  EXPECT_EQ(request.wire_size, 100u);
  const auto answer =
      describe(talk, kDown, {.type = Type::acknowledgement, .code = Code::created, .location = "/rd/5a3f"});
  EXPECT_EQ(answer.type, "ACK");
  EXPECT_EQ(answer.code, "2.01 Created");
  EXPECT_EQ(answer.path, "/rd");
  EXPECT_EQ(answer.detail, "location /rd/5a3f");
}

TEST(Conversation, ReadsAnAnswerByItsRequest) {
  const Entry entries[] = {{.path = path("/3/0/0"), .value = Value::string("Slipway")},
                           {.path = path("/3/0/9"), .value = Value::integer(97)}};
  Conversation talk(builtin_objects(), kManagement);
  (void)describe(talk, kDown, {.path = "/3/0", .accept = tlv});
  const auto row = describe(talk, kUp,
                            {.type = Type::acknowledgement,
                             .code = Code::content,
                             .format = tlv,
                             .payload = encoded(tlv, path("/3/0"), entries)});
  EXPECT_EQ(row.path, "/3/0");
  EXPECT_THAT(row.values, ElementsAre("/3/0/0 Manufacturer = \"Slipway\"", "/3/0/9 Battery Level = 97"));
}

TEST(Conversation, DoesNotMistakeTheOtherSidesToken) {
  Conversation talk(builtin_objects(), kManagement);
  (void)describe(talk, kUp, {.code = Code::post, .path = "/rd/1", .token = 7});
  (void)describe(talk, kDown, {.path = "/3/0/0", .token = 7});
  EXPECT_EQ(describe(talk, kUp, {.type = Type::acknowledgement, .code = Code::content, .token = 7}).path,
            "/3/0/0");
  EXPECT_EQ(describe(talk, kDown, {.type = Type::acknowledgement, .code = Code::changed, .token = 7}).path,
            "/rd/1");
}

TEST(Conversation, TellsANotificationFromTheFirstAnswer) {
  Conversation talk(builtin_objects(), kManagement);
  (void)describe(talk, kDown, {.path = "/3/0/9", .observe = 0});
  const Draft answer{.code = Code::content, .observe = 5, .format = text, .payload = bytes_of("97")};
  EXPECT_EQ(describe(talk, kUp, answer).operation, "") << "a separate response is not a notification";
  const auto notification = describe(talk, kUp, answer);
  EXPECT_EQ(notification.operation, "Notify");
  EXPECT_THAT(notification.values, ElementsAre("/3/0/9 Battery Level = 97"));
}

TEST(Conversation, RemembersAnObservationLongerThanOtherRequests) {
  Conversation talk(builtin_objects(), kManagement);
  (void)describe(talk, kDown, {.path = "/3/0/9", .observe = 0, .token = 1});
  (void)describe(talk, kUp, {.type = Type::acknowledgement, .code = Code::content, .observe = 1, .token = 1});
  for (std::uint16_t i = 2; i < 3 * kOutstandingMax; ++i)
    (void)describe(talk, kDown, {.path = "/3/0/0", .token = i});
  EXPECT_EQ(describe(talk, kUp, {.code = Code::content, .observe = 2, .token = 1}).operation, "Notify");
  EXPECT_EQ(describe(talk, kUp, {.code = Code::content, .token = 2}).path, "")
      << "an old request is forgotten";
}

TEST(Conversation, RemembersABoundedNumberOfObservations) {
  Conversation talk(builtin_objects(), kManagement);
  for (std::uint16_t i = 0; i <= kOutstandingMax; ++i)
    (void)describe(talk, kDown, {.path = "/3/0/9", .observe = 0, .token = i});
  EXPECT_EQ(describe(talk, kUp, {.code = Code::content, .token = 0}).path, "");
  EXPECT_EQ(describe(talk, kUp, {.code = Code::content, .token = 1}).path, "/3/0/9");
}

TEST(Conversation, ARetransmissionDoesNotPushOutOthers) {
  Conversation talk(builtin_objects(), kManagement);
  (void)describe(talk, kDown, {.path = "/3/0/0", .token = 1});
  for (std::size_t i = 0; i < 2 * kOutstandingMax; ++i)
    (void)describe(talk, kDown, {.path = "/3/0/1", .token = 2});
  EXPECT_EQ(describe(talk, kUp, {.code = Code::content, .token = 1}).path, "/3/0/0");
}

TEST(Conversation, DescribesSendAndCompositesByWholePaths) {
  const Entry entries[] = {{.path = path("/3/0/9"), .value = Value::integer(97)}};
  const auto send = describe(kUp, {.code = Code::post,
                                   .path = "/dp",
                                   .format = senml_cbor,
                                   .payload = encoded(senml_cbor, Path(), entries)});
  EXPECT_THAT(send.values, ElementsAre("/3/0/9 Battery Level = 97"));
  const auto write = describe(kDown, {.code = Code::ipatch,
                                      .path = "",
                                      .format = senml_json,
                                      .payload = encoded(senml_json, Path(), entries)});
  EXPECT_THAT(write.values, ElementsAre("/3/0/9 Battery Level = 97"));
}

TEST(Conversation, DescribesACreateWithoutAnInstanceId) {
  const Entry entries[] = {{.path = path("/2/65535/0"), .value = Value::integer(3)}};
  const auto row = describe(kDown, {.code = Code::post,
                                    .path = "/2",
                                    .format = tlv,
                                    .payload = encoded(tlv, Path(ObjectId(2), InstanceId(65535)), entries)});
  EXPECT_EQ(row.operation, "Create");
  EXPECT_THAT(row.values, ElementsAre(HasSubstr("/0 Object ID = 3")));
}

TEST(Conversation, ShowsArgumentsDiagnosticsBlocksAndUnknownFormats) {
  EXPECT_EQ(
      describe(kDown, {.code = Code::post, .path = "/5/0/2", .format = text, .payload = bytes_of("0='a'")})
          .detail,
      "arguments 0='a'");
  EXPECT_EQ(
      describe(kUp, {.type = Type::acknowledgement, .code = Code::bad_request, .payload = bytes_of("why")})
          .detail,
      "\"why\"");
  EXPECT_EQ(describe(kDown, {.path = "/3", .accept = ContentFormat{12345}, .block2 = coap::Block{1, true, 2}})
                .detail,
            "accept format 12345 Block2:1/1/64");
}

TEST(Conversation, DescribesEmptyMessages) {
  Conversation talk(builtin_objects());
  const auto empty = [&](std::uint8_t first) { return talk.describe(kUp, Bytes{first, 0, 0, 1}, 4); };
  EXPECT_EQ(empty(0x40).code, "Ping");
  EXPECT_EQ(empty(0x60).type, "ACK");
  EXPECT_EQ(empty(0x70).type, "RST");
}

TEST(Conversation, SaysWhyADatagramIsNotCoap) {
  Conversation talk(builtin_objects());
  for (const Bytes& hostile :
       {Bytes{}, Bytes{0x40}, Bytes{0xFF, 0xFF, 0xFF, 0xFF}, Bytes{0x4F, 1, 0, 1}, Bytes(1500, 0xA5)}) {
    const auto row = talk.describe(kUp, hostile, hostile.size());
    EXPECT_EQ(row.type, "?");
    EXPECT_EQ(row.code, "not CoAP");
    EXPECT_THAT(row.detail, HasSubstr("(byte "));
  }
}

TEST(Conversation, CountsTheValueLinesItLeavesOut) {
  std::string links;
  for (std::size_t i = 0; i < kValueLinesMax + 10; ++i)
    links += (i == 0 ? "</3303/" : ",</3303/") + std::to_string(i) + ">";
  const auto row =
      describe(kUp, {.code = Code::post, .path = "/rd", .format = link_format, .payload = bytes_of(links)});
  ASSERT_EQ(row.values.size(), kValueLinesMax + 1);
  EXPECT_EQ(row.values.back(), "… 10 more");
}

TEST(Conversation, NeutralisesWhatTerminalsObey) {
  const std::string hostile =
      "a\x1b[31m\x7f\n\xc2\x9b"
      "31m\xe2\x80\xae"
      "b\xff";
  const auto row = describe(kUp, {.code = Code::post,
                                  .path = "/rd/" + hostile,
                                  .queries = {"ep=" + hostile},
                                  .format = link_format,
                                  .payload = bytes_of("<" + hostile + ">")});
  for (const auto& shown : {row.path, row.detail, row.values.empty() ? "" : row.values[0]}) {
    for (const char c : shown) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7F) << shown;
    EXPECT_EQ(shown.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(shown.find("\xe2\x80\xae"), std::string::npos);
    EXPECT_EQ(shown.find('\xff'), std::string::npos);
  }
}

TEST(Conversation, CutsLongLinesBetweenLetters) {
  std::string long_text;
  for (int i = 0; i < 500; ++i) long_text += "\xC3\xA4";
  const Entry entries[] = {{.path = path("/3/0/0"), .value = Value::string(long_text)}};
  const auto row = describe(kDown, {.code = Code::put,
                                    .path = "/3/0",
                                    .format = senml_cbor,
                                    .payload = encoded(senml_cbor, path("/3/0"), entries)});
  ASSERT_EQ(row.values.size(), 1u);
  EXPECT_LT(row.values[0].size(), kLineMax + 8);
  EXPECT_THAT(row.values[0], ::testing::EndsWith("\xC3\xA4…"));
}

// Secrets: a canary that must not be seen, raw, as hexadecimal or as base64.

const std::string kCanary = "CANARY-0123456789";
const std::string kCanaryHex = to_hex(as_bytes(kCanary));
const std::string kCanaryBase64 = "Q0FOQVJZLTAxMjM0NTY3ODk";

bool shows_canary(const Row& row) {
  std::string all = row.code + row.path + row.operation + row.detail;
  for (const auto& value : row.values) all += value;
  for (const auto& form : {kCanary, kCanaryHex, kCanaryBase64})
    if (all.find(form) != std::string::npos) return true;
  return false;
}

const std::vector<Entry>& account() {
  static const std::vector<Entry> entries = {
      {.path = path("/0/1/0"), .value = Value::string("coaps://h")},
      {.path = path("/0/1/3"), .value = Value::opaque(as_bytes("identity"))},
      {.path = path("/0/1/5"), .value = Value::opaque(as_bytes(kCanary))},
  };
  return entries;
}

class Secrets : public ::testing::TestWithParam<ContentFormat> {};
INSTANTIATE_TEST_SUITE_P(Formats, Secrets, ::testing::Values(tlv, senml_cbor, senml_json, lwm2m_cbor));

TEST_P(Secrets, AreMaskedInAWrittenAccount) {
  for (const auto* target : {"/0", "/0/1"}) {
    const auto row = describe(kDown,
                              {.code = Code::put,
                               .path = target,
                               .format = GetParam(),
                               .payload = encoded(GetParam(), path(target), account())},
                              kBootstrap);
    EXPECT_FALSE(shows_canary(row));
    EXPECT_THAT(row.values, ElementsAre(HasSubstr("coaps://h"), HasSubstr(" = "),
                                        "/0/1/5 Secret Key = (17 bytes, secret)"));
  }
}

TEST_P(Secrets, AreMaskedInAnAnswer) {
  Conversation talk(builtin_objects(), kBootstrap);
  (void)describe(talk, kDown, {.path = "/0/1"});
  const auto row = describe(talk, kUp,
                            {.type = Type::acknowledgement,
                             .code = Code::content,
                             .format = GetParam(),
                             .payload = encoded(GetParam(), path("/0/1"), account())});
  EXPECT_EQ(row.values.size(), 3u);
  EXPECT_FALSE(shows_canary(row));
}

TEST_P(Secrets, AreMaskedInABootstrapPack) {
  if (GetParam() == tlv) GTEST_SKIP() << "TLV cannot carry a pack";
  Conversation talk(builtin_objects());
  (void)describe(talk, kUp, {.path = "/bspack"});
  const auto row = describe(talk, kDown,
                            {.type = Type::acknowledgement,
                             .code = Code::content,
                             .format = GetParam(),
                             .payload = encoded(GetParam(), Path(), account())});
  EXPECT_EQ(row.values.size(), 3u);
  EXPECT_FALSE(shows_canary(row));
}

TEST_P(Secrets, StayHiddenWhenThePayloadIsBroken) {
  auto payload = encoded(GetParam(), path("/0/1"), account());
  payload.push_back(0xFF);
  const auto row = describe(
      kDown, {.code = Code::put, .path = "/0/1", .format = GetParam(), .payload = payload}, kBootstrap);
  EXPECT_THAT(row.values, IsEmpty());
  EXPECT_THAT(row.detail, HasSubstr("do not decode"));
  EXPECT_FALSE(shows_canary(row));
}

TEST_P(Secrets, StayHiddenInPiecesOfALargerBody) {
  const auto payload = encoded(GetParam(), path("/0/1"), account());
  for (const coap::Block block : {coap::Block{0, true, 4}, coap::Block{1, false, 4}}) {
    const auto row = describe(
        kDown, {.code = Code::put, .path = "/0/1", .format = GetParam(), .block1 = block, .payload = payload},
        kBootstrap);
    EXPECT_THAT(row.values, IsEmpty());
    EXPECT_THAT(row.detail, HasSubstr("of a larger body"));
    EXPECT_FALSE(shows_canary(row));
  }
}

TEST(SecretsOfOneResource, AreMaskedInEveryFormatAndDirection) {
  const auto raw = bytes_of(kCanary);
  const auto base64 = bytes_of(kCanaryBase64 + "=");
  for (const auto format :
       {std::optional<ContentFormat>(), std::optional(text), std::optional(opaque), std::optional(cbor),
        std::optional(tlv), std::optional(link_format), std::optional(senml_json), std::optional(oma_json),
        std::optional(ContentFormat{50})})
    for (const auto& payload : {raw, base64})
      for (const auto code : {Code::put, Code::post, Code::fetch, Code::ipatch})
        for (const auto* target : {"/0/1/5", "/0/1/5/0", "/0/1", "/0", "", "/lwm2m/0/1/5", "/21/0/0"})
          for (const auto direction : {kUp, kDown})
            EXPECT_FALSE(shows_canary(
                describe(direction, {.code = code, .path = target, .format = format, .payload = payload})))
                << target;
}

TEST(SecretsOfOneResource, AreMaskedInAnswersOfEveryCode) {
  const auto canary = Bytes{0, 1, 2, 0xFF};
  for (unsigned code = 0x21; code < 0x100; ++code) {  // classes 1 to 7
    Conversation talk(builtin_objects(), kBootstrap);
    (void)describe(talk, kDown, {.path = "/0/1/5"});
    auto payload = bytes_of(kCanary);
    payload.insert(payload.end(), canary.begin(), canary.end());  // a key is no text
    const auto row = describe(
        talk, kUp, {.type = Type::acknowledgement, .code = static_cast<Code>(code), .payload = payload});
    EXPECT_FALSE(shows_canary(row)) << code;
  }
}

TEST(SecretsOfOneResource, AWrittenKeyIsNamedWithItsSize) {
  const auto row =
      describe(kDown, {.code = Code::put, .path = "/0/1/5", .format = opaque, .payload = bytes_of(kCanary)});
  EXPECT_THAT(row.values, ElementsAre("/0/1/5 Secret Key = (17 bytes, secret)"));
}

}  // namespace
}  // namespace slipway::trace
