// SPDX-License-Identifier: Apache-2.0
// Randomness is passed in: a cryptographic source by the composition root, a seeded one by tests.
#pragma once

#include <array>
#include <cstdint>

#include <slipway/base/bytes.hpp>

namespace slipway {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes out) = 0;

  [[nodiscard]] std::uint64_t u64();
  /// Uniform in [0, bound); bound must not be 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

/// xoshiro256**: reproducible and fast, never for secrets. Message ids, tokens, jitter, simulation.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(MutableBytes out) override;
  [[nodiscard]] std::uint64_t next();

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace slipway
