// SPDX-License-Identifier: Apache-2.0
// Which suite is agreed on, over DTLS and over TLS: the first that was asked for and that both can use, and
// never another. The other end is GnuTLS alone, which takes any pair of its exchanges and ciphers.
// [LwM2M-TRANSPORT 1.2 §5.2.9] [RFC 5246 §7.4.1.3]
#include <functional>

#include <slipway/security/dtls/facts.hpp>

#include "dtls_link.hpp"
#include "gnutls_end.hpp"
#include "tls_pair.hpp"

namespace slipway::security::test {
namespace {

using dtls::CipherSuite;
using dtls::FailureReason;
using dtls::test::kIdentity;
using dtls::test::kKey;
using enum CipherSuite;

/// What became of a handshake.
struct Outcome {
  std::string agreed;  ///< as the peer names it; empty: there was none
  std::optional<dtls::HandshakeFailure> failure;
};

enum class Keys : std::uint8_t { both, raw };

/// Everything that a client offers in `words` of GnuTLS, beside what every client needs.
std::string priority_of(Wire wire, const std::string& words) {
  return std::string("NONE:+VERS-") + (wire == Wire::dtls ? "DTLS1.2" : "TLS1.2") +
         ":+COMP-NULL:+CTYPE-CLI-X509:+CTYPE-SRV-X509:+AEAD:+SHA256:" + words;
}

Outcome over_dtls(dtls::ServerConfig config, GnutlsEnd& client) {
  SeededRandom random(1);
  config.next_peer = [peer = 0]() mutable { return PeerId(++peer); };
  dtls::DtlsServer server(std::move(config), random);
  const auto from = Address::v4(127, 0, 0, 1, 40000);
  const TimePoint now{seconds(1)};
  Outcome outcome;
  for (int round = 0; round < 20; ++round) {
    while (!client.out.empty()) {
      server.handle_datagram(now, from, client.out.front());
      client.out.pop_front();
    }
    while (const auto event = server.poll_event()) {
      if (const auto* e = std::get_if<dtls::HandshakeFailed>(&*event)) outcome.failure = e->failure;
      const auto* wanted = std::get_if<dtls::CredentialWanted>(&*event);
      if (wanted == nullptr) continue;
      if (wanted->kind == dtls::IdentityKind::psk)
        server.credential(now, wanted->lookup, dtls::test::key_of(kKey));
      else
        server.approve(now, wanted->lookup, dtls::Approval::known);
    }
    while (const auto transmit = server.poll_transmit()) client.handle(transmit->bytes);
  }
  outcome.agreed = client.suite();
  return outcome;
}

Outcome over_tls(tls::ServerConfig config, GnutlsEnd& client) {
  SeededRandom random(1);
  const TimePoint now{seconds(1)};
  auto port = tls::TlsServer::create(std::move(config), random);
  EXPECT_TRUE(port) << port.error().detail;
  const auto session = (*port)->accept(now, kToday);
  Outcome outcome;
  for (int round = 0; round < 20; ++round) {
    while (!client.out.empty()) {
      session->handle_bytes(now, client.out.front());
      client.out.pop_front();
    }
    while (const auto event = session->poll_event()) {
      if (const auto* e = std::get_if<tls::HandshakeFailed>(&*event)) outcome.failure = e->failure;
      const auto* wanted = std::get_if<tls::CredentialWanted>(&*event);
      if (wanted == nullptr) continue;
      if (wanted->kind == dtls::IdentityKind::psk)
        session->credential(now, dtls::test::key_of(kKey));
      else
        session->approve(now, dtls::Approval::known);
    }
    const auto output = session->poll_output();
    const Bytes bytes(output.begin(), output.end());
    session->taken(bytes.size());
    if (!bytes.empty()) client.handle(bytes);
  }
  outcome.agreed = client.suite();
  return outcome;
}

Outcome shake_hands(Wire wire, std::vector<CipherSuite> suites, const std::string& client_words,
                    Keys which = Keys::both) {
  auto keys = keys_of(world().server);
  if (which == Keys::raw) keys.chain.clear();
  GnutlsEnd client(End::client, wire, kIdentity, kKey, priority_of(wire, client_words));
  if (wire == Wire::tls)
    return over_tls({.suites = {.tls12 = std::move(suites), .tls13 = {}}, .keys = std::move(keys)}, client);
  dtls::ServerConfig config;
  config.suites = std::move(suites);
  config.keys = std::move(keys);
  return over_dtls(std::move(config), client);
}

/// Our client, with the pre-shared key, at a server of GnuTLS.
Outcome ask(Wire wire, std::vector<CipherSuite> suites, GnutlsEnd& server) {
  SeededRandom random(1);
  const TimePoint now{seconds(1)};
  Outcome outcome;
  const auto pass = [&](auto& client, auto&& output, auto&& input, auto failed) {
    for (int round = 0; round < 20; ++round) {
      output();
      while (!server.out.empty()) {
        input(server.out.front());
        server.out.pop_front();
      }
      while (const auto event = client.poll_event())
        if (const auto* e = std::get_if<decltype(failed)>(&*event)) outcome.failure = e->failure;
    }
    outcome.agreed = server.suite();
  };
  if (wire == Wire::dtls) {
    auto config = dtls::test::client_config();
    config.suites = std::move(suites);
    dtls::DtlsClient client(std::move(config), random);
    EXPECT_TRUE(client.start(now));
    pass(
        client,
        [&] {
          while (const auto bytes = client.poll_transmit()) server.handle(*bytes);
        },
        [&](const Bytes& bytes) { client.handle_datagram(now, bytes); }, dtls::ConnectFailed{});
    return outcome;
  }
  auto client = *tls::TlsSession::connect(
      now, {.credential = tls::test::psk_credential(), .suites = {.tls12 = std::move(suites), .tls13 = {}}},
      random);
  pass(
      *client,
      [&] {
        const auto output = client->poll_output();
        const Bytes bytes(output.begin(), output.end());
        client->taken(bytes.size());
        if (!bytes.empty()) server.handle(bytes);
      },
      [&](const Bytes& bytes) { client->handle_bytes(now, bytes); }, tls::HandshakeFailed{});
  return outcome;
}

const std::string kUsual = ":+GROUP-SECP256R1:+SIGN-ECDSA-SHA256";

class SuiteChoice : public testing::TestWithParam<Wire> {
 protected:
  void expect(std::vector<CipherSuite> suites, const std::string& client_words, CipherSuite agreed,
              Keys keys = Keys::both) {
    const auto outcome = shake_hands(GetParam(), std::move(suites), client_words, keys);
    EXPECT_EQ(outcome.agreed, to_string(agreed))
        << client_words << ": " << (outcome.failure ? outcome.failure->detail : "");
  }
};
INSTANTIATE_TEST_SUITE_P(Over, SuiteChoice, testing::Values(Wire::dtls, Wire::tls),
                         [](const auto& wire) { return wire.param == Wire::dtls ? "Dtls" : "Tls"; });

TEST_P(SuiteChoice, APairThatNobodyAskedForDoesNotHideOneThatWas) {
  expect({psk_aes_128_ccm_8, ecdhe_ecdsa_aes_128_cbc_sha256}, "+PSK:+ECDHE-ECDSA:+AES-128-CBC" + kUsual,
         ecdhe_ecdsa_aes_128_cbc_sha256);
  expect({psk_aes_128_ccm_8, ecdhe_psk_aes_128_cbc_sha256}, "+PSK:+ECDHE-PSK:+AES-128-CBC" + kUsual,
         ecdhe_psk_aes_128_cbc_sha256);
  expect({psk_aes_128_ccm_8, ecdhe_ecdsa_aes_128_gcm_sha256}, "+PSK:+ECDHE-ECDSA:+AES-128-GCM" + kUsual,
         ecdhe_ecdsa_aes_128_gcm_sha256);
}

TEST_P(SuiteChoice, TheOrderThatWasAskedForIsKept) {
  const auto all = "+PSK:+ECDHE-ECDSA:+AES-128-CCM-8:+AES-128-GCM" + kUsual;
  expect({ecdhe_ecdsa_aes_128_gcm_sha256, psk_aes_128_ccm_8, psk_aes_128_gcm_sha256}, all,
         ecdhe_ecdsa_aes_128_gcm_sha256);
  expect({psk_aes_128_ccm, ecdhe_ecdsa_aes_128_gcm_sha256, psk_aes_128_gcm_sha256}, all,
         ecdhe_ecdsa_aes_128_gcm_sha256);
  expect({psk_aes_128_gcm_sha256, ecdhe_ecdsa_aes_128_gcm_sha256, psk_aes_128_ccm_8}, all,
         psk_aes_128_gcm_sha256);
}

/// What stands before it is of no use without a group, a signature or a kind of key in common.
TEST_P(SuiteChoice, WhatTheClientCannotUseIsPassedOver) {
  const std::vector<CipherSuite> ours{ecdhe_ecdsa_aes_128_ccm_8, psk_aes_128_ccm_8};
  const std::string theirs = "+PSK:+ECDHE-ECDSA:+AES-128-CCM-8";
  expect(ours, theirs + kUsual, ecdhe_ecdsa_aes_128_ccm_8);
  expect(ours, theirs + ":+GROUP-SECP521R1:+SIGN-ECDSA-SHA256", psk_aes_128_ccm_8);
  expect(ours, theirs + ":+GROUP-SECP256R1:+SIGN-RSA-SHA256", psk_aes_128_ccm_8);
  expect(ours, theirs + kUsual, psk_aes_128_ccm_8, Keys::raw);
  expect({ecdhe_psk_aes_128_cbc_sha256, psk_aes_128_cbc_sha256},
         "+PSK:+ECDHE-PSK:+AES-128-CBC:+GROUP-SECP521R1:+SIGN-ECDSA-SHA256", psk_aes_128_cbc_sha256);
}

TEST_P(SuiteChoice, WithNothingInCommonTheClientIsTold) {
  const std::pair<std::vector<CipherSuite>, std::string> rows[] = {
      {{psk_aes_128_ccm_8, ecdhe_ecdsa_aes_128_cbc_sha256}, "+PSK:+AES-128-CBC" + kUsual},
      {{psk_aes_128_ccm_8}, "+PSK:+AES-128-GCM" + kUsual},
      {{ecdhe_ecdsa_aes_128_ccm_8}, "+ECDHE-ECDSA:+AES-128-CCM-8:+GROUP-SECP521R1:+SIGN-ECDSA-SHA256"},
  };
  for (const auto& [suites, words] : rows) {
    const auto outcome = shake_hands(GetParam(), suites, words);
    EXPECT_EQ(outcome.agreed, "") << words;
    ASSERT_TRUE(outcome.failure) << words;
    EXPECT_EQ(outcome.failure->reason, FailureReason::no_common_suite) << words;
    EXPECT_EQ(outcome.failure->alert, dtls::Alert::handshake_failure) << words;
    EXPECT_EQ(outcome.failure->refused_by, dtls::Side::us) << words;
  }
}

/// A ClientHello of DTLS with suites that nobody knows in front of its own.
Bytes with_strangers(Bytes datagram, std::size_t count) {
  const auto grow = [&](std::size_t at) {
    const auto size = (std::size_t{datagram[at]} << 8 | datagram[at + 1]) + 2 * count;
    datagram[at] = static_cast<std::uint8_t>(size >> 8);
    datagram[at + 1] = static_cast<std::uint8_t>(size);
  };
  auto at = std::size_t{13 + 12 + 2 + 32};  // record, message, version, random
  at += 1u + datagram[at];                  // session id
  at += 1u + datagram[at];                  // cookie
  for (const auto size : {std::size_t{11}, std::size_t{13 + 2}, std::size_t{13 + 10}, at}) grow(size);
  datagram.insert(datagram.begin() + static_cast<std::ptrdiff_t>(at + 2), 2 * count, 0x5A);
  return datagram;
}

/// More suites than are kept of a hello for whoever asks why it failed. The peer's own hash knows nothing of
/// them, so this handshake comes no further than the ServerHello.
TEST(SuiteChoiceOfLongHello, FindsASuiteBehindManyOthers) {
  for (const auto suite : {psk_aes_128_ccm_8, ecdhe_psk_aes_128_cbc_sha256}) {
    SeededRandom random(1);
    dtls::ServerConfig config;
    config.suites = {psk_aes_128_ccm_8, ecdhe_psk_aes_128_cbc_sha256};
    config.next_peer = [] { return PeerId(1); };
    dtls::DtlsServer server(std::move(config), random);
    GnutlsEnd client(
        End::client, Wire::dtls, kIdentity, kKey,
        priority_of(Wire::dtls, suite == psk_aes_128_ccm_8 ? "+PSK:+AES-128-CCM-8" + kUsual
                                                           : "+PSK:+ECDHE-PSK:+AES-128-CBC" + kUsual));
    std::optional<std::uint16_t> chosen;
    for (int round = 0; round < 3 && !client.out.empty(); ++round) {
      const auto hello = with_strangers(std::exchange(client.out, {}).front(), dtls::kFactsListMax + 6);
      server.handle_datagram(TimePoint(seconds(1)), Address::v4(127, 0, 0, 1, 40000), hello);
      while (const auto transmit = server.poll_transmit()) {
        const auto bytes = transmit->bytes;
        if (bytes[13] == 2) {  // a ServerHello: suite behind version, random and session id
          const auto at = std::size_t{13 + 12 + 2 + 32};
          ByteReader reader(bytes.subspan(at + 1u + bytes[at]));
          chosen = *reader.u16();
        }
        client.handle(bytes);
      }
      if (chosen) break;
    }
    EXPECT_EQ(chosen, static_cast<std::uint16_t>(suite)) << to_string(suite);
  }
}

/// Our hello has to offer PSK with CBC here, as a pair of what was asked for.
TEST_P(SuiteChoice, AServerThatChoosesWhatWasNotAskedForIsRefused) {
  GnutlsEnd server(End::server, GetParam(), kIdentity, kKey,
                   priority_of(GetParam(), "+PSK:+AES-128-CBC" + kUsual));
  const auto outcome = ask(GetParam(), {psk_aes_128_ccm_8, ecdhe_psk_aes_128_cbc_sha256}, server);
  EXPECT_EQ(outcome.agreed, "");
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->reason, FailureReason::no_common_suite);
  EXPECT_EQ(outcome.failure->refused_by, dtls::Side::us);
  EXPECT_EQ(server.alert(), GNUTLS_A_HANDSHAKE_FAILURE);
}

/// The suites of TLS 1.2 lend no cipher to TLS 1.3. [RFC 8446 §B.4]
TEST(SuiteChoice13, IsOfThoseThatWereAskedFor) {
  const auto reach = [](const std::string& cipher) {
    GnutlsEnd client(End::client, Wire::tls, kIdentity, kKey,
                     "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+COMP-NULL:+CTYPE-CLI-X509:+CTYPE-SRV-X509:+AEAD:"
                     "+ECDHE-ECDSA:+GROUP-SECP256R1:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SECP256R1-SHA256:+" +
                         cipher);
    return over_tls({.suites = {.tls12 = {psk_aes_128_ccm_8}, .tls13 = {tls::Tls13Suite::aes_128_gcm_sha256}},
                     .keys = keys_of(world().server)},
                    client);
  };
  EXPECT_EQ(reach("AES-128-GCM").agreed, "TLS_AES_128_GCM_SHA256");
  const auto other = reach("AES-128-CCM-8");
  EXPECT_EQ(other.agreed, "");
  ASSERT_TRUE(other.failure);
  EXPECT_EQ(other.failure->reason, FailureReason::no_common_suite);
}

}  // namespace
}  // namespace slipway::security::test
