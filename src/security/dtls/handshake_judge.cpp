// SPDX-License-Identifier: Apache-2.0
// Public keys and certificates of a handshake's peer: who is believed, and when that is asked.
#include "security/dtls/handshake.hpp"
#include "security/dtls/judging.hpp"

namespace slipway::security::dtls {

/// The client has proved its key. Only now is it looked at: until here an unknown one is treated as a known
/// one, and costs no look-up.
void Handshake::judge_client() {
  auto client = proven_client(session_.get(), config_.authorities, config_.wall);
  if (!client) return refuse(client.error());
  identity_ = std::move(*client);
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

void Handshake::note_presented() {
  presented_.clear();
  for (const auto part : presented_by(session_.get())) presented_.emplace_back(part.begin(), part.end());
}

int Handshake::judge_server() {
  note_presented();
  distrusted_ = distrust_of_server(*config_.credential, presented_by(session_.get()), config_.wall);
  return distrusted_ ? -1 : 0;
}

int server_verdict_of(gnutls_session_t session) {
  return static_cast<Handshake*>(gnutls_session_get_ptr(session))->judge_server();
}

}  // namespace slipway::security::dtls
