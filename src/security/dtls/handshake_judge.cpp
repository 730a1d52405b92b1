// SPDX-License-Identifier: Apache-2.0
// Public keys and certificates of a handshake's peer: who is believed, and when that is asked.
#include "security/dtls/handshake.hpp"

namespace slipway::security::dtls {
namespace {

std::vector<ByteView> presented_by(gnutls_session_t session) {
  unsigned count = 0;
  const auto* list = gnutls_certificate_get_peers(session, &count);
  std::vector<ByteView> chain;
  for (unsigned i = 0; list != nullptr && i < count; ++i) chain.emplace_back(list[i].data, list[i].size);
  return chain;
}

}  // namespace

/// The client has proved its key. Only now is it looked at: until here an unknown one is treated as a known
/// one, and costs no look-up.
void Handshake::judge_client() {
  const auto chain = presented_by(session_.get());
  if (chain.empty() || chain[0].size() > kPublicPartMax)
    return refuse(
        {static_cast<std::uint8_t>(Alert::bad_certificate), "the client's public key is above 8 KiB"});
  Bytes own(chain[0].begin(), chain[0].end());
  if (gnutls_certificate_type_get2(session_.get(), GNUTLS_CTYPE_CLIENT) == GNUTLS_CRT_RAWPK) {
    identity_ = RawKeyIdentity{std::move(own)};
  } else {
    identity_ = CertificateIdentity{std::move(own)};
    if (config_.authorities != nullptr && !config_.authorities->empty())
      if (const auto wrong = config_.authorities->distrust_of(chain, config_.wall)) return refuse(*wrong);
  }
  state_ = State::wants_credential;
}

/// Ends a handshake whose client has proved a key that is not taken. Its Finished is answered by an alert:
/// ours is never sent.
void Handshake::refuse(const Distrust& distrust) {
  const auto alert = static_cast<Alert>(distrust.alert);
  fresh_ = {};
  const std::array<std::uint8_t, 2> text{2, distrust.alert};
  Flight flight;
  flight.add(ContentType::alert, 0, text);
  send(flight);
  fail({.reason = FailureReason::untrusted,
        .alert = alert,
        .refused_by = Side::us,
        .detail = distrust.detail});
}

int Handshake::judge_server() {
  const auto chain = presented_by(session_.get());
  presented_.clear();
  for (const auto& part : chain) presented_.emplace_back(part.begin(), part.end());
  if (const auto* raw = std::get_if<RawKeyCredential>(config_.credential)) {
    if (chain.size() == 1 && equal(chain[0], raw->server_key)) return 0;
    distrusted_ = {static_cast<std::uint8_t>(Alert::bad_certificate),
                   "the server's raw public key is not the one of the account (/0/x/4)"};
    return -1;
  }
  const auto& own = std::get<CertificateCredential>(*config_.credential);
  distrusted_ = distrust_of_server(own.trust, chain, config_.wall);
  return distrusted_ ? -1 : 0;
}

int server_verdict_of(gnutls_session_t session) {
  return static_cast<Handshake*>(gnutls_session_get_ptr(session))->judge_server();
}

}  // namespace slipway::security::dtls
