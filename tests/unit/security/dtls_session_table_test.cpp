// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/session_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <slipway/base/random.hpp>

namespace slipway::security::dtls {
namespace {

TEST(DtlsSessionTable, FindsEachSessionUntilItIsErased) {
  SessionTable table;
  SeededRandom random(11);
  std::map<std::uint64_t, Address> model;
  std::uint64_t next = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (model.empty() || random.below(5) < 3) {
      const auto n = ++next;
      const auto address = Address::v4(10, static_cast<std::uint8_t>(n >> 16),
                                       static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n), 5684);
      (void)table.insert(address, PeerId(n), TimePoint(seconds(step)));
      model.emplace(n, address);
    } else {
      auto it = model.lower_bound(random.below(next) + 1);
      if (it == model.end()) it = model.begin();
      table.erase(*table.find(PeerId(it->first)));
      EXPECT_EQ(table.find(PeerId(it->first)), nullptr);
      EXPECT_EQ(table.find(it->second), nullptr);
      model.erase(it);
    }
  }
  EXPECT_EQ(table.size(), model.size());
  for (const auto& [peer, address] : model) {
    ASSERT_NE(table.find(address), nullptr);
    EXPECT_EQ(table.find(address), table.find(PeerId(peer)));
  }
}

TEST(DtlsSessionTable, KeepsTheLongestUntouchedInFront) {
  SessionTable table;
  const auto at = [](int n) { return Address::v4(10, 0, 0, static_cast<std::uint8_t>(n), 1); };
  for (int n = 1; n <= 3; ++n)
    (void)table.insert(at(n), PeerId(static_cast<unsigned>(n)), TimePoint(seconds(n)));
  EXPECT_EQ(table.oldest()->peer, PeerId(1));
  table.touch(*table.find(PeerId(1)), TimePoint(seconds(9)));
  EXPECT_EQ(table.oldest()->peer, PeerId(2));
  table.erase(*table.find(PeerId(2)));
  EXPECT_EQ(table.oldest()->peer, PeerId(3));
  table.erase(*table.find(PeerId(3)));
  EXPECT_EQ(table.oldest()->peer, PeerId(1));
  table.erase(*table.find(PeerId(1)));
  EXPECT_EQ(table.oldest(), nullptr);
}

}  // namespace
}  // namespace slipway::security::dtls
