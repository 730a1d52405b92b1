// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "security/tls/session_impl.hpp"

namespace slipway::security::tls {

using dtls::Alert;
using dtls::FailureReason;
using dtls::SessionEnd;
using dtls::Side;

namespace {

struct Row {
  Tls13Suite suite;
  const char* cipher_priority;
};
constexpr Row kTls13Rows[] = {
    {Tls13Suite::aes_128_gcm_sha256, ":+AES-128-GCM"},
    {Tls13Suite::aes_128_ccm_sha256, ":+AES-128-CCM"},
    {Tls13Suite::aes_128_ccm_8_sha256, ":+AES-128-CCM-8"},
};

/// Buffers that a busy moment has grown beyond this are given back when they are empty.
constexpr std::size_t kIdleBufferMax = 1024;

void forget_front(Bytes& bytes, std::size_t& head) {
  if (head < bytes.size()) {
    if (head < bytes.size() / 2) return;
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(head));
  } else {
    bytes.clear();
    if (bytes.capacity() > kIdleBufferMax) bytes.shrink_to_fit();
  }
  head = 0;
}

dtls::Protocol protocol_of(const Suites& suites) {
  dtls::Protocol protocol{.version = ":+VERS-TLS1.2", .tls13_ciphers = "", .flags = 0};
  for (const auto suite : suites.tls13)
    for (const auto& row : kTls13Rows)
      if (row.suite == suite) protocol.tls13_ciphers += row.cipher_priority;
  return protocol;
}

}  // namespace

const char* to_string(Version version) {
  return version == Version::tls13 ? "TLS 1.3" : "TLS 1.2";
}

std::optional<Tls13Suite> tls13_suite(std::uint16_t iana) {
  for (const auto& row : kTls13Rows)
    if (static_cast<std::uint16_t>(row.suite) == iana) return row.suite;
  return std::nullopt;
}

// --- the buffers that GnuTLS works on
// ------------------------------------------------------------------------

ssize_t TlsSession::Impl::pull(gnutls_transport_ptr_t self, void* data, size_t size) {
  auto& impl = *static_cast<Impl*>(self);
  const auto count = std::min(size, impl.released_);
  if (count == 0) {
    gnutls_transport_set_errno(impl.session_.get(), EAGAIN);
    return -1;
  }
  std::memcpy(data, impl.unread().data(), count);
  impl.input_head_ += count;
  impl.released_ -= count;
  forget_front(impl.input_, impl.input_head_);
  return static_cast<ssize_t>(count);
}

int TlsSession::Impl::readable(gnutls_transport_ptr_t self, unsigned) {
  return static_cast<Impl*>(self)->released_ == 0 ? 0 : 1;
}

ssize_t TlsSession::Impl::push(gnutls_transport_ptr_t self, const void* data, size_t size) {
  auto& impl = *static_cast<Impl*>(self);
  const ByteView bytes(static_cast<const std::uint8_t*>(data), size);
  if (impl.is_server() && !impl.chosen_) impl.chosen_ = suite_of_server_hello(bytes);
  impl.output_.insert(impl.output_.end(), bytes.begin(), bytes.end());
  return static_cast<ssize_t>(size);
}

ByteView TlsSession::Impl::poll_output() const {
  const auto end = held_back_.value_or(output_.size());
  return ByteView(output_).subspan(output_head_, end - output_head_);
}

void TlsSession::Impl::taken(std::size_t bytes) {
  output_head_ += bytes;
  if (state_ != State::established && state_ != State::over)
    traffic_.bytes_sent += static_cast<std::uint32_t>(bytes);
  if (!held_back_) forget_front(output_, output_head_);  // the mark counts from the buffer's front
}

// --- the session -----------------------------------------------------------------------------------------

std::optional<Event> TlsSession::Impl::poll_event() {
  if (auto item = events_.poll()) {
    if (auto* wanted = std::get_if<CredentialWanted>(&item->first)) wanted->identity = item->second;
    return std::move(item->first);
  }
  return state_ == State::established ? read() : std::nullopt;
}

/// The next plaintext, or what else the peer's records say.
std::optional<Event> TlsSession::Impl::read() {
  auto& room = is_server() ? shared_->plaintext : plaintext_;
  room.resize(kPlaintextMax);
  auto* session = session_.get();
  for (;;) {
    const auto before = released_;
    const auto count = gnutls_record_recv(session, room.data(), room.size());
    if (count > 0) return BytesReceived{ByteView(room).first(static_cast<std::size_t>(count))};
    if (count == 0) {
      gnutls_bye(session, GNUTLS_SHUT_WR);
      return ended(SessionEnd::closed_by_peer, Alert::close_notify);
    }
    switch (count) {
      case GNUTLS_E_AGAIN:
      case GNUTLS_E_INTERRUPTED:
        return std::nullopt;
      case GNUTLS_E_WARNING_ALERT_RECEIVED:
        if (is_server()) break;
        return AlertReceived{static_cast<Alert>(gnutls_alert_get(session))};
      case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return ended(SessionEnd::alert_by_peer, static_cast<Alert>(gnutls_alert_get(session)));
      case GNUTLS_E_REHANDSHAKE:
        // An attack surface that CoAP has no use for. [RFC 8446 §1.2]
        gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_NO_RENEGOTIATION);
        return ended(SessionEnd::broken, Alert::no_renegotiation);
      default:
        break;
    }
    if (gnutls_error_is_fatal(static_cast<int>(count))) {
      int level = 0;
      const int alert = gnutls_error_to_alert(static_cast<int>(count), &level);
      gnutls_alert_send(session, GNUTLS_AL_FATAL, static_cast<gnutls_alert_description_t>(alert));
      return ended(SessionEnd::broken, static_cast<Alert>(alert));
    }
    if (released_ == before) return std::nullopt;
  }
}

Event TlsSession::Impl::ended(SessionEnd reason, std::optional<Alert> alert) {
  close();
  return SessionEnded{reason, alert};
}

Result<void> TlsSession::Impl::write(ByteView plaintext) {
  if (state_ != State::established) return slipway::fail(ErrorCode::not_found, "no session");
  const auto records = plaintext.size() / kPlaintextMax + 1;
  if (poll_output().size() + plaintext.size() + records * dtls::kRecordOverheadMax > kOutputMax)
    return slipway::fail(ErrorCode::exhausted, "the output is not taken");
  while (!plaintext.empty()) {
    const auto count = gnutls_record_send(session_.get(), plaintext.data(), plaintext.size());
    if (count <= 0) return slipway::fail(ErrorCode::not_found, "GnuTLS did not seal");
    plaintext = plaintext.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

void TlsSession::Impl::end(Alert alert) {
  if (state_ == State::over) return;
  if (state_ != State::established)
    return abort({.reason = FailureReason::cancelled,
                  .alert = alert,
                  .refused_by = Side::us,
                  .detail = "the handshake was ended here"});
  if (alert == Alert::close_notify)
    gnutls_bye(session_.get(), GNUTLS_SHUT_WR);
  else
    gnutls_alert_send(session_.get(), GNUTLS_AL_FATAL,
                      static_cast<gnutls_alert_description_t>(static_cast<int>(alert)));
  events_.push(ended(SessionEnd::ended_here, alert));
}

void TlsSession::Impl::handle_end(TimePoint) {
  if (state_ == State::over) return;
  if (state_ == State::established) {
    events_.push(ended(SessionEnd::cut, std::nullopt));
    return;
  }
  fail({.reason = FailureReason::timeout,
        .refused_by = Side::nobody,
        .detail = is_server() ? "the client closed the connection in the middle of the handshake"
                              : "the server closed the connection in the middle of the handshake"});
}

void TlsSession::Impl::handle_timeout(TimePoint now) {
  if (const auto at = next_timeout(); !at || now < *at) return;
  fail({.reason = FailureReason::timeout,
        .refused_by = Side::nobody,
        .detail = is_server() ? "the client did not finish the handshake in time"
                              : "the server did not finish the handshake in time"});
}

std::optional<TimePoint> TlsSession::Impl::next_timeout() const {
  if (state_ == State::established || state_ == State::over) return std::nullopt;
  return started_ + limits_.handshake_time_max;
}

/// Nothing more comes or goes; output that is there may still be taken.
void TlsSession::Impl::close() {
  state_ = State::over;
  held_back_.reset();
  session_.reset();
  psk_.reset();
  input_ = Bytes();
  hello_ = Bytes();
  input_head_ = released_ = 0;
}

// --- the public faces --------------------------------------------------------------------------------------

TlsServer::TlsServer(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
TlsServer::~TlsServer() = default;

Result<std::unique_ptr<TlsServer>> TlsServer::create(ServerConfig config, Random& random) {
  SLIPWAY_ASSIGN(auto context,
                 dtls::TlsContext::server(config.suites.tls12, config.keys, &TlsSession::Impl::key_of,
                                          protocol_of(config.suites)));
  SLIPWAY_ASSIGN(auto authorities, ClientAuthorities::from(config.client_authorities));
  const auto tls13 = config.suites.tls13.empty() ? Tap::Tls13::not_spoken : Tap::Tls13::spoken;
  return std::unique_ptr<TlsServer>(new TlsServer(std::unique_ptr<Shared>(
      new Shared{std::move(context), std::move(authorities), config.limits, random, tls13})));
}

std::unique_ptr<TlsSession> TlsServer::accept(TimePoint now, std::optional<UnixTime> wall) {
  auto impl = std::make_unique<TlsSession::Impl>(now, *shared_, wall);
  impl->start(now);
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

Result<std::unique_ptr<TlsSession>> TlsSession::connect(TimePoint now, ClientConfig config, Random& random) {
  SLIPWAY_ASSIGN(auto context, dtls::TlsContext::client(config.suites.tls12, config.credential,
                                                        &Impl::verdict_of, protocol_of(config.suites)));
  auto impl = std::make_unique<Impl>(now, std::move(config), std::move(context), random);
  impl->start(now);
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

void TlsSession::handle_bytes(TimePoint now, ByteView ciphertext) {
  impl_->handle_bytes(now, ciphertext);
}
void TlsSession::handle_end(TimePoint now) {
  impl_->handle_end(now);
}
void TlsSession::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> TlsSession::next_timeout() const {
  return impl_->next_timeout();
}
ByteView TlsSession::poll_output() const {
  return impl_->poll_output();
}
void TlsSession::taken(std::size_t bytes) {
  impl_->taken(bytes);
}
std::optional<Event> TlsSession::poll_event() {
  return impl_->poll_event();
}
void TlsSession::credential(TimePoint now, std::optional<Secret> key) {
  impl_->credential(now, std::move(key));
}
void TlsSession::approve(TimePoint now, dtls::Approval approval) {
  impl_->approve(now, approval);
}
Result<void> TlsSession::write(ByteView plaintext) {
  return impl_->write(plaintext);
}
void TlsSession::end(TimePoint, dtls::Alert alert) {
  impl_->end(alert);
}
bool TlsSession::established() const {
  return impl_->established();
}

}  // namespace slipway::security::tls
