// SPDX-License-Identifier: Apache-2.0
#include "device/kept_sessions.hpp"

#include <gtest/gtest.h>

namespace slipway::device {
namespace {

KeptSession session_with(std::uint16_t server, std::string_view bytes) {
  return {.server = ShortServerId(server),
          .account = 1,
          .kind = KeptSession::Kind::resumable,
          .bytes = Secret(as_bytes(bytes))};
}
std::string text_of(const KeptSession& session) {
  return std::string(as_text(session.bytes.reveal()));
}

TEST(KeptSessions, EachServerHasOneTheNewestAndGivesItOnce) {
  KeptSessions kept;
  kept.put(session_with(101, "first"));
  kept.put(session_with(102, "other"));
  kept.put(session_with(101, "second"));
  EXPECT_EQ(text_of(kept.take(ShortServerId(101))), "second");
  EXPECT_TRUE(kept.take(ShortServerId(101)).bytes.empty());
  EXPECT_EQ(text_of(kept.take(ShortServerId(102))), "other");
  EXPECT_TRUE(kept.empty());
}

TEST(KeptSessions, HaveABoundAndTheOldestMakesRoom) {
  KeptSessions kept;
  for (std::uint16_t server = 1; server <= kKeptSessionsMax + 3; ++server)
    kept.put(session_with(server, "one"));
  EXPECT_TRUE(kept.take(ShortServerId(3)).bytes.empty());
  EXPECT_FALSE(kept.take(ShortServerId(4)).bytes.empty());
  EXPECT_EQ(kept.take_all().size(), kKeptSessionsMax - 1);
}

TEST(KeptSessions, WhatIsTooLongOrEmptyIsNotKeptNorIsWhatItWouldReplace) {
  KeptSessions kept;
  kept.put(session_with(101, "short"));
  kept.put({.server = ShortServerId(101), .bytes = Secret(Bytes(kKeptBytesMax + 1, 1))});
  EXPECT_TRUE(kept.empty());
  kept.put({.server = ShortServerId(101)});
  EXPECT_TRUE(kept.empty());
}

}  // namespace
}  // namespace slipway::device
