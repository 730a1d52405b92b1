// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include <memory>
#include <slipway/security/sealing.hpp>

namespace slipway::security {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kBoundPartMax = 65535;

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

int as_int(std::size_t size) {
  return static_cast<int>(size);
}

/// Feeds the blob's own header and each bound part after its length, so that no two lists of parts
/// read the same.
bool bind(EVP_CIPHER_CTX* context, ByteView header, std::span<const std::string_view> bound_to) {
  int size = 0;
  if (EVP_CipherUpdate(context, nullptr, &size, header.data(), as_int(header.size())) != 1) return false;
  for (const auto part : bound_to) {
    const std::uint8_t length[2] = {static_cast<std::uint8_t>(part.size() >> 8),
                                    static_cast<std::uint8_t>(part.size())};
    if (EVP_CipherUpdate(context, nullptr, &size, length, sizeof length) != 1) return false;
    const auto bytes = as_bytes(part);
    if (!bytes.empty() && EVP_CipherUpdate(context, nullptr, &size, bytes.data(), as_int(bytes.size())) != 1)
      return false;
  }
  return true;
}

bool too_long(std::span<const std::string_view> bound_to) {
  for (const auto part : bound_to)
    if (part.size() > kBoundPartMax) return true;
  return false;
}

struct Parts {
  SealingKeyId key_id;
  ByteView header, nonce, ciphertext, tag;
};
// A sealed secret:
//
//   0         1                 5                       17             size-16           size
//  +---------+-----------------+-----------------------+- ... --------+-----------------+
//  | version |     key id      |        nonce          |  ciphertext  |       tag       |
//  +---------+-----------------+-----------------------+- ... --------+-----------------+
std::expected<Parts, SealingError> parts_of(ByteView sealed) {
  if (!sealed.empty() && sealed[0] != kVersion) return std::unexpected(SealingError::wrong_version);
  if (sealed.size() < kSealingOverhead) return std::unexpected(SealingError::truncated);
  ByteReader reader(sealed.subspan(1));
  Parts parts{};
  parts.key_id = *reader.u32();
  parts.header = sealed.first(5);
  parts.nonce = *reader.take(kNonceSize);
  parts.ciphertext = *reader.take(reader.remaining() - kTagSize);
  parts.tag = reader.rest();
  return parts;
}

}  // namespace

const char* to_string(SealingError error) {
  switch (error) {
    case SealingError::truncated:
      return "too short to be a sealed secret";
    case SealingError::wrong_version:
      return "sealed by another version";
    case SealingError::wrong_key_id:
      return "sealed by another key";
    case SealingError::tampered:
      return "not what was sealed, or not for this place";
    case SealingError::too_long:
      return "too long to be sealed";
    case SealingError::library:
      return "libcrypto failed";
  }
  return "unknown error";
}

std::expected<Bytes, SealingError> seal(const SealingKey& key, const Secret& secret,
                                        std::span<const std::string_view> bound_to, Random& random) {
  if (secret.size() > kSealedSecretMax || too_long(bound_to)) return std::unexpected(SealingError::too_long);
  Bytes sealed(kSealingOverhead + secret.size());
  ByteWriter writer(sealed);
  writer.u8(kVersion);
  writer.u32(key.id());
  const auto nonce = MutableBytes(sealed).subspan(writer.skip(kNonceSize), kNonceSize);
  random.fill(nonce);

  const Context context(EVP_CIPHER_CTX_new());
  auto* const c = context.get();
  auto* const text = sealed.data() + writer.size();
  int size = 0;
  const bool ok =
      c != nullptr &&
      EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), key.reveal().data(), nonce.data(), nullptr) == 1 &&
      bind(c, ByteView(sealed).first(5), bound_to) &&
      (secret.empty() ||
       EVP_EncryptUpdate(c, text, &size, secret.reveal().data(), as_int(secret.size())) == 1) &&
      EVP_EncryptFinal_ex(c, text + secret.size(), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, as_int(kTagSize), text + secret.size()) == 1;
  if (!ok) return std::unexpected(SealingError::library);
  return sealed;
}

std::expected<Secret, SealingError> unseal(const SealingKey& key, ByteView sealed,
                                           std::span<const std::string_view> bound_to) {
  const auto parts = parts_of(sealed);
  if (!parts) return std::unexpected(parts.error());
  if (parts->key_id != key.id()) return std::unexpected(SealingError::wrong_key_id);
  if (parts->ciphertext.size() > kSealedSecretMax || too_long(bound_to))
    return std::unexpected(SealingError::tampered);
  const Context context(EVP_CIPHER_CTX_new());
  auto* const c = context.get();
  std::array<std::uint8_t, kTagSize> tag;
  std::copy(parts->tag.begin(), parts->tag.end(), tag.begin());
  if (c == nullptr ||
      EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key.reveal().data(), parts->nonce.data(), nullptr) != 1 ||
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, as_int(kTagSize), tag.data()) != 1 ||
      !bind(c, parts->header, bound_to))
    return std::unexpected(SealingError::library);
  Bytes text(parts->ciphertext.size() + 1);
  int size = 0;
  const bool authentic =
      (parts->ciphertext.empty() || EVP_DecryptUpdate(c, text.data(), &size, parts->ciphertext.data(),
                                                      as_int(parts->ciphertext.size())) == 1) &&
      EVP_DecryptFinal_ex(c, text.data() + parts->ciphertext.size(), &size) == 1;
  Secret secret(authentic ? ByteView(text).first(parts->ciphertext.size()) : ByteView{});
  wipe(text);
  if (!authentic) return std::unexpected(SealingError::tampered);
  return secret;
}

std::expected<SealingKeyId, SealingError> sealed_key_id(ByteView sealed) {
  const auto parts = parts_of(sealed);
  if (!parts) return std::unexpected(parts.error());
  return parts->key_id;
}

}  // namespace slipway::security
