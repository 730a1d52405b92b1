// SPDX-License-Identifier: Apache-2.0
// The line of a device's log that says why it has no session: what is written is read.
#include <gtest/gtest.h>

#include <slipway/device/connection_failure.hpp>

namespace slipway::device {
namespace {

ConnectionFailure whole() {
  return {.outcome = "handshake refused",
          .reason = "refused by the peer",
          .detail = "the peer ended the handshake with an alert",
          .alert = 51,
          .alerted = ConnectionFailure::Alerted::received,
          .uri = "coaps://[::1]:5684",
          .mode = "psk",
          .identity_fingerprint = "a48fe565",
          .offered = "TLS_PSK_WITH_AES_128_CCM_8, TLS_PSK_WITH_AES_128_CCM",
          .chosen = "TLS_PSK_WITH_AES_128_CCM_8",
          .certificate = "\"a (b)\" issued by \"c\"",
          .after_ms = 12};
}

TEST(ConnectionFailure, WhatIsWrittenIsRead) {
  EXPECT_EQ(read_failure("12:34:56  connection failed " + to_text(whole())), whole());
  auto sent = whole();
  sent.alerted = ConnectionFailure::Alerted::sent;
  EXPECT_EQ(read_failure("connection failed: " + to_text(sent) + "\r"), sent);
}

TEST(ConnectionFailure, IsReadFromJson) {
  const auto read = read_failure(
      R"x({"event":"connection failed","detail":"name unknown (no such host; server coaps://a)"})x");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->outcome, "name unknown");
  EXPECT_EQ(read->reason, "");
  EXPECT_EQ(read->detail, "no such host");
  EXPECT_EQ(read->uri, "coaps://a");
}

TEST(ConnectionFailure, LinesOfEarlierVersionsAreReadAsFarAsTheyGo) {
  const auto read = read_failure(
      "12:00:00  connection failed no answer to the handshake (timeout: nothing came back: wrong address or "
      "port)");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->reason, "timeout");
  EXPECT_EQ(read->detail, "nothing came back: wrong address or port");
  EXPECT_FALSE(read->alert);
}

TEST(ConnectionFailure, OtherLinesAreNone) {
  for (const char* line :
       {"", "{", "{}", "[1]", "12:00:00  registered with the server 101", "connection failed",
        "connection failed because of rain (much)", R"({"event":"connection failed"})",
        R"({"event":"connection failed","detail":7})", R"({"event":["connection failed"]})"})
    EXPECT_FALSE(read_failure(line)) << line;
  EXPECT_FALSE(read_failure("connection failed failed (" + std::string(kFailureLineMax, 'x') + ")"));
}

TEST(ConnectionFailure, AServerCannotWriteIntoTheLog) {
  auto failure = whole();
  failure.certificate = "\x1B[2J; sent alert close_notify (0)\n";
  const auto text = to_text(failure);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1B'), std::string::npos);
  const auto read = read_failure("connection failed " + text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->alert, 51) << "what is behind a semicolon of a certificate is no part of the line";
}

}  // namespace
}  // namespace slipway::device
