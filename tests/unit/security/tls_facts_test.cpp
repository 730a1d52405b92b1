// SPDX-License-Identifier: Apache-2.0
// What a failed handshake of TLS tells of both ends: as much as one of DTLS.
#include <gmock/gmock.h>

#include "tls_pair.hpp"

namespace slipway::security::tls::test {
namespace {

using dtls::SecureProtocol;
using security::test::certificate_credential;
using security::test::raw_credential;
using security::test::world;
using testing::Contains;
using testing::ElementsAre;

class TlsFacts : public testing::TestWithParam<Version> {
 protected:
  [[nodiscard]] bool tls13() const { return GetParam() == Version::tls13; }
  [[nodiscard]] std::uint16_t version() const { return tls13() ? 0x0304 : 0x0303; }
};
INSTANTIATE_TEST_SUITE_P(All, TlsFacts, testing::Values(Version::tls12, Version::tls13),
                         [](const testing::TestParamInfo<Version>& version) {
                           return std::string(version.param == Version::tls12 ? "Tls12" : "Tls13");
                         });

TEST_P(TlsFacts, AWrongKeyIsToldWithWhatWasOfferedAndChosen) {
  Suites suites = only(GetParam());
  if (!tls13()) suites.tls12 = {dtls::CipherSuite::psk_aes_128_ccm_8};
  if (tls13()) suites.tls13 = {Tls13Suite::aes_128_ccm_8_sha256};
  const std::uint16_t suite = tls13() ? 0x1305 : 0xC0A8;
  Pair pair({.credential = psk_credential(kIdentity, "another key of 1"), .suites = suites});
  pair.run();
  for (const auto& failed : {pair.at_server.failed, pair.at_client.failed}) {
    ASSERT_TRUE(failed && failed->facts);
    EXPECT_EQ(failed->facts->offered.version, version());
    EXPECT_THAT(failed->facts->offered.suites, Contains(suite));
    if (tls13()) {
      EXPECT_FALSE(failed->facts->suite) << "the hello itself proves the key: nothing was chosen yet";
    } else {
      EXPECT_EQ(failed->facts->suite, suite);
      EXPECT_EQ(failed->facts->version, version());
    }
    EXPECT_TRUE(failed->facts->chain.empty());
  }
  EXPECT_TRUE(pair.at_server.failed->facts->got(1)) << "a ClientHello";
  EXPECT_EQ(pair.at_client.failed->facts->got(2), !tls13()) << "a ServerHello";
}

TEST_P(TlsFacts, AnOfferThatNothingIsTakenOfIsTold) {
  ServerConfig config{.suites = only(GetParam())};
  config.suites.tls12 = {dtls::CipherSuite::psk_aes_128_gcm_sha256};
  if (tls13()) config.suites = {.tls12 = {}, .tls13 = {Tls13Suite::aes_128_gcm_sha256}};
  Suites suites = only(GetParam());
  if (!tls13()) suites.tls12 = {dtls::CipherSuite::psk_aes_128_ccm_8};
  if (tls13()) suites.tls13 = {Tls13Suite::aes_128_ccm_8_sha256};
  Pair pair({.credential = psk_credential(), .suites = suites}, std::move(config));
  pair.run();
  ASSERT_TRUE(pair.at_server.failed && pair.at_server.failed->facts);
  EXPECT_EQ(pair.at_server.failed->failure.reason, dtls::FailureReason::no_common_suite);
  const auto& facts = *pair.at_server.failed->facts;
  EXPECT_THAT(facts.offered.suites, Contains(tls13() ? 0x1305 : 0xC0A8));
  EXPECT_FALSE(facts.suite) << "nothing was chosen";
}

TEST_P(TlsFacts, AServerThatIsNotBelievedIsToldWithItsCertificateAndTheNameThatWasAskedFor) {
  Pair pair(
      {.credential = certificate_credential(world().device, {.server_key = world().authority.certificate,
                                                             .usage = CertificateUsage::trust_anchor,
                                                             .name = "elsewhere.example"}),
       .suites = only(GetParam()),
       .wall = security::test::kToday});
  pair.run();
  ASSERT_TRUE(pair.at_client.failed && pair.at_client.failed->facts);
  EXPECT_THAT(pair.at_client.failed->facts->chain, Contains(world().server.certificate));
  ASSERT_TRUE(pair.at_server.failed && pair.at_server.failed->facts);
  EXPECT_EQ(pair.at_server.failed->facts->offered.server_name, "elsewhere.example");
  EXPECT_THAT(pair.at_server.failed->facts->offered.groups, Contains(23));
}

TEST_P(TlsFacts, AClientThatIsNotBelievedIsToldWithItsCertificate) {
  ServerConfig config{.suites = only(GetParam())};
  config.client_authorities.push_back(security::test::make_authority("Stranger").certificate);
  Pair pair({.credential = certificate_credential(
                 world().device, {.server_key = world().server.certificate, .name = "server.example"}),
             .suites = only(GetParam()),
             .wall = security::test::kToday},
            std::move(config));
  pair.run();
  ASSERT_TRUE(pair.at_server.failed && pair.at_server.failed->facts);
  EXPECT_FALSE(pair.at_server.failed->identity);
  EXPECT_THAT(pair.at_server.failed->facts->chain, Contains(world().device.certificate));
}

TEST_P(TlsFacts, AnEstablishedClientTellsThemToo) {
  Pair pair({.credential = raw_credential(world().device, world().server), .suites = only(GetParam())});
  pair.run();
  ASSERT_TRUE(pair.at_client.established && pair.at_client.established->facts);
  EXPECT_THAT(pair.at_client.established->facts->chain, ElementsAre(world().server.key.public_key));
  ASSERT_TRUE(pair.at_server.established);
  EXPECT_FALSE(pair.at_server.established->facts) << "nobody asks";
}

TEST(TlsHello, IsReadWithItsVersionsAndWithoutACookie) {
  Bytes body{0x03, 0x03};
  body.insert(body.end(), 32, 7);
  for (const int byte :
       {1, 9, 0, 4, 0x13, 0x01, 0xC0, 0xA8, 1, 0, 0, 11, 0, 43, 0, 7, 6, 0x7A, 0x7A, 0x03, 0x04, 3, 3})
    body.push_back(static_cast<std::uint8_t>(byte));
  const auto facts = dtls::read_hello_facts(body, SecureProtocol::tls);
  EXPECT_EQ(facts.version, 0x0304) << "0x7A7A is a grease";
  EXPECT_THAT(facts.suites, ElementsAre(0x1301, 0xC0A8));
  for (std::size_t size = 0; size < body.size(); ++size)
    (void)dtls::read_hello_facts(ByteView(body).first(size), SecureProtocol::tls);
}

TEST(TlsHello, OfWhatIsNoTlsThereIsNone) {
  Pair pair({.credential = psk_credential()});
  pair.server->handle_bytes(pair.now, as_bytes("GET / HTTP/1.1\r\n\r\n"));
  while (const auto event = pair.server->poll_event())
    if (const auto* failed = std::get_if<HandshakeFailed>(&*event)) pair.at_server.failed = *failed;
  ASSERT_TRUE(pair.at_server.failed && pair.at_server.failed->facts);
  EXPECT_EQ(pair.at_server.failed->facts->offered.version, 0);
}

}  // namespace
}  // namespace slipway::security::tls::test
