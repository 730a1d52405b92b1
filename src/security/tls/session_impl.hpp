// SPDX-License-Identifier: Apache-2.0
// Inside of a TLS session. Its handshake: handshake.cpp; what comes after: session.cpp.
#pragma once

#include <slipway/security/tls/session.hpp>

#include "security/dtls/queues.hpp"
#include "security/dtls/tls_context.hpp"
#include "security/tls/tap.hpp"

namespace slipway::security::tls {

/// Plaintext of one record at most.
inline constexpr std::size_t kPlaintextMax = 16384;

struct TlsServer::Shared {
  dtls::TlsContext context;
  ClientAuthorities authorities;
  Limits limits;
  Random& random;
  Tap::Tls13 tls13;
  Bytes plaintext = Bytes(kPlaintextMax);  ///< for the event that was polled last
};

class TlsSession::Impl {
 public:
  /// A server's.
  Impl(TimePoint now, TlsServer::Shared& shared, std::optional<UnixTime> wall);
  /// A client's.
  Impl(TimePoint now, ClientConfig config, dtls::TlsContext context, Random& random);

  void start(TimePoint now);
  void handle_bytes(TimePoint now, ByteView ciphertext);
  void handle_end(TimePoint now);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] ByteView poll_output() const;
  void taken(std::size_t bytes);
  [[nodiscard]] std::optional<Event> poll_event();
  void credential(TimePoint now, std::optional<Secret> key);
  void approve(TimePoint now, dtls::Approval approval);
  Result<void> write(ByteView plaintext);
  void end(dtls::Alert alert);
  [[nodiscard]] bool established() const { return state_ == State::established; }

  static int key_of(gnutls_session_t session, const gnutls_datum_t* identity, gnutls_datum_t* key);
  static int verdict_of(gnutls_session_t session);
  static int message_seen(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                          const gnutls_datum_t* message);

 private:
  enum class State : std::uint8_t { handshake, wants_credential, wants_approval, established, over };

  static ssize_t pull(gnutls_transport_ptr_t self, void* data, size_t size);
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, size_t size);
  static int readable(gnutls_transport_ptr_t self, unsigned timeout);

  // handshake.cpp
  [[nodiscard]] bool is_server() const { return shared_ != nullptr; }
  [[nodiscard]] bool psk_chosen() const;
  [[nodiscard]] bool asked_for(std::uint16_t suite) const;
  void step(TimePoint now);
  [[nodiscard]] bool release_records();
  void advance(TimePoint now);
  void finish(TimePoint now);
  void establish(TimePoint now);
  void judge_client();
  void refuse(const Distrust& distrust);
  void fail_by_library(int code);
  void abort(const dtls::HandshakeFailure& failure);
  void fail(const dtls::HandshakeFailure& failure);
  [[nodiscard]] std::shared_ptr<const dtls::HandshakeFacts> facts() const;

  // session.cpp
  [[nodiscard]] ByteView unread() const { return ByteView(input_).subspan(input_head_); }
  [[nodiscard]] std::optional<Event> read();
  [[nodiscard]] Event ended(dtls::SessionEnd reason, std::optional<dtls::Alert> alert);
  void close();

  TlsServer::Shared* shared_ = nullptr;  ///< of a server
  std::optional<ClientConfig> config_;   ///< of a client
  std::optional<dtls::TlsContext> own_context_;
  Random& random_;
  Limits limits_;
  std::optional<UnixTime> wall_;
  dtls::GnutlsPtr<gnutls_session_int> session_;
  State state_ = State::handshake;
  TimePoint started_;
  Traffic traffic_;
  dtls::ByteQueue<Event> events_;

  Bytes input_;                 ///< of the peer
  std::size_t input_head_ = 0;  ///< up to here GnuTLS has taken it
  std::size_t released_ = 0;    ///< bytes behind that GnuTLS may take
  Bytes output_;
  std::size_t output_head_ = 0;
  /// The last flight of a server waits behind this mark until its client is approved.
  std::optional<std::size_t> held_back_;

  Tap tap_;
  bool tapping_;
  std::optional<std::uint16_t> chosen_;  ///< the suite of the ServerHello
  bool unwanted_ = false;                ///< of a client: it was not asked for
  Bytes hello_;                          ///< the body of the ClientHello; only in the handshake
  std::uint32_t messages_ = 0;           ///< of the peer, as dtls::HandshakeFacts has them
  std::optional<dtls::PeerIdentity> identity_;
  std::optional<Secret> psk_;
  bool identity_known_ = true;
  bool key_used_ = false;  ///< GnuTLS has asked for the key: what fails now, fails by it
  std::optional<Distrust> distrusted_;
  Bytes plaintext_;  ///< of a client: for the event that was polled last
};

}  // namespace slipway::security::tls
