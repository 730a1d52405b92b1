// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/judging.hpp"

namespace slipway::security::dtls {

std::vector<ByteView> presented_by(gnutls_session_t session) {
  unsigned count = 0;
  const auto* list = gnutls_certificate_get_peers(session, &count);
  std::vector<ByteView> chain;
  for (unsigned i = 0; list != nullptr && i < count; ++i) chain.emplace_back(list[i].data, list[i].size);
  return chain;
}

std::optional<Distrust> distrust_of_server(const Credential& credential, std::span<const ByteView> chain,
                                           std::optional<UnixTime> wall) {
  if (const auto* raw = std::get_if<RawKeyCredential>(&credential)) {
    if (chain.size() == 1 && equal(chain[0], raw->server_key)) return std::nullopt;
    return Distrust{static_cast<std::uint8_t>(Alert::bad_certificate),
                    "the server's raw public key is not the one of the account (/0/x/4)"};
  }
  return security::distrust_of_server(std::get<CertificateCredential>(credential).trust, chain, wall);
}

std::expected<PeerIdentity, Distrust> proven_client(gnutls_session_t session,
                                                    const ClientAuthorities* authorities,
                                                    std::optional<UnixTime> wall) {
  const auto chain = presented_by(session);
  if (chain.empty() || chain[0].size() > kPublicPartMax)
    return std::unexpected(Distrust{static_cast<std::uint8_t>(Alert::bad_certificate),
                                    "the client's public key is above 8 KiB"});
  Bytes own(chain[0].begin(), chain[0].end());
  if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_CLIENT) == GNUTLS_CRT_RAWPK)
    return RawKeyIdentity{std::move(own)};
  if (authorities != nullptr)
    if (const auto wrong = authorities->empty() ? authorities->distrust_of_known(chain[0], wall)
                                                : authorities->distrust_of(chain, wall))
      return std::unexpected(*wrong);
  return CertificateIdentity{std::move(own)};
}

HandshakeFailure failure_of(gnutls_session_t session, int code, const std::optional<Distrust>& distrusted) {
  // A server that waits for a certificate takes an alert in its place for a missing one.
  const bool alert_in_place =
      code == GNUTLS_E_NO_CERTIFICATE_FOUND && gnutls_alert_get(session) != GNUTLS_A_CLOSE_NOTIFY;
  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || alert_in_place)
    return {.reason = FailureReason::peer_alert,
            .alert = static_cast<Alert>(gnutls_alert_get(session)),
            .refused_by = Side::peer,
            .detail = "the peer ended the handshake with an alert"};
  int level = 0;
  HandshakeFailure failure{.reason = FailureReason::protocol_error,
                           .alert = static_cast<Alert>(gnutls_error_to_alert(code, &level)),
                           .refused_by = Side::us,
                           .detail = gnutls_strerror(code)};
  switch (code) {
    case GNUTLS_E_CERTIFICATE_ERROR:
      failure.reason = FailureReason::untrusted;
      if (distrusted) {
        failure.alert = static_cast<Alert>(distrusted->alert);
        failure.detail = distrusted->detail;
      }
      break;
    case GNUTLS_E_NO_CERTIFICATE_FOUND:  // [RFC 5246 §7.4.6]
      failure.reason = FailureReason::untrusted;
      failure.alert = Alert::handshake_failure;
      failure.detail = "the client has no certificate and no raw public key, and one is needed";
      break;
    case GNUTLS_E_NO_CIPHER_SUITES:
    case GNUTLS_E_NO_COMMON_KEY_SHARE:
    case GNUTLS_E_INSUFFICIENT_CREDENTIALS:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
      failure.reason = FailureReason::no_common_suite;
      break;
    case GNUTLS_E_MEMORY_ERROR:
    case GNUTLS_E_INTERNAL_ERROR:
    case GNUTLS_E_PUSH_ERROR:
    case GNUTLS_E_PULL_ERROR:
      failure.reason = FailureReason::library;
      break;
    default:
      break;
  }
  return failure;
}

}  // namespace slipway::security::dtls
