// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/security/keys.hpp>

#include "support/named_bytes.hpp"

namespace slipway::security {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Bytes& vector(const std::string& name) {
  static const slipway::testing::NamedBytes all(SLIPWAY_VECTORS "/security/keys.txt");
  return all[name];
}

template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "none" : to_string(result.error().code);
}

Bytes with_byte_behind(const Bytes& bytes) {
  auto longer = bytes;
  longer.push_back(0);
  return longer;
}

constexpr UnixTime kNow{std::chrono::sys_days{2027y / 3 / 1}};
const Bytes kSerial(16, 0x5A);

CertificateRequest request_for(ByteView public_key, CertificateRequest::Use use) {
  return {.public_key = public_key,
          .common_name = "urn:dev:os:0023C7-000001",
          .not_before = kNow,
          .not_after = kNow + std::chrono::hours(24 * 365),
          .serial = kSerial,
          .use = use};
}

TEST(Keys, Sha256HasItsKnownAnswer) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2 B.1
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Keys, LongerHashesHaveTheirKnownAnswers) {  // FIPS 180-2 C.1, D.1
  EXPECT_EQ(digest(Hash::sha256, as_bytes("abc")).size(), 32u);
  EXPECT_EQ(to_hex(digest(Hash::sha384, as_bytes("abc"))).substr(0, 32), "cb00753f45a35e8bb5a03d699ac65007");
  EXPECT_EQ(to_hex(digest(Hash::sha512, as_bytes("abc"))).substr(0, 32), "ddaf35a193617abacc417349ae204131");
}

TEST(Keys, ANewPairIsReadBackAndIsNeverTheSame) {
  const auto made = make_key_pair().value(), other = make_key_pair().value();
  EXPECT_NE(made.public_key, other.public_key);
  EXPECT_EQ(read_public_key(made.public_key), Curve::p256);
  const auto read = read_private_key(made.private_key.reveal()).value();
  EXPECT_EQ(read.public_key, made.public_key);
  EXPECT_TRUE(read.private_key.same_as(made.private_key));
}

TEST(Keys, Pkcs8AndSec1AreReadAndPkcs8IsGiven) {
  for (const auto* name : {"ca_key", "ca_key_sec1"}) {
    const auto read = read_private_key(vector(name)).value();
    EXPECT_EQ(read.public_key, vector("ca_public")) << name;
    EXPECT_TRUE(equal(read.private_key.reveal(), vector("ca_key"))) << name;
  }
  EXPECT_EQ(read_private_key(vector("p384_key"))->public_key, vector("p384_public"));
}

TEST(Keys, CurvesAreTold) {
  EXPECT_EQ(read_public_key(vector("ca_public")), Curve::p256);
  EXPECT_EQ(read_public_key(vector("p384_public")), Curve::p384);
}

TEST(Keys, OtherKindsOfKeysAreNotTaken) {
  for (const auto* name : {"rsa", "ed25519", "explicit"}) {
    const std::string kind = name;
    EXPECT_EQ(error_of(read_private_key(vector(kind + "_key"))), "unsupported") << kind;
    EXPECT_EQ(error_of(read_public_key(vector(kind + "_public"))), "unsupported") << kind;
  }
  EXPECT_EQ(error_of(read_certificate(vector("rsa_certificate"))), "unsupported");
}

TEST(Keys, BytesBehindAreNotTaken) {
  EXPECT_EQ(error_of(read_private_key(with_byte_behind(vector("ca_key")))), "malformed");
  EXPECT_EQ(error_of(read_private_key(with_byte_behind(vector("ca_key_sec1")))), "malformed");
  EXPECT_EQ(error_of(read_public_key(with_byte_behind(vector("ca_public")))), "malformed");
  EXPECT_EQ(error_of(read_certificate(with_byte_behind(vector("ca_certificate")))), "malformed");
}

TEST(Keys, EveryTruncationIsNoticed) {
  const auto all_cut = [](const Bytes& whole, const auto& read) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_EQ(error_of(read(ByteView(whole).first(size))), "malformed") << size;
  };
  all_cut(vector("ca_key"), read_private_key);
  all_cut(vector("ca_key_sec1"), read_private_key);
  all_cut(vector("ca_public"), read_public_key);
  all_cut(vector("server_certificate"), read_certificate);
}

TEST(Keys, HalvesThatDoNotFitAreNotTaken) {
  auto mixed = vector("ca_key_sec1");
  const auto& other = vector("server_key_sec1");
  ASSERT_EQ(mixed.size(), other.size());
  std::copy(other.end() - 64, other.end(), mixed.end() - 64);  // the other's point
  EXPECT_EQ(error_of(read_private_key(mixed)), "malformed");
}

TEST(Keys, APointOffTheCurveIsNotTaken) {
  auto off = vector("ca_public");
  off.back() ^= 1;
  EXPECT_EQ(error_of(read_public_key(off)), "malformed");
}

TEST(Certificates, TellWhoTheyAreForAndHowLong) {
  const auto server = read_certificate(vector("server_certificate")).value();
  EXPECT_EQ(server.common_name, "server.example");
  EXPECT_EQ(server.issuer_name, "Fleet CA");
  EXPECT_THAT(server.dns_names, ElementsAre("server.example", "alt.example"));
  EXPECT_EQ(std::chrono::floor<std::chrono::days>(server.not_before), std::chrono::sys_days{2026y / 11 / 25});
  EXPECT_EQ(std::chrono::floor<std::chrono::days>(server.not_after), std::chrono::sys_days{2126y / 11 / 1});
  EXPECT_EQ(server.public_key, vector("server_public"));
  EXPECT_EQ(server.curve, Curve::p256);
  EXPECT_FALSE(server.is_authority);
  EXPECT_TRUE(server.may_sign);
  EXPECT_TRUE(server.for_servers);
  EXPECT_FALSE(server.for_clients);
  EXPECT_FALSE(server.may_sign_certificates);

  const auto authority = read_certificate(vector("ca_certificate")).value();
  EXPECT_TRUE(authority.is_authority);
  EXPECT_TRUE(authority.may_sign_certificates);
  EXPECT_FALSE(authority.may_sign);
  EXPECT_THAT(authority.dns_names, IsEmpty());
}

TEST(Certificates, WithoutStatedUsagesMayDoAllButIssue) {
  const auto bare = read_certificate(vector("bare_certificate")).value();
  EXPECT_TRUE(bare.may_sign && bare.for_clients && bare.for_servers && bare.may_sign_certificates);
  EXPECT_FALSE(bare.is_authority);
}

TEST(Certificates, SignaturesAreChecked) {
  EXPECT_TRUE(is_signed_by(vector("server_certificate"), vector("ca_certificate")));
  EXPECT_TRUE(is_signed_by(vector("ca_certificate"), vector("ca_certificate")));
  EXPECT_FALSE(is_signed_by(vector("ca_certificate"), vector("server_certificate")));
  EXPECT_FALSE(is_signed_by(vector("server_certificate"), {}));
  auto forged = vector("server_certificate");
  forged.back() ^= 1;
  EXPECT_FALSE(is_signed_by(forged, vector("ca_certificate")));
}

TEST(Certificates, IssuedOnesSayWhatWasAskedFor) {
  const auto device = make_key_pair().value();
  const auto issued = issue_certificate(request_for(device.public_key, CertificateRequest::Use::client),
                                        vector("ca_certificate"), vector("ca_key"));
  ASSERT_TRUE(issued) << issued.error().detail;
  EXPECT_TRUE(is_signed_by(*issued, vector("ca_certificate")));
  const auto read = read_certificate(*issued).value();
  EXPECT_EQ(read.common_name, "urn:dev:os:0023C7-000001");
  EXPECT_EQ(read.issuer_name, "Fleet CA");
  EXPECT_EQ(read.public_key, device.public_key);
  EXPECT_EQ(read.not_before, kNow);
  EXPECT_EQ(read.not_after, kNow + std::chrono::hours(24 * 365));
  EXPECT_TRUE(read.may_sign && read.for_clients);
  EXPECT_FALSE(read.for_servers || read.is_authority || read.may_sign_certificates);
}

TEST(Certificates, OfAServerHaveItsName) {
  auto request = request_for(vector("server_public"), CertificateRequest::Use::server);
  request.dns_name = "a.example,DNS:evil.example";
  const auto read =
      read_certificate(issue_certificate(request, vector("ca_certificate"), vector("ca_key")).value())
          .value();
  EXPECT_THAT(read.dns_names, ElementsAre("a.example,DNS:evil.example")) << "one name, whatever is in it";
  EXPECT_TRUE(read.for_servers);
  EXPECT_FALSE(read.for_clients);
}

TEST(Certificates, AnAuthoritySignsItself) {
  const auto made = issue_certificate(request_for(vector("ca_public"), CertificateRequest::Use::authority),
                                      {}, vector("ca_key_sec1"));
  ASSERT_TRUE(made) << made.error().detail;
  const auto read = read_certificate(*made).value();
  EXPECT_TRUE(read.is_authority && read.may_sign_certificates);
  EXPECT_TRUE(is_signed_by(*made, *made));
  EXPECT_TRUE(is_signed_by(vector("server_certificate"), *made)) << "the same key";
}

TEST(Certificates, NamesAsLongAsEndpointsMayBe) {
  const std::string longest(255, 'n');
  auto request = request_for(vector("server_public"), CertificateRequest::Use::client);
  request.common_name = longest;
  const auto issued = issue_certificate(request, vector("ca_certificate"), vector("ca_key")).value();
  EXPECT_EQ(read_certificate(issued)->common_name, longest);
}

TEST(Certificates, AreRefusedWhereTheAuthorityMayNot) {
  const auto client = request_for(vector("server_public"), CertificateRequest::Use::client);
  EXPECT_EQ(error_of(issue_certificate(client, vector("ca_certificate"), vector("server_key"))), "refused");
  EXPECT_EQ(error_of(issue_certificate(client, vector("server_certificate"), vector("server_key"))),
            "refused");
  EXPECT_EQ(error_of(issue_certificate(client, vector("bare_certificate"), vector("server_key"))), "refused");
  EXPECT_EQ(error_of(issue_certificate(client, {}, vector("ca_key"))), "refused") << "not its own key";
}

TEST(Certificates, AreNotMadeOfNonsense) {
  const auto issue = [](auto change) {
    auto request = request_for(vector("server_public"), CertificateRequest::Use::client);
    change(request);
    return error_of(issue_certificate(request, vector("ca_certificate"), vector("ca_key")));
  };
  static const Bytes long_serial(21, 1), short_serial(7, 1), negative_serial(20, 0x80);
  EXPECT_EQ(issue([](auto& r) { r.serial = long_serial; }), "malformed");
  EXPECT_EQ(issue([](auto& r) { r.serial = short_serial; }), "malformed");
  EXPECT_EQ(issue([](auto& r) { r.serial = negative_serial; }), "malformed");
  EXPECT_EQ(issue([](auto& r) { r.common_name = {}; }), "malformed");
  EXPECT_EQ(issue([](auto& r) { r.not_after = r.not_before - 1s; }), "malformed");
  EXPECT_EQ(issue([](auto& r) { r.public_key = {}; }), "malformed");
  EXPECT_EQ(issue([](auto& r) { r.public_key = vector("rsa_public"); }), "unsupported");
}

TEST(Pem, IsReadAsItWasWritten) {
  const auto text = "Some words.\n" + to_pem("CERTIFICATE", vector("ca_certificate")) +
                    to_pem("EC PRIVATE KEY", vector("ca_key_sec1"));
  const auto blocks = read_pem(text).value();
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].label, "CERTIFICATE");
  EXPECT_TRUE(equal(blocks[0].der.reveal(), vector("ca_certificate")));
  EXPECT_EQ(blocks[1].label, "EC PRIVATE KEY");
  EXPECT_TRUE(equal(blocks[1].der.reveal(), vector("ca_key_sec1")));
}

TEST(Pem, LinesHave64Letters) {
  EXPECT_EQ(to_pem("X", Bytes(49, 0)),
            "-----BEGIN X-----\n" + std::string(64, 'A') + "\nAA==\n-----END X-----\n");
}

TEST(Pem, IsRefusedWithAReason) {
  const auto error = [](const std::string& text) { return error_of(read_pem(text)); };
  EXPECT_EQ(error(""), "malformed");
  EXPECT_EQ(error("no key here"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\nAAAA\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\nAAAA\n-----END Y-----\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X\n-----END X-----\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\n-----END X-----\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\nAAA\n-----END X-----\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\nAA=A\n-----END X-----\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\nA===\n-----END X-----\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\nAA?A\n-----END X-----\n"), "malformed");
  EXPECT_EQ(error("-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END X-----\n"), "unsupported");
  EXPECT_EQ(error(std::string(kPemMax + 1, 'x')), "limit");
  std::string many;
  for (std::size_t i = 0; i <= kPemBlocksMax; ++i) many += to_pem("X", Bytes{1});
  EXPECT_EQ(error(many), "limit");
}

}  // namespace
}  // namespace slipway::security
