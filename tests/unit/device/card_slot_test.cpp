// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/card_slot.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/temporary_folder.hpp"

namespace slipway::device {
namespace {

using ::testing::HasSubstr;

/// Where the daemon's socket is not: what a machine without pcscd looks like.
class WithoutDaemon : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("PCSCLITE_CSOCK_NAME", folder_.file("pcscd.comm").c_str(), 1); }
  void TearDown() override { ::unsetenv("PCSCLITE_CSOCK_NAME"); }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(WithoutDaemon, ACardIsNotAbsentButUnknown) {
  CardSlot slot({.pin = Secret(as_bytes("1234"))});
  for (int i = 0; i < 3; ++i) {
    const auto read = slot.read();
    ASSERT_FALSE(read) << "what came from a card would be deleted";
    EXPECT_THAT(read.error(), HasSubstr("start pcscd"));
  }
}

TEST_F(WithoutDaemon, ANamedReaderIsUnknownToo) {
  const auto read = read_card("Virtual PCD", Secret());
  ASSERT_FALSE(read);
  EXPECT_FALSE(read.error().failure);
  EXPECT_THAT(read.error().message, HasSubstr("start pcscd"));
}

}  // namespace
}  // namespace slipway::device
