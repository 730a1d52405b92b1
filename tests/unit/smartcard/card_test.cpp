// SPDX-License-Identifier: Apache-2.0
#include <slipway/smartcard/card.hpp>
#include <slipway/smartcard/vpcd.hpp>

#include <gtest/gtest.h>

namespace slipway::smartcard {
namespace {

const Bytes kContent = *from_hex("0001000a0003000005 0300c10901");

std::string say(Card& card, std::string_view command) {
  return to_hex(card.process(*from_hex(command)));
}

TEST(Card, RefusesWhatItDoesNotKnowWithTheStatusOfTheStandard) {
  Card card({}, kContent);
  EXPECT_EQ(say(card, ""), "6700");
  EXPECT_EQ(say(card, "00A404"), "6700");
  EXPECT_EQ(say(card, "00A4040410A000"), "6700");
  EXPECT_EQ(say(card, "80A40400"), "6e00");
  EXPECT_EQ(say(card, "00FF0000"), "6d00");
  EXPECT_EQ(say(card, "01B0000000"), "6881");  // a channel that is not open
  EXPECT_EQ(say(card, "00B0000000"), "6986");  // no file
  EXPECT_EQ(say(card, "00C0000010"), "6a86");  // nothing to fetch
  EXPECT_EQ(say(card, "00A40804023F0100"), "6a82");
  EXPECT_EQ(say(card, "00A4080401 2F00"), "6a82");
  EXPECT_EQ(say(card, "00A40804047FFF503100"), "6a82");  // below an application that is not selected
}

TEST(Card, HasThreeFurtherChannelsAndClosesThemAtAReset) {
  Card card({}, kContent);
  EXPECT_EQ(say(card, "0070000001"), "019000");
  EXPECT_EQ(say(card, "0070000001"), "029000");
  EXPECT_EQ(say(card, "0070000001"), "039000");
  EXPECT_EQ(say(card, "0070000001"), "6a81");
  EXPECT_EQ(say(card, "00708002"), "9000");
  EXPECT_EQ(say(card, "0070000001"), "029000");
  card.reset();
  EXPECT_EQ(say(card, "0070000001"), "019000");
}

TEST(Card, LosesThePinAtAResetButNotTheTriesThatAreGone) {
  Card card({.pin = Secret(as_bytes("1234"))}, kContent);
  EXPECT_EQ(say(card, "0020000108393939 39FFFFFFFF"), "63c2");
  EXPECT_EQ(say(card, "00200001"), "63c2");
  card.reset();
  EXPECT_EQ(say(card, "00200001"), "63c2");
  EXPECT_EQ(say(card, "002000010831323334FFFFFFFF"), "9000");
  EXPECT_EQ(say(card, "00200001"), "9000");
  card.reset();
  EXPECT_EQ(say(card, "00200001"), "63c3");
  EXPECT_EQ(say(card, "00200081"), "6a88");  // another PIN
  EXPECT_EQ(say(card, "002000010831323334FFFFFF00"), "63c2");
  for (int i = 0; i < 2; ++i) (void)say(card, "0020000108393939 39FFFFFFFF");
  EXPECT_EQ(say(card, "002000010831323334FFFFFFFF"), "6983");
}

TEST(Card, NamesItselfInItsAnswerToReset) {
  const auto atr = Card::answer_to_reset();
  std::uint8_t check = 0;
  for (const auto byte : atr.subspan(1)) check ^= byte;
  EXPECT_EQ(check, 0);
  EXPECT_NE(as_text(atr).find("Slipway"), std::string_view::npos);
}

TEST(Card, QuirksHaveNames) {
  for (std::size_t i = 0; i < kQuirks; ++i) {
    const auto quirk = static_cast<Quirk>(i);
    EXPECT_EQ(parse_quirk(to_string(quirk)), quirk);
  }
  EXPECT_FALSE(parse_quirk("no-such"));
}

std::string talk(VpcdSession& session, std::string_view bytes) {
  const auto answer = session.handle_bytes(*from_hex(bytes));
  return answer ? to_hex(*answer) : to_string(answer.error().code);
}

TEST(Vpcd, AnswersTheQuestionForTheAtrAndCommandsOnly) {
  Card card({}, kContent);
  VpcdSession session(card);
  EXPECT_EQ(talk(session, "0001 01"), "");  // power on
  EXPECT_EQ(talk(session, "0001 04"), "000c" + to_hex(Card::answer_to_reset()));
  EXPECT_EQ(talk(session, "0005 0070000001"), "0003019000");
  EXPECT_EQ(talk(session, "0001 02 0001 00 0001 77"), "");
  EXPECT_EQ(talk(session, "0005 0070000001"), "0003019000") << "the reset has closed it";
}

TEST(Vpcd, TakesMessagesInAnyPieces) {
  Card card({}, kContent);
  VpcdSession session(card);
  std::string answers;
  const auto bytes = from_hex("000101 000104 00050070000001 0000 000400708001").value();
  for (const auto byte : bytes) answers += talk(session, to_hex(ByteView(&byte, 1)));
  EXPECT_EQ(answers, "000c" + to_hex(Card::answer_to_reset()) +
                         "0003019000"
                         "00026700"
                         "00029000");
}

TEST(Vpcd, EndsWithWhoIsNoReader) {
  Card card({}, kContent);
  VpcdSession session(card);
  EXPECT_EQ(talk(session, "474554202f"), "limit");  // "GET /"
  VpcdSession other(card);
  EXPECT_EQ(talk(other, "0401 00"), "limit");
}

}  // namespace
}  // namespace slipway::smartcard
