// SPDX-License-Identifier: Apache-2.0
// Whom a device and a server believe. [LwM2M-TRANSPORT 1.2 §5.2.9.3, §5.2.9.6]
#include <gtest/gtest.h>

#include <openssl/sha.h>

#include "pki.hpp"
#include "security/openssl.hpp"

namespace slipway::security::test {
namespace {

using Use = CertificateRequest::Use;

std::optional<Distrust> judge(const ServerTrust& trust, const Party& server,
                              std::optional<UnixTime> wall = kToday) {
  const ByteView chain[] = {server.certificate};
  return distrust_of_server(trust, chain, wall);
}
ServerTrust trust_in(const Party& party, CertificateUsage usage, std::string name = "server.example") {
  return {.server_key = party.certificate, .usage = usage, .anchors = {}, .name = std::move(name)};
}

TEST(ServerTrust, DomainIssuedTakesExactlyTheStoredCertificate) {
  EXPECT_FALSE(judge(trust_in(world().server, CertificateUsage::domain_issued), world().server));
  const auto other = make_server(world().authority);
  const auto wrong = judge(trust_in(world().server, CertificateUsage::domain_issued), other);
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->alert, 42);
}

// The device may have no clock, and the account says that it is this very certificate.
TEST(ServerTrust, DomainIssuedLooksAtNoDateAndNoName) {
  auto trust = trust_in(world().server, CertificateUsage::domain_issued, "another.example");
  EXPECT_FALSE(judge(trust, world().server, kToday + 10 * 365 * kDay));
}

TEST(ServerTrust, HashesMatchLikeTheCertificate) {
  const auto& certificate = world().server.certificate;
  Bytes hash(SHA512_DIGEST_LENGTH);
  ServerTrust trust{.matching = MatchingType::sha512, .anchors = {}, .name = "server.example"};
  SHA512(certificate.data(), certificate.size(), hash.data());
  trust.server_key = hash;
  EXPECT_FALSE(judge(trust, world().server));
  hash.resize(SHA384_DIGEST_LENGTH);
  SHA384(certificate.data(), certificate.size(), hash.data());
  trust.server_key = hash;
  EXPECT_TRUE(judge(trust, world().server)) << "it says SHA-512";
  trust.matching = MatchingType::sha384;
  EXPECT_FALSE(judge(trust, world().server));
  const auto digest = sha256(certificate);
  trust.server_key.assign(digest.begin(), digest.end());
  trust.matching = MatchingType::sha256;
  EXPECT_FALSE(judge(trust, world().server));
  trust.server_key[0] ^= 1;
  EXPECT_TRUE(judge(trust, world().server));
}

TEST(ServerTrust, AnchorLeadsToTheServerByNameAndDate) {
  const auto trust = trust_in(world().authority, CertificateUsage::trust_anchor);
  EXPECT_FALSE(judge(trust, world().server));
  const auto expired = judge(trust, world().server, kToday + 400 * kDay);
  ASSERT_TRUE(expired);
  EXPECT_EQ(expired->alert, 45);
  EXPECT_TRUE(judge(trust, world().server, kToday - 2 * kDay)) << "not valid yet";
  EXPECT_FALSE(judge(trust, world().server, std::nullopt)) << "the device does not know the time";
  const auto name =
      judge(trust_in(world().authority, CertificateUsage::trust_anchor, "evil.example"), world().server);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->alert, 42);
}

TEST(ServerTrust, AnchorMayBeBetweenRootAndServer) {
  const auto between = make_authority("Between", &world().authority);
  const auto server = make_server(between);
  EXPECT_FALSE(judge(trust_in(between, CertificateUsage::trust_anchor), server));
  EXPECT_TRUE(judge(trust_in(world().authority, CertificateUsage::trust_anchor), server))
      << "the link is missing";
  const ByteView chain[] = {server.certificate, between.certificate};
  EXPECT_FALSE(
      distrust_of_server(trust_in(world().authority, CertificateUsage::trust_anchor), chain, kToday));
}

TEST(ServerTrust, AnotherAuthorityIsUnknown) {
  const auto stranger = make_authority();  // of the same name
  const auto wrong = judge(trust_in(stranger, CertificateUsage::trust_anchor), world().server);
  ASSERT_TRUE(wrong);
  EXPECT_TRUE(wrong->alert == 48 || wrong->alert == 42);
}

TEST(ServerTrust, ADevicesCertificateIsNoServers) {
  const auto device =
      make_party({.name = "server.example", .dns_name = "server.example"}, &world().authority);
  const auto wrong = judge(trust_in(world().authority, CertificateUsage::trust_anchor), device);
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->alert, 43);
}

TEST(ServerTrust, UsagesZeroAndOneNeedATrustStore) {
  for (const auto usage : {CertificateUsage::ca_constraint, CertificateUsage::service_certificate}) {
    const bool of_ca = usage == CertificateUsage::ca_constraint;
    auto trust = trust_in(of_ca ? world().authority : world().server, usage);
    const auto without = judge(trust, world().server);
    ASSERT_TRUE(without);
    EXPECT_EQ(without->alert, 48);
    trust.anchors.push_back(world().authority.certificate);
    EXPECT_FALSE(judge(trust, world().server)) << without->detail;
    trust.anchors = {make_authority("Another").certificate};
    EXPECT_TRUE(judge(trust, world().server));
  }
}

TEST(ServerTrust, UsageZeroWantsItsAuthorityInThePath) {
  const auto between = make_authority("Between", &world().authority);
  const auto direct = make_server(world().authority);
  auto trust = trust_in(between, CertificateUsage::ca_constraint);
  trust.anchors.push_back(world().authority.certificate);
  EXPECT_TRUE(judge(trust, direct)) << "its path does not pass the authority of the account";
  const auto server = make_server(between);
  const ByteView chain[] = {server.certificate, between.certificate};
  EXPECT_FALSE(distrust_of_server(trust, chain, kToday));
}

TEST(ServerTrust, NothingStoredTrustsNobody) {
  for (const auto usage : {CertificateUsage::ca_constraint, CertificateUsage::service_certificate,
                           CertificateUsage::trust_anchor, CertificateUsage::domain_issued}) {
    ServerTrust trust{.usage = usage, .anchors = {}, .name = "server.example"};
    trust.anchors.push_back(world().authority.certificate);
    EXPECT_TRUE(judge(trust, world().server));
  }
  auto nameless = trust_in(world().authority, CertificateUsage::trust_anchor, "");
  EXPECT_TRUE(judge(nameless, world().server)) << "a name is compared, or nothing is believed";
}

TEST(ServerTrust, NonsenseIsNotBelieved) {
  const Bytes nonsense(40, 0x30);
  const ByteView chains[][1] = {{nonsense}, {ByteView()}};
  for (const auto& chain : chains) {
    EXPECT_TRUE(
        distrust_of_server(trust_in(world().authority, CertificateUsage::trust_anchor), chain, kToday));
    EXPECT_TRUE(distrust_of_server(trust_in(world().server, CertificateUsage::domain_issued), chain, kToday));
  }
  EXPECT_TRUE(distrust_of_server(trust_in(world().server, CertificateUsage::domain_issued), {}, kToday));
  const std::vector<ByteView> endless(100, world().server.certificate);
  EXPECT_TRUE(
      distrust_of_server(trust_in(world().authority, CertificateUsage::trust_anchor), endless, kToday));
}

TEST(ServerTrust, AnAddressIsNoHostName) {
  EXPECT_TRUE(is_ip_literal("192.0.2.1"));
  EXPECT_TRUE(is_ip_literal("2001:db8::1"));
  EXPECT_FALSE(is_ip_literal("server.example"));
  EXPECT_TRUE(
      judge(trust_in(world().authority, CertificateUsage::trust_anchor, "192.0.2.1"), world().server));
}

TEST(ClientAuthorities, TakeDevicesOfTheirOwn) {
  const Bytes anchors[] = {world().authority.certificate};
  const auto authorities = ClientAuthorities::from(anchors);
  ASSERT_TRUE(authorities);
  const ByteView device[] = {world().device.certificate};
  EXPECT_FALSE(authorities->distrust_of(device, kToday));
  EXPECT_TRUE(authorities->distrust_of(device, kToday + 400 * kDay));
  const auto stranger = make_party({}, nullptr);
  const ByteView other[] = {stranger.certificate};
  EXPECT_TRUE(authorities->distrust_of(other, kToday));
  const ByteView server[] = {world().server.certificate};
  EXPECT_TRUE(authorities->distrust_of(server, kToday)) << "a server's certificate is no client's";
  EXPECT_TRUE(ClientAuthorities().distrust_of(device, kToday));
  EXPECT_TRUE(ClientAuthorities::from({})->distrust_of(device, kToday));
  const Bytes nonsense[] = {Bytes(10, 1)};
  EXPECT_FALSE(ClientAuthorities::from(nonsense));
}

TEST(ClientAuthorities, OfAKnownCertificateLookAtDatesAndKeyUsage) {
  const auto none = ClientAuthorities::from({});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  const auto& device = world().device.certificate;
  EXPECT_FALSE(none->distrust_of_known(device, kToday));
  const auto late = none->distrust_of_known(device, kToday + 400 * kDay);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->alert, 45);
  EXPECT_TRUE(none->distrust_of_known(device, kToday - 400 * kDay)) << "not yet";
  EXPECT_FALSE(none->distrust_of_known(device, std::nullopt)) << "nobody knows the time";
  const auto servers = none->distrust_of_known(world().server.certificate, kToday);
  ASSERT_TRUE(servers) << "a server's certificate is no client's";
  EXPECT_EQ(servers->alert, 43);
  EXPECT_TRUE(none->distrust_of_known(as_bytes("no certificate"), kToday));
}

/// A key of any kind that libcrypto makes; `group` of an EC key.
KeyHandle make_key(const char* kind, const char* group) {
  const std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_keygen_init(context.get()), 1) << kind;
  if (group != nullptr) {
    EXPECT_EQ(EVP_PKEY_CTX_set_group_name(context.get(), group), 1) << group;
  }
  EXPECT_EQ(EVP_PKEY_generate(context.get(), &key), 1) << kind;
  return KeyHandle(key);
}

/// A certificate of version 3 for `subject`, signed by `signer`.
Bytes signed_certificate(EVP_PKEY* subject, const char* name, EVP_PKEY* signer, bool authority) {
  const CertificateHandle certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  const auto today =
      static_cast<time_t>(std::chrono::duration_cast<seconds>(kToday.time_since_epoch()).count());
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), today - 86400);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), today + 86400);
  const auto named = [](X509_NAME* at, const char* text) {
    X509_NAME_add_entry_by_txt(at, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text), -1, -1,
                               0);
  };
  named(X509_get_subject_name(certificate.get()), name);
  named(X509_get_issuer_name(certificate.get()), "CA");
  X509_set_pubkey(certificate.get(), subject);
  if (authority) {
    const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> rights(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"));
    X509_add_ext(certificate.get(), rights.get(), -1);
  }
  const bool edwards = EVP_PKEY_is_a(signer, "ED25519") == 1 || EVP_PKEY_is_a(signer, "ED448") == 1;
  EXPECT_GT(X509_sign(certificate.get(), signer, edwards ? nullptr : EVP_sha256()), 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

struct KindOfKey {
  const char* name;
  const char* group = nullptr;
};

TEST(ClientAuthorities, MayHaveEveryKindOfKeyThatCertificatesAreSignedBy) {
  const auto device_key = make_key("EC", "P-256"), strangers = make_key("EC", "P-256");
  for (const auto [name, group] :
       {KindOfKey{"RSA"}, KindOfKey{"RSA-PSS"}, KindOfKey{"EC", "P-256"}, KindOfKey{"EC", "P-384"},
        KindOfKey{"EC", "P-521"}, KindOfKey{"ED25519"}, KindOfKey{"ED448"}}) {
    const auto key = make_key(name, group);
    const Bytes anchors[] = {signed_certificate(key.get(), "CA", key.get(), true)};
    const auto authorities = ClientAuthorities::from(anchors);
    ASSERT_TRUE(authorities) << name;
    const auto device = signed_certificate(device_key.get(), "lamp", key.get(), false);
    const ByteView chain[] = {device};
    const auto wrong = authorities->distrust_of(chain, kToday);
    EXPECT_FALSE(wrong) << name << ": " << wrong->detail;
    const auto forged = signed_certificate(device_key.get(), "lamp", strangers.get(), false);
    const ByteView other[] = {forged};
    EXPECT_TRUE(authorities->distrust_of(other, kToday)) << name;
  }
}

TEST(ClientAuthorities, RefuseADeviceWithAKeyThatCannotBeRead) {
  const auto key = make_key("EC", "P-256"), unknown = make_key("X25519", nullptr);
  const Bytes anchors[] = {signed_certificate(key.get(), "CA", key.get(), true)};
  const auto device = signed_certificate(unknown.get(), "lamp", key.get(), false);
  const ByteView chain[] = {device};
  EXPECT_TRUE(ClientAuthorities::from(anchors)->distrust_of(chain, kToday));
}

}  // namespace
}  // namespace slipway::security::test
