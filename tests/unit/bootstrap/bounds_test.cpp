// SPDX-License-Identifier: Apache-2.0
// What strangers can make grow, and what they cannot.
#include "unit/bootstrap/session_fixture.hpp"

namespace slipway::bootstrap {
namespace {

using testing::Each;
using testing::HasSubstr;

class BootstrapBounds : public testing::Test {
 protected:
  static ServerConfig config() {
    ServerConfig its;
    its.sessions_per_address_max = 2;
    return its;
  }
  /// A stranger without security; the answer it gets, or nothing while it waits.
  std::optional<coap::Code> come(const Address& address, SecurityMode security = SecurityMode::nosec) {
    const auto id = devices_.size() + 1;
    names_.push_back("ep=dev-" + std::to_string(id));
    devices_.push_back(std::make_unique<test::ScriptedDevice>(id));
    auto& device = *devices_.back();
    harness.attach(device, {.id = PeerId(id), .security = security, .address = address});
    device.post(harness.now, "/bs", {names_.back()});
    harness.settle();
    if (device.answers.empty()) return std::nullopt;
    return device.answers.back();
  }
  static Address v6(std::uint8_t network, std::uint8_t host, std::uint16_t port = 1) {
    Address address;
    address.ip = {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, network, 0, 0, 0, 0, 0, 0, 0, host};
    address.port = port;
    return address;
  }

  test::BootstrapHarness harness{config()};

 private:
  std::vector<std::unique_ptr<test::ScriptedDevice>> devices_;
  std::vector<std::string> names_;
};

TEST_F(BootstrapBounds, SessionsOfOneAddressWithoutSecurity) {
  harness.store = test::BootstrapHarness::Adapter::silent;
  EXPECT_EQ(come(Address::v4(10, 0, 0, 1, 1000)), coap::Code::changed);
  EXPECT_EQ(come(Address::v4(10, 0, 0, 1, 1001)), coap::Code::changed);
  EXPECT_EQ(come(Address::v4(10, 0, 0, 1, 1002)), coap::Code::service_unavailable);  // ports do not count
  EXPECT_EQ(come(Address::v4(10, 0, 0, 2, 1000)), coap::Code::changed);
  EXPECT_EQ(come(Address::v4(10, 0, 0, 1, 1003), SecurityMode::psk), coap::Code::changed);
  EXPECT_EQ(harness.ended.at(0).outcome, Outcome::overloaded);
  EXPECT_THAT(harness.ended.at(0).reason, HasSubstr("sessions_per_address_max"));
  EXPECT_EQ(harness.server.sessions(), 4u);  // old work goes on
}

TEST_F(BootstrapBounds, SessionsOfOneNetworkOfIpv6) {
  harness.store = test::BootstrapHarness::Adapter::silent;
  EXPECT_EQ(come(v6(1, 1)), coap::Code::changed);
  EXPECT_EQ(come(v6(1, 2)), coap::Code::changed);
  EXPECT_EQ(come(v6(1, 3)), coap::Code::service_unavailable);
  EXPECT_EQ(come(v6(2, 1)), coap::Code::changed);
}

TEST_F(BootstrapBounds, PlaceIsFreeAgainWhenASessionEnds) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(come(Address::v4(10, 0, 0, 1, 1000)), coap::Code::changed);
  EXPECT_EQ(harness.server.counters().succeeded, 10u);
  harness.store = test::BootstrapHarness::Adapter::refuses;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(come(Address::v4(10, 0, 0, 1, 1000)), coap::Code::changed);
  harness.enrolment = test::BootstrapHarness::Adapter::refuses;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(come(Address::v4(10, 0, 0, 1, 1000)), coap::Code::bad_request);
  EXPECT_EQ(harness.server.counters().overloaded, 0u);
}

TEST_F(BootstrapBounds, CountersTellOfEveryEnd) {
  harness.store = test::BootstrapHarness::Adapter::refuses;
  (void)come(Address::v4(10, 0, 0, 1, 1));
  harness.enrolment = test::BootstrapHarness::Adapter::refuses;
  (void)come(Address::v4(10, 0, 0, 1, 1));
  const auto& counters = harness.server.counters();
  EXPECT_EQ(counters.requests, 2u);
  EXPECT_EQ(counters.started, 1u);
  EXPECT_EQ(counters.storage_failed, 1u);
  EXPECT_EQ(counters.failed, 1u);
  EXPECT_EQ(counters.refused, 1u);
}

}  // namespace
}  // namespace slipway::bootstrap
