// SPDX-License-Identifier: Apache-2.0
// Packs with key pairs and certificates, and packs in CBOR.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/device/pack.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/lwm2m/smartcard_file.hpp>
#include <slipway/security/keys.hpp>

#include "support/temporary_folder.hpp"

namespace slipway::device {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr UnixTime kBegin{std::chrono::seconds(1'700'000'000)}, kEnd{std::chrono::seconds(2'000'000'000)};

struct Identity {
  security::KeyPair keys = security::make_key_pair().value();
  Bytes certificate;

  explicit Identity(const char* name, security::CertificateRequest::Use use) {
    const std::array<std::uint8_t, 8> serial{1, 2, 3, 4, 5, 6, 7, 8};
    certificate = security::issue_certificate({.public_key = keys.public_key,
                                               .common_name = name,
                                               .not_before = kBegin,
                                               .not_after = kEnd,
                                               .serial = serial,
                                               .use = use},
                                              {}, keys.private_key.reveal())
                      .value();
  }
};
using Use = security::CertificateRequest::Use;

const Identity& device_identity() {
  static const Identity identity("dev-1", Use::client);
  return identity;
}
const Identity& server_identity() {
  static const Identity identity("bs.example.com", Use::server);
  return identity;
}

void put(Pack& pack, std::uint16_t resource, const Value& value) {
  const auto path = Path(ObjectId(0), InstanceId(0), ResourceId(resource));
  std::erase_if(pack.values, [&](const auto& item) { return item.first == path; });
  pack.add(path, value);
  std::ranges::sort(pack.values, {}, [](const auto& item) { return item.first; });
}
void drop(Pack& pack, std::uint16_t resource) {
  std::erase_if(pack.values, [&](const auto& item) { return item.first.resource() == ResourceId(resource); });
}

Pack pack_with(SecurityMode mode, ByteView own, ByteView server, ByteView key) {
  Pack pack;
  pack.endpoint = "dev-1";
  put(pack, 0, Value::string("coaps://h"));
  put(pack, 1, Value::boolean(true));
  put(pack, 2, Value::integer(static_cast<std::int64_t>(mode)));
  put(pack, 3, Value::opaque(own));
  put(pack, 4, Value::opaque(server));
  put(pack, 5, Value::opaque(key));
  return pack;
}
Pack rpk_pack() {
  return pack_with(SecurityMode::rpk, device_identity().keys.public_key, server_identity().keys.public_key,
                   device_identity().keys.private_key.reveal());
}
Pack x509_pack() {
  return pack_with(SecurityMode::x509, device_identity().certificate, server_identity().certificate,
                   device_identity().keys.private_key.reveal());
}
std::vector<std::string> problems(const Pack& pack) {
  return problems_of(pack, builtin_objects());
}

TEST(PackKeys, ThatFitHaveNoProblems) {
  EXPECT_THAT(problems(rpk_pack()), IsEmpty());
  EXPECT_THAT(problems(x509_pack()), IsEmpty());
}

TEST(PackKeys, ThatAreMissingAreNamed) {
  auto rpk = rpk_pack();
  for (const int resource : {3, 4, 5}) drop(rpk, static_cast<std::uint16_t>(resource));
  EXPECT_THAT(problems(rpk), ElementsAre("/0/0/3: the device's public key or certificate is missing; add it",
                                         "/0/0/4: what the device knows its server by is missing; add the "
                                         "server's public key",
                                         "/0/0/5: the device's private key is missing; add it"));
  auto x509 = x509_pack();
  put(x509, 4, Value::opaque({}));
  EXPECT_THAT(problems(x509), ElementsAre(HasSubstr("add the server's certificate")));
}

TEST(PackKeys, ThatDoNotFitAreNamedWithoutShowingThem) {
  auto other_key = rpk_pack();
  put(other_key, 5, Value::opaque(server_identity().keys.private_key.reveal()));
  EXPECT_THAT(problems(other_key),
              ElementsAre(HasSubstr("/0/0/5: the private key is not that of the public key; "
                                    "make the pack anew with `slipway factory`")));
  auto other_name = x509_pack();
  other_name.endpoint = "dev-2";
  EXPECT_THAT(problems(other_name), ElementsAre(HasSubstr("/0/0/3: ")));
  auto rubbish = x509_pack();
  put(rubbish, 4, Value::opaque(as_bytes("rubbish")));
  EXPECT_THAT(problems(rubbish), ElementsAre(HasSubstr("/0/0/4: ")));
}

TEST(PackKeys, OfTheServerMayBeAHash) {
  auto pack = x509_pack();
  put(pack, 4, Value::opaque(security::sha256(server_identity().certificate)));
  put(pack, 13, Value::unsigned_integer(1));
  EXPECT_THAT(problems(pack), IsEmpty());
}

class PackForms : public ::testing::TestWithParam<PackForm> {};

TEST_P(PackForms, ComeBackAsTheyWereWritten) {
  for (const auto make : {&rpk_pack, &x509_pack}) {
    const auto pack = make();
    const auto written = write_pack(pack, GetParam());
    ASSERT_TRUE(written) << written.error();
    const auto read = parse_pack(*written, "p", builtin_objects());
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->endpoint, pack.endpoint);
    EXPECT_EQ(read->values, pack.values);
  }
}

TEST_P(PackForms, AreToldApartWhenAFileIsLoaded) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder.file("p"), *write_pack(rpk_pack(), GetParam()));
  const auto read = load_pack(folder.file("p"), builtin_objects());
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->values, rpk_pack().values);
}

TEST_P(PackForms, ThatHaveProblemsAreRefusedButServeAsTemplates) {
  const testing::TemporaryFolder folder;
  auto pack = rpk_pack();
  drop(pack, 5);
  testing::write_file(folder.file("p"), *write_pack(pack, GetParam()));
  EXPECT_THAT(load_pack(folder.file("p"), builtin_objects()).error(), HasSubstr("p: /0/0/5: "));
  const auto read = load_pack_template(folder.file("p"), builtin_objects());
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->values, pack.values);
}
INSTANTIATE_TEST_SUITE_P(Each, PackForms, ::testing::Values(PackForm::json, PackForm::cbor));

TEST(PackInCbor, IsRefusedWithTheFileThePlaceAndTheRemedy) {
  const auto written = write_pack(rpk_pack(), PackForm::cbor).value();
  const auto cut =
      parse_pack(std::string_view(written).substr(0, written.size() - 1), "p.cbor", builtin_objects());
  EXPECT_THAT(cut.error(), HasSubstr("p.cbor: "));
  EXPECT_THAT(cut.error(), HasSubstr("make the pack anew with `slipway factory --format cbor`"));
  EXPECT_THAT(parse_pack(std::string(kPackBytesMax + 1, '\x84'), "p", builtin_objects()).error(),
              HasSubstr("larger than 256 KiB"));
}

TEST(PackInCbor, IsNotWrittenOfTwiceTheSamePath) {
  auto pack = rpk_pack();
  pack.values.push_back(pack.values.back());
  EXPECT_THAT(write_pack(pack, PackForm::cbor).error(), HasSubstr("give each path once"));
}

TEST(PackOnACard, IsTheFileOfASmartcard) {
  const auto file = smartcard_file_of(x509_pack());
  ASSERT_TRUE(file) << file.error();
  std::vector<Entry> entries(32);
  const auto read = lwm2m::decode_smartcard_file(file->reveal(), builtin_objects(), entries);
  ASSERT_TRUE(read) << read.error().detail;
  Pack back;
  back.endpoint = "dev-1";
  for (const auto& entry : *read) back.add(entry.path, entry.value);
  EXPECT_EQ(back.values, x509_pack().values);
}

TEST(PackOnACard, ThatIsTooLargeIsRefusedWithTheReason) {
  auto pack = rpk_pack();
  const Bytes large(lwm2m::kSmartcardFileMax);
  put(pack, 3, Value::opaque(large));
  EXPECT_THAT(smartcard_file_of(pack).error(), HasSubstr("dev-1: a smartcard cannot hold this pack: "));
}

}  // namespace
}  // namespace slipway::device
