// SPDX-License-Identifier: Apache-2.0
// The operating system's cryptographic randomness behind the Random port.
#pragma once

#include <slipway/base/random.hpp>

namespace slipway::security {

/// Draws from the kernel in blocks and wipes each byte as it is handed out. Not for use across a
/// fork, nor by two threads at once. A kernel that gives no randomness ends the process: there is
/// nothing safe to go on with.
class SystemRandom final : public Random {
 public:
  SystemRandom() = default;
  ~SystemRandom() override;
  SystemRandom(const SystemRandom&) = delete;
  SystemRandom& operator=(const SystemRandom&) = delete;
  void fill(MutableBytes out) override;

 private:
  static constexpr std::size_t kBlock = 4096;
  std::array<std::uint8_t, kBlock> block_{};
  std::size_t used_ = kBlock;
};

}  // namespace slipway::security
