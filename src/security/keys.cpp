// SPDX-License-Identifier: Apache-2.0
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/sha.h>

#include <array>

#include "security/openssl.hpp"

namespace slipway::security {
namespace {

using EncoderHandle = std::unique_ptr<OSSL_ENCODER_CTX, Freed<OSSL_ENCODER_CTX_free>>;
using CheckHandle = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;

/// PKCS#8 version 1, unencrypted. The library's own copy is wiped.
Result<Secret> private_der(const EVP_PKEY& key) {
  const EncoderHandle encoder(
      OSSL_ENCODER_CTX_new_for_pkey(&key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", nullptr));
  unsigned char* data = nullptr;
  std::size_t size = 0;
  if (!encoder || OSSL_ENCODER_to_data(encoder.get(), &data, &size) != 1)
    return fail(ErrorCode::refused, "the library cannot write this private key");
  Secret secret(ByteView(data, size));
  OPENSSL_clear_free(data, size);
  return secret;
}

Result<KeyPair> key_pair(EVP_PKEY& key) {
  KeyPair pair;
  SLIPWAY_ASSIGN(pair.public_key, public_der(key));
  SLIPWAY_ASSIGN(pair.private_key, private_der(key));
  return pair;
}

/// A private key may carry a public one that is not its own.
bool halves_fit(EVP_PKEY& key) {
  const CheckHandle check(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr));
  return check && EVP_PKEY_pairwise_check(check.get()) == 1;
}

/// The name of a key's curve, ended by a NUL; empty where the library has none.
std::array<char, 32> group_of(const EVP_PKEY& key) {
  std::array<char, 32> name{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(&key, name.data(), name.size(), &size) != 1) name = {};
  return name;
}

}  // namespace

Result<void> check_ec(const EVP_PKEY& key) {
  if (EVP_PKEY_is_a(&key, "EC") != 1) return fail(ErrorCode::unsupported, "not an elliptic curve key");
  // Parameters of one's own choosing are how a forged key passes for a known one (CVE-2020-0601).
  int is_explicit = 0;
  if (EVP_PKEY_get_int_param(&key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) == 1 &&
      is_explicit != 0)
    return fail(ErrorCode::unsupported, "the key's curve is not named");
  return {};
}

Curve curve_of(const EVP_PKEY& key) {
  const auto curve = OBJ_sn2nid(group_of(key).data());
  if (curve == NID_X9_62_prime256v1) return Curve::p256;
  return curve == NID_secp384r1 ? Curve::p384 : Curve::other;
}

Result<KeyHandle> parse_private_key(ByteView der) {
  const auto* at = der.data();
  KeyHandle key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (!key) return fail(ErrorCode::malformed, "not a private key in PKCS#8 or SEC1");
  if (at != der.data() + der.size())
    return fail(ErrorCode::malformed, "bytes behind the private key",
                static_cast<std::size_t>(at - der.data()));
  SLIPWAY_TRY(check_ec(*key));
  if (!halves_fit(*key)) return fail(ErrorCode::malformed, "the public half is not the private one's");
  return key;
}

Result<KeyHandle> parse_public_key(ByteView der) {
  const auto* at = der.data();
  KeyHandle key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key) return fail(ErrorCode::malformed, "not a SubjectPublicKeyInfo");
  if (at != der.data() + der.size())
    return fail(ErrorCode::malformed, "bytes behind the public key",
                static_cast<std::size_t>(at - der.data()));
  SLIPWAY_TRY(check_ec(*key));
  return key;
}

Result<Bytes> public_der(const EVP_PKEY& key) {
  unsigned char* data = nullptr;
  const auto size = i2d_PUBKEY(&key, &data);
  if (size <= 0) return fail(ErrorCode::refused, "the library cannot write this public key");
  Bytes der(data, data + size);
  OPENSSL_free(data);
  return der;
}

Sha256 sha256(ByteView bytes) {
  Sha256 digest;
  SHA256(bytes.data(), bytes.size(), digest.data());
  return digest;
}

Bytes digest(Hash hash, ByteView bytes) {
  Bytes out;
  switch (hash) {
    case Hash::sha256:
      SHA256(bytes.data(), bytes.size(), (out.resize(SHA256_DIGEST_LENGTH), out.data()));
      break;
    case Hash::sha384:
      SHA384(bytes.data(), bytes.size(), (out.resize(SHA384_DIGEST_LENGTH), out.data()));
      break;
    case Hash::sha512:
      SHA512(bytes.data(), bytes.size(), (out.resize(SHA512_DIGEST_LENGTH), out.data()));
      break;
  }
  return out;
}

Result<KeyPair> make_key_pair() {
  const CleanErrors clean;
  const KeyHandle key(EVP_EC_gen("P-256"));
  if (!key) return fail(ErrorCode::refused, "the library made no key");
  return key_pair(*key);
}

Result<KeyPair> read_private_key(ByteView der) {
  const CleanErrors clean;
  SLIPWAY_ASSIGN(const auto key, parse_private_key(der));
  return key_pair(*key);
}

Result<Curve> read_public_key(ByteView der) {
  const CleanErrors clean;
  SLIPWAY_ASSIGN(const auto key, parse_public_key(der));
  return curve_of(*key);
}

std::string curve_name(ByteView public_key) {
  const CleanErrors clean;
  const auto key = parse_public_key(public_key);
  const auto name = key ? group_of(**key) : std::array<char, 32>{};
  return name[0] == 0 ? "unknown" : name.data();
}

}  // namespace slipway::security
