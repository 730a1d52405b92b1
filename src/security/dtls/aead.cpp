// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/aead.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <slipway/base/secret.hpp>

#include "security/dtls/ccm_x86.hpp"
#include "security/dtls/gcm_x86.hpp"

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
  CipherContext sealing[2], opening[2];  ///< of CCM and GCM

  /// Its cipher stays what it is: naming it again would have libcrypto make its context anew for each record.
  [[nodiscard]] EVP_CIPHER_CTX* context_of(Aead aead, bool seals) {
    const bool is_gcm = aead == Aead::aes_128_gcm;
    auto* context = (seals ? sealing : opening)[is_gcm ? 1 : 0].context;
    if (EVP_CIPHER_CTX_get0_cipher(context) != nullptr) return context;
    const auto* cipher = is_gcm ? gcm.cipher : ccm.cipher;
    const bool ready = EVP_CipherInit_ex2(context, cipher, nullptr, nullptr, seals ? 1 : 0, nullptr) == 1 &&
                       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, 12, nullptr) == 1;
    return ready ? context : nullptr;
  }
  /// Tag and (CCM) its length must be known before the key.
  [[nodiscard]] EVP_CIPHER_CTX* prepare(Aead aead, bool seals, std::uint8_t* tag) {
    auto* context = context_of(aead, seals);
    if (context == nullptr || (seals && aead == Aead::aes_128_gcm)) return context;
    const bool set = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, as_int(tag_size(aead)),
                                         seals ? nullptr : tag) == 1;
    return set ? context : nullptr;
  }
};

AeadEngine::AeadEngine(Implementation implementation)
    : contexts_(std::make_unique<Contexts>()),
      ccm_instructions_(implementation == Implementation::fastest && x86::has_aes()),
      gcm_instructions_(implementation == Implementation::fastest && x86::has_gcm()) {}
AeadEngine::~AeadEngine() = default;

bool AeadEngine::seal(Aead aead, const AeadKey& key, const AeadNonce& nonce, ByteView associated,
                      ByteView plaintext, std::uint8_t* out) {
  if (aead != Aead::aes_128_gcm && ccm_instructions_) {
    x86::ccm_seal(tag_size(aead), key, nonce, associated, plaintext, out);
    return true;
  }
  if (aead == Aead::aes_128_gcm && gcm_instructions_) {
    x86::gcm_seal(key, nonce, associated, plaintext, out);
    return true;
  }
  auto* c = contexts_->prepare(aead, true, nullptr);
  if (c == nullptr) return false;
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
  OSSL_PARAM tag[] = {
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, out + plaintext.size(), tag_size(aead)),
      OSSL_PARAM_construct_end()};
  return EVP_CIPHER_CTX_get_params(c, tag) == 1;
}

bool AeadEngine::open(Aead aead, const AeadKey& key, const AeadNonce& nonce, ByteView associated,
                      ByteView sealed, std::uint8_t* out) {
  if (sealed.size() < tag_size(aead)) return false;
  if (aead != Aead::aes_128_gcm && ccm_instructions_)
    return x86::ccm_open(tag_size(aead), key, nonce, associated, sealed, out);
  if (aead == Aead::aes_128_gcm && gcm_instructions_)
    return x86::gcm_open(key, nonce, associated, sealed, out);
  const auto text = sealed.first(sealed.size() - tag_size(aead));
  std::array<std::uint8_t, 16> tag{};
  std::memcpy(tag.data(), sealed.data() + text.size(), tag_size(aead));
  auto* c = contexts_->prepare(aead, false, tag.data());
  if (c == nullptr) return false;
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
