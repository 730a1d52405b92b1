// SPDX-License-Identifier: Apache-2.0
// Two ends of a session that is GnuTLS's alone, over memory: whose records ours must understand, and the
// other way.
#pragma once

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "security/dtls/record.hpp"

namespace slipway::fuzz {

class GnutlsEnd {
 public:
  GnutlsEnd(unsigned role, const char* cipher) {
    gnutls_init(&session_, role | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS);
    const auto priority =
        std::string("NONE:+VERS-DTLS1.2:+PSK:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+") + cipher;
    gnutls_priority_set_direct(session_, priority.c_str(), nullptr);
    static constexpr unsigned char kKey[] = "0123456789abcdef";
    const gnutls_datum_t key{const_cast<unsigned char*>(kKey), 16};
    gnutls_psk_allocate_client_credentials(&client_);
    gnutls_psk_set_client_credentials(client_, "device", &key, GNUTLS_PSK_KEY_RAW);
    gnutls_psk_allocate_server_credentials(&server_);
    gnutls_psk_set_server_credentials_function(server_,
                                               [](gnutls_session_t, const char*, gnutls_datum_t* out) {
                                                 out->data = static_cast<unsigned char*>(gnutls_malloc(16));
                                                 std::memcpy(out->data, kKey, 16);
                                                 out->size = 16;
                                                 return 0;
                                               });
    gnutls_credentials_set(session_, GNUTLS_CRD_PSK,
                           role == GNUTLS_SERVER ? static_cast<void*>(server_) : client_);
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_push_function(session_, push);
    gnutls_transport_set_pull_function(session_, pull);
    gnutls_transport_set_pull_timeout_function(session_, readable);
    gnutls_dtls_set_mtu(session_, 4096);
  }
  ~GnutlsEnd() {
    gnutls_deinit(session_);
    gnutls_psk_free_client_credentials(client_);
    gnutls_psk_free_server_credentials(server_);
  }
  GnutlsEnd(const GnutlsEnd&) = delete;
  GnutlsEnd& operator=(const GnutlsEnd&) = delete;

  [[nodiscard]] bool shake_hands() { return gnutls_handshake(session_) == GNUTLS_E_SUCCESS; }
  /// Keys and numbers as our record layer holds them.
  [[nodiscard]] security::dtls::RecordState state(security::dtls::Aead aead) const {
    security::dtls::RecordState state;
    state.aead = aead;
    load(0, state.write, &state.next_sequence);
    load(1, state.read, nullptr);
    return state;
  }
  /// One record of GnuTLS's.
  [[nodiscard]] Bytes seal(ByteView text) {
    out.clear();
    if (gnutls_record_send(session_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      std::abort();
    return out.back();
  }
  /// What GnuTLS makes of a datagram; empty: nothing.
  [[nodiscard]] Bytes open(ByteView datagram) {
    in.emplace_back(datagram.begin(), datagram.end());
    Bytes text(datagram.size() + 1);
    const auto size = gnutls_record_recv(session_, text.data(), text.size());
    in.clear();
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }
  std::deque<Bytes> in, out;

 private:
  void load(unsigned reads, security::dtls::RecordKey& key, std::uint64_t* number) const {
    gnutls_datum_t mac{}, iv{}, cipher{};
    unsigned char sequence[8];
    if (gnutls_record_get_state(session_, reads, &mac, &iv, &cipher, sequence) < 0) std::abort();
    std::memcpy(key.key.data(), cipher.data, key.key.size());
    std::memcpy(key.salt.data(), iv.data, key.salt.size());
    if (number == nullptr) return;
    for (*number = 0; const auto byte : std::span(sequence).subspan(2)) *number = *number << 8 | byte;
  }
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    static_cast<GnutlsEnd*>(self)->out.emplace_back(bytes, bytes + size);
    return static_cast<ssize_t>(size);
  }
  static ssize_t pull(gnutls_transport_ptr_t self, void* data, size_t size) {
    auto& end = *static_cast<GnutlsEnd*>(self);
    if (end.in.empty()) {
      gnutls_transport_set_errno(end.session_, EAGAIN);
      return -1;
    }
    const auto count = std::min(size, end.in.front().size());
    std::memcpy(data, end.in.front().data(), count);
    end.in.pop_front();
    return static_cast<ssize_t>(count);
  }
  static int readable(gnutls_transport_ptr_t self, unsigned) {
    return static_cast<GnutlsEnd*>(self)->in.empty() ? 0 : 1;
  }

  gnutls_session_t session_ = nullptr;
  gnutls_psk_client_credentials_t client_ = nullptr;
  gnutls_psk_server_credentials_t server_ = nullptr;
};

/// Both ends, connected.
struct GnutlsPair {
  explicit GnutlsPair(const char* cipher) : client(GNUTLS_CLIENT, cipher), server(GNUTLS_SERVER, cipher) {
    bool first = false, second = false;  // to shake hands twice would be a renegotiation
    for (int round = 0; round < 20 && !(first && second); ++round) {
      first = first || client.shake_hands();
      server.in.insert(server.in.end(), client.out.begin(), client.out.end());
      client.out.clear();
      second = second || server.shake_hands();
      client.in.insert(client.in.end(), server.out.begin(), server.out.end());
      server.out.clear();
    }
    if (!first || !second) std::abort();
  }
  GnutlsEnd client, server;
};

}  // namespace slipway::fuzz
