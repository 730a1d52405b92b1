// SPDX-License-Identifier: Apache-2.0
// Asymmetric keys and certificates as LwM2M carries them: DER. By OpenSSL. [LwM2M-TRANSPORT 1.2 §5.2.9]
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/result.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>

namespace slipway::security {

using Sha256 = std::array<std::uint8_t, 32>;
[[nodiscard]] Sha256 sha256(ByteView bytes);

enum class Hash : std::uint8_t { sha256, sha384, sha512 };
[[nodiscard]] Bytes digest(Hash hash, ByteView bytes);

enum class Curve : std::uint8_t { p256, p384, other };

/// An EC key pair.
struct KeyPair {
  Bytes public_key;    ///< SubjectPublicKeyInfo, DER
  Secret private_key;  ///< PKCS#8 version 1, DER, unencrypted
};

/// A new key on secp256r1. Errors: refused (the library failed).
[[nodiscard]] Result<KeyPair> make_key_pair();

/// Reads PKCS#8 and SEC1 (which a specification example uses), and gives back PKCS#8 and the public half.
/// Errors: malformed (trailing bytes, halves that do not fit), unsupported (not an EC key, or its curve has
/// no name).
[[nodiscard]] Result<KeyPair> read_private_key(ByteView der);

/// Errors: malformed (trailing bytes too), unsupported (not an EC key).
[[nodiscard]] Result<Curve> read_public_key(ByteView der);
/// "secp256k1": the name of a public key's curve as OpenSSL has it, for a person; "unknown" of what is none.
[[nodiscard]] std::string curve_name(ByteView public_key);

/// What matters of a certificate.
struct CertificateInfo {
  std::string common_name;             ///< of the subject; empty without
  std::string issuer_name;             ///< its CN, for a person
  std::vector<std::string> dns_names;  ///< subjectAltName
  UnixTime not_before{}, not_after{};
  Bytes public_key;  ///< SubjectPublicKeyInfo, DER
  Curve curve = Curve::other;
  bool is_authority = false;           ///< basicConstraints CA
  bool may_sign = false;               ///< keyUsage digitalSignature, or no keyUsage
  bool for_clients = false;            ///< extendedKeyUsage clientAuth, or none stated
  bool for_servers = false;            ///< extendedKeyUsage serverAuth, or none stated
  bool may_sign_certificates = false;  ///< keyUsage keyCertSign, or no keyUsage
};
/// Errors: malformed (trailing bytes too), unsupported (a key that is not EC).
[[nodiscard]] Result<CertificateInfo> read_certificate(ByteView der);

/// What an authority shall issue.
struct CertificateRequest {
  ByteView public_key;  ///< SubjectPublicKeyInfo of the subject
  std::string_view common_name;
  UnixTime not_before{}, not_after{};
  ByteView serial;  ///< 8..20 random bytes
  enum class Use : std::uint8_t { client, server, authority } use = Use::client;
  std::string_view dns_name{};  ///< subjectAltName of a server; may be empty
};
/// A certificate (DER) signed with ECDSA-SHA256 by `private_key` (PKCS#8). `authority` is the issuer's
/// certificate; empty: self-signed. What is issued may outlive its authority: the caller sees to that.
/// Errors: malformed, refused (the key is not the authority's, or it may not sign).
[[nodiscard]] Result<Bytes> issue_certificate(const CertificateRequest& request, ByteView authority,
                                              ByteView private_key);
/// Whether `certificate` carries a valid signature of `authority`'s key.
[[nodiscard]] bool is_signed_by(ByteView certificate, ByteView authority);

/// One block of a PEM text: its label ("CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY") and
/// content. May hold a private key: wiped.
struct PemBlock {
  std::string label;
  Secret der;
};
inline constexpr std::size_t kPemMax = 64 * 1024;
inline constexpr std::size_t kPemBlocksMax = 16;
/// Text around the blocks is skipped. Errors: malformed (no block at all, bad base64), unsupported (an
/// encrypted block with headers), limit (more than kPemBlocksMax blocks, or kPemMax bytes).
[[nodiscard]] Result<std::vector<PemBlock>> read_pem(std::string_view text);
/// Of a private key the result is secret: the caller wipes it.
[[nodiscard]] std::string to_pem(std::string_view label, ByteView der);

}  // namespace slipway::security
