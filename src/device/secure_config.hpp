// SPDX-License-Identifier: Apache-2.0
// What an account of /0 means for the DTLS session with its server. [LwM2M-TRANSPORT 1.2 §5.2.9]
#pragma once

#include <expected>
#include <span>
#include <string>

#include <slipway/client/client.hpp>
#include <slipway/security/dtls/client.hpp>
#include <slipway/security/tls/session.hpp>

namespace slipway::device {

/// `host`: of the account's URI. `trust_store`: the authorities that the device trusts by itself, DER. The
/// error is for a person: which resource is not usable, and why.
[[nodiscard]] std::expected<security::dtls::ClientConfig, std::string> secure_config(
    const client::ConnectWanted& wanted, std::string_view host, std::optional<UnixTime> wall,
    std::span<const Bytes> trust_store);

/// First 8 hexadecimal digits of SHA-256 of what a server finds the credential by: of a PSK identity, or of
/// the SHA-256 of a public key or of the (first) certificate.
[[nodiscard]] std::string identity_fingerprint(SecurityMode mode, ByteView identity);

/// For a person: names, issuer and dates of a certificate, or the SHA-256 of what is none.
[[nodiscard]] std::string described(ByteView certificate);
/// "2026-11-25 12:00 UTC".
[[nodiscard]] std::string date_text(UnixTime time);

/// The same for TLS. Cipher suites of the account choose the version too: those of TLS 1.3 have numbers of
/// their own. [RFC 8446 §B.4]
[[nodiscard]] std::expected<security::tls::ClientConfig, std::string> stream_config(
    const client::ConnectWanted& wanted, std::string_view host, std::optional<UnixTime> wall,
    std::span<const Bytes> trust_store);

/// The time of day for the dates of certificates; nothing where the clock is plainly not set, as that of a
/// board without a battery: then dates are not looked at, or the device could never learn the time. A clock
/// that is wrong otherwise cannot be told. [security::distrust_of_server]
[[nodiscard]] std::optional<UnixTime> believable(UnixTime clock);

}  // namespace slipway::device
