// SPDX-License-Identifier: Apache-2.0
// AES-128 on the AES instructions of x86-64, for the modes beside it. [FIPS 197]
#pragma once

#include <immintrin.h>

#include <cstring>

#include "security/dtls/aead.hpp"

// Only these functions are compiled for the instructions; has_aes() and has_gcm() guard their use at run
// time.
#define SLIPWAY_AES __attribute__((target("aes,sse4.1")))

namespace slipway::security::dtls::x86 {

inline constexpr std::size_t kBlock = 16;
inline constexpr int kRounds = 10;

struct KeySchedule {
  __m128i round[kRounds + 1];
};

/// Block by block, where `wipe` goes byte by byte: this is done for each record.
SLIPWAY_AES inline void forget(KeySchedule& key) {
  for (auto& round : key.round) round = _mm_setzero_si128();
  __asm__ __volatile__("" : : "r"(&key) : "memory");
}

template <int RoundConstant>
SLIPWAY_AES inline __m128i next_round_key(__m128i key) {
  const auto word = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, RoundConstant), 0xFF);
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
  return _mm_xor_si128(key, word);
}

SLIPWAY_AES inline __m128i load(const std::uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}
SLIPWAY_AES inline void store(std::uint8_t* bytes, __m128i block) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), block);
}
/// The first `size` bytes, padded by zeros.
SLIPWAY_AES inline __m128i load_part(const std::uint8_t* bytes, std::size_t size) {
  alignas(kBlock) std::uint8_t block[kBlock] = {};
  std::memcpy(block, bytes, size);
  return load(block);
}
SLIPWAY_AES inline void store_part(std::uint8_t* bytes, std::size_t size, __m128i block) {
  alignas(kBlock) std::uint8_t whole[kBlock];
  store(whole, block);
  std::memcpy(bytes, whole, size);
}

SLIPWAY_AES inline KeySchedule expand(const AeadKey& key) {
  KeySchedule schedule;
  auto* round = schedule.round;
  round[0] = load(key.data());
  round[1] = next_round_key<0x01>(round[0]);
  round[2] = next_round_key<0x02>(round[1]);
  round[3] = next_round_key<0x04>(round[2]);
  round[4] = next_round_key<0x08>(round[3]);
  round[5] = next_round_key<0x10>(round[4]);
  round[6] = next_round_key<0x20>(round[5]);
  round[7] = next_round_key<0x40>(round[6]);
  round[8] = next_round_key<0x80>(round[7]);
  round[9] = next_round_key<0x1B>(round[8]);
  round[10] = next_round_key<0x36>(round[9]);
  return schedule;
}

SLIPWAY_AES inline __m128i encrypt(const KeySchedule& key, __m128i block) {
  block = _mm_xor_si128(block, key.round[0]);
  for (int i = 1; i < kRounds; ++i) block = _mm_aesenc_si128(block, key.round[i]);
  return _mm_aesenclast_si128(block, key.round[kRounds]);
}

}  // namespace slipway::security::dtls::x86
