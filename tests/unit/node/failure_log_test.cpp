// SPDX-License-Identifier: Apache-2.0
// The handshakes that failed last, and what is said of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <slipway/security/dtls/server.hpp>
#include "node/advice.hpp"
#include "node/failure_log.hpp"

namespace slipway::node {
namespace {

namespace dtls = security::dtls;
using dtls::Alert;
using dtls::FailureReason;
using testing::HasSubstr;

FailedHandshake failure(int at, std::string endpoint, std::string address = "10.0.0.1:4000",
                        FailureReason reason = FailureReason::wrong_key) {
  FailedHandshake failed;
  failed.first = failed.last = UnixTime(milliseconds(at));
  failed.endpoint = std::move(endpoint);
  failed.address = std::move(address);
  failed.reason = reason;
  return failed;
}

TEST(FailureLog, EqualFailuresAreCountedUp) {
  FailureLog log;
  log.add(failure(1, "a"));
  log.add(failure(2, "b"));
  log.add(failure(3, "a", "10.0.0.9:1"));
  const auto all = log.list("", 10);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].endpoint, "a");
  EXPECT_EQ(all[0].times, 2u);
  EXPECT_EQ(all[0].first, UnixTime(milliseconds(1)));
  EXPECT_EQ(all[0].last, UnixTime(milliseconds(3)));
  EXPECT_EQ(all[0].address, "10.0.0.9:1") << "the last one's";
}

TEST(FailureLog, AnotherReasonOrIdentityIsAnotherFailure) {
  FailureLog log;
  log.add(failure(1, "a"));
  log.add(failure(2, "a", "10.0.0.1:1", FailureReason::timeout));
  auto other = failure(3, "a");
  other.identity_fingerprint = "00112233";
  log.add(std::move(other));
  EXPECT_EQ(log.list("a", 10).size(), 3u);
}

TEST(FailureLog, LastIsFirstAlsoAmongStrangersAndDevices) {
  FailureLog log;
  log.add(failure(1, "a"));
  log.add(failure(2, "", "10.0.0.2:1"));
  log.add(failure(3, "b"));
  const auto all = log.list("", 2);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].endpoint, "b");
  EXPECT_EQ(all[1].endpoint, "");
  EXPECT_EQ(log.list("a", 10).size(), 1u);
  EXPECT_TRUE(log.list("nobody", 10).empty());
}

TEST(FailureLog, AStrangerIsOnePlaceWhateverItsPortAndIdentity) {
  FailureLog log;
  for (int i = 0; i < 100; ++i) {
    auto one = failure(i, "", "10.0.0.2:" + std::to_string(1000 + i), FailureReason::unknown_identity);
    one.identity_fingerprint = std::to_string(i);
    log.add(std::move(one));
  }
  ASSERT_EQ(log.list("", 10).size(), 1u);
  EXPECT_EQ(log.list("", 10)[0].times, 100u);
}

TEST(FailureLog, TlsAndDtlsAreTold) {
  FailureLog log;
  log.add(failure(0, "a"));
  auto one = failure(1, "a");
  one.protocol = dtls::SecureProtocol::tls;
  log.add(std::move(one));
  const auto all = log.list("a", 10);
  ASSERT_EQ(all.size(), 2u) << "a device may have an account of each";
  EXPECT_EQ(to_json(all[0]).at("protocol"), "TLS");
  EXPECT_EQ(to_json(all[1]).at("protocol"), "DTLS");
}

TEST(FailureLog, StrangersNeverPushOutADevice) {
  FailureLog log;
  log.add(failure(0, "a"));
  for (int i = 1; i <= 5000; ++i)
    log.add(failure(i, "", "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":1"));
  EXPECT_EQ(log.list("", 10'000).size(), kFailuresOfStrangersMax + 1);
  EXPECT_EQ(log.list("a", 10).size(), 1u);
}

TEST(FailureLog, DevicesAreBoundedToo) {
  FailureLog log;
  for (int i = 0; i < 3000; ++i) log.add(failure(i, "device-" + std::to_string(i)));
  EXPECT_EQ(log.list("", 10'000).size(), kFailuresOfDevicesMax);
  EXPECT_TRUE(log.list("device-0", 1).empty());
  EXPECT_EQ(log.list("device-2999", 1).size(), 1u);
}

struct Case {
  const char* name;
  FailureReason reason;
  std::optional<Alert> alert;
  dtls::HelloFacts offered;
  ServerKeysThere keys;
  const char *says, *advises;
  dtls::SecureProtocol protocol = dtls::SecureProtocol::dtls;
};

const Case kCases[] = {
    {"OldVersion",
     FailureReason::no_common_suite,
     Alert::protocol_version,
     {.version = 0xFEFF, .suites = {0xC0A8}},
     ServerKeysThere::no,
     "speaks DTLS 1.0 at most",
     "DTLS 1.2"},
    {"ForeignSuites",
     FailureReason::no_common_suite,
     Alert::handshake_failure,
     {.version = 0xFEFD, .suites = {0x00AE, 0x1234}},
     ServerKeysThere::no,
     "offers TLS_PSK_WITH_AES_128_CBC_SHA256, 0x1234, and none",
     "TLS_PSK_WITH_AES_128_CCM_8; the server has no key of its own"},
    {"ServerWithoutKeys",
     FailureReason::no_common_suite,
     Alert::handshake_failure,
     {.version = 0xFEFD, .suites = {0xC0AE}},
     ServerKeysThere::no,
     "no public key or certificate of its own",
     "give the server `key`"},
    {"NoCommonCurve",
     FailureReason::no_common_suite,
     Alert::handshake_failure,
     {.version = 0xFEFD, .suites = {0xC0AE}, .groups = {25}},
     ServerKeysThere::yes,
     "with the curves secp521r1",
     "secp256r1"},
    {"OldVersionOfTls",
     FailureReason::no_common_suite,
     Alert::protocol_version,
     {.version = 0x0302, .suites = {0xC0A8}},
     ServerKeysThere::no,
     "speaks TLS 1.1 at most",
     "TLS 1.2 or 1.3",
     dtls::SecureProtocol::tls},
    {"ForeignSuitesOfTls",
     FailureReason::no_common_suite,
     Alert::handshake_failure,
     {.version = 0x0304, .suites = {0x1302, 0x1303}},
     ServerKeysThere::yes,
     "offers TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, and none",
     "let the device offer",
     dtls::SecureProtocol::tls},
    {"TlsServerWithoutKeys",
     FailureReason::no_common_suite,
     Alert::handshake_failure,
     {.version = 0x0304, .suites = {0x1301}},
     ServerKeysThere::no,
     "no public key or certificate of its own",
     "give the server `key`",
     dtls::SecureProtocol::tls},
    {"DeviceTrustsNot",
     FailureReason::peer_alert,
     Alert::unknown_ca,
     {},
     ServerKeysThere::yes,
     "refused the server with alert unknown_ca (48): who issued the certificate is not trusted",
     "/0/x/4"},
    {"DeviceThinksExpired",
     FailureReason::peer_alert,
     Alert::certificate_expired,
     {},
     ServerKeysThere::yes,
     "has expired",
     "clock"},
    {"WrongKey",
     FailureReason::wrong_key,
     Alert::decrypt_error,
     {},
     ServerKeysThere::no,
     "the handshake failed: wrong key",
     "slipway factory"},
    {"Silence",
     FailureReason::timeout,
     {},
     {},
     ServerKeysThere::no,
     "the handshake failed: timeout",
     "reaches it"},
};

class Explained : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Handshake, Explained, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Explained, NamesTheReasonAndTheRemedy) {
  FailedHandshake failed;
  failed.reason = GetParam().reason;
  failed.alert = GetParam().alert;
  failed.facts.offered = GetParam().offered;
  failed.protocol = GetParam().protocol;
  const auto said = explain(failed, GetParam().keys, dtls::ServerConfig().suites);
  EXPECT_THAT(said.reason, HasSubstr(GetParam().says));
  EXPECT_THAT(said.remedy, HasSubstr(GetParam().advises));
}

}  // namespace
}  // namespace slipway::node
