// SPDX-License-Identifier: Apache-2.0
// Secrets at rest: sealed by a key that is not where they are stored. AES-256-GCM. [NIST SP 800-38D]
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include <slipway/base/bytes.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/secret.hpp>

namespace slipway::security {

enum class SealingError : std::uint8_t {
  truncated,      ///< too short to be a sealed secret
  wrong_version,  ///< written by another version of this format
  wrong_key_id,   ///< sealed by another key: which one is missing is told by sealed_key_id()
  tampered,       ///< the bytes, or what they are bound to, are not what was sealed
  too_long,       ///< a secret above kSealedSecretMax or a bound part above 65535 bytes
  library,        ///< libcrypto failed
};
[[nodiscard]] const char* to_string(SealingError error);

inline constexpr std::size_t kSealedSecretMax = 64 * 1024;
inline constexpr std::size_t kSealingOverhead = 1 + 4 + 12 + 16;

/// Which key sealed a blob: the first four bytes of SHA-256 of the key and a label; tells nothing of it.
using SealingKeyId = std::uint32_t;

/// 32 random bytes that seal every stored secret of an installation. Wiped when it goes.
class SealingKey {
 public:
  static constexpr std::size_t kSize = 32;

  [[nodiscard]] static SealingKey generate(Random& random);
  /// Errors: a text for a person (what, where, remedy).
  [[nodiscard]] static std::expected<SealingKey, std::string> from_bytes(ByteView bytes);
  /// Reads the key file; it must be a regular file of 32 bytes that only its owner may open (0600 or less).
  /// Errors: a text for a person (what, where, remedy).
  [[nodiscard]] static std::expected<SealingKey, std::string> load(const std::string& path);
  /// `load`, or, where there is no such file, makes one with mode 0600 and puts it durably on disk.
  [[nodiscard]] static std::expected<SealingKey, std::string> load_or_create(const std::string& path,
                                                                             Random& random);

  [[nodiscard]] SealingKeyId id() const { return id_; }
  [[nodiscard]] ByteView reveal() const { return key_.reveal(); }

 private:
  explicit SealingKey(Secret key);
  Secret key_;
  SealingKeyId id_ = 0;
};

/// Seals a secret, bound to where it belongs: `bound_to` names it (tenant, endpoint, path or purpose,
/// version), in this order; a blob moved to another place does not open. Format, all sizes in bytes:
///
///     version 1 | key id 4 | nonce 12 | ciphertext | tag 16        version is 1
///
/// A key seals at most 2^32 secrets (random nonces). Errors: too_long, library.
[[nodiscard]] std::expected<Bytes, SealingError> seal(const SealingKey& key, const Secret& secret,
                                                      std::span<const std::string_view> bound_to,
                                                      Random& random);
/// Errors: all but too_long of the secret.
[[nodiscard]] std::expected<Secret, SealingError> unseal(const SealingKey& key, ByteView sealed,
                                                         std::span<const std::string_view> bound_to);
/// Errors: truncated, wrong_version.
[[nodiscard]] std::expected<SealingKeyId, SealingError> sealed_key_id(ByteView sealed);

}  // namespace slipway::security
