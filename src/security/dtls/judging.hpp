// SPDX-License-Identifier: Apache-2.0
// Whom a handshake believes, and what its failure means: the same for DTLS and TLS.
#pragma once

#include <gnutls/gnutls.h>

#include <expected>
#include <optional>
#include <span>
#include <vector>

#include <slipway/security/dtls/types.hpp>

namespace slipway::security::dtls {

/// The chain that the peer presented, its own certificate first, or its raw public key. Views into the
/// session.
[[nodiscard]] std::vector<ByteView> presented_by(gnutls_session_t session);

/// Why a client with this credential does not believe the server that presented `chain`.
[[nodiscard]] std::optional<Distrust> distrust_of_server(const Credential& credential,
                                                         std::span<const ByteView> chain,
                                                         std::optional<UnixTime> wall);

/// Who has proved to be the client of a completed handshake with public keys, or why it is not believed.
[[nodiscard]] std::expected<PeerIdentity, Distrust> proven_client(gnutls_session_t session,
                                                                  const ClientAuthorities* authorities,
                                                                  std::optional<UnixTime> wall);

/// What GnuTLS's error means. `alert` is to be sent when `refused_by` is us.
[[nodiscard]] HandshakeFailure failure_of(gnutls_session_t session, int code,
                                          const std::optional<Distrust>& distrusted);

}  // namespace slipway::security::dtls
