// SPDX-License-Identifier: Apache-2.0
#include "dtls_link.hpp"

#include "security/dtls/resumption.hpp"

namespace slipway::security::dtls::test {
namespace {

Resumable session_of(std::uint8_t number, std::size_t size = 200) {
  return {.id = *SessionId::from(Bytes(32, number)),
          .identity = identity_of("device"),
          .data = Secret(Bytes(size, number))};
}

TEST(ResumableSessions, KeepWithinTheirBytesAndTheNewestStay) {
  SeededRandom random(1);
  ResumableSessions sessions(random, 20'000, std::chrono::hours(24));
  const TimePoint now{seconds(1)};
  for (std::uint8_t n = 1; n <= 200; ++n) {
    sessions.keep(now + seconds(n), n, session_of(n));
    ASSERT_LE(sessions.bytes(), 20'000u);
  }
  EXPECT_GT(sessions.size(), 10u);
  EXPECT_NE(sessions.find(now + seconds(201), session_of(200).id), nullptr);
  EXPECT_EQ(sessions.find(now + seconds(201), session_of(1).id), nullptr);
  sessions.keep(now + seconds(300), 7, session_of(201, 30'000));
  EXPECT_EQ(sessions.find(now + seconds(300), session_of(201).id), nullptr) << "larger than all there is";
}

TEST(ResumableSessions, AnIdentityHasOne) {
  SeededRandom random(1);
  ResumableSessions sessions(random, 20'000, std::chrono::hours(24));
  const TimePoint now{seconds(1)};
  sessions.keep(now, 5, session_of(1));
  sessions.keep(now, 5, session_of(2));
  EXPECT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions.find(now, session_of(1).id), nullptr);
  sessions.forget(5);
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(sessions.bytes(), 0u);
}

TEST(ResumableSessions, OldOnesLeaveWithoutBeingAsked) {
  SeededRandom random(1);
  ResumableSessions sessions(random, 20'000, std::chrono::hours(1));
  const TimePoint now{seconds(1)};
  sessions.keep(now, 1, session_of(1));
  EXPECT_NE(sessions.find(now + std::chrono::hours(1) - seconds(1), session_of(1).id), nullptr);
  EXPECT_EQ(sessions.find(now + std::chrono::hours(1), session_of(1).id), nullptr);
  sessions.keep(now + std::chrono::hours(1), 2, session_of(2));
  EXPECT_EQ(sessions.size(), 1u);
}

}  // namespace
}  // namespace slipway::security::dtls::test
