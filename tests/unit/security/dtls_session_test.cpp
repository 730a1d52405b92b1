// SPDX-License-Identifier: Apache-2.0
#include "dtls_link.hpp"

namespace slipway::security::dtls::test {
namespace {

class DtlsSession : public testing::Test {
 protected:
  void connect() {
    host = &link.connect();
    ASSERT_TRUE(host->seen.connected);
    peer = link.seen.established.at(0).peer;
  }
  /// The last datagram sent in one direction.
  Bytes last(bool to_server) {
    for (auto it = link.sent.rbegin(); it != link.sent.rend(); ++it)
      if (it->first == to_server) return it->second;
    return {};
  }
  Link link;
  Link::Host* host = nullptr;
  PeerId peer;
};

TEST_F(DtlsSession, ReplayedDatagramsAreDroppedAndCounted) {
  connect();
  ASSERT_TRUE(link.send(*host, "once"));
  link.run(seconds(1));
  const auto datagram = last(true);
  for (int i = 0; i < 3; ++i) link.inject(host->address, datagram);
  EXPECT_EQ(link.seen.received.size(), 1u);
  EXPECT_EQ(link.server->counters().replayed, 3u);
}

TEST_F(DtlsSession, TamperedDatagramsAreDroppedSilently) {
  connect();
  link.tamper = [](bool, Bytes& bytes) {
    bytes.back() ^= 1;
    return true;
  };
  ASSERT_TRUE(link.send(*host, "up"));
  ASSERT_TRUE(link.send(peer, "down"));
  const auto before = link.sent.size();
  link.run(seconds(1));
  EXPECT_TRUE(link.seen.received.empty());
  EXPECT_TRUE(host->seen.received.empty());
  EXPECT_EQ(link.server->counters().unauthenticated, 1u);
  EXPECT_EQ(host->client->counters().unauthenticated, 1u);
  EXPECT_EQ(link.sent.size(), before + 2);
  link.tamper = nullptr;
  ASSERT_TRUE(link.send(*host, "still here"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
}

TEST_F(DtlsSession, RecordOfAnotherAddressIsNotAccepted) {
  connect();
  ASSERT_TRUE(link.send(*host, "mine"));
  const auto datagram = link.sent.back().second;
  link.tamper = [](bool, Bytes&) { return false; };
  link.inject(Address::v4(10, 0, 0, 2, 40000), datagram);
  EXPECT_TRUE(link.seen.received.empty());
  EXPECT_EQ(link.server->counters().unexpected, 1u);
}

TEST_F(DtlsSession, SeveralRecordsInOneDatagramAreAllDelivered) {
  connect();
  Bytes joined;
  link.tamper = [&](bool, Bytes& bytes) {
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    return false;
  };
  for (const auto* text : {"one", "two", "three"}) ASSERT_TRUE(link.send(*host, text));
  link.run(seconds(1));
  link.tamper = nullptr;
  link.inject(host->address, joined);
  ASSERT_EQ(link.seen.received.size(), 3u);
  EXPECT_EQ(link.seen.received[2].second, "three");
}

TEST_F(DtlsSession, DataBehindTheFinishedInOneDatagramIsDelivered) {
  Bytes finished;
  link.tamper = [&](bool to_server, Bytes& bytes) {
    const bool is_finished = !to_server && bytes[0] == 20;
    if (is_finished) finished = bytes;
    return !is_finished;
  };
  auto& client = link.add(client_config());
  ASSERT_TRUE(client.client->start(link.now));
  link.run(milliseconds(100));
  ASSERT_FALSE(finished.empty());
  ASSERT_FALSE(client.client->connected());
  Bytes data;
  link.tamper = [&](bool, Bytes& bytes) {
    data = bytes;
    return false;
  };
  ASSERT_TRUE(link.send(link.seen.established.at(0).peer, "early"));
  link.run(milliseconds(1));
  link.tamper = nullptr;
  finished.insert(finished.end(), data.begin(), data.end());
  client.client->handle_datagram(link.now, finished);
  link.run(milliseconds(1));
  EXPECT_TRUE(client.seen.connected);
  EXPECT_EQ(client.seen.received, std::vector<std::string>{"early"});
}

TEST_F(DtlsSession, CloseNotifyOfTheClientEndsBothSides) {
  connect();
  host->client->end(link.now);
  link.run(seconds(1));
  ASSERT_TRUE(host->seen.ended);
  EXPECT_EQ(host->seen.ended->reason, SessionEnd::ended_here);
  ASSERT_EQ(link.seen.ended.size(), 1u);
  EXPECT_EQ(link.seen.ended[0].reason, SessionEnd::closed_by_peer);
  EXPECT_EQ(link.seen.ended[0].alert, Alert::close_notify);
  EXPECT_EQ(link.server->session_count(), 0u);
  EXPECT_FALSE(link.send(peer, "gone"));
  EXPECT_FALSE(link.send(*host, "gone"));
}

TEST_F(DtlsSession, CloseNotifyOfTheServerEndsBothSidesAndIsAnswered) {
  connect();
  const auto before = link.sent.size();
  link.server->end(link.now, peer, Alert::close_notify);
  link.run(seconds(1));
  ASSERT_TRUE(host->seen.ended);
  EXPECT_EQ(host->seen.ended->reason, SessionEnd::closed_by_peer);
  EXPECT_EQ(host->seen.ended->alert, Alert::close_notify);
  ASSERT_EQ(link.seen.ended.size(), 1u);
  EXPECT_EQ(link.seen.ended[0].reason, SessionEnd::ended_here);
  EXPECT_EQ(link.sent.size(), before + 2);
}

TEST_F(DtlsSession, RevokedCredentialCutsTheSessionAtOnce) {
  connect();
  ASSERT_TRUE(link.send(*host, "too late"));
  link.server->end(link.now, peer, Alert::access_denied);
  link.run(seconds(1));
  EXPECT_TRUE(link.seen.received.empty());
  ASSERT_TRUE(host->seen.ended);
  EXPECT_EQ(host->seen.ended->reason, SessionEnd::alert_by_peer);
  EXPECT_EQ(host->seen.ended->alert, Alert::access_denied);
  EXPECT_EQ(alert_class(*host->seen.ended->alert), AlertClass::fail);
}

TEST_F(DtlsSession, NewHandshakeFromTheSameAddressReplacesTheSessionOnlyWhenItCompletes) {
  connect();
  link.seen.answer_lookups = false;
  auto& reborn = link.add(client_config(), host->address);
  link.hosts.erase(link.hosts.begin());  // the device rebooted: its old session is gone
  ASSERT_TRUE(reborn.client->start(link.now));
  link.run(seconds(1));
  EXPECT_EQ(link.server->session_count(), 1u);
  EXPECT_EQ(link.server->handshake_count(), 1u);
  EXPECT_TRUE(link.seen.ended.empty());
  EXPECT_TRUE(link.send(peer, "the old session still is the session"));

  ASSERT_EQ(link.seen.lookups.size(), 2u);
  link.server->credential(link.now, link.seen.lookups[1].lookup, key_of(kKey));
  link.run(seconds(1));
  ASSERT_TRUE(reborn.seen.connected);
  ASSERT_EQ(link.seen.ended.size(), 1u);
  EXPECT_EQ(link.seen.ended[0].peer, peer);
  EXPECT_EQ(link.seen.ended[0].reason, SessionEnd::replaced);
  EXPECT_NE(link.seen.established.at(1).peer, peer);
  ASSERT_TRUE(link.send(reborn, "up"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
}

TEST_F(DtlsSession, FailedHandshakeFromTheSameAddressLeavesTheSessionAlone) {
  connect();
  auto& intruder = link.connect(client_config(kIdentity, "not the right key"), host->address);
  EXPECT_TRUE(intruder.seen.failed);
  EXPECT_TRUE(link.seen.ended.empty());
  ASSERT_TRUE(link.send(*host, "still here"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
}

TEST_F(DtlsSession, DataGoesOnBesideANewHandshakeFromTheSameAddress) {
  connect();
  link.seen.answer_lookups = false;
  auto& second = link.add(client_config(), host->address);
  ASSERT_TRUE(second.client->start(link.now));
  link.run(seconds(1));
  ASSERT_EQ(link.server->handshake_count(), 1u);
  ASSERT_TRUE(link.send(*host, "old session"));
  link.run(seconds(1));
  EXPECT_EQ(link.seen.received.size(), 1u);
}

TEST_F(DtlsSession, IdleSessionExpiresAndActivityKeepsIt) {
  ServerConfig config;
  config.session_idle_max = std::chrono::hours(1);
  Link quick(1, {}, std::move(config));
  auto& client = quick.connect();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(quick.send(client, "x"));
    quick.run(milliseconds(100));
    quick.now += std::chrono::minutes(50);
    quick.server->handle_timeout(quick.now);
    EXPECT_EQ(quick.server->session_count(), 1u);
  }
  quick.run(std::chrono::hours(2));
  EXPECT_EQ(quick.server->session_count(), 0u);
  ASSERT_EQ(quick.seen.ended.size(), 1u);
  EXPECT_EQ(quick.seen.ended[0].reason, SessionEnd::idle);
  EXPECT_FALSE(quick.server->next_timeout());
}

/// A sleepy device comes back with an Update, not with a handshake.
TEST_F(DtlsSession, SleepsForWeeksUnlessConfigured) {
  connect();
  link.now += std::chrono::days(29);
  link.server->handle_timeout(link.now);
  EXPECT_EQ(link.server->session_count(), 1u);
  link.now += std::chrono::days(1);
  link.server->handle_timeout(link.now);
  EXPECT_EQ(link.server->session_count(), 0u);
}

TEST_F(DtlsSession, SendIsBounded) {
  connect();
  EXPECT_TRUE(link.send(peer, std::string(kRecordPlaintextMax, 'x')));
  EXPECT_EQ(link.send(peer, std::string(kRecordPlaintextMax + 1, 'x')).error().code, ErrorCode::limit);
  EXPECT_EQ(link.send(*host, std::string(kRecordPlaintextMax + 1, 'x')).error().code, ErrorCode::limit);
  EXPECT_EQ(link.send(PeerId(99), "x").error().code, ErrorCode::not_found);
  link.run(seconds(1));
  EXPECT_EQ(host->seen.received.at(0).size(), kRecordPlaintextMax);
  Result<void> sent;
  for (int i = 0; i < 10'000 && sent; ++i) sent = link.send(peer, "x");
  EXPECT_EQ(sent.error().code, ErrorCode::exhausted);
}

TEST_F(DtlsSession, ClientCanStartAnew) {
  connect();
  host->client->end(link.now);
  link.run(seconds(1));
  host->seen = {};
  ASSERT_TRUE(host->client->start(link.now));
  link.run(seconds(1));
  EXPECT_TRUE(host->seen.connected);
}

TEST_F(DtlsSession, ClientThatBeginsAnewInTheMiddleOfAHandshakeIsServed) {
  link.seen.answer_lookups = false;
  auto& client = link.add(client_config());
  ASSERT_TRUE(client.client->start(link.now));
  link.run(milliseconds(500));
  ASSERT_EQ(link.server->handshake_count(), 1u);
  link.seen.answer_lookups = true;
  ASSERT_TRUE(client.client->start(link.now));
  link.run(seconds(1));
  EXPECT_TRUE(client.seen.connected);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::superseded);
  EXPECT_EQ(link.server->handshake_count(), 0u);
  link.server->credential(link.now, link.seen.lookups.at(0).lookup,
                          key_of(kKey));  // for the one that is gone
  EXPECT_EQ(link.server->session_count(), 1u);
}

TEST_F(DtlsSession, EndOfAHandshakeIsToldToBothSides) {
  link.seen.answer_lookups = false;
  auto& client = link.add(client_config());
  ASSERT_TRUE(client.client->start(link.now));
  link.run(milliseconds(500));
  link.server->end(link.now, link.seen.lookups.at(0).peer, Alert::internal_error);
  link.run(seconds(1));
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].failure.reason, FailureReason::cancelled);
  ASSERT_TRUE(client.seen.failed);
  EXPECT_EQ(client.seen.failed->failure.alert, Alert::internal_error);
}

TEST(DtlsAlerts, HaveTheClassesOfTheEnabler) {
  for (const int code : {0, 10, 20, 21, 22, 40, 47, 50, 51, 70, 71, 80, 86, 90, 100, 111})
    EXPECT_EQ(alert_class(static_cast<Alert>(code)), AlertClass::retry) << code;
  for (const int code : {42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115})
    EXPECT_EQ(alert_class(static_cast<Alert>(code)), AlertClass::fail) << code;
  for (const int code : {30, 41, 60, 110, 7, 255})
    EXPECT_EQ(alert_class(static_cast<Alert>(code)), AlertClass::ignore) << code;
}

}  // namespace
}  // namespace slipway::security::dtls::test
