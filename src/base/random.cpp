// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include <slipway/base/random.hpp>

namespace slipway {

std::uint64_t Random::u64() {
  std::array<std::uint8_t, 8> bytes;
  fill(bytes);
  std::uint64_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  // The few values past the last whole multiple of `bound` would favour small results.
  const std::uint64_t excess = (0 - bound) % bound;
  for (;;)
    if (const auto value = u64(); value >= excess) return value % bound;
}

SeededRandom::SeededRandom(std::uint64_t seed) {
  for (auto& word : state_) {  // splitmix64: never all zero
    seed += 0x9E3779B97F4A7C15u;
    auto z = seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    word = z ^ (z >> 31);
  }
}

std::uint64_t SeededRandom::next() {
  const auto result = std::rotl(state_[1] * 5, 7) * 9;
  const auto shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::fill(MutableBytes out) {
  auto* at = out.data();
  auto left = out.size();
  for (; left >= sizeof(std::uint64_t); at += sizeof(std::uint64_t), left -= sizeof(std::uint64_t)) {
    const auto word = next();
    std::memcpy(at, &word, sizeof word);
  }
  if (left == 0) return;
  const auto word = next();
  std::memcpy(at, &word, left);
}

}  // namespace slipway
