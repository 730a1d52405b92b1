// SPDX-License-Identifier: Apache-2.0
// A line of a device's log and a server's record, and what they say together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/doctor_verdict.hpp"

namespace slipway::cli::doctor {
namespace {

using device::ConnectionFailure;
using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kRefused =
    "connection failed handshake failed (refused by the peer: the peer ended the handshake with an alert; "
    "received "
    "alert decrypt_error (51); server coaps://10.0.0.1:5684; psk identity a48fe565; offered "
    "TLS_PSK_WITH_AES_128_CCM_8; chosen TLS_PSK_WITH_AES_128_CCM_8)";
constexpr const char* kSilent =
    "connection failed no answer to the handshake (timeout: the server does not answer our Finished: the "
    "identity is "
    "unknown there or the key differs; server coaps://10.0.0.1:5684; psk identity a48fe565)";
constexpr const char* kNothing =
    "connection failed no answer to the handshake (timeout: nothing came back: wrong address or port, a "
    "firewall, or "
    "no DTLS server there; server coaps://10.0.0.1:5684; psk identity a48fe565)";
constexpr const char* kNoSuite =
    "connection failed handshake failed (refused by the peer: the peer ended the handshake with an alert; "
    "received "
    "alert handshake_failure (40); server coaps://10.0.0.1:5684; rpk identity 01020304; offered "
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8)";
constexpr const char* kDistrusts =
    "connection failed handshake refused (peer not trusted: no path leads to a trusted authority; sent alert "
    "unknown_ca "
    "(48); server coaps://10.0.0.1:5684; x509 identity 0a0b0c0d; shown a certificate of \"other\")";
constexpr const char* kNoStore =
    "connection failed handshake refused (peer not trusted: certificate usage 0 and 1 need a trust store, "
    "and the "
    "device has none; sent alert unknown_ca (48); server coaps://10.0.0.1:5684; x509 identity 0a0b0c0d)";
constexpr const char* kDistrusted =
    "connection failed handshake refused (refused by the peer: the peer ended the handshake with an alert; "
    "received "
    "alert certificate_unknown (46); server coaps://10.0.0.1:5684; x509 identity 0a0b0c0d)";
constexpr const char* kNoName =
    "connection failed name unknown (cannot look up nowhere.example; server coaps://nowhere.example)";

constexpr const char* kWrongKey =
    R"({"server":"management","reason":"wrong key","refused_by":"server","alert":"decrypt_error","alert_number":51,
        "endpoint":"lamp","identity_fingerprint":"a48fe565","credential_state":"proven",
        "credential_created_ms":1764000000000,"explanation":"E","remedy":"R"})";
constexpr const char* kIssued =
    R"({"server":"management","reason":"wrong key","refused_by":"server","identity_fingerprint":"a48fe565",
        "endpoint":"lamp","credential_state":"issued","credential_created_ms":1764000000000})";
constexpr const char* kUnknown =
    R"({"server":"management","reason":"unknown identity","refused_by":"server","alert_number":51,
        "identity_fingerprint":"a48fe565","explanation":"E","remedy":"R"})";
constexpr const char* kRevoked =
    R"({"server":"management","reason":"unknown identity","refused_by":"server","endpoint":"lamp",
        "identity_fingerprint":"a48fe565","credential_state":"retired",
        "explanation":"its credential is retired: it was revoked","remedy":"nothing: the device bootstraps again"})";
constexpr const char* kOtherServer =
    R"({"server":"bootstrap","reason":"unknown identity","refused_by":"server","endpoint":"lamp",
        "identity_fingerprint":"a48fe565","credential_state":"proven",
        "explanation":"its credential is for the management server, and this is the bootstrap server",
        "remedy":"give the device's account the right address"})";
constexpr const char* kServerNoSuite =
    R"({"server":"management","reason":"no common suite","refused_by":"server","alert_number":40,
        "identity_fingerprint":"","explanation":"the server has no key of its own","remedy":"give the server `key`"})";
constexpr const char* kServerSilent =
    R"({"server":"management","reason":"timeout","refused_by":"nobody","identity_fingerprint":"a48fe565",
        "endpoint":"lamp","detail":"the client fell silent before its Finished"})";
constexpr const char* kConnectionEnded =
    R"({"server":"management","protocol":"TLS","reason":"timeout","refused_by":"nobody","identity_fingerprint":"",
        "endpoint":"","detail":"the client closed the connection in the middle of the handshake"})";
constexpr const char* kDeviceRefused =
    R"({"server":"management","reason":"refused by the peer","refused_by":"device","alert_number":48,
        "identity_fingerprint":"","explanation":"the device refused the server","remedy":"compare /0/x/4"})";
constexpr const char* kServerDistrusts =
    R"({"server":"management","reason":"peer not trusted","refused_by":"server","alert_number":46,
        "identity_fingerprint":"0a0b0c0d","detail":"no device with this public key or certificate is stored",
        "remedy":"enrol it","certificate":{"subject":"lamp","issuer":"CA","not_before_ms":0,"not_after_ms":1,
        "fingerprint":"ff"}})";

struct Case {
  const char* name;
  const char* device;  ///< a line of its log, or nullptr
  const char* server;  ///< a record, or nullptr
  const char *sentence, *remedy;
};

const Case kCases[] = {
    {"WrongKeyFromBothSides", kRefused, kWrongKey,
     "same identity (a48fe565) and hold different keys. The server's key was made on 2025-11-24",
     "slipway factory"},
    {"WrongKeyAndTheAlertWasLost", kSilent, kWrongKey, "never got the server's alert", "new pack"},
    {"WrongKeyFromTheServerAlone", nullptr, kWrongKey, "with another key than the server has",
     "bootstrap again"},
    {"AKeyThatTheDeviceNeverGot", kRefused, kIssued, "has never opened a session: the device may not have it",
     "bootstrap again"},
    {"UnknownIdentity", kRefused, kUnknown,
     "knows no such identity; it was sent there by coaps://10.0.0.1:5684", "enrol the device"},
    {"Revoked", kRefused, kRevoked, "a credential that is dead: its credential is retired",
     "bootstraps again"},
    {"TheOtherServer", kRefused, kOtherServer,
     "is for the management server, and this is the bootstrap server", "right address"},
    {"NoCommonSuite", kNoSuite, kServerNoSuite,
     "the device offers TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8; the server has no key of its own",
     "give the server `key`"},
    {"BothWait", kSilent, kServerSilent, "Each side waits for the other", "firewall"},
    {"AConnectionOfTcpEnds", nullptr, kConnectionEnded, "the client closed the connection",
     "proxy or firewall"},
    {"TheDeviceDistrusts", kDistrusts, kDeviceRefused,
     "does not believe the server: no path leads to a trusted authority. It was shown a certificate of "
     "\"other\"",
     "/0/x/4"},
    {"ADeviceWithoutATrustStore", kNoStore, kDeviceRefused, "need a trust store", "--trust-store"},
    {"ADeviceAloneWithoutATrustStore", kNoStore, nullptr, "need a trust store", "certificate_usage = 2 or 3"},
    {"TheServerDistrusts", kDistrusted, kServerDistrusts,
     "no device with this public key or certificate is stored (\"lamp\"", "enrol it"},
    {"NothingArrives", kNothing, nullptr, "its datagrams do not arrive here", "listens on"},
    {"AnotherServerRefuses", kRefused, nullptr, "and this server knows nothing of it", "is this server"},
    {"NoName", kNoName, nullptr, "does not find the server's name", "coaps://nowhere.example"},
    {"TheDeviceAloneDistrusts", kDistrusts, nullptr, "does not believe the server", "13, 14 and 15"},
};

class DoctorVerdict : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Table, DoctorVerdict, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(DoctorVerdict, SaysWhyAndWhatToDo) {
  std::optional<ConnectionFailure> device;
  if (GetParam().device != nullptr) {
    device = device::read_failure(GetParam().device);
    ASSERT_TRUE(device);
  }
  std::vector<ServerView> views;
  if (GetParam().server != nullptr) views.push_back(read_view(json::parse(GetParam().server)));
  const ServerView* server = views.empty() ? nullptr : &views[0];
  if (device && server != nullptr) {
    EXPECT_EQ(counterpart(*device, views), server) << "they belong together";
  }
  const auto verdict = judge(device, server);
  EXPECT_THAT(verdict.sentence, HasSubstr(GetParam().sentence));
  EXPECT_THAT(verdict.remedy, HasSubstr(GetParam().remedy));
}

TEST(DoctorVerdict, TheRecordOfAnotherIdentityOrAlertIsNotTheDevices) {
  const auto device = *device::read_failure(kRefused);
  auto other = read_view(json::parse(kWrongKey));
  other.fingerprint = "ffffffff";
  EXPECT_EQ(counterpart(device, {other}), nullptr);
  EXPECT_EQ(counterpart(device, {read_view(json::parse(kServerNoSuite))}), nullptr);
}

TEST(DoctorVerdict, TheRecordOfTheIdentityGoesBeforeALaterOneOfTheAlert) {
  const auto device = *device::read_failure(kRefused);
  auto later = read_view(json::parse(kUnknown));
  later.fingerprint.clear();
  const std::vector<ServerView> views{later, read_view(json::parse(kWrongKey))};
  EXPECT_EQ(counterpart(device, views), &views[1]);
}

TEST(DoctorVerdict, AnAnswerOfAnotherShapeIsEmptyAndNoCrash) {
  for (const char* text :
       {"1", "[]", "{}", R"({"reason":7,"times":"x","offered_suites":{"a":1},"certificate":[]})",
        R"({"offered_suites":[1,null],"alert_number":"x"})"}) {
    const auto view = read_view(json::parse(text));
    EXPECT_EQ(view.reason, "") << text;
    EXPECT_EQ(view.times, 1);
    EXPECT_FALSE(judge({}, &view).sentence.empty());
  }
}

}  // namespace
}  // namespace slipway::cli::doctor
