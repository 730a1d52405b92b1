// SPDX-License-Identifier: Apache-2.0
// The secure session and the engine above it have a table of alerts each, as the engine knows no library:
// they agree.
#include <gtest/gtest.h>

#include <slipway/security/dtls/types.hpp>

#include "client/alerts.hpp"

namespace slipway::device {
namespace {

TEST(DeviceAlerts, HaveOneClassInTheSessionAndInTheEngine) {
  for (unsigned code = 0; code < 256; ++code) {
    const auto in_session = security::dtls::alert_class(static_cast<security::dtls::Alert>(code));
    const auto in_engine = client::alert_class(static_cast<std::uint8_t>(code));
    EXPECT_EQ(static_cast<int>(in_session), static_cast<int>(in_engine)) << code;
  }
}

}  // namespace
}  // namespace slipway::device
