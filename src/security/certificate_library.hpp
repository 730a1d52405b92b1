// SPDX-License-Identifier: Apache-2.0
// The part of libcrypto that reads certificates. Only for this folder.
#pragma once

#include <openssl/provider.h>

#include "security/openssl.hpp"

namespace slipway::security {

/// Who reads and verifies certificates: the process's own library context, or a quick one.
class CertificateLibrary {
 public:
  CertificateLibrary() = default;
  /// Reads a certificate in a third of the time. libcrypto 3.0 decodes the public key of each one, and looks
  /// among all its decoders and kinds of keys for who can: that is more work than to verify the signature.
  /// Here it knows only the kinds that certificates have (RSA, EC, Edwards curves); all else is its default
  /// provider's. Where that one is not in use, this is the process's own context.
  [[nodiscard]] static CertificateLibrary quick();

  /// For X509_new_ex and its kind; null is the process's own.
  [[nodiscard]] OSSL_LIB_CTX* get() const { return context_.get(); }
  /// Reads one certificate (DER) and nothing behind it, or gives nothing.
  [[nodiscard]] CertificateHandle read(ByteView der) const;

 private:
  std::unique_ptr<OSSL_LIB_CTX, Freed<OSSL_LIB_CTX_free>> context_;
  std::unique_ptr<OSSL_PROVIDER, Freed<OSSL_PROVIDER_unload>> provider_;  ///< of the context: goes before it
};

}  // namespace slipway::security
