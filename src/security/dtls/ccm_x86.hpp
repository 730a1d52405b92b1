// SPDX-License-Identifier: Apache-2.0
// AES-128-CCM with a 12-byte nonce on the AES instructions of x86-64. [RFC 3610]
#pragma once

#include "security/dtls/aead.hpp"

namespace slipway::security::dtls::x86 {

/// False on other architectures and processors; the functions below may then not be called.
[[nodiscard]] bool has_aes();

void ccm_seal(std::size_t tag_size, const AeadKey& key, const AeadNonce& nonce, ByteView associated,
              ByteView plaintext, std::uint8_t* out);
[[nodiscard]] bool ccm_open(std::size_t tag_size, const AeadKey& key, const AeadNonce& nonce,
                            ByteView associated, ByteView sealed, std::uint8_t* out);

}  // namespace slipway::security::dtls::x86
