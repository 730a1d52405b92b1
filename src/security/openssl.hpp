// SPDX-License-Identifier: Apache-2.0
// Handles of OpenSSL that free themselves. Only for this folder.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include <slipway/security/keys.hpp>

namespace slipway::security {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* handle) const {
    Free(handle);
  }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertificateHandle = std::unique_ptr<X509, Freed<X509_free>>;

/// Empties the library's queue of errors on the way out, so that no call inherits what another left there.
class CleanErrors {
 public:
  CleanErrors() = default;
  ~CleanErrors() { ERR_clear_error(); }
  CleanErrors(const CleanErrors&) = delete;
  CleanErrors& operator=(const CleanErrors&) = delete;
};

/// An EC key on a named curve. Errors: unsupported.
[[nodiscard]] Result<void> check_ec(const EVP_PKEY& key);
[[nodiscard]] Curve curve_of(const EVP_PKEY& key);
[[nodiscard]] Result<KeyHandle> parse_private_key(ByteView der);
[[nodiscard]] Result<KeyHandle> parse_public_key(ByteView der);
[[nodiscard]] Result<Bytes> public_der(const EVP_PKEY& key);
[[nodiscard]] Result<CertificateHandle> parse_certificate(ByteView der);

}  // namespace slipway::security
