// SPDX-License-Identifier: Apache-2.0
// AES-128-GCM on the AES and carry-less multiplication instructions of x86-64. [NIST SP 800-38D]
#pragma once

#include "security/dtls/aead.hpp"

namespace slipway::security::dtls::x86 {

/// False on other architectures and processors; the functions below may then not be called.
[[nodiscard]] bool has_gcm();

/// The tag has 16 bytes, the text at most 65535. `out` may be where the input is.
void gcm_seal(const AeadKey& key, const AeadNonce& nonce, ByteView associated, ByteView plaintext,
              std::uint8_t* out);
/// `sealed` has at least the tag.
[[nodiscard]] bool gcm_open(const AeadKey& key, const AeadNonce& nonce, ByteView associated, ByteView sealed,
                            std::uint8_t* out);

}  // namespace slipway::security::dtls::x86
