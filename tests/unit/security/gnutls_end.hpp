// SPDX-License-Identifier: Apache-2.0
// An end of a session by GnuTLS alone, on buffers, with a priority string that a test writes.
#pragma once

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <string>
#include <string_view>

#include <slipway/base/bytes.hpp>

#include "pki.hpp"

namespace slipway::security::test {

enum class Wire : std::uint8_t { dtls, tls };
enum class End : std::uint8_t { client, server };

class GnutlsEnd {
 public:
  /// It has the pre-shared key, and the certificate of the world's device or server.
  GnutlsEnd(End end, Wire wire, std::string_view identity, std::string_view key, const std::string& priority)
      : wire_(wire), key_(key) {
    const bool server = end == End::server;
    gnutls_init(&session_, (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS |
                               (wire == Wire::dtls ? GNUTLS_DATAGRAM : 0u));
    EXPECT_GE(gnutls_priority_set_direct(session_, priority.c_str(), nullptr), 0) << priority;
    set_psk(server, identity);
    set_certificate(server ? world().server : world().device);
    unsigned char name[] = {'c', 'o', 'a', 'p'};
    const gnutls_datum_t protocol{name, sizeof name};
    if (wire == Wire::tls) gnutls_alpn_set_protocols(session_, &protocol, 1, 0);
    gnutls_session_set_ptr(session_, this);
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_push_function(session_, push);
    gnutls_transport_set_pull_function(session_, pull);
    gnutls_transport_set_pull_timeout_function(session_, [](gnutls_transport_ptr_t self, unsigned) {
      return static_cast<GnutlsEnd*>(self)->in_.empty() ? 0 : 1;
    });
    if (wire == Wire::dtls) gnutls_dtls_set_mtu(session_, 1200);
    if (!server) step();
  }
  ~GnutlsEnd() {
    gnutls_deinit(session_);
    gnutls_psk_free_server_credentials(psk_server_);
    gnutls_psk_free_client_credentials(psk_client_);
    gnutls_certificate_free_credentials(certificates_);
  }
  GnutlsEnd(const GnutlsEnd&) = delete;
  GnutlsEnd& operator=(const GnutlsEnd&) = delete;

  void handle(ByteView bytes) {
    in_.emplace_back(bytes.begin(), bytes.end());
    step();
  }
  /// IANA's name of what was agreed on; empty before.
  [[nodiscard]] std::string suite() const { return done_ ? gnutls_ciphersuite_get(session_) : ""; }
  /// The last one that it got.
  [[nodiscard]] int alert() const { return gnutls_alert_get(session_); }

  std::deque<Bytes> out;  ///< datagrams, or pieces of the stream

 private:
  void set_psk(bool server, std::string_view identity) {
    gnutls_psk_allocate_server_credentials(&psk_server_);
    gnutls_psk_allocate_client_credentials(&psk_client_);
    gnutls_psk_set_server_credentials_function(
        psk_server_, [](gnutls_session_t session, const char*, gnutls_datum_t* key) {
          const auto& text = static_cast<GnutlsEnd*>(gnutls_session_get_ptr(session))->key_;
          key->data = static_cast<unsigned char*>(gnutls_malloc(text.size()));
          std::copy(text.begin(), text.end(), key->data);
          key->size = static_cast<unsigned>(text.size());
          return 0;
        });
    const gnutls_datum_t key{reinterpret_cast<unsigned char*>(key_.data()),
                             static_cast<unsigned>(key_.size())};
    gnutls_psk_set_client_credentials(psk_client_, std::string(identity).c_str(), &key, GNUTLS_PSK_KEY_RAW);
    gnutls_credentials_set(session_, GNUTLS_CRD_PSK,
                           server ? static_cast<void*>(psk_server_) : static_cast<void*>(psk_client_));
  }
  void set_certificate(const Party& party) {
    gnutls_certificate_allocate_credentials(&certificates_);
    auto chain = party.certificate;
    Bytes key(party.key.private_key.reveal().begin(), party.key.private_key.reveal().end());
    const gnutls_datum_t chain_text{chain.data(), static_cast<unsigned>(chain.size())};
    const gnutls_datum_t key_text{key.data(), static_cast<unsigned>(key.size())};
    EXPECT_GE(gnutls_certificate_set_x509_key_mem(certificates_, &chain_text, &key_text, GNUTLS_X509_FMT_DER),
              0);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, certificates_);
  }
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    static_cast<GnutlsEnd*>(self)->out.emplace_back(bytes, bytes + size);
    return static_cast<ssize_t>(size);
  }
  static ssize_t pull(gnutls_transport_ptr_t self, void* data, size_t size) {
    auto& end = *static_cast<GnutlsEnd*>(self);
    if (end.in_.empty()) {
      gnutls_transport_set_errno(end.session_, EAGAIN);
      return -1;
    }
    auto& front = end.in_.front();
    const auto count = std::min(size, front.size());
    std::copy_n(front.begin(), count, static_cast<std::uint8_t*>(data));
    front.erase(front.begin(), front.begin() + static_cast<std::ptrdiff_t>(count));
    if (front.empty() || end.wire_ == Wire::dtls) end.in_.pop_front();
    return static_cast<ssize_t>(count);
  }
  void step() {
    for (int code = 0; !done_ && !failed_;) {
      code = gnutls_handshake(session_);
      done_ = code == GNUTLS_E_SUCCESS;
      failed_ = code < 0 && gnutls_error_is_fatal(code) != 0;
      if (!done_ && in_.empty()) return;
    }
    in_.clear();
  }

  Wire wire_;
  std::string key_;
  gnutls_session_t session_ = nullptr;
  gnutls_psk_server_credentials_t psk_server_ = nullptr;
  gnutls_psk_client_credentials_t psk_client_ = nullptr;
  gnutls_certificate_credentials_t certificates_ = nullptr;
  std::deque<Bytes> in_;
  bool done_ = false, failed_ = false;
};

}  // namespace slipway::security::test
