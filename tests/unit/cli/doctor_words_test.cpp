// SPDX-License-Identifier: Apache-2.0
// What is said of what a server did.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "cli/doctor_words.hpp"

namespace slipway::cli::doctor {
namespace {

namespace dtls = security::dtls;
using dtls::Alert;
using dtls::FailureReason;
using testing::HasSubstr;

const Bytes kCookie{22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

Asked asked(SecurityMode mode = SecurityMode::psk) {
  return {.mode = mode, .address = "10.0.0.1:5684", .host = "10.0.0.1", .fingerprint = "a48fe565"};
}

/// A server that came as far as the messages of these types.
Attempt reached(std::initializer_list<unsigned> messages, dtls::HandshakeFailure failure) {
  Attempt attempt{.end = Attempt::End::failed, .failure = failure, .first_answer = milliseconds(2)};
  attempt.first_datagram = kCookie;
  for (const auto type : messages) attempt.facts.messages |= 1u << type;
  return attempt;
}

dtls::HandshakeFailure alert(Alert sent) {
  return {.reason = FailureReason::peer_alert,
          .alert = sent,
          .refused_by = dtls::Side::peer,
          .detail = "an alert"};
}
dtls::HandshakeFailure silence() {
  return {.reason = FailureReason::timeout, .detail = "it fell silent"};
}

struct ClientCase {
  const char* name;
  SecurityMode mode;
  Attempt attempt;
  const char *says, *advises;
};

std::vector<ClientCase> client_cases() {
  const auto psk = SecurityMode::psk, x509 = SecurityMode::x509;
  return {
      {"WrongKeyOrIdentity", psk, reached({3, 2, 14}, alert(Alert::decrypt_error)),
       "The identity a48fe565 is unknown to the server, or its key is another one",
       "does not tell the two apart"},
      {"OpenSslSaysItSo", psk, reached({3, 2, 14}, alert(Alert::bad_record_mac)), "its key is another one",
       "slipway doctor"},
      {"OthersSayUnknown", psk, reached({3, 2, 14}, alert(Alert::unknown_psk_identity)),
       "unknown_psk_identity (115)", "does not tell"},
      {"SilentAtTheFinished", psk, reached({3, 2, 14}, silence()), "falls silent at the device's Finished",
       "does not tell"},
      {"NoSuite", psk, reached({3}, alert(Alert::handshake_failure)), "no cipher suite", "suites below"},
      {"CertificateUnknown", x509, reached({3, 2, 11, 12, 13, 14}, alert(Alert::certificate_unknown)),
       "certificate_unknown (46): the key or certificate is not one that is known", "enrol this key"},
      {"SilentAtTheCertificate", x509, reached({3, 2, 11, 12, 13, 14}, silence()),
       "after the device has shown its key", "server's log"},
      {"WeBrokeOff", x509,
       reached({3, 2, 11}, {.reason = FailureReason::untrusted,
                            .alert = Alert::unknown_ca,
                            .refused_by = dtls::Side::us,
                            .detail = "D"}),
       "not tried", ""},
  };
}

TEST(DoctorWords, SayWhetherTheServerTakesTheDevice) {
  for (const auto& one : client_cases()) {
    const auto step = client_step(one.attempt, asked(one.mode));
    EXPECT_NE(step.mark, Mark::good) << one.name;
    EXPECT_THAT(step.detail, HasSubstr(one.says)) << one.name;
    EXPECT_THAT(step.remedy, HasSubstr(one.advises)) << one.name;
  }
}

TEST(DoctorWords, SayHowFarDatagramsCame) {
  auto steps = reach_steps({.end = Attempt::End::refused, .errno_value = ECONNREFUSED}, asked());
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].mark, Mark::bad);
  EXPECT_THAT(steps[0].detail, HasSubstr("nobody listens at 10.0.0.1:5684"));
  steps = reach_steps({.end = Attempt::End::failed, .failure = silence(), .took = seconds(10)}, asked());
  EXPECT_THAT(steps[0].detail, HasSubstr("nothing came back"));
  EXPECT_THAT(steps[0].remedy, HasSubstr("firewall"));
  steps = reach_steps({.end = Attempt::End::refused, .errno_value = ENETUNREACH}, asked());
  EXPECT_THAT(steps[0].remedy, HasSubstr("routes"));
}

TEST(DoctorWords, SayWhatAnswers) {
  auto attempt = reached({3}, alert(Alert::decrypt_error));
  auto steps = reach_steps(attempt, asked());
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[1].mark, Mark::good);
  EXPECT_THAT(steps[1].detail, HasSubstr("cookie"));
  steps = reach_steps(reached({2}, silence()), asked());
  EXPECT_EQ(steps[1].mark, Mark::notable) << "no cookie";
  attempt.first_datagram = {0x70, 0, 0x12, 0x34};
  EXPECT_EQ(reach_steps(attempt, asked())[1].mark, Mark::bad) << "CoAP is no DTLS";
  attempt = reached({3, 2}, silence());
  attempt.facts.version = 0xFEFF;
  EXPECT_THAT(reach_steps(attempt, asked())[2].detail, HasSubstr("DTLS 1.0"));
}

TEST(DoctorWords, SayWhichSuitesAreTaken) {
  using Result = SuiteTried::Result;
  auto step = suites_step({{"A", Result::taken}, {"B", Result::refused}, {"C", Result::silent}});
  EXPECT_EQ(step.mark, Mark::good);
  EXPECT_EQ(step.detail, "takes A; refuses B; says nothing to C");
  EXPECT_EQ(suites_step({{"A", Result::refused}}).mark, Mark::bad);
  EXPECT_EQ(suites_step({{"A", Result::cut_short}}).mark, Mark::skipped);
}

TEST(DoctorWords, SayNothingOfAServersKeyWhereNoneIsShown) {
  EXPECT_TRUE(server_steps(reached({3}, silence()), asked(SecurityMode::x509), {}).empty());
}

TEST(DoctorReport, IsWellOnlyWhenNothingIsBadAndItCameToItsEnd) {
  std::string shown;
  Report report("t", [&](const Step& step) { shown += lines_of(step, false, 42); });
  EXPECT_FALSE(report.well()) << "nothing was tried";
  report.add({"one", Mark::good, "fine"});
  report.add({"two", Mark::notable, "works", "look"});
  EXPECT_TRUE(report.well());
  report.interrupt();
  EXPECT_FALSE(report.well());
  report.add({"three", Mark::bad, "a long text that does not fit into one line", "mend it"});
  EXPECT_EQ(report.conclusion(), "it fails at: three");
  EXPECT_THAT(
      shown,
      HasSubstr("  ✗ three           a long text that does\n                    not fit into one line\n"));
  EXPECT_THAT(shown, HasSubstr("→ mend it\n"));
  const auto document = report.to_json();
  EXPECT_EQ(document.at("well"), false);
  EXPECT_EQ(document.at("steps").size(), 3u);
  EXPECT_EQ(document.at("steps")[2].at("outcome"), "failed");
}

TEST(DoctorReport, ShowsNoControlCharactersOfAPeer) {
  const auto text = lines_of({"x", Mark::bad, "a\x1B[2Jb\nc", "d\re"}, true);
  EXPECT_THAT(text, HasSubstr("a?[2Jb?c"));
  EXPECT_THAT(text, HasSubstr("d?e"));
}

TEST(DoctorWords, TakeForAnAnswerOfCoapOnlyWhatFits) {
  const Bytes ping{0x40, 0x00, 0x12, 0x34};
  EXPECT_TRUE(answers_ping(ping, Bytes{0x70, 0x00, 0x12, 0x34}));
  EXPECT_FALSE(answers_ping(ping, ping)) << "an echo";
  EXPECT_FALSE(answers_ping(ping, Bytes{0x70, 0x00, 0x12, 0x35})) << "of another message";
  EXPECT_FALSE(answers_ping(ping, Bytes{})) << "nothing";
  const Bytes get{0x41, 0x01, 0x12, 0x34, 0xAA};
  EXPECT_TRUE(answers_request(get, Bytes{0x61, 0x84, 0x12, 0x34, 0xAA}));
  EXPECT_TRUE(answers_request(get, Bytes{0x41, 0x45, 0x77, 0x77, 0xAA})) << "a separate response";
  EXPECT_TRUE(answers_request(get, Bytes{0x70, 0x00, 0x12, 0x34})) << "a Reset";
  EXPECT_FALSE(answers_request(get, get)) << "an echo";
  EXPECT_FALSE(answers_request(get, Bytes{0x60, 0x00, 0x12, 0x34})) << "the response is still to come";
  EXPECT_FALSE(answers_request(get, Bytes{0x61, 0x84, 0x12, 0x34, 0xAB})) << "another token";
  EXPECT_FALSE(answers_request(get, Bytes{0x61, 0x84, 0x12, 0x35, 0xAA})) << "another message";
}

}  // namespace
}  // namespace slipway::cli::doctor
