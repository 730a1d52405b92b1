// SPDX-License-Identifier: Apache-2.0
// AES-128 with associated data, as the records of TLS 1.2 use it. [RFC 3610] [RFC 6655] [RFC 5288]
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include <slipway/base/bytes.hpp>

namespace slipway::security::dtls {

enum class Aead : std::uint8_t { aes_128_ccm_8, aes_128_ccm, aes_128_gcm };

[[nodiscard]] constexpr std::size_t tag_size(Aead aead) {
  return aead == Aead::aes_128_ccm_8 ? 8 : 16;
}

using AeadKey = std::array<std::uint8_t, 16>;
using AeadNonce = std::array<std::uint8_t, 12>;

/// Longest associated data: a record header's with a Connection ID.
inline constexpr std::size_t kAssociatedDataMax = 62;

/// Seals and opens with reusable contexts: nothing is allocated for a record. One thread at a time.
/// All of it runs on AES instructions where the processor has them, and is libcrypto's elsewhere.
class AeadEngine {
 public:
  enum class Implementation : std::uint8_t { fastest, portable };

  explicit AeadEngine(Implementation implementation = Implementation::fastest);
  ~AeadEngine();
  AeadEngine(const AeadEngine&) = delete;
  AeadEngine& operator=(const AeadEngine&) = delete;

  /// Writes ciphertext and tag; `out` must have plaintext.size() + tag_size(aead) bytes and may be
  /// where the plaintext is.
  /// False only when libcrypto fails.
  [[nodiscard]] bool seal(Aead aead, const AeadKey& key, const AeadNonce& nonce, ByteView associated,
                          ByteView plaintext, std::uint8_t* out);
  /// Writes sealed.size() - tag_size(aead) bytes of plaintext to `out`. False when the tag does not
  /// match; `out` then holds nothing of the plaintext.
  [[nodiscard]] bool open(Aead aead, const AeadKey& key, const AeadNonce& nonce, ByteView associated,
                          ByteView sealed, std::uint8_t* out);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
  bool ccm_instructions_, gcm_instructions_;
};

}  // namespace slipway::security::dtls
