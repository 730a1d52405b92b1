// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/gcm_x86.hpp"

#include <slipway/base/secret.hpp>

#if defined(__x86_64__)
#include "security/dtls/aes_x86.hpp"

#define SLIPWAY_GCM __attribute__((target("aes,pclmul,sse4.1")))

// Of a session only the 16 bytes of its key are kept, so that each record begins with the key's schedule.
// That decides between what there is (a record of 100 bytes, here): libcrypto makes its context anew, 300 ns;
// nettle takes 135 ns without wiping its 4 KiB table, and looks up tables by the bytes of the key; this
// takes 80.

namespace slipway::security::dtls::x86 {
namespace {

constexpr std::size_t kTag = 16;

struct GcmKey {
  KeySchedule aes;
  __m128i hash;
};

SLIPWAY_GCM inline __m128i reversed(__m128i block) {
  return _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

// GHASH is computed as POLYVAL of reversed blocks under the reversed key times x: its products need no shift,
// and its field polynomial x^128 + x^127 + x^126 + x^121 + 1 is reduced by two multiplications. [RFC 8452 §3,
// appendix A]

/// The reversed hash key times x, whatever its bits are in the same time.
SLIPWAY_GCM inline __m128i times_x(__m128i value) {
  const auto carries = _mm_srli_epi64(value, 63);
  const auto shifted = _mm_or_si128(_mm_slli_epi64(value, 1), _mm_slli_si128(carries, 8));
  const auto top_set = _mm_shuffle_epi32(_mm_srai_epi32(value, 31), 0xFF);
  const auto polynomial = _mm_set_epi64x(static_cast<long long>(0xC200'0000'0000'0000), 1);
  return _mm_xor_si128(shifted, _mm_and_si128(top_set, polynomial));
}

/// a * b * x^-128.
SLIPWAY_GCM inline __m128i dot(__m128i a, __m128i b) {
  const auto middle = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
  auto low = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x00), _mm_slli_si128(middle, 8));
  const auto high = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x11), _mm_srli_si128(middle, 8));
  const auto polynomial = _mm_set_epi64x(0, static_cast<long long>(0xC200'0000'0000'0000));
  for (int half = 0; half < 2; ++half)
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4E), _mm_clmulepi64_si128(low, polynomial, 0x00));
  return _mm_xor_si128(high, low);
}

SLIPWAY_GCM inline GcmKey expand_gcm(const AeadKey& raw_key) {
  GcmKey key;
  key.aes = expand(raw_key);
  key.hash = times_x(reversed(encrypt(key.aes, _mm_setzero_si128())));
  return key;
}

SLIPWAY_GCM inline void forget(GcmKey& key) {
  key.hash = _mm_setzero_si128();
  forget(key.aes);
  __asm__ __volatile__("" : : "r"(&key) : "memory");
}

class Hash {
 public:
  SLIPWAY_GCM explicit Hash(__m128i key) : key_(key), value_(_mm_setzero_si128()) {}
  SLIPWAY_GCM void add(__m128i block) { value_ = dot(_mm_xor_si128(value_, reversed(block)), key_); }
  SLIPWAY_GCM void add(ByteView bytes) {
    for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) add(load(bytes.data()));
    if (!bytes.empty()) add(load_part(bytes.data(), bytes.size()));
  }
  /// Ends with both lengths, in bits.
  SLIPWAY_GCM __m128i end(std::size_t associated_size, std::size_t text_size) {
    add(reversed(
        _mm_set_epi64x(static_cast<long long>(associated_size * 8), static_cast<long long>(text_size * 8))));
    return reversed(value_);
  }

 private:
  __m128i key_, value_;
};

/// The nonce and a number of 32 bits: 1 belongs to the tag, the text begins with 2.
class Counters {
 public:
  SLIPWAY_GCM explicit Counters(const AeadNonce& nonce) : first_(load_part(nonce.data(), nonce.size())) {}
  [[nodiscard]] SLIPWAY_GCM __m128i block(std::uint32_t number) const {
    return _mm_insert_epi32(first_, static_cast<int>(__builtin_bswap32(number)), 3);
  }

 private:
  __m128i first_;
};

/// En- or decrypts, hashes what is or becomes the ciphertext, and gives the tag.
template <bool kSeals>
SLIPWAY_GCM inline __m128i run(const GcmKey& key, const AeadNonce& nonce, ByteView associated, ByteView text,
                               std::uint8_t* out) {
  const Counters counters(nonce);
  Hash hash(key.hash);
  hash.add(associated);
  std::uint32_t number = 2;
  const auto* in = text.data();
  auto left = text.size();
  for (; left >= kBlock; left -= kBlock, in += kBlock, out += kBlock) {
    const auto block = load(in);
    const auto result = _mm_xor_si128(block, encrypt(key.aes, counters.block(number++)));
    store(out, result);
    hash.add(kSeals ? result : block);
  }
  if (left != 0) {
    const auto block = load_part(in, left);
    const auto result = _mm_xor_si128(block, encrypt(key.aes, counters.block(number)));
    store_part(out, left, result);
    hash.add(kSeals ? load_part(out, left) : block);
  }
  return _mm_xor_si128(hash.end(associated.size(), text.size()), encrypt(key.aes, counters.block(1)));
}

}  // namespace

bool has_gcm() {
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
         __builtin_cpu_supports("sse4.1");
}

SLIPWAY_GCM void gcm_seal(const AeadKey& raw_key, const AeadNonce& nonce, ByteView associated,
                          ByteView plaintext, std::uint8_t* out) {
  auto key = expand_gcm(raw_key);
  store(out + plaintext.size(), run<true>(key, nonce, associated, plaintext, out));
  forget(key);
}

SLIPWAY_GCM bool gcm_open(const AeadKey& raw_key, const AeadNonce& nonce, ByteView associated,
                          ByteView sealed, std::uint8_t* out) {
  const auto size = sealed.size() - kTag;
  const auto sent = load(sealed.data() + size);  // before it may be written over
  auto key = expand_gcm(raw_key);
  const auto tag = run<false>(key, nonce, associated, sealed.first(size), out);
  forget(key);
  const auto difference = _mm_xor_si128(tag, sent);
  if (_mm_testz_si128(difference, difference) != 0) return true;  // all of it at once
  wipe({out, size});
  return false;
}

}  // namespace slipway::security::dtls::x86

#else

namespace slipway::security::dtls::x86 {

bool has_gcm() {
  return false;
}
void gcm_seal(const AeadKey&, const AeadNonce&, ByteView, ByteView, std::uint8_t*) {}
bool gcm_open(const AeadKey&, const AeadNonce&, ByteView, ByteView, std::uint8_t*) {
  return false;
}

}  // namespace slipway::security::dtls::x86

#endif
