// SPDX-License-Identifier: Apache-2.0
// The handshake of a TLS session, either side.
#include <algorithm>

#include "security/dtls/judging.hpp"
#include "security/tls/session_impl.hpp"

namespace slipway::security::tls {

using dtls::Alert;
using dtls::FailureReason;
using dtls::Side;

namespace {

/// What both ends say they will speak inside; a server takes nothing else where something is named.
/// [RFC 8323 §8.2] [RFC 7301]
constexpr unsigned char kProtocolName[] = {'c', 'o', 'a', 'p'};

constexpr std::uint16_t kTls13Suites = 0x1300;  ///< the high byte of all of them

}  // namespace

TlsSession::Impl::Impl(TimePoint now, TlsServer::Shared& shared, std::optional<UnixTime> wall)
    : shared_(&shared),
      random_(shared.random),
      limits_(shared.limits),
      wall_(wall),
      session_(shared.context.new_session()),
      started_(now),
      tap_(shared.tls13),
      tapping_(true) {}

TlsSession::Impl::Impl(TimePoint now, ClientConfig config, dtls::TlsContext context, Random& random)
    : config_(std::move(config)),
      own_context_(std::move(context)),
      random_(random),
      limits_(config_->limits),
      wall_(config_->wall),
      session_(own_context_->new_session()),
      started_(now),
      tap_(Tap::Tls13::not_spoken),
      tapping_(false) {}

void TlsSession::Impl::start(TimePoint now) {
  auto* session = session_.get();
  if (session == nullptr)
    return fail(
        {.reason = FailureReason::library, .refused_by = Side::us, .detail = "GnuTLS made no session"});
  gnutls_session_set_ptr(session, this);
  gnutls_transport_set_ptr(session, this);
  gnutls_transport_set_push_function(session, &Impl::push);
  gnutls_transport_set_pull_function(session, &Impl::pull);
  gnutls_transport_set_pull_timeout_function(session, &Impl::readable);
  gnutls_handshake_set_max_packet_length(session, kHandshakeMessageMax);
  gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, &Impl::message_seen);
  unsigned char name[sizeof kProtocolName];
  std::memcpy(name, kProtocolName, sizeof name);
  const gnutls_datum_t protocol{name, sizeof name};
  gnutls_alpn_set_protocols(session, &protocol, 1, is_server() ? GNUTLS_ALPN_MANDATORY : 0);
  if (!is_server()) advance(now);
}

/// Of a client: our hello has to offer some pairs of a key exchange and a cipher that nobody asked for.
bool TlsSession::Impl::asked_for(std::uint16_t suite) const {
  if (const auto known = dtls::cipher_suite(suite)) return own_context_->takes(*known);
  const auto known = tls13_suite(suite);
  return known && std::ranges::find(config_->suites.tls13, *known) != config_->suites.tls13.end();
}

void TlsSession::Impl::handle_bytes(TimePoint now, ByteView ciphertext) {
  if (state_ == State::over) return;
  traffic_.bytes_received += static_cast<std::uint32_t>(ciphertext.size());
  if (state_ != State::established && traffic_.bytes_received > limits_.handshake_bytes_max)
    return abort({.reason = FailureReason::protocol_error,
                  .alert = Alert::handshake_failure,
                  .refused_by = Side::us,
                  .detail = "the peer sent more than a handshake needs before it was known who it is"});
  input_.insert(input_.end(), ciphertext.begin(), ciphertext.end());
  if (state_ == State::handshake) step(now);
  if (state_ == State::established) released_ = unread().size();
}

void TlsSession::Impl::step(TimePoint now) {
  // Record by record as long as the tap reads along: GnuTLS's answer may change what is to be read next.
  while (state_ == State::handshake && release_records()) {
    advance(now);
    if (chosen_ && !psk_chosen()) tapping_ = false;
  }
}

/// Whether there is something new for GnuTLS.
bool TlsSession::Impl::release_records() {
  const auto fresh = unread().subspan(released_);
  if (!tapping_) {
    released_ = unread().size();
    return !fresh.empty();
  }
  const auto size = record_size(fresh);
  if (!size) return false;
  if (*size == 0) {  // no TLS: GnuTLS says so in its words
    tapping_ = false;
    released_ = unread().size();
    return true;
  }
  switch (tap_.show(fresh.first(*size), psk_chosen())) {
    case Tap::Verdict::pass:
      break;
    case Tap::Verdict::done:
      tapping_ = false;
      break;
    case Tap::Verdict::hold:
      identity_ = tap_.identity();
      state_ = State::wants_credential;
      events_.push(CredentialWanted{.kind = dtls::IdentityKind::psk, .identity = {}},
                   tap_.identity().bytes());
      return false;
    case Tap::Verdict::too_long:
      abort({.reason = FailureReason::identity_too_long,
             .alert = Alert::illegal_parameter,
             .refused_by = Side::us,
             .detail = "the client's PSK identity has more than 128 bytes"});
      return false;
  }
  released_ += *size;
  return true;
}

void TlsSession::Impl::credential(TimePoint now, std::optional<Secret> key) {
  if (state_ != State::wants_credential) return;
  identity_known_ = key && !key->empty() && key->size() <= dtls::kPskKeyMax;
  if (!identity_known_) {
    // The same work and the same answer as for a wrong key. [RFC 4279 §2]
    std::array<std::uint8_t, 16> nobodys;
    random_.fill(nobodys);
    key = Secret(nobodys);
    wipe(nobodys);
  }
  psk_ = std::move(key);
  state_ = State::handshake;
  tapping_ = false;
  step(now);
}

void TlsSession::Impl::approve(TimePoint now, dtls::Approval approval) {
  if (state_ != State::wants_approval) return;
  switch (approval) {
    case dtls::Approval::known:
      return establish(now);
    case dtls::Approval::unknown:
      return refuse({static_cast<std::uint8_t>(Alert::certificate_unknown),
                     "no device with this public key or certificate is stored"});
    case dtls::Approval::retired:
      return refuse({static_cast<std::uint8_t>(Alert::certificate_revoked),
                     "the device's public key or certificate has been retired"});
  }
}

void TlsSession::Impl::advance(TimePoint now) {
  for (;;) {
    const auto before = released_;
    const auto mark = output_.size();
    const int code = gnutls_handshake(session_.get());
    if (unwanted_)
      return abort({.reason = FailureReason::no_common_suite,
                    .alert = Alert::handshake_failure,
                    .refused_by = Side::us,
                    .detail = "the server chose a cipher suite that was not asked for"});
    if (code == GNUTLS_E_SUCCESS) {
      held_back_ = mark;
      return finish(now);
    }
    if (gnutls_error_is_fatal(code)) return fail_by_library(code);
    if (code == GNUTLS_E_WARNING_ALERT_RECEIVED && !is_server())
      events_.push(AlertReceived{static_cast<Alert>(gnutls_alert_get(session_.get()))});
    if (released_ == 0 || released_ == before) return;
  }
}

void TlsSession::Impl::finish(TimePoint now) {
  if (!is_server() || gnutls_auth_client_get_type(session_.get()) == GNUTLS_CRD_PSK) return establish(now);
  judge_client();
}

/// The client has proved its key. Only now is it looked at: until here an unknown one is treated as a known
/// one, and costs no look-up.
void TlsSession::Impl::judge_client() {
  auto client = dtls::proven_client(session_.get(), &shared_->authorities, wall_);
  if (!client) return refuse(client.error());
  identity_ = std::move(*client);
  state_ = State::wants_approval;
  const auto* raw = std::get_if<dtls::RawKeyIdentity>(&*identity_);
  const auto& part =
      raw != nullptr ? raw->public_key : std::get<dtls::CertificateIdentity>(*identity_).certificate;
  events_.push(CredentialWanted{.kind = static_cast<dtls::IdentityKind>(identity_->index()), .identity = {}},
               part);
}

void TlsSession::Impl::establish(TimePoint now) {
  held_back_.reset();
  psk_.reset();
  state_ = State::established;
  traffic_.bytes_sent = static_cast<std::uint32_t>(traffic_.bytes_sent + output_.size() - output_head_);
  const auto version = gnutls_protocol_get_version(session_.get());
  const char* suite = gnutls_ciphersuite_get(session_.get());
  events_.push(Established{.version = version == GNUTLS_TLS1_3 ? Version::tls13 : Version::tls12,
                           .suite = suite != nullptr ? suite : "unknown suite",
                           .identity = is_server() ? identity_ : std::nullopt,
                           .traffic = traffic_,
                           .duration = now - started_,
                           .facts = is_server() ? nullptr : facts()});
  hello_ = Bytes();
  released_ = unread().size();
}

/// Ends a handshake whose client has proved a key that is not taken. TLS 1.2: its Finished is answered by an
/// alert, and ours is never sent. TLS 1.3: our Finished has gone long ago.
void TlsSession::Impl::refuse(const Distrust& distrust) {
  const auto alert = static_cast<Alert>(distrust.alert);
  const dtls::HandshakeFailure failure{
      .reason = FailureReason::untrusted, .alert = alert, .refused_by = Side::us, .detail = distrust.detail};
  if (gnutls_protocol_get_version(session_.get()) == GNUTLS_TLS1_3) return abort(failure);
  output_.resize(*held_back_);
  const std::array<std::uint8_t, 7> record{
      static_cast<std::uint8_t>(ContentType::alert), 3, 3, 0, 2, GNUTLS_AL_FATAL, distrust.alert};
  output_.insert(output_.end(), record.begin(), record.end());
  fail(failure);
}

void TlsSession::Impl::fail_by_library(int code) {
  auto failure = dtls::failure_of(session_.get(), code, distrusted_);
  if (failure.refused_by == Side::peer) return fail(failure);
  const bool by_key = code == GNUTLS_E_DECRYPTION_FAILED || code == GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER ||
                      code == GNUTLS_E_ERROR_IN_FINISHED_PACKET;
  if (is_server() && key_used_ && by_key) {
    failure.reason = identity_known_ ? FailureReason::wrong_key : FailureReason::unknown_identity;
    failure.alert = Alert::decrypt_error;
    failure.detail = identity_known_ ? "the client's proof does not fit: its key is not the one stored"
                                     : "no such PSK identity is stored";
  } else if (code == GNUTLS_E_NO_APPLICATION_PROTOCOL) {
    failure.alert = Alert::no_application_protocol;
    failure.detail = "the client wants to speak something else than CoAP (ALPN)";
  } else if (code == GNUTLS_E_CERTIFICATE_REQUIRED) {  // of TLS 1.3
    failure.reason = FailureReason::untrusted;
    failure.detail = "the client has no certificate and no raw public key, and one is needed";
  }
  abort(failure);
}

/// Sends the failure's alert, then fails.
void TlsSession::Impl::abort(const dtls::HandshakeFailure& failure) {
  held_back_.reset();
  if (session_ && failure.alert)
    gnutls_alert_send(session_.get(), GNUTLS_AL_FATAL,
                      static_cast<gnutls_alert_description_t>(static_cast<int>(*failure.alert)));
  fail(failure);
}

void TlsSession::Impl::fail(const dtls::HandshakeFailure& failure) {
  events_.push(HandshakeFailed{.failure = failure, .identity = identity_, .facts = facts()});
  close();
}

/// GnuTLS is about to read a message of the peer, or to send one of ours.
int TlsSession::Impl::message_seen(gnutls_session_t session, unsigned type, unsigned, unsigned incoming,
                                   const gnutls_datum_t* message) {
  auto& self = *static_cast<Impl*>(gnutls_session_get_ptr(session));
  const ByteView body(message->data, message->size);
  if (incoming != 0 && type < 32) self.messages_ |= 1u << type;
  if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO) {
    self.hello_.assign(body.begin(), body.end());
    if (self.is_server()) self.shared_->context.choose(session, body, dtls::TlsContext::LibraryRoom::some);
  }
  if (type != GNUTLS_HANDSHAKE_SERVER_HELLO) return 0;
  const auto suite = suite_in_server_hello(body);
  if (!self.chosen_) self.chosen_ = suite;
  self.unwanted_ = !self.is_server() && suite && !self.asked_for(*suite);
  return self.unwanted_ ? GNUTLS_E_UNKNOWN_CIPHER_SUITE : 0;
}

std::shared_ptr<const dtls::HandshakeFacts> TlsSession::Impl::facts() const {
  auto facts = std::make_shared<dtls::HandshakeFacts>();
  facts->offered = dtls::read_hello_facts(hello_, dtls::SecureProtocol::tls);
  facts->suite = chosen_;
  facts->messages = messages_;
  if (!session_ || !chosen_) return facts;
  switch (gnutls_protocol_get_version(session_.get())) {
    case GNUTLS_TLS1_3:
      facts->version = 0x0304;
      break;
    case GNUTLS_TLS1_2:
      facts->version = 0x0303;
      break;
    default:
      break;
  }
  for (const auto part : dtls::presented_by(session_.get()))
    facts->chain.emplace_back(part.begin(), part.end());
  return facts;
}

/// Whether a key exchange of TLS 1.2 with a pre-shared key is under way.
bool TlsSession::Impl::psk_chosen() const {
  if (!chosen_ || (*chosen_ & 0xFF00) == kTls13Suites) return false;
  const auto suite = dtls::cipher_suite(*chosen_);
  return suite && dtls::uses_psk(*suite);
}

int TlsSession::Impl::key_of(gnutls_session_t session, const gnutls_datum_t* identity, gnutls_datum_t* key) {
  auto& self = *static_cast<Impl*>(gnutls_session_get_ptr(session));
  self.key_used_ = true;
  // Another identity than the one that was looked up is nobody's.
  const auto* asked = self.identity_ ? std::get_if<dtls::PskIdentity>(&*self.identity_) : nullptr;
  std::array<std::uint8_t, 16> nobodys;
  self.random_.fill(nobodys);
  ByteView psk = nobodys;
  if (self.psk_ && asked != nullptr && equal(asked->bytes(), {identity->data, identity->size}))
    psk = self.psk_->reveal();
  else
    self.identity_known_ = false;
  key->data = static_cast<unsigned char*>(gnutls_malloc(psk.size()));  // GnuTLS wipes and frees it
  if (key->data == nullptr) return -1;
  std::memcpy(key->data, psk.data(), psk.size());
  key->size = static_cast<unsigned>(psk.size());
  wipe(nobodys);
  return 0;
}

int TlsSession::Impl::verdict_of(gnutls_session_t session) {
  auto& self = *static_cast<Impl*>(gnutls_session_get_ptr(session));
  self.distrusted_ =
      dtls::distrust_of_server(self.config_->credential, dtls::presented_by(session), self.wall_);
  return self.distrusted_ ? -1 : 0;
}

}  // namespace slipway::security::tls
