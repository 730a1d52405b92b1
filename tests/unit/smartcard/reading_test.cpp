// SPDX-License-Identifier: Apache-2.0
#include <slipway/smartcard/reading.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include <slipway/base/random.hpp>
#include <slipway/lwm2m/smartcard_file.hpp>
#include <slipway/smartcard/card.hpp>

#include "unit/smartcard/traces.hpp"

namespace slipway::smartcard {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The accounts of vector 2 of the file.
const Bytes kContent = *from_hex(
    "0002007a000000005e08015bc80022636f6170733a2f2f65752e696f742e617673797374656d2e636c6f75643a35363834"
    "c10100c10200c803146578616d706c652d70736b2d6964656e74697479c805133378406d706c3350354b3533637233744b"
    "3379c10a01000100001208010fc10001c40100015180c10600c10755");

/// Its answer instead of the card's; nothing: the card's own.
using Intercept = std::function<std::optional<Bytes>(ByteView command)>;

/// A reading of a card from its first command to its last.
struct Session {
  std::vector<Bytes> commands;
  Bytes buffer = Bytes(lwm2m::kSmartcardFileMax);
  std::expected<Bytes, Failure> outcome;

  Session(Card& card, std::string_view pin = {}, const Intercept& intercept = {},
          std::size_t room = lwm2m::kSmartcardFileMax) {
    CardReading reading({.pin = Secret(as_bytes(pin))}, MutableBytes(buffer).first(room));
    while (const auto command = reading.poll_command()) {
      commands.emplace_back(command->begin(), command->end());
      if (commands.size() > kCommandsMax + 8) {
        ADD_FAILURE() << "it does not end";
        break;
      }
      const auto answer = intercept ? intercept(*command) : std::nullopt;
      const auto own = answer ? ByteView(*answer) : card.process(*command);
      reading.handle_response(Bytes(own.begin(), own.end()));
    }
    EXPECT_TRUE(reading.done());
    const auto result = reading.outcome();
    if (result)
      outcome = Bytes(result->begin(), result->end());
    else
      outcome = std::unexpected(result.error());
  }

  [[nodiscard]] std::size_t count(std::uint8_t instruction) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(commands, [&](const Bytes& command) { return command[1] == instruction; }));
  }
  /// VERIFYs that carry a PIN.
  [[nodiscard]] std::size_t pins_presented() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        commands, [](const Bytes& command) { return command[1] == 0x20 && command.size() > 5; }));
  }
  [[nodiscard]] bool closed_its_channel() const {
    return commands.back()[1] == 0x70 && commands.back()[2] == 0x80;
  }
};

Card plain_card(Quirks quirks = {}) {
  return Card({.quirks = quirks}, kContent);
}
Card pin_card(Quirks quirks = {}) {
  return Card({.pin = Secret(as_bytes("1234")), .quirks = quirks}, kContent);
}

// --- Traces ---------------------------------------------------------------------------------------------

class CardTraces : public ::testing::TestWithParam<std::size_t> {};

const std::deque<test::Trace>& traces() {
  static const auto all = test::read_traces();
  return all;
}

TEST_P(CardTraces, AreReadCommandByCommand) {
  const auto& trace = traces()[GetParam()];
  SCOPED_TRACE(trace.name);
  Bytes buffer(lwm2m::kSmartcardFileMax);
  CardReading reading(
      {.pin = Secret(as_bytes(trace.pin)),
       .directory = trace.directory ? ReadingConfig::Directory::evaluate : ReadingConfig::Directory::skip},
      buffer);
  for (const auto& [command, answer] : trace.exchanges) {
    const auto sent = reading.poll_command();
    ASSERT_TRUE(sent) << "before " << to_hex(command);
    ASSERT_EQ(to_hex(*sent), to_hex(command));
    EXPECT_FALSE(reading.poll_command()) << "an answer is awaited";
    reading.handle_response(answer);
  }
  EXPECT_FALSE(reading.poll_command());
  ASSERT_TRUE(reading.done());
  const auto outcome = reading.outcome();
  if (trace.content) {
    ASSERT_TRUE(outcome) << text_of(outcome.error());
    EXPECT_EQ(to_hex(*outcome), to_hex(*trace.content));
  } else {
    ASSERT_FALSE(outcome);
    EXPECT_THAT(text_of(outcome.error()), StartsWith(trace.failure));
  }
}
INSTANTIATE_TEST_SUITE_P(Each, CardTraces, ::testing::Range(std::size_t{0}, traces().size()));

// --- Cards that differ ------------------------------------------------------------------------------------

class CardsWithQuirks : public ::testing::TestWithParam<std::size_t> {};

TEST_P(CardsWithQuirks, AreReadWholeAloneAndInPairsWithAndWithoutPin) {
  const auto first = static_cast<Quirk>(GetParam());
  for (std::size_t other = 0; other < kQuirks; ++other) {
    const Quirks quirks{first, static_cast<Quirk>(other)};
    SCOPED_TRACE(std::string(to_string(first)) + " " + std::string(to_string(static_cast<Quirk>(other))));
    for (const bool with_pin : {false, true}) {
      auto card = with_pin ? pin_card(quirks) : plain_card(quirks);
      const Session session(card, "1234");
      ASSERT_TRUE(session.outcome) << text_of(session.outcome.error());
      EXPECT_EQ(to_hex(*session.outcome), to_hex(kContent));
      EXPECT_EQ(session.closed_its_channel(), !quirks.has(Quirk::no_channels));
      EXPECT_EQ(session.pins_presented(), with_pin ? 1u : 0u);
      EXPECT_EQ(card.tries_left(), kPinTries);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Each, CardsWithQuirks, ::testing::Range(std::size_t{0}, kQuirks));

TEST(CardReading, ReadsTheLargestFileInPieces) {
  Bytes content(lwm2m::kSmartcardFileMax, 0x5A);
  content[0] = 0, content[1] = 1, content[2] = 0x7F, content[3] = 0xFC;
  Card card({}, content);
  const Session session(card);
  ASSERT_TRUE(session.outcome) << text_of(session.outcome.error());
  EXPECT_EQ(*session.outcome, content);
  EXPECT_LT(session.commands.size(), kCommandsMax / 2 + 32);
}

TEST(CardReading, ReadsNoFurtherThanTheContent) {
  Bytes file = kContent;
  file.resize(20'000, 0xFF);
  Card card({}, file);
  const Session session(card);
  EXPECT_EQ(*session.outcome, kContent);
  EXPECT_EQ(card.reads(), 1u);
}

TEST(CardReading, LeavesABlankOrCutFileToTheDecoder) {
  Card blank({}, Bytes(200, 0xFF));
  const Session session(blank);
  ASSERT_TRUE(session.outcome);
  EXPECT_EQ(lwm2m::smartcard_content_size(*session.outcome).error().code, ErrorCode::not_found);
  Card cut({}, ByteView(kContent).first(60));
  EXPECT_EQ(Session(cut).outcome->size(), 60u);
  Card empty({}, {});
  EXPECT_EQ(Session(empty).outcome->size(), 0u);
}

TEST(CardReading, SeesAChangedFileAtTheNextReading) {
  auto card = plain_card();
  EXPECT_EQ(*Session(card).outcome, kContent);
  const auto other = *from_hex("0001000a000300000503 00c10901");
  card.write(other);
  EXPECT_EQ(*Session(card).outcome, other);
}

// --- The PIN
// ------------------------------------------------------------------------------------------------

TEST(CardPin, IsFourToEightDigits) {
  for (const auto* pin : {"1234", "12345678"}) EXPECT_TRUE(valid_pin(as_bytes(pin))) << pin;
  for (const auto* pin : {"", "123", "123456789", "12a4", "12 4", "-123"})
    EXPECT_FALSE(valid_pin(as_bytes(pin))) << pin;
}

TEST(CardPin, IsPresentedOnceAndAWrongOneToldWithTheTriesLeft) {
  auto card = pin_card();
  const Session session(card, "9999");
  EXPECT_EQ(session.outcome.error(), (Failure{Problem::pin_wrong, Step::pin, 0x63C2, 2}));
  EXPECT_EQ(session.pins_presented(), 1u);
  EXPECT_TRUE(session.closed_its_channel());
  EXPECT_THAT(text_of(session.outcome.error()), HasSubstr("2 tries are left"));
}

TEST(CardPin, IsNotPresentedForTheLastTry) {
  auto card = pin_card();
  (void)Session(card, "9999");
  EXPECT_THAT(text_of(Session(card, "9999").outcome.error()), HasSubstr("1 try is left"));
  for (int i = 0; i < 3; ++i) {
    const Session session(card, "1234");  // also not the right one: who knows
    EXPECT_EQ(session.outcome.error(), (Failure{Problem::pin_last_try, Step::pin, 0x63C1, 1}));
    EXPECT_EQ(session.pins_presented(), 0u);
  }
  EXPECT_EQ(card.tries_left(), 1);
}

TEST(CardPin, ThatIsMissingOrNoneIsToldAndNothingPresented) {
  for (const auto* pin : {"", "12", "abcd"}) {
    auto card = pin_card();
    const Session session(card, pin);
    EXPECT_EQ(session.outcome.error(), (Failure{Problem::pin_wanted, Step::pin, 0, {}})) << pin;
    EXPECT_EQ(session.count(0x20), 0u);
    EXPECT_TRUE(session.closed_its_channel());
  }
}

TEST(CardPin, GoesToNoCardThatDoesNotAskForIt) {
  auto card = plain_card();
  const Session session(card, "1234");
  EXPECT_TRUE(session.outcome);
  EXPECT_EQ(session.count(0x20), 0u);
}

TEST(CardPin, IsPresentedWhereACardAsksWithoutHavingSaidSo) {
  auto card = plain_card();
  bool asked = false;
  const Session session(card, "1234", [&](ByteView command) -> std::optional<Bytes> {
    if (command[1] == 0x20) return from_hex(command.size() > 5 ? "9000" : "63C3").value();
    if (command[1] != 0xB0 || asked) return std::nullopt;
    asked = true;
    return from_hex("6982").value();  // of EF(ODF)
  });
  ASSERT_TRUE(session.outcome) << text_of(session.outcome.error());
  EXPECT_EQ(session.pins_presented(), 1u);
}

TEST(CardPin, IsNeverSentTwiceWhateverTheCardAnswers) {
  for (const auto* answer : {"6C08", "6108", "6982", "6700", "6300", "63CF", "6F00", "90", ""}) {
    auto card = pin_card();
    const Session session(card, "1234", [&](ByteView command) -> std::optional<Bytes> {
      return command[1] == 0x20 && command.size() > 5 ? std::optional(from_hex(answer).value())
                                                      : std::nullopt;
    });
    EXPECT_FALSE(session.outcome) << answer;
    EXPECT_EQ(session.pins_presented(), 1u) << answer;
  }
}

TEST(CardPin, IsNotSentAgainToACardThatTakesItAndStillRefuses) {
  auto card = pin_card();
  const Session session(card, "1234", [&](ByteView command) -> std::optional<Bytes> {
    if (command[1] == 0x20) return from_hex(command.size() > 5 ? "9000" : "63C3").value();
    return command[1] == 0xB0 ? std::optional(from_hex("6982").value()) : std::nullopt;
  });
  EXPECT_EQ(session.outcome.error(), (Failure{Problem::refused, Step::object_directory, 0x6982, {}}));
  EXPECT_EQ(session.pins_presented(), 1u);
}

// --- Every status
// -------------------------------------------------------------------------------------------

struct Answered {
  const char* name;
  std::uint8_t instruction;  ///< of the command that is answered so
  int p1;                    ///< its P1; -1: any
  const char* answer;
  Failure failure;
};
void PrintTo(const Answered& one, std::ostream* out) {
  *out << one.name;
}
class CardStatus : public ::testing::TestWithParam<Answered> {};

TEST_P(CardStatus, EndsTheReadingWithItsReasonAndClosesTheChannel) {
  const auto& given = GetParam();
  auto card = pin_card();
  const Session session(card, "1234", [&](ByteView command) -> std::optional<Bytes> {
    if (command[1] != given.instruction || (given.p1 >= 0 && command[2] != given.p1)) return std::nullopt;
    if (given.instruction == 0xA4 && given.p1 == 8 && command[5] == 0x2F) return std::nullopt;
    return from_hex(given.answer).value();
  });
  ASSERT_FALSE(session.outcome);
  EXPECT_EQ(session.outcome.error(), given.failure) << text_of(session.outcome.error());
  EXPECT_EQ(session.closed_its_channel(), given.instruction != 0x70);
  EXPECT_FALSE(text_of(session.outcome.error()).empty());
}

const Answered kAnswers[] = {
    {"channel_refused", 0x70, 0, "6F00", {Problem::refused, Step::channel, 0x6F00, {}}},
    {"channel_without_number", 0x70, 0, "9000", {Problem::malformed, Step::channel, 0x9000, {}}},
    {"channel_zero", 0x70, 0, "009000", {Problem::malformed, Step::channel, 0x9000, {}}},
    {"channel_twenty", 0x70, 0, "149000", {Problem::malformed, Step::channel, 0x9000, {}}},
    {"application_not_found", 0xA4, 4, "6A82", {Problem::no_application, Step::application, 0x6A82, {}}},
    {"application_refused", 0xA4, 4, "6985", {Problem::refused, Step::application, 0x6985, {}}},
    {"directory_not_found", 0xA4, 8, "6A82", {Problem::no_file, Step::object_directory, 0x6A82, {}}},
    {"directory_refused", 0xA4, 8, "6999", {Problem::refused, Step::object_directory, 0x6999, {}}},
    {"read_not_allowed", 0xB0, -1, "6986", {Problem::refused, Step::object_directory, 0x6986, {}}},
    {"read_nothing", 0xB0, -1, "9000", {Problem::no_file, Step::object_directory, 0, {}}},
    {"read_rubbish", 0xB0, -1, "A700FFFFFFFFFFFF9000", {Problem::no_file, Step::object_directory, 0, {}}},
    {"read_memory_error", 0xB0, -1, "6581", {Problem::refused, Step::object_directory, 0x6581, {}}},
    {"read_damaged", 0xB0, -1, "6281", {Problem::refused, Step::object_directory, 0x6281, {}}},
    {"corrected_without_end", 0xB0, -1, "6C02", {Problem::refused, Step::object_directory, 0x6C02, {}}},
    {"pin_blocked", 0x20, 0, "6983", {Problem::pin_blocked, Step::pin, 0x6983, 0}},
    {"pin_no_tries", 0x20, 0, "63C0", {Problem::pin_blocked, Step::pin, 0x63C0, 0}},
    {"pin_last_try", 0x20, 0, "63C1", {Problem::pin_last_try, Step::pin, 0x63C1, 1}},
    {"pin_unknown", 0x20, 0, "6A88", {Problem::refused, Step::pin, 0x6A88, {}}},
    {"pin_wrong", 0x20, 0, "6300", {Problem::pin_wrong, Step::pin, 0x6300, {}}},
    {"pin_refused", 0x20, 0, "6D00", {Problem::refused, Step::pin, 0x6D00, {}}},
    {"answer_of_one_byte", 0xB0, -1, "90", {Problem::malformed, Step::object_directory, 0, {}}},
    {"answer_of_nothing", 0xB0, -1, "", {Problem::malformed, Step::object_directory, 0, {}}},
};
INSTANTIATE_TEST_SUITE_P(Each, CardStatus, ::testing::ValuesIn(kAnswers),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(CardStatusOfChannels, LeadsToTheBasicChannelWhereThereAreNoOthers) {
  for (const auto* answer : {"6881", "6A81", "6D00", "6E00"}) {
    auto card = plain_card();
    const Session session(card, {}, [&](ByteView command) -> std::optional<Bytes> {
      return command[1] == 0x70 ? std::optional(from_hex(answer).value()) : std::nullopt;
    });
    ASSERT_TRUE(session.outcome) << answer;
    EXPECT_EQ(session.count(0x70), 1u);
  }
}

TEST(CardStatusOfPins, ThatAreSwitchedOffLetsTheReadingGoOn) {
  auto card = plain_card();
  bool asked = false;
  const Session session(card, "1234", [&](ByteView command) -> std::optional<Bytes> {
    if (command[1] == 0x20) return from_hex("6984").value();
    if (command[1] != 0xB0 || asked) return std::nullopt;
    asked = true;
    return from_hex("6982").value();
  });
  EXPECT_TRUE(session.outcome);
  EXPECT_EQ(session.pins_presented(), 0u);
}

TEST(CardStatusOfDirectory, NeverEndsTheReading) {
  for (const auto* answer : {"6A82", "6A83", "6982", "6700", "6F00", "9402"}) {
    for (const int instruction : {0xA4, 0xB2}) {
      auto card = plain_card();
      const Session session(card, {}, [&](ByteView command) -> std::optional<Bytes> {
        const bool is_directory = instruction == 0xB2 || (command.size() > 6 && command[5] == 0x2F);
        return command[1] == instruction && is_directory ? std::optional(from_hex(answer).value())
                                                         : std::nullopt;
      });
      EXPECT_TRUE(session.outcome) << answer;
    }
  }
}

// --- Cards that mean harm
// -----------------------------------------------------------------------------------

TEST(HostileCard, ThatAlwaysHasMoreToSayIsGivenUp) {
  for (const auto* answer : {"6101", "6100", "41 6101"}) {
    auto card = plain_card();
    const Session session(card, {}, [&](ByteView command) -> std::optional<Bytes> {
      return command[1] == 0x70 ? std::nullopt : std::optional(from_hex(answer).value());
    });
    ASSERT_FALSE(session.outcome);
    EXPECT_EQ(session.outcome.error().problem, Problem::limit);
    EXPECT_LE(session.commands.size(), kCommandsMax + 1);
  }
}

TEST(HostileCard, ThatGivesByteByByteIsGivenUp) {
  Bytes content(lwm2m::kSmartcardFileMax, 0x5A);
  content[0] = 0, content[1] = 1, content[2] = 0x7F, content[3] = 0xFC;
  Card card({}, content);
  const Session session(card, {}, [&](ByteView command) -> std::optional<Bytes> {
    if (command[1] != 0xB0) return std::nullopt;
    if (command.back() != 1) return from_hex("6C01").value();
    return std::nullopt;
  });
  ASSERT_FALSE(session.outcome);
  EXPECT_EQ(session.outcome.error().problem, Problem::limit);
  EXPECT_TRUE(session.closed_its_channel());
}

TEST(HostileCard, ThatGivesMoreThanWasAskedForIsNotUnderstood) {
  auto card = plain_card();
  const Session session(card, {}, [&](ByteView command) -> std::optional<Bytes> {
    if (command[1] != 0xB0) return std::nullopt;
    Bytes answer(command.back() + 1u, 0xA7);
    answer.push_back(0x90);
    answer.push_back(0x00);
    return answer;
  });
  EXPECT_EQ(session.outcome.error().problem, Problem::malformed);
  auto other = plain_card();
  const Session huge(other, {}, [&](ByteView) { return std::optional(Bytes(kResponseMax + 1, 0x90)); });
  EXPECT_EQ(huge.outcome.error().problem, Problem::malformed);
}

TEST(HostileCard, WithAFileThatDoesNotFitIsRefused) {
  auto card = plain_card();
  EXPECT_EQ(Session(card, {}, {}, kContent.size() - 1).outcome.error(),
            (Failure{Problem::limit, Step::file, 0x9000, {}}));
  EXPECT_TRUE(Session(card, {}, {}, kContent.size()).outcome);
}

TEST(HostileCard, OfRandomAnswersIsSurvived) {
  SeededRandom random(20261125);
  for (int round = 0; round < 3000; ++round) {
    auto card = pin_card();
    const auto spoilt = random.below(12);
    std::size_t number = 0;
    const Session session(card, "1234", [&](ByteView) -> std::optional<Bytes> {
      if (number++ < spoilt && random.below(8) != 0) return std::nullopt;
      Bytes answer(random.below(40));
      random.fill(answer);
      if (random.below(2) == 0) answer.insert(answer.end(), {0x90, 0x00});
      return answer;
    });
    EXPECT_LE(session.pins_presented(), 1u);
    EXPECT_LE(session.commands.size(), kCommandsMax + 1);
  }
}

TEST(CardReading, EndsAtOnceWhenTheCardIsGone) {
  Bytes buffer(256);
  CardReading reading({}, buffer);
  (void)reading.poll_command();
  reading.card_lost();
  EXPECT_TRUE(reading.done());
  EXPECT_FALSE(reading.poll_command());
  EXPECT_EQ(reading.outcome().error(), (Failure{Problem::card_lost, Step::directory, 0, {}}));
  reading.handle_response(*from_hex("9000"));  // late: ignored
  EXPECT_EQ(reading.outcome().error().problem, Problem::card_lost);
}

}  // namespace
}  // namespace slipway::smartcard
