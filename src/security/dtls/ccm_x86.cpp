// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/ccm_x86.hpp"

#include <slipway/base/secret.hpp>

#if defined(__x86_64__)
#include "security/dtls/aes_x86.hpp"

namespace slipway::security::dtls::x86 {
namespace {

/// Two independent blocks at once: the second one costs almost nothing.
SLIPWAY_AES inline void encrypt_pair(const KeySchedule& key, __m128i& a, __m128i& b) {
  a = _mm_xor_si128(a, key.round[0]);
  b = _mm_xor_si128(b, key.round[0]);
  for (int i = 1; i < kRounds; ++i) {
    a = _mm_aesenc_si128(a, key.round[i]);
    b = _mm_aesenc_si128(b, key.round[i]);
  }
  a = _mm_aesenclast_si128(a, key.round[kRounds]);
  b = _mm_aesenclast_si128(b, key.round[kRounds]);
}

/// Flags, nonce, and a number at the end: the first block of the MAC, and the counter blocks.
/// [RFC 3610 §2.2, §2.3] The number's field fills the block; two bytes of it hold all that is sealed here.
class NumberedBlocks {
 public:
  SLIPWAY_AES explicit NumberedBlocks(ByteView nonce)
      : length_flags_(14 - static_cast<unsigned>(nonce.size())) {
    alignas(kBlock) std::uint8_t block[kBlock] = {static_cast<std::uint8_t>(length_flags_)};
    std::memcpy(block + 1, nonce.data(), nonce.size());
    counter_ = load(block);
  }
  [[nodiscard]] SLIPWAY_AES __m128i counter(std::size_t number) const { return numbered(counter_, number); }
  [[nodiscard]] SLIPWAY_AES __m128i first_of_mac(bool associated, std::size_t tag_size,
                                                 std::size_t size) const {
    const auto flags =
        (associated ? 0x40u : 0u) | static_cast<unsigned>((tag_size - 2) / 2) << 3 | length_flags_;
    return numbered(_mm_insert_epi8(counter_, static_cast<int>(flags), 0), size);
  }

 private:
  SLIPWAY_AES static __m128i numbered(__m128i block, std::size_t number) {
    return _mm_insert_epi16(block, __builtin_bswap16(static_cast<std::uint16_t>(number)), 7);
  }
  unsigned length_flags_;
  __m128i counter_;
};

/// The MAC over the first block and the associated data.
SLIPWAY_AES __m128i begin_mac(const KeySchedule& key, const NumberedBlocks& blocks, ByteView associated,
                              std::size_t message_size, std::size_t tag_size) {
  auto mac = encrypt(key, blocks.first_of_mac(!associated.empty(), tag_size, message_size));
  if (associated.empty()) return mac;
  alignas(kBlock) std::uint8_t text[2 + kAssociatedDataMax] = {};
  text[0] = static_cast<std::uint8_t>(associated.size() >> 8);
  text[1] = static_cast<std::uint8_t>(associated.size());
  std::memcpy(text + 2, associated.data(), associated.size());
  for (std::size_t at = 0; at < associated.size() + 2; at += kBlock)
    mac = encrypt(key, _mm_xor_si128(mac, load(text + at)));
  return mac;
}

}  // namespace

bool has_aes() {
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
}

SLIPWAY_AES void ccm_seal(std::size_t tag_size, const AeadKey& raw_key, ByteView nonce, ByteView associated,
                          ByteView plaintext, std::uint8_t* out) {
  auto key = expand(raw_key);
  const NumberedBlocks blocks(nonce);
  auto mac = begin_mac(key, blocks, associated, plaintext.size(), tag_size);
  std::size_t counter = 1;
  const auto* in = plaintext.data();
  auto left = plaintext.size();
  for (; left >= kBlock; left -= kBlock, in += kBlock, out += kBlock) {
    const auto text = load(in);
    auto stream = blocks.counter(counter++);
    mac = _mm_xor_si128(mac, text);
    encrypt_pair(key, mac, stream);
    store(out, _mm_xor_si128(stream, text));
  }
  if (left != 0) {
    const auto text = load_part(in, left);
    auto stream = blocks.counter(counter);
    mac = _mm_xor_si128(mac, text);
    encrypt_pair(key, mac, stream);
    store_part(out, left, _mm_xor_si128(stream, text));
    out += left;
  }
  store_part(out, tag_size, _mm_xor_si128(mac, encrypt(key, blocks.counter(0))));
  forget(key);
}

SLIPWAY_AES bool ccm_open(std::size_t tag_size, const AeadKey& raw_key, ByteView nonce, ByteView associated,
                          ByteView sealed, std::uint8_t* out) {
  auto key = expand(raw_key);
  const auto size = sealed.size() - tag_size;
  const NumberedBlocks blocks(nonce);
  auto mac = begin_mac(key, blocks, associated, size, tag_size);
  const auto* in = sealed.data();
  auto* const text_begin = out;
  auto left = size;
  // The MAC of a block needs its plaintext, so it runs beside the keystream of the next one.
  std::size_t counter = 1;
  auto stream = encrypt(key, blocks.counter(counter++));
  for (; left >= kBlock; left -= kBlock, in += kBlock, out += kBlock) {
    const auto text = _mm_xor_si128(stream, load(in));
    store(out, text);
    mac = _mm_xor_si128(mac, text);
    stream = blocks.counter(counter++);
    encrypt_pair(key, mac, stream);
  }
  if (left != 0) {
    store_part(out, left, _mm_xor_si128(stream, load_part(in, left)));
    mac = encrypt(key, _mm_xor_si128(mac, load_part(out, left)));
    in += left;
  }
  std::uint8_t tag[kBlock];
  store(tag, _mm_xor_si128(mac, encrypt(key, blocks.counter(0))));
  forget(key);
  if (equal_constant_time({tag, tag_size}, {in, tag_size})) return true;
  wipe({text_begin, size});
  return false;
}

}  // namespace slipway::security::dtls::x86

#else

namespace slipway::security::dtls::x86 {

bool has_aes() {
  return false;
}
void ccm_seal(std::size_t, const AeadKey&, ByteView, ByteView, ByteView, std::uint8_t*) {}
bool ccm_open(std::size_t, const AeadKey&, ByteView, ByteView, ByteView, std::uint8_t*) {
  return false;
}

}  // namespace slipway::security::dtls::x86

#endif
