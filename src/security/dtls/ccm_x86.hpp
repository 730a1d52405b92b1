// SPDX-License-Identifier: Apache-2.0
// AES-128-CCM on the AES instructions of x86-64. [RFC 3610]
#pragma once

#include "security/dtls/aead.hpp"

namespace slipway::security::dtls::x86 {

/// False on other architectures and processors; the functions below may then not be called.
[[nodiscard]] bool has_aes();

/// The nonce has 7 to 13 bytes, associated data at most kAssociatedDataMax, the text at most 65535. `out` may
/// be where the input is.
void ccm_seal(std::size_t tag_size, const AeadKey& key, ByteView nonce, ByteView associated,
              ByteView plaintext, std::uint8_t* out);
[[nodiscard]] bool ccm_open(std::size_t tag_size, const AeadKey& key, ByteView nonce, ByteView associated,
                            ByteView sealed, std::uint8_t* out);

}  // namespace slipway::security::dtls::x86
