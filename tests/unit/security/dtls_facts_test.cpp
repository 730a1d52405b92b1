// SPDX-License-Identifier: Apache-2.0
// What a failed handshake tells of both ends.
#include "dtls_link.hpp"
#include "pki.hpp"

#include <slipway/security/dtls/facts.hpp>

namespace slipway::security::dtls {
namespace {

using test::Link;

constexpr unsigned kServerHello = 2, kHelloVerifyRequest = 3;

TEST(DtlsFacts, ARefusedHelloIsToldWithWhatItOffered) {
  ServerConfig server;
  server.suites = {CipherSuite::psk_aes_128_gcm_sha256};
  Link link(1, {}, std::move(server));
  auto& host = link.connect();
  ASSERT_EQ(link.seen.failed.size(), 1u);
  const auto facts = link.seen.failed[0].facts;
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->offered.version, 0xFEFD);
  EXPECT_EQ(facts->offered.suites, (std::vector{static_cast<std::uint16_t>(CipherSuite::psk_aes_128_ccm_8)}));
  EXPECT_TRUE(facts->offered.cid);
  EXPECT_FALSE(facts->suite) << "nothing was chosen";
  ASSERT_TRUE(host.seen.failed && host.seen.failed->facts);
  EXPECT_TRUE(host.seen.failed->facts->got(kHelloVerifyRequest));
  EXPECT_FALSE(host.seen.failed->facts->got(kServerHello));
}

TEST(DtlsFacts, AWrongKeyIsToldWithTheSuiteThatWasChosen) {
  Link link;
  auto& host = link.connect(test::client_config(test::kIdentity, "another key 1234"));
  const auto chosen = static_cast<std::uint16_t>(CipherSuite::psk_aes_128_ccm_8);
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].facts->suite, chosen);
  ASSERT_TRUE(host.seen.failed);
  EXPECT_EQ(host.seen.failed->facts->suite, chosen);
  EXPECT_EQ(host.seen.failed->facts->version, 0xFEFD);
}

/// The server has judged it before anybody was asked, and who it was is shown all the same.
TEST(DtlsFacts, AClientThatIsNotBelievedIsToldWithItsCertificate) {
  using security::test::world;
  ServerConfig server;
  server.keys = security::test::keys_of(world().server);
  server.client_authorities = {security::test::make_authority("Stranger").certificate};
  Link link(1, {}, std::move(server));
  auto config = test::client_config();
  config.credential = security::test::certificate_credential(
      world().device, {.server_key = world().server.certificate, .name = "server.example"});
  link.connect(std::move(config));
  ASSERT_EQ(link.seen.failed.size(), 1u);
  EXPECT_FALSE(link.seen.failed[0].identity);
  ASSERT_EQ(link.seen.failed[0].facts->chain.size(), 1u);
  EXPECT_EQ(link.seen.failed[0].facts->chain[0], world().device.certificate);
}

TEST(DtlsFacts, AnEstablishedSessionTellsThemToo) {
  Link link;
  auto& host = link.connect();
  ASSERT_TRUE(host.seen.connected && host.seen.connected->facts);
  EXPECT_TRUE(host.seen.connected->facts->got(kServerHello));
  EXPECT_EQ(host.client->facts().messages, 0u) << "no handshake is in progress";
}

/// version, random, session id, cookie, suites, methods, extensions.
Bytes hello_body(const Bytes& extensions) {
  Bytes body{0xFE, 0xFD};
  body.insert(body.end(), 32, 7);
  for (const int byte : {1, 9, 2, 1, 2, 0, 4, 0xC0, 0xA8, 0x12, 0x34, 1, 0})
    body.push_back(static_cast<std::uint8_t>(byte));
  body.push_back(static_cast<std::uint8_t>(extensions.size() >> 8));
  body.push_back(static_cast<std::uint8_t>(extensions.size()));
  body.insert(body.end(), extensions.begin(), extensions.end());
  return body;
}

const Bytes kExtensions{0, 0,  0, 8, 0, 6, 0, 0,  3, 'a', '.', 'b',  // server_name
                        0, 10, 0, 6, 0, 4, 0, 23, 0, 29,             // supported_groups
                        0, 54, 0, 1, 0};                             // connection_id

TEST(DtlsFacts, AHelloIsReadWhole) {
  const auto facts = read_hello_facts(hello_body(kExtensions));
  EXPECT_EQ(facts.version, 0xFEFD);
  EXPECT_EQ(facts.suites, (std::vector<std::uint16_t>{0xC0A8, 0x1234}));
  EXPECT_EQ(facts.groups, (std::vector<std::uint16_t>{23, 29}));
  EXPECT_EQ(facts.server_name, "a.b");
  EXPECT_TRUE(facts.cid);
}

TEST(DtlsFacts, AHelloThatEndsAnywhereIsReadAsFarAsItGoes) {
  const auto whole = hello_body(kExtensions);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto facts = read_hello_facts(part);
    EXPECT_LE(facts.suites.size(), 2u);
    EXPECT_FALSE(facts.cid);
  }
}

TEST(DtlsFacts, ListsOfAHelloAreBounded) {
  Bytes body{0xFE, 0xFD};
  body.insert(body.end(), 34, 0);
  const std::size_t size = 2 * (kFactsListMax + 10);
  body.push_back(0);
  body.push_back(static_cast<std::uint8_t>(size));
  body.insert(body.end(), size, 0xAA);
  EXPECT_EQ(read_hello_facts(body).suites.size(), kFactsListMax);
}

TEST(DtlsFacts, NumbersHaveNamesWhereThereAreAny) {
  EXPECT_EQ(suite_text(0xC0A8), "TLS_PSK_WITH_AES_128_CCM_8");
  EXPECT_EQ(suite_text(0xC02C), "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
  EXPECT_EQ(suite_text(0x1234), "0x1234");
  EXPECT_EQ(group_text(29), "x25519");
  EXPECT_EQ(version_text(0xFEFF), "DTLS 1.0");
  EXPECT_EQ(version_text(0x0303), "TLS 1.2");
  EXPECT_EQ(version_text(0x1234), "version 0x1234");
  EXPECT_EQ(suite_text(0x1301), "TLS_AES_128_GCM_SHA256");
}

}  // namespace
}  // namespace slipway::security::dtls
