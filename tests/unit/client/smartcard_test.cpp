// SPDX-License-Identifier: Apache-2.0
// A device with a card reader: what the card's content does to its accounts, and when the card is read.
// [LwM2M-CORE 1.2 §6.1.3.2, §6.1.4, App. G]
#include "stage.hpp"

#include <slipway/lwm2m/smartcard_file.hpp>

namespace slipway::client::test {
namespace {

Bytes card_file(std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::path);
  Bytes file(lwm2m::kSmartcardFileMax);
  const auto size = lwm2m::encode_smartcard_file(entries, file);
  EXPECT_TRUE(size) << (size ? "" : size.error().detail);
  file.resize(size ? *size : 0);
  return file;
}
std::vector<Entry> card_bootstrap() {
  return {entry("/0/0/0", Value::string("coaps://card-bs.example:5784")),
          entry("/0/0/1", Value::boolean(true)),
          entry("/0/0/2", Value::integer(0)),
          entry("/0/0/3", Value::opaque(as_bytes("card-identity"))),
          entry("/0/0/4", Value::opaque({})),
          entry("/0/0/5", Value::opaque(as_bytes("card-key-of-a-uicc")))};
}
std::vector<Entry> card_server(std::string_view key = "card-key-of-a-server") {
  return security_entries("/0/7", 107, "coaps://card.example:5684", key) + server_entries("/1/7", 107);
}
ClientConfig with_reader() {
  ClientConfig config;
  config.smartcard = SmartcardUse::present;
  return config;
}

/// A stage whose reader has a card.
class CardStage : public Stage {
 public:
  explicit CardStage(Model& model, std::optional<Bytes> content) : Stage(model, with_reader()) {
    card = std::move(content);
  }
};

std::string uri_of(const Model& model, std::string_view instance) {
  return std::string(model.tree().text(path(std::string(instance) + "/0")));
}

// --- Precedence -----------------------------------------------------------------------------------------

TEST(ClientSmartcard, ItsServerIsRegisteredWithAndTheFactoryIsNotUsed) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  EXPECT_EQ(stage.cards_read, 1u);
  ASSERT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_EQ(stage.sessions.back().uri, "coaps://card.example:5684");
  EXPECT_EQ(stage.client.state(), State::registered);
  EXPECT_FALSE(device.model.tree().contains(path("/0/0"))) << "the factory's account is set aside";
}

TEST(ClientSmartcard, ItsBootstrapServerIsUsedInPlaceOfTheFactorys) {
  Device device;
  CardStage stage(device.model, card_file(card_bootstrap()));
  stage.start();
  ASSERT_EQ(stage.sessions.size(), 1u);
  EXPECT_EQ(stage.sessions[0].uri, "coaps://card-bs.example:5784");
  EXPECT_EQ(stage.sessions[0].key, "card-key-of-a-uicc");
}

TEST(ClientSmartcard, WithoutACardTheFactoryIsNext) {
  Device device;
  CardStage stage(device.model, std::nullopt);
  stage.start();
  ASSERT_EQ(stage.sessions.size(), 1u);
  EXPECT_EQ(stage.sessions[0].uri, "coaps://bs.example:5784");
}

TEST(ClientSmartcard, ADeviceWithoutAPackLivesByItsCardAlone) {
  Model model;
  model.load_blank_factory();
  CardStage stage(model, card_file(card_server()));
  stage.start();
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientSmartcard, AnUnreadableCardIsToldAndTheFactoryIsUsedMeanwhile) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.card_problem = "the PIN is wrong, 2 tries are left";
  stage.start();
  ASSERT_EQ(stage.card_ends.size(), 1u);
  EXPECT_EQ(stage.card_ends[0].first, SmartcardEnd::unreadable);
  EXPECT_EQ(stage.card_ends[0].second, "the PIN is wrong, 2 tries are left");
  EXPECT_EQ(stage.sessions.at(0).uri, "coaps://bs.example:5784");
  stage.card_problem.clear();
  ASSERT_TRUE(
      stage.pass_until([&] { return stage.client.state() == State::registered; }, std::chrono::hours(1)))
      << "when the bootstrap session, whose server is silent, has ended";
  EXPECT_EQ(stage.sessions.back().uri, "coaps://card.example:5684");
}

TEST(ClientSmartcard, NothingIsSentAndNoTriggerTakenBeforeTheCardWasTried) {
  Device device(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101));
  CardStage stage(device.model, std::nullopt);
  stage.reader = Stage::Reader::hangs;
  stage.start();
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  stage.pass(seconds(29));
  EXPECT_TRUE(stage.sessions.empty());
  stage.pass(seconds(2));
  EXPECT_EQ(stage.requests("/rd").size(), 1u) << "its patience is over";
  EXPECT_EQ(stage.card_ends.at(0).first, SmartcardEnd::unreadable);
}

TEST(ClientSmartcard, ADeviceWithoutAnyAccountKeepsLookingForACard) {
  Model model;
  model.load_blank_factory();
  CardStage stage(model, std::nullopt);
  stage.start();
  EXPECT_EQ(stage.client.state(), State::waiting_to_retry);
  EXPECT_EQ(stage.client.next_attempt()->what, Attempt::read_smartcard);
  EXPECT_EQ(stage.count<Stuck>(), 0u);
  stage.pass(std::chrono::hours(5));
  stage.card = card_file(card_server());
  ASSERT_TRUE(
      stage.pass_until([&] { return stage.client.state() == State::registered; }, std::chrono::hours(1)))
      << "the pause between two readings is an hour at most";
}

// --- The card changes -----------------------------------------------------------------------------------

TEST(ClientSmartcard, IsReadBeforeEveryUpdateOfItsServerAndTheUpdateGoesOn) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  const auto read = stage.cards_read;
  stage.client.request_update(stage.now + seconds(10));
  stage.now += seconds(10);
  stage.settle();
  EXPECT_EQ(stage.cards_read, read + 1);
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u);
  stage.pass(seconds(210));
  EXPECT_EQ(stage.cards_read, read + 2);
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 2u);
  EXPECT_EQ(stage.requests("/rd").size(), 1u) << "an unchanged card changes nothing";
}

TEST(ClientSmartcard, AnUpdateWaitsForTheReaderOnlySoLong) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  stage.reader = Stage::Reader::hangs;
  stage.pass(seconds(210));
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 0u);
  stage.pass(seconds(31));
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u);
}

TEST(ClientSmartcard, IsNotReadForServersOfAnotherOrigin) {
  Device device(security_entries("/0/1", 101) + server_entries("/1/0", 101));
  CardStage stage(device.model, std::nullopt);
  stage.start();
  const auto read = stage.cards_read;
  stage.pass(seconds(1000));
  EXPECT_EQ(stage.cards_read, read);
}

TEST(ClientSmartcard, ChangedContentTakesThePlaceOfTheOldAndIsRegisteredWith) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  stage.card =
      card_file(security_entries("/0/3", 103, "coaps://moved.example:5684") + server_entries("/1/3", 103));
  stage.pass(seconds(210));
  EXPECT_EQ(stage.requests("/rd").size(), 2u);
  EXPECT_EQ(stage.sessions.back().uri, "coaps://moved.example:5684");
  EXPECT_FALSE(device.model.tree().contains(path("/0/7"))) << "the old information is disabled";
  EXPECT_FALSE(device.model.tree().contains(path("/1/7")));
  EXPECT_EQ(stage.session(107), nullptr);
}

TEST(ClientSmartcard, ANewKeyForTheSameServerKeepsWhatTheServerOwns) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  ASSERT_EQ(stage.post(107, "/1000", {entry("/1000/5/0", Value::string("mine"))}).code, Code::created);
  stage.card = card_file(card_server("another key of the card"));
  stage.pass(seconds(210));
  EXPECT_EQ(stage.sessions.back().key, "another key of the card");
  EXPECT_EQ(stage.client.state(), State::registered);
  EXPECT_TRUE(device.model.has_instance(path("/1000/5")));
}

TEST(ClientSmartcard, InconsistentContentChangesNothingAndIsToldWithoutValues) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  const auto before = device.state();
  stage.card = card_file(security_entries("/0/3", 103));  // its /1 instance is missing
  stage.pass(seconds(210));
  EXPECT_EQ(device.state(), before);
  EXPECT_EQ(stage.card_ends.back().first, SmartcardEnd::refused);
  EXPECT_TRUE(stage.card_ends.back().second.starts_with("/0/3: ")) << stage.card_ends.back().second;
  EXPECT_EQ(stage.requests("/rd/5a3f").size(), 1u) << "the update goes on with what is known";
}

TEST(ClientSmartcard, EveryTornOrHostileFileIsRefusedAndChangesNothing) {
  Device device;
  CardStage stage(device.model, std::nullopt);
  stage.start();
  const auto before = device.state();
  const auto good = card_file(card_bootstrap() + card_server());
  const auto offer = [&](Bytes bytes) {
    stage.card = std::move(bytes);
    stage.client.smartcard(stage.now, 0, ByteView(*stage.card));  // nobody asked: ignored
    Device other;
    CardStage fresh(other.model, *stage.card);
    fresh.start();
    return other.state() == before;
  };
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_TRUE(offer(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)))) << size;
  EXPECT_EQ(device.state(), before);
  EXPECT_TRUE(offer(Bytes(400, 0xff))) << "a blank file is no card";
}

TEST(ClientSmartcard, PaddingBehindTheContentIsNoChange) {
  Device device;
  const auto file = card_file(card_server());
  CardStage stage(device.model, file);
  stage.start();
  stage.card->resize(4096, 0xff);
  stage.pass(seconds(210));
  EXPECT_EQ(stage.card_ends.size(), 1u);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
}

TEST(ClientSmartcard, ObjectsAndResourcesThatTheDeviceLacksAreLeftOut) {
  Device device;
  CardStage stage(device.model,
                  card_file(card_server() + std::vector<Entry>{entry("/9/0/0", Value::string("firmware")),
                                                               entry("/1/7/999", Value::integer(5))}));
  stage.start();
  EXPECT_EQ(stage.client.state(), State::registered);
  EXPECT_FALSE(device.model.tree().contains(path("/1/7/999")));
}

// --- The card goes --------------------------------------------------------------------------------------

TEST(ClientSmartcard, ARemovedCardTakesItsAccountsWithItAndTheFactoryIsNext) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  stage.card.reset();
  stage.pass(seconds(210));
  EXPECT_EQ(stage.card_ends.back().first, SmartcardEnd::removed);
  EXPECT_EQ(stage.count<DeregisteredFrom>(), 1u);
  EXPECT_FALSE(device.model.tree().contains(path("/0/7")));
  EXPECT_EQ(stage.sessions.back().uri, "coaps://bs.example:5784") << "the factory's bootstrap server";
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
}

TEST(ClientSmartcard, ACardThatWasRemovedWhileTheDeviceWasOffIsMissedAtItsStart) {
  Bytes kept;
  {
    Device device;
    CardStage stage(device.model, card_file(card_server()));
    stage.start();
    kept = stage.persisted.back();
  }
  Device device;
  ASSERT_TRUE(device.model.load(kept));
  CardStage stage(device.model, std::nullopt);
  stage.start();
  EXPECT_EQ(stage.sessions.at(0).uri, "coaps://bs.example:5784");
  EXPECT_FALSE(device.model.tree().contains(path("/0/7")));
}

TEST(ClientSmartcard, WhatABootstrapWroteSinceIsNotTheCardsAnyMore) {
  Device device;
  const auto file = card_file(card_bootstrap() + card_server());
  CardStage stage(device.model, file);
  stage.start();
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  ASSERT_EQ(stage.put(0, "/0/7", security_entries("/0/7", 107, "coaps://rotated.example:5684")).code,
            Code::changed);
  ASSERT_EQ(stage.finish().code, Code::changed);
  ASSERT_EQ(stage.client.state(), State::registered);
  // The same card again, after a restart: it does not overwrite the rotated key.
  Device again;
  ASSERT_TRUE(again.model.load(stage.persisted.back()));
  CardStage later(again.model, file);
  later.start();
  EXPECT_EQ(uri_of(again.model, "/0/7"), "coaps://rotated.example:5684");
  EXPECT_EQ(later.sessions.at(0).uri, "coaps://rotated.example:5684");
  // Without the card: its bootstrap account goes, the rotated one stays.
  Device bare;
  ASSERT_TRUE(bare.model.load(later.persisted.empty() ? stage.persisted.back() : later.persisted.back()));
  CardStage without(bare.model, std::nullopt);
  without.start();
  EXPECT_FALSE(bare.model.tree().contains(path("/0/0")));
  EXPECT_EQ(without.client.state(), State::registered);
  // Other content takes its place.
  Device renewed;
  ASSERT_TRUE(renewed.model.load(stage.persisted.back()));
  CardStage with_other(renewed.model, card_file(card_bootstrap() + card_server("the operator's next key")));
  with_other.start();
  EXPECT_EQ(uri_of(renewed.model, "/0/7"), "coaps://card.example:5684");
}

TEST(ClientSmartcard, NewContentGivesWayToNobodyAndTakesThePairOfWhatItReplaces) {
  // A bootstrap made /0/7 the account of 101 and /0/3 that of 107; both stand in the way of the card's 107 at
  // /0/7.
  Device device(factory_entries() + security_entries("/0/7", 101) + server_entries("/1/0", 101) +
                security_entries("/0/3", 107) + server_entries("/1/4", 107));
  device.model.mutable_memory().bootstrapped = true;
  CardStage stage(device.model, card_file(card_server()));
  stage.start();
  EXPECT_EQ(stage.client.state(), State::registered);
  EXPECT_EQ(stage.requests("/rd").size(), 1u);
  for (const auto* gone : {"/0/3", "/1/0", "/1/4"})
    EXPECT_FALSE(device.model.tree().contains(path(gone))) << gone;
}

// --- Durable before it is used --------------------------------------------------------------------------

TEST(ClientSmartcard, IsUsedOnlyWhenItIsDurable) {
  Device device;
  CardStage stage(device.model, card_file(card_server()));
  stage.storage = Stage::Storage::hangs;
  stage.start();
  EXPECT_TRUE(stage.sessions.empty());
  stage.client.persisted(stage.now, stage.last_persist, Client::Persisted::durable);
  stage.settle();
  EXPECT_EQ(stage.client.state(), State::registered);
}

TEST(ClientSmartcard, WhatCannotBeStoredIsTakenBackAndTriedAgain) {
  Device device;
  const auto before = device.state();
  CardStage stage(device.model, card_file(card_server()));
  stage.storage = Stage::Storage::fails;
  stage.start();
  EXPECT_EQ(device.state(), before);
  EXPECT_EQ(stage.sessions.at(0).uri, "coaps://bs.example:5784") << "meanwhile the factory's account is used";
  stage.connecting = Stage::Connecting::fails;
  stage.storage = Stage::Storage::durable;
  stage.pass(std::chrono::hours(3));
  EXPECT_EQ(uri_of(device.model, "/0/7"), "coaps://card.example:5684");
}

TEST(ClientSmartcard, StorageThatSaysNothingCountsAsFailed) {
  Device device;
  const auto before = device.state();
  CardStage stage(device.model, card_file(card_server()));
  stage.storage = Stage::Storage::hangs;
  stage.connecting = Stage::Connecting::hangs;
  stage.start();
  stage.pass(seconds(61));
  EXPECT_EQ(device.state(), before);
  EXPECT_EQ(stage.sessions.at(0).uri, "coaps://bs.example:5784");
}

TEST(ClientSmartcard, ABootstrapSessionThatOpensMeanwhileWaits) {
  Device device(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101));
  CardStage stage(device.model, card_file(card_bootstrap() + card_server()));
  stage.start();
  stage.connecting = Stage::Connecting::hangs;
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  const auto peer = stage.sessions.back().peer;
  stage.storage = Stage::Storage::hangs;
  stage.card = card_file(card_bootstrap() + card_server("changed meanwhile, the key"));
  stage.pass(seconds(210));
  stage.client.connected(stage.now, peer);
  stage.settle();
  EXPECT_TRUE(stage.requests("/bs").empty()) << "the model has its transaction already";
  stage.client.persisted(stage.now, stage.last_persist, Client::Persisted::durable);
  stage.settle();
  EXPECT_EQ(stage.requests("/bs").size(), 1u);
  EXPECT_EQ(device.model.tree().opaque(path("/0/7/5")).size(),
            std::string_view("changed meanwhile, the key").size());
}

TEST(ClientSmartcard, WhileABootstrapServerWritesTheCardWaits) {
  Device device(factory_entries() + security_entries("/0/1", 101) + server_entries("/1/0", 101));
  CardStage stage(device.model, card_file(card_bootstrap() + card_server()));
  stage.start();
  stage.reader = Stage::Reader::hangs;
  stage.pass(seconds(210));  // the reading before an update is under way
  stage.client.request_bootstrap(stage.now);
  stage.settle();
  ASSERT_EQ(stage.client.state(), State::bootstrapping);
  const auto other = card_file(card_bootstrap() + card_server("changed meanwhile, the key"));
  stage.client.smartcard(stage.now, stage.last_card, ByteView(other));
  stage.settle();
  EXPECT_EQ(stage.finish().code, Code::changed);
  stage.reader = Stage::Reader::answers;
  stage.card = other;
  stage.pass(seconds(200));
  EXPECT_EQ(stage.session(107)->key, "changed meanwhile, the key");
}

}  // namespace
}  // namespace slipway::client::test
