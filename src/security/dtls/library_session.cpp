// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/library_session.hpp"

#include <cerrno>

namespace slipway::security::dtls {
namespace {

/// Room for the largest record: GnuTLS asks for it even where none is that large.
constexpr unsigned kRecordMax = kRecordPlaintextMax + 512;

}  // namespace

LibrarySession::LibrarySession(GnutlsPtr<gnutls_session_int> session) : session_(std::move(session)) {
  auto* raw = session_.get();
  gnutls_session_set_ptr(raw, nullptr);
  gnutls_handshake_set_hook_function(raw, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE, nullptr);
  gnutls_transport_set_ptr(raw, this);
  gnutls_transport_set_push_function(raw, push);
  gnutls_transport_set_pull_function(raw, pull);
  gnutls_transport_set_pull_timeout_function(raw, readable);
  gnutls_dtls_set_mtu(raw, kRecordMax);
}

LibrarySession::Opened LibrarySession::open(const RecordHeader& record) {
  input_ = record.whole;
  room_.resize(record.whole.size());
  const auto size = gnutls_record_recv(session_.get(), room_.data(), room_.size());
  input_ = {};
  if (size > 0)
    return {.kind = Kind::data, .plaintext = ByteView(room_).first(static_cast<std::size_t>(size))};
  if (size == 0 && record.type == ContentType::alert)
    return {.kind = Kind::alert, .alert = Alert::close_notify};
  if (size == 0) return {.kind = Kind::data};  // an empty datagram
  if (size == GNUTLS_E_FATAL_ALERT_RECEIVED)
    return {.kind = Kind::alert, .alert = static_cast<Alert>(gnutls_alert_get(session_.get()))};
  if (size == GNUTLS_E_WARNING_ALERT_RECEIVED)
    return {.kind = Kind::warning, .alert = static_cast<Alert>(gnutls_alert_get(session_.get()))};
  return {.kind = Kind::dropped};
}

Result<ByteView> LibrarySession::seal(ByteView plaintext) {
  output_.clear();
  if (plaintext.empty()) return fail(ErrorCode::unsupported, "GnuTLS sends no empty record");
  const auto sent = gnutls_record_send(session_.get(), plaintext.data(), plaintext.size());
  if (sent == GNUTLS_E_LARGE_PACKET)
    return fail(ErrorCode::limit, "a record of GnuTLS holds 16384 bytes with all that it adds");
  if (sent < 0 || output_.empty()) return fail(ErrorCode::refused, "GnuTLS has given the session up");
  return ByteView(output_);
}

ByteView LibrarySession::seal_alert(Alert alert) {
  output_.clear();
  const auto level = alert == Alert::close_notify ? GNUTLS_AL_WARNING : GNUTLS_AL_FATAL;
  gnutls_alert_send(session_.get(), level, static_cast<gnutls_alert_description_t>(static_cast<int>(alert)));
  return output_;
}

ssize_t LibrarySession::pull(gnutls_transport_ptr_t self, void* data, size_t size) {
  auto& session = *static_cast<LibrarySession*>(self);
  if (session.input_.empty() || session.input_.size() > size) {
    gnutls_transport_set_errno(session.session_.get(), EAGAIN);
    return -1;
  }
  const auto record = std::exchange(session.input_, {});
  std::memcpy(data, record.data(), record.size());
  return static_cast<ssize_t>(record.size());
}

ssize_t LibrarySession::push(gnutls_transport_ptr_t self, const void* data, size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  auto& out = static_cast<LibrarySession*>(self)->output_;
  out.insert(out.end(), bytes, bytes + size);
  return static_cast<ssize_t>(size);
}

int LibrarySession::readable(gnutls_transport_ptr_t self, unsigned) {
  return static_cast<LibrarySession*>(self)->input_.empty() ? 0 : 1;
}

}  // namespace slipway::security::dtls
