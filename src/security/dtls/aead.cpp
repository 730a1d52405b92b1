// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/aead.hpp"

#include <openssl/evp.h>

#include <slipway/base/secret.hpp>

#include "security/dtls/ccm_x86.hpp"

namespace slipway::security::dtls {
namespace {

struct CipherContext {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  ~CipherContext() { EVP_CIPHER_CTX_free(context); }
};
struct Cipher {
  explicit Cipher(const char* name) : cipher(EVP_CIPHER_fetch(nullptr, name, nullptr)) {}
  ~Cipher() { EVP_CIPHER_free(cipher); }
  EVP_CIPHER* cipher;
};

int as_int(std::size_t size) {
  return static_cast<int>(size);
}

}  // namespace

struct AeadEngine::Contexts {
  Cipher gcm{"AES-128-GCM"};
  Cipher ccm{"AES-128-CCM"};
  CipherContext context;

  /// Nonce length, tag and (CCM) text length must be known before the key.
  bool prepare(Aead aead, bool sealing, std::uint8_t* tag) const {
    auto* c = context.context;
    const auto* cipher = aead == Aead::aes_128_gcm ? gcm.cipher : ccm.cipher;
    const int direction = sealing ? 1 : 0;
    if (EVP_CipherInit_ex2(c, cipher, nullptr, nullptr, direction, nullptr) != 1) return false;
    if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 12, nullptr) != 1) return false;
    if (sealing && aead == Aead::aes_128_gcm) return true;
    return EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, as_int(tag_size(aead)), sealing ? nullptr : tag) ==
           1;
  }
};

AeadEngine::AeadEngine(Implementation implementation)
    : contexts_(std::make_unique<Contexts>()),
      aes_instructions_(implementation == Implementation::fastest && x86::has_aes()) {}
AeadEngine::~AeadEngine() = default;

bool AeadEngine::seal(Aead aead, const AeadKey& key, const AeadNonce& nonce, ByteView associated,
                      ByteView plaintext, std::uint8_t* out) {
  if (aead != Aead::aes_128_gcm && aes_instructions_) {
    x86::ccm_seal(tag_size(aead), key, nonce, associated, plaintext, out);
    return true;
  }
  auto* c = contexts_->context.context;
  if (!contexts_->prepare(aead, true, nullptr)) return false;
  if (EVP_EncryptInit_ex2(c, nullptr, key.data(), nonce.data(), nullptr) != 1) return false;
  int size = 0;
  if (aead != Aead::aes_128_gcm &&
      EVP_EncryptUpdate(c, nullptr, &size, nullptr, as_int(plaintext.size())) != 1)
    return false;
  if (!associated.empty() &&
      EVP_EncryptUpdate(c, nullptr, &size, associated.data(), as_int(associated.size())) != 1)
    return false;
  static constexpr std::uint8_t kNothing = 0;
  const auto* text = plaintext.empty() ? &kNothing : plaintext.data();
  if (EVP_EncryptUpdate(c, out, &size, text, as_int(plaintext.size())) != 1) return false;
  if (EVP_EncryptFinal_ex(c, out + plaintext.size(), &size) != 1) return false;
  return EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, as_int(tag_size(aead)), out + plaintext.size()) == 1;
}

bool AeadEngine::open(Aead aead, const AeadKey& key, const AeadNonce& nonce, ByteView associated,
                      ByteView sealed, std::uint8_t* out) {
  if (sealed.size() < tag_size(aead)) return false;
  if (aead != Aead::aes_128_gcm && aes_instructions_)
    return x86::ccm_open(tag_size(aead), key, nonce, associated, sealed, out);
  auto* c = contexts_->context.context;
  const auto text = sealed.first(sealed.size() - tag_size(aead));
  std::array<std::uint8_t, 16> tag{};
  std::memcpy(tag.data(), sealed.data() + text.size(), tag_size(aead));
  if (!contexts_->prepare(aead, false, tag.data())) return false;
  if (EVP_DecryptInit_ex2(c, nullptr, key.data(), nonce.data(), nullptr) != 1) return false;
  int size = 0;
  if (aead != Aead::aes_128_gcm && EVP_DecryptUpdate(c, nullptr, &size, nullptr, as_int(text.size())) != 1)
    return false;
  if (!associated.empty() &&
      EVP_DecryptUpdate(c, nullptr, &size, associated.data(), as_int(associated.size())) != 1)
    return false;
  std::uint8_t nothing = 0;
  auto* to = text.empty() ? &nothing : out;
  // CCM checks the tag here, GCM at the end.
  const bool decrypted = EVP_DecryptUpdate(c, to, &size, sealed.data(), as_int(text.size())) == 1;
  const bool authentic =
      decrypted && (aead != Aead::aes_128_gcm || EVP_DecryptFinal_ex(c, to + text.size(), &size) == 1);
  if (!authentic) wipe({out, text.size()});
  return authentic;
}

}  // namespace slipway::security::dtls
