// SPDX-License-Identifier: Apache-2.0
// The bootstrap session on the device: what succeeds, what fails and leaves no trace.
#include "stage.hpp"

namespace slipway::client::test {
namespace {

/// What a bootstrap server writes, up to the Finish.
void write_account(Stage& stage, std::int64_t ssid = 101) {
  EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", ssid)).code, Code::changed);
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", ssid)).code, Code::changed);
}

TEST(ClientBootstrap, AFreshDeviceBootstrapsAndRegisters) {
  Device device;
  Stage stage(device.model);
  stage.start();
  ASSERT_EQ(stage.requests("/bs").size(), 1u);
  EXPECT_EQ(stage.requests("/bs")[0].queries, (std::vector<std::string>{"ep=urn:dev:stage", "pct=112"}));
  EXPECT_EQ(stage.client.state(), State::bootstrapping);
  write_account(stage);
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.last_end(), BootstrapEnd::succeeded);
  ASSERT_EQ(stage.requests("/rd").size(), 1u);
  EXPECT_EQ(stage.requests("/rd")[0].queries,
            (std::vector<std::string>{"lwm2m=1.2", "ep=urn:dev:stage", "lt=300", "b=U"}));
  EXPECT_EQ(stage.requests("/rd")[0].format, 40);
  EXPECT_EQ(stage.client.state(), State::registered);
  ASSERT_NE(stage.session(101), nullptr);
  EXPECT_EQ(stage.session(101)->identity, "new-identity");
  EXPECT_EQ(stage.session(101)->key, "fedcba9876543210");
}

}  // namespace
}  // namespace slipway::client::test
