// SPDX-License-Identifier: Apache-2.0
// TLS sessions of every mode in both versions, and what goes wrong with them. [RFC 8323 §9]
#include <gmock/gmock.h>

#include <array>

#include "tls_pair.hpp"

namespace slipway::security::tls::test {
namespace {

using dtls::Alert;
using dtls::FailureReason;
using dtls::IdentityKind;
using dtls::SessionEnd;
using dtls::Side;
using security::test::certificate_credential;
using security::test::raw_credential;
using security::test::world;

struct Mode {
  IdentityKind kind;
  Version version;
};

dtls::Credential credential_of(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::psk:
      return psk_credential();
    case IdentityKind::raw_public_key:
      return raw_credential(world().device, world().server);
    case IdentityKind::certificate:
      break;
  }
  return certificate_credential(world().device,
                                {.server_key = world().server.certificate, .name = "server.example"});
}

ClientConfig client_of(const Mode& mode) {
  return {
      .credential = credential_of(mode.kind), .suites = only(mode.version), .wall = security::test::kToday};
}

class EveryMode : public testing::TestWithParam<Mode> {
 protected:
  [[nodiscard]] bool tls13() const { return GetParam().version == Version::tls13; }
  [[nodiscard]] bool psk() const { return GetParam().kind == IdentityKind::psk; }
};
std::string name_of_mode(const testing::TestParamInfo<Mode>& mode) {
  const char* const kinds[] = {"Psk", "RawKey", "Certificate"};
  return kinds[static_cast<int>(mode.param.kind)] +
         std::string(mode.param.version == Version::tls12 ? "12" : "13");
}
INSTANTIATE_TEST_SUITE_P(TlsSession, EveryMode,
                         testing::Values(Mode{IdentityKind::psk, Version::tls12},
                                         Mode{IdentityKind::psk, Version::tls13},
                                         Mode{IdentityKind::raw_public_key, Version::tls12},
                                         Mode{IdentityKind::raw_public_key, Version::tls13},
                                         Mode{IdentityKind::certificate, Version::tls12},
                                         Mode{IdentityKind::certificate, Version::tls13}),
                         name_of_mode);

TEST_P(EveryMode, CarriesBytesBothWays) {
  Pair pair(client_of(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.at_server.established)
      << (pair.at_server.failed ? pair.at_server.failed->failure.detail : "");
  ASSERT_TRUE(pair.at_client.established);
  EXPECT_EQ(pair.at_server.established->version, GetParam().version);
  EXPECT_STREQ(pair.at_server.established->suite, pair.at_client.established->suite);
  ASSERT_TRUE(pair.at_server.established->identity);
  EXPECT_EQ(pair.at_server.established->identity->index(), static_cast<std::size_t>(GetParam().kind));
  EXPECT_EQ(pair.asked, std::vector{GetParam().kind});

  const std::string large(40'000, 'x');
  ASSERT_TRUE(pair.client->write(as_bytes("hello")));
  ASSERT_TRUE(pair.server->write(as_bytes(large)));
  pair.run();
  EXPECT_EQ(pair.at_server.received, "hello");
  EXPECT_TRUE(pair.at_client.received == large);
  EXPECT_EQ(pair.to_client.find("xxxxxxxx"), std::string::npos) << "plaintext on the wire";
}

TEST_P(EveryMode, TakesAStreamThatIsCutAnywhere) {
  Pair pair(client_of(GetParam()));
  pair.piece = 1;
  pair.run();
  ASSERT_TRUE(pair.at_server.established && pair.at_client.established);
  ASSERT_TRUE(pair.client->write(as_bytes("byte by byte")));
  pair.run();
  EXPECT_EQ(pair.at_server.received, "byte by byte");
}

TEST_P(EveryMode, WaitsForALateAnswerOfTheStore) {
  Pair pair(client_of(GetParam()));
  pair.answer = false;
  pair.run();
  ASSERT_EQ(pair.asked.size(), 1u);
  EXPECT_FALSE(pair.at_server.established);
  // A client of TLS 1.3 that proves a public key may talk already: it is heard when it is known.
  const bool early = pair.at_client.established && pair.client->write(as_bytes("early"));
  EXPECT_EQ(early, !psk() && tls13());
  pair.run();
  EXPECT_EQ(pair.at_server.received, "");
  pair.reply();
  pair.run();
  ASSERT_TRUE(pair.at_server.established && pair.at_client.established);
  EXPECT_EQ(pair.at_server.received, early ? "early" : "");
}

TEST_P(EveryMode, AnUnknownOneIsRefused) {
  Pair pair(client_of(GetParam()));
  pair.keys.clear();
  pair.approval = dtls::Approval::unknown;
  pair.run();
  EXPECT_FALSE(pair.at_server.established);
  ASSERT_TRUE(pair.at_server.failed);
  const auto expected = psk() ? Alert::decrypt_error : Alert::certificate_unknown;
  EXPECT_EQ(pair.at_server.failed->failure.reason,
            psk() ? FailureReason::unknown_identity : FailureReason::untrusted);
  EXPECT_EQ(pair.at_server.failed->failure.alert, expected);
  EXPECT_TRUE(pair.at_server.failed->identity);
  const auto told = pair.at_client.failed  ? pair.at_client.failed->failure.alert
                    : pair.at_client.ended ? pair.at_client.ended->alert
                                           : std::nullopt;
  EXPECT_EQ(told, expected) << "the client hears why, in the handshake or (TLS 1.3) right after";
}

TEST_P(EveryMode, ARevokedCredentialCutsTheSession) {
  Pair pair(client_of(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.at_server.established);
  pair.server->end(pair.now, Alert::access_denied);
  pair.run();
  ASSERT_TRUE(pair.at_client.ended && pair.at_server.ended);
  EXPECT_EQ(pair.at_client.ended->reason, SessionEnd::alert_by_peer);
  EXPECT_EQ(pair.at_client.ended->alert, Alert::access_denied);
  EXPECT_EQ(pair.at_server.ended->reason, SessionEnd::ended_here);
  EXPECT_FALSE(pair.server->write(as_bytes("more")));
}

TEST_P(EveryMode, SaysGoodbyeBothWays) {
  Pair pair(client_of(GetParam()));
  pair.run();
  pair.client->end(pair.now);
  pair.run();
  ASSERT_TRUE(pair.at_server.ended);
  EXPECT_EQ(pair.at_server.ended->reason, SessionEnd::closed_by_peer);
}

TEST_P(EveryMode, AStreamThatEndsWithoutAGoodbyeIsCut) {
  Pair pair(client_of(GetParam()));
  pair.run();
  pair.server->handle_end(pair.now);
  pair.run();
  ASSERT_TRUE(pair.at_server.ended);
  EXPECT_EQ(pair.at_server.ended->reason, SessionEnd::cut);
}

TEST_P(EveryMode, AnAlteredRecordEndsTheSession) {
  Pair pair(client_of(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.at_server.established);
  ASSERT_TRUE(pair.client->write(as_bytes("pay 1 coin")));
  pair.tamper = [](std::string& bytes) { bytes.back() ^= 1; };
  pair.run();
  EXPECT_EQ(pair.at_server.received, "");
  ASSERT_TRUE(pair.at_server.ended);
  EXPECT_EQ(pair.at_server.ended->reason, SessionEnd::broken);
  EXPECT_EQ(pair.at_server.ended->alert, Alert::bad_record_mac);
}

TEST_P(EveryMode, ACutHandshakeOpensNothing) {
  std::size_t length = 0;
  {
    Pair whole(client_of(GetParam()));
    whole.run();
    length = whole.to_server.size();
  }
  for (std::size_t cut = 0; cut < length - 1; cut += 1 + length / 60) {
    Pair pair(client_of(GetParam()));
    std::size_t passed = 0;
    pair.tamper = [&](std::string& bytes) {
      if (passed + bytes.size() > cut) bytes.resize(cut - std::min(passed, cut));
      passed += bytes.size();
    };
    pair.run();
    if (passed <= cut) continue;  // signatures differ in size: this one was short
    pair.server->handle_end(pair.now);
    pair.run();
    ASSERT_TRUE(pair.at_server.failed) << cut;
    ASSERT_FALSE(pair.at_server.established) << cut;
  }
}

TEST_P(EveryMode, AnyAlteredByteOfAHandshakeOpensNothing) {
  std::size_t length = 0;
  {
    Pair whole(client_of(GetParam()));
    whole.run();
    length = whole.to_server.size();
  }
  for (std::size_t at = 0; at < length; at += 1 + length / 80) {
    Pair pair(client_of(GetParam()));
    std::size_t passed = 0;
    pair.tamper = [&](std::string& bytes) {
      if (at >= passed && at < passed + bytes.size())
        bytes[at - passed] = static_cast<char>(bytes[at - passed] ^ 0x21);
      passed += bytes.size();
    };
    pair.run();
    pair.server->handle_end(pair.now);
    pair.run();
    ASSERT_TRUE(pair.at_server.failed || pair.at_server.ended) << at;
  }
}

TEST_P(EveryMode, ASlowHandshakeIsGivenUp) {
  Pair pair(client_of(GetParam()));
  ASSERT_EQ(pair.server->next_timeout(), pair.now + seconds(30));
  pair.server->handle_timeout(pair.now + seconds(29));
  pair.run();
  ASSERT_TRUE(pair.at_server.established) << "a timer that is not due does nothing";
  EXPECT_FALSE(pair.server->next_timeout());

  Pair slow(client_of(GetParam()));
  slow.server->handle_timeout(slow.now + seconds(30));
  slow.run();
  ASSERT_TRUE(slow.at_server.failed);
  EXPECT_EQ(slow.at_server.failed->failure.reason, FailureReason::timeout);
}

class EveryVersion : public testing::TestWithParam<Version> {};
std::string name_of_version(const testing::TestParamInfo<Version>& version) {
  return version.param == Version::tls12 ? "Tls12" : "Tls13";
}
INSTANTIATE_TEST_SUITE_P(TlsSession, EveryVersion, testing::Values(Version::tls12, Version::tls13),
                         name_of_version);

/// Sizes and types of the records that went to the client, and the alert that it heard.
std::string shape_of(const Pair& pair) {
  std::string shape;
  for (std::size_t at = 0; at + 5 <= pair.to_client.size();) {
    const auto* record = reinterpret_cast<const std::uint8_t*>(pair.to_client.data()) + at;
    const std::size_t size = std::size_t{record[3]} << 8 | record[4];
    shape += std::to_string(record[0]) + ":" + std::to_string(size) + " ";
    at += 5 + size;
  }
  return shape + (pair.at_client.failed ? dtls::to_string(*pair.at_client.failed->failure.alert) : "none");
}

TEST_P(EveryVersion, AnUnknownIdentityLooksLikeAWrongKey) {
  Pair wrong({.credential = psk_credential(kIdentity, "another key of 1"), .suites = only(GetParam())});
  wrong.run();
  ASSERT_TRUE(wrong.at_server.failed);
  EXPECT_EQ(wrong.at_server.failed->failure.reason, FailureReason::wrong_key);
  EXPECT_EQ(wrong.at_server.failed->failure.alert, Alert::decrypt_error);

  Pair unknown({.credential = psk_credential("urn:imei:004999010649999"), .suites = only(GetParam())});
  unknown.run();
  ASSERT_TRUE(unknown.at_server.failed);
  EXPECT_EQ(unknown.at_server.failed->failure.reason, FailureReason::unknown_identity);
  EXPECT_EQ(shape_of(unknown), shape_of(wrong));
  EXPECT_THAT(shape_of(unknown), testing::HasSubstr("decrypt_error"));
}

TEST_P(EveryVersion, AnIdentityMayHoldAnyByte) {
  const std::string identity("a\0b\xFF", 4);
  Pair pair({.credential = psk_credential(identity), .suites = only(GetParam())});
  pair.keys[identity] = kKey;
  pair.run();
  ASSERT_TRUE(pair.at_server.established);
  EXPECT_EQ(as_text(pair.asked_for), identity);
}

TEST_P(EveryVersion, TheLongestIdentityIsTaken) {
  const std::string identity(dtls::kPskIdentityMax, 'i');
  Pair pair({.credential = psk_credential(identity), .suites = only(GetParam())});
  pair.keys[identity] = kKey;
  pair.run();
  EXPECT_TRUE(pair.at_server.established);
}

TEST_P(EveryVersion, ACertificateOfAnUnknownAuthorityIsRefusedBeforeTheStoreIsAsked) {
  const auto stranger = security::test::make_authority("Stranger");
  ServerConfig config{.suites = only(GetParam())};
  config.client_authorities.push_back(stranger.certificate);
  Pair pair(client_of({IdentityKind::certificate, GetParam()}), std::move(config));
  pair.run();
  ASSERT_TRUE(pair.at_server.failed);
  EXPECT_EQ(pair.at_server.failed->failure.reason, FailureReason::untrusted);
  EXPECT_TRUE(pair.asked.empty());
}

TEST_P(EveryVersion, AServerWithTheWrongNameIsNotBelieved) {
  Pair pair(
      {.credential = certificate_credential(world().device, {.server_key = world().authority.certificate,
                                                             .usage = CertificateUsage::trust_anchor,
                                                             .name = "elsewhere.example"}),
       .suites = only(GetParam()),
       .wall = security::test::kToday});
  pair.run();
  ASSERT_TRUE(pair.at_client.failed);
  EXPECT_EQ(pair.at_client.failed->failure.reason, FailureReason::untrusted);
  EXPECT_EQ(pair.at_client.failed->failure.refused_by, Side::us);
  ASSERT_TRUE(pair.at_server.failed);
  EXPECT_EQ(pair.at_server.failed->failure.reason, FailureReason::peer_alert);
  EXPECT_TRUE(pair.asked.empty());
}

TEST_P(EveryVersion, AnotherRawKeyOfTheServerIsNotBelieved) {
  Pair pair({.credential = raw_credential(world().device, world().authority), .suites = only(GetParam())});
  pair.run();
  ASSERT_TRUE(pair.at_client.failed);
  EXPECT_EQ(pair.at_client.failed->failure.alert, Alert::bad_certificate);
  ASSERT_TRUE(pair.at_server.failed);
  EXPECT_EQ(pair.at_server.failed->failure.alert, Alert::bad_certificate)
      << pair.at_server.failed->failure.detail;
}

TEST_P(EveryVersion, ARetiredCertificateIsToldSo) {
  Pair pair(client_of({IdentityKind::certificate, GetParam()}));
  pair.approval = dtls::Approval::retired;
  pair.run();
  ASSERT_TRUE(pair.at_server.failed);
  EXPECT_EQ(pair.at_server.failed->failure.alert, Alert::certificate_revoked);
}

TEST_P(EveryVersion, NoCommonVersionIsSaidInWords) {
  const auto other = GetParam() == Version::tls12 ? Version::tls13 : Version::tls12;
  Pair pair({.credential = psk_credential(), .suites = only(GetParam())}, {.suites = only(other)});
  pair.run();
  ASSERT_TRUE(pair.at_server.failed && pair.at_client.failed);
  // A server that knows no TLS 1.3 answers in TLS 1.2, and its client says no.
  const auto& refusal = (other == Version::tls12 ? pair.at_client : pair.at_server).failed->failure;
  EXPECT_EQ(refusal.reason, FailureReason::no_common_suite) << refusal.detail;
  EXPECT_EQ(refusal.refused_by, Side::us);
}

TEST(TlsSession, BothEndsPreferTls13) {
  Pair pair({.credential = psk_credential()});
  pair.run();
  ASSERT_TRUE(pair.at_server.established);
  EXPECT_EQ(pair.at_server.established->version, Version::tls13);
}

TEST(TlsSession, TheMandatorySuiteOfTls12IsSpoken) {
  Suites suites = only(Version::tls12);
  suites.tls12 = {dtls::CipherSuite::psk_aes_128_ccm_8};
  Pair pair({.credential = psk_credential(), .suites = suites});
  pair.run();
  ASSERT_TRUE(pair.at_server.established);
  EXPECT_STREQ(pair.at_server.established->suite, "TLS_PSK_WITH_AES_128_CCM_8");
}

TEST(TlsSession, APeerThatTalksButSaysNotWhoItIsHasABound) {
  Pair pair({.credential = psk_credential()});
  std::size_t sent = 0;
  // Whole handshake records of a message that never ends.
  std::string record = std::string("\x16\x03\x01\x03\xE8", 5) + std::string("\x01\x00\x3F\xFF", 4);
  record.resize(5 + 1000, 'x');
  while (!pair.at_server.failed && sent < (1u << 20)) {
    pair.server->handle_bytes(pair.now, as_bytes(record));
    sent += record.size();
    pair.run();
  }
  EXPECT_TRUE(pair.at_server.failed);
  EXPECT_LE(sent, Limits{}.handshake_bytes_max + record.size());
}

TEST(TlsSession, WhatIsNoTlsIsRefusedAtOnce) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\r\n\r\n", "\x80\x2E\x01\x03\x01", "\x16\x03\x03\xFF\xFF zzz",
        "\x17\x03\x03\x00\x05zzzzz", "\x15\x03\x03\x00\x02\x02\x28"}) {
    Pair pair({.credential = psk_credential()});
    pair.server->handle_bytes(pair.now, as_bytes(text));
    pair.server->handle_end(pair.now);
    while (const auto event = pair.server->poll_event())
      if (const auto* failed = std::get_if<HandshakeFailed>(&*event)) pair.at_server.failed = *failed;
    EXPECT_TRUE(pair.at_server.failed) << text;
    EXPECT_TRUE(pair.asked.empty()) << text;
  }
}

TEST(TlsSession, OutputThatNobodyTakesHasABound) {
  Pair pair({.credential = psk_credential()});
  pair.run();
  const std::string piece(8'000, 'p');
  int taken = 0;
  while (pair.server->write(as_bytes(piece)) && taken < 100) ++taken;
  EXPECT_GE(taken, 7);
  EXPECT_LE(pair.server->poll_output().size(), kOutputMax);
  const auto refused = pair.server->write(as_bytes(piece));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
  pair.run();
  EXPECT_EQ(pair.at_client.received.size(), piece.size() * static_cast<std::size_t>(taken));
  EXPECT_TRUE(pair.server->write(as_bytes(piece)));
}

TEST(TlsSession, ALateAnswerOfTheStoreDoesNothing) {
  Pair pair({.credential = psk_credential()});
  pair.answer = false;
  pair.run();
  pair.server->end(pair.now, Alert::user_canceled);
  pair.reply();
  pair.run();
  EXPECT_FALSE(pair.at_server.established);
  ASSERT_TRUE(pair.at_server.failed);
  EXPECT_EQ(pair.at_server.failed->failure.reason, FailureReason::cancelled);
}

TEST(TlsSession, CipherSuitesOfAnAccountChooseTheVersion) {
  Suites suites;
  suites.tls12 = {dtls::CipherSuite::psk_aes_128_gcm_sha256};
  suites.tls13.clear();
  Pair pair({.credential = psk_credential(), .suites = suites});
  pair.run();
  ASSERT_TRUE(pair.at_server.established);
  EXPECT_STREQ(pair.at_server.established->suite, "TLS_PSK_WITH_AES_128_GCM_SHA256");
  suites.tls12.clear();
  const auto none =
      TlsSession::connect(pair.now, {.credential = psk_credential(), .suites = suites}, pair.random);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace slipway::security::tls::test
