// SPDX-License-Identifier: Apache-2.0
// Other people's DTLS in this process: GnuTLS's own session and OpenSSL, both sides, over memory.
#pragma once

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cerrno>
#include <deque>
#include <map>

#include "dtls_link.hpp"
#include "pki.hpp"

namespace slipway::security::dtls::test {

enum class Role { client, server };
/// What a peer proves itself with.
enum class Proof { psk, nothing, raw_public_key, certificate };

/// Another implementation's end of a session, as a thing that takes and gives datagrams.
class ForeignPeer {
 public:
  virtual ~ForeignPeer() = default;
  virtual void handle(ByteView datagram) = 0;
  [[nodiscard]] virtual bool connected() const = 0;
  [[nodiscard]] virtual bool resumed() const = 0;
  virtual void send(std::string_view text) = 0;
  virtual void close() = 0;
  /// Begins another handshake inside the session.
  virtual void renegotiate() = 0;
  /// Its timer is due: it sends its flight again. OpenSSL's is the wall clock's, and cannot be.
  virtual void repeat() {}
  std::deque<Bytes> out;
  std::vector<std::string> received;
  bool closed = false;
};

struct SuiteNames {
  CipherSuite suite;
  const char* gnutls;
  const char* openssl;
  const char* exchange = ":+PSK";  ///< in the words of GnuTLS
};

/// What a foreign end knows beyond one session, and when it forgets: with this object.
struct Memory {
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() {
    gnutls_free(ticket_key.data);
    SSL_SESSION_free(openssl_session);
    SSL_CTX_free(openssl_context);
  }
  std::map<Bytes, Bytes> by_id;  ///< of a GnuTLS server
  gnutls_datum_t ticket_key{};
  Bytes gnutls_session;                    ///< of a client
  SSL_SESSION* openssl_session = nullptr;  ///< of a client
  SSL_CTX* openssl_context = nullptr;      ///< holds a server's sessions and the key of its tickets
  unsigned tickets_renewed = 0;
};

/// How a peer is to be.
struct Wish {
  Proof proof = Proof::psk;
  Memory* memory = nullptr;  ///< nothing: it resumes nothing
  bool tickets = true;       ///< it knows them
  bool renews = false;       ///< OpenSSL: gives a new ticket with each handshake
  bool extended_master_secret = true;
  bool client_repeats = false;  ///< GnuTLS: whenever it could; OpenSSL does when it is asked
};

inline gnutls_datum_t datum_of(ByteView bytes) {
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

class GnutlsPeer final : public ForeignPeer {
 public:
  GnutlsPeer(Role role, const SuiteNames& suite, const Wish& wish = {}) : role_(role), wish_(wish) {
    const bool server = role == Role::server;
    unsigned flags = (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK;
    if (!wish.tickets) flags |= GNUTLS_NO_TICKETS;
    if (wish.proof == Proof::raw_public_key) flags |= GNUTLS_ENABLE_RAWPK;
    gnutls_init(&session_, flags);
    set_priority(suite);
    set_psk();
    gnutls_certificate_allocate_credentials(&certificates_);
    set_keys();
    if (wish.proof == Proof::psk)
      gnutls_credentials_set(session_, GNUTLS_CRD_PSK, server ? static_cast<void*>(server_) : client_);
    else
      gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, certificates_);
    if (server) gnutls_certificate_server_set_request(session_, GNUTLS_CERT_REQUIRE);
    set_transport();
    gnutls_dtls_set_mtu(session_, 1200);
    // It answers at once what comes again.
    if (server || wish.client_repeats) gnutls_dtls_set_timeouts(session_, 0, 60'000);
    if (wish.memory != nullptr) remember();
    if (!server) step();
  }
  ~GnutlsPeer() override {
    gnutls_deinit(session_);
    gnutls_psk_free_server_credentials(server_);
    gnutls_psk_free_client_credentials(client_);
    gnutls_certificate_free_credentials(certificates_);
  }
  void handle(ByteView datagram) override {
    in_.emplace_back(datagram.begin(), datagram.end());
    step();
  }
  bool connected() const override { return connected_; }
  bool resumed() const override { return gnutls_session_is_resumed(session_) != 0; }
  void send(std::string_view text) override { gnutls_record_send(session_, text.data(), text.size()); }
  void close() override {
    if (role_ == Role::client && wish_.memory != nullptr) {
      gnutls_datum_t data{};
      EXPECT_GE(gnutls_session_get_data2(session_, &data), 0);
      wish_.memory->gnutls_session.assign(data.data, data.data + data.size);
      gnutls_free(data.data);
    }
    gnutls_bye(session_, GNUTLS_SHUT_WR);
  }
  void renegotiate() override {
    const bool is_server = gnutls_rehandshake(session_) == GNUTLS_E_SUCCESS;
    if (!is_server) (void)gnutls_handshake(session_);
  }
  void repeat() override { step(); }
  void warn(Alert alert) {
    gnutls_alert_send(session_, GNUTLS_AL_WARNING, static_cast<gnutls_alert_description_t>(alert));
  }
  /// The last one that it got.
  [[nodiscard]] int alert() const { return gnutls_alert_get(session_); }

 private:
  void set_priority(const SuiteNames& suite) {
    const std::string type = wish_.proof == Proof::raw_public_key ? "RAWPK" : "X509";
    const auto priority = "NONE:+VERS-DTLS1.2:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-CLI-" + type +
                          ":+CTYPE-SRV-" + type + ":+" + suite.gnutls +
                          (wish_.proof == Proof::psk ? suite.exchange : ":+ECDHE-ECDSA") +
                          (wish_.extended_master_secret ? "" : ":%NO_SESSION_HASH");
    EXPECT_GE(gnutls_priority_set_direct(session_, priority.c_str(), nullptr), 0);
  }
  void set_psk() {
    gnutls_psk_allocate_server_credentials(&server_);
    gnutls_psk_allocate_client_credentials(&client_);
    gnutls_psk_set_server_credentials_function(
        server_, [](gnutls_session_t, const char*, gnutls_datum_t* key) {
          key->data = static_cast<unsigned char*>(gnutls_malloc(kKey.size()));
          std::copy(kKey.begin(), kKey.end(), key->data);
          key->size = static_cast<unsigned>(kKey.size());
          return 0;
        });
    const auto key = datum_of(as_bytes(kKey));
    gnutls_psk_set_client_credentials(client_, std::string(kIdentity).c_str(), &key, GNUTLS_PSK_KEY_RAW);
  }
  void set_keys() {
    if (wish_.proof == Proof::psk || wish_.proof == Proof::nothing) return;
    const auto& own = role_ == Role::server ? security::test::world().server : security::test::world().device;
    const auto key = datum_of(own.key.private_key.reveal());
    const bool raw = wish_.proof == Proof::raw_public_key;
    const auto shown = datum_of(raw ? ByteView(own.key.public_key) : ByteView(own.certificate));
    EXPECT_GE(raw ? gnutls_certificate_set_rawpk_key_mem(certificates_, &shown, &key, GNUTLS_X509_FMT_DER,
                                                         nullptr, 0, nullptr, 0, 0)
                  : gnutls_certificate_set_x509_key_mem2(certificates_, &shown, &key, GNUTLS_X509_FMT_DER,
                                                         nullptr, 0),
              0);
  }
  void set_transport() {
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_push_function(
        session_, [](gnutls_transport_ptr_t self, const void* data, size_t size) {
          const auto* bytes = static_cast<const std::uint8_t*>(data);
          static_cast<GnutlsPeer*>(self)->out.emplace_back(bytes, bytes + size);
          return static_cast<ssize_t>(size);
        });
    gnutls_transport_set_pull_function(
        session_, [](gnutls_transport_ptr_t self, void* data, size_t size) -> ssize_t {
          auto& peer = *static_cast<GnutlsPeer*>(self);
          if (peer.in_.empty()) {
            gnutls_transport_set_errno(peer.session_, EAGAIN);
            return -1;
          }
          const auto count = std::min(size, peer.in_.front().size());
          std::copy_n(peer.in_.front().begin(), count, static_cast<std::uint8_t*>(data));
          peer.in_.pop_front();
          return static_cast<ssize_t>(count);
        });
    gnutls_transport_set_pull_timeout_function(session_, [](gnutls_transport_ptr_t self, unsigned) {
      return static_cast<GnutlsPeer*>(self)->in_.empty() ? 0 : 1;
    });
  }
  void remember() {
    auto& memory = *wish_.memory;
    if (role_ == Role::client) {
      if (!memory.gnutls_session.empty()) {
        EXPECT_GE(
            gnutls_session_set_data(session_, memory.gnutls_session.data(), memory.gnutls_session.size()), 0);
      }
      return;
    }
    if (wish_.tickets) {
      if (memory.ticket_key.data == nullptr) gnutls_session_ticket_key_generate(&memory.ticket_key);
      EXPECT_GE(gnutls_session_ticket_enable_server(session_, &memory.ticket_key), 0);
      return;
    }
    gnutls_db_set_ptr(session_, &memory);
    gnutls_db_set_store_function(session_, [](void* self, gnutls_datum_t id, gnutls_datum_t data) {
      static_cast<Memory*>(self)->by_id[Bytes(id.data, id.data + id.size)] =
          Bytes(data.data, data.data + data.size);
      return 0;
    });
    gnutls_db_set_remove_function(session_, [](void* self, gnutls_datum_t id) {
      static_cast<Memory*>(self)->by_id.erase(Bytes(id.data, id.data + id.size));
      return 0;
    });
    gnutls_db_set_retrieve_function(session_, [](void* self, gnutls_datum_t id) -> gnutls_datum_t {
      const auto& known = static_cast<Memory*>(self)->by_id;
      const auto found = known.find(Bytes(id.data, id.data + id.size));
      if (found == known.end()) return {};
      auto* copy = static_cast<unsigned char*>(gnutls_malloc(found->second.size()));
      std::ranges::copy(found->second, copy);
      return {copy, static_cast<unsigned>(found->second.size())};
    });
  }
  void step() {
    do {
      if (!connected_) connected_ = gnutls_handshake(session_) == GNUTLS_E_SUCCESS;
      if (!connected_) continue;
      char text[2000];
      const auto size = gnutls_record_recv(session_, text, sizeof text);
      if (size > 0) received.emplace_back(text, static_cast<std::size_t>(size));
      if (size == 0) closed = true;
    } while (!in_.empty());
  }
  Role role_;
  Wish wish_;
  gnutls_session_t session_ = nullptr;
  gnutls_psk_server_credentials_t server_ = nullptr;
  gnutls_psk_client_credentials_t client_ = nullptr;
  gnutls_certificate_credentials_t certificates_ = nullptr;
  std::deque<Bytes> in_;
  bool connected_ = false;
};

class OpensslPeer final : public ForeignPeer {
 public:
  OpensslPeer(Role role, const SuiteNames& suite, const Wish& wish = {}) : role_(role), wish_(wish) {
    if (wish.memory != nullptr && wish.memory->openssl_context != nullptr) {
      context_ = wish.memory->openssl_context;
      SSL_CTX_up_ref(context_);
    } else {
      context_ = SSL_CTX_new(role == Role::server ? DTLS_server_method() : DTLS_client_method());
      set_up_context(suite);
    }
    ssl_ = SSL_new(context_);
    in_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(out_, -1);
    SSL_set_bio(ssl_, in_, out_);
    SSL_set_options(ssl_, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(ssl_, 1200);
    if (wish.memory != nullptr && wish.memory->openssl_session != nullptr) {
      EXPECT_EQ(SSL_set_session(ssl_, wish.memory->openssl_session), 1);
    }
    role == Role::server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
    if (role == Role::client) step();
  }
  ~OpensslPeer() override {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  void handle(ByteView datagram) override {
    BIO_write(in_, datagram.data(), static_cast<int>(datagram.size()));
    step();
  }
  bool connected() const override { return SSL_is_init_finished(ssl_) == 1; }
  bool resumed() const override { return SSL_session_reused(ssl_) == 1; }
  void send(std::string_view text) override {
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    collect();
  }
  void close() override {
    if (role_ == Role::client && wish_.memory != nullptr) {
      SSL_SESSION_free(wish_.memory->openssl_session);
      wish_.memory->openssl_session = SSL_get1_session(ssl_);
    }
    SSL_shutdown(ssl_);
    collect();
  }
  void renegotiate() override {
    SSL_renegotiate(ssl_);
    SSL_do_handshake(ssl_);
    ERR_clear_error();
    collect();
  }

 private:
  void set_up_context(const SuiteNames& suite) {
    SSL_CTX_set_security_level(context_, 0);
    EXPECT_EQ(SSL_CTX_set_cipher_list(context_, suite.openssl), 1);
    set_psk();
    if (!wish_.tickets) SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    if (!wish_.extended_master_secret) SSL_CTX_set_options(context_, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    if (wish_.proof == Proof::certificate) set_keys();
    if (wish_.memory == nullptr) return;
    SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>("test"), 4);
    // A client's sessions end with the context that caches them.
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_SERVER);
    if (wish_.renews) renew_tickets();
    if (role_ == Role::client) return;
    wish_.memory->openssl_context = context_;
    SSL_CTX_up_ref(context_);
  }
  void set_psk() {
    SSL_CTX_set_psk_server_callback(context_, [](SSL*, const char* identity, unsigned char* key, unsigned) {
      if (identity != kIdentity) return 0u;
      std::copy(kKey.begin(), kKey.end(), key);
      return static_cast<unsigned>(kKey.size());
    });
    SSL_CTX_set_psk_client_callback(
        context_, [](SSL*, const char*, char* identity, unsigned room, unsigned char* key, unsigned) {
          EXPECT_GT(room, kIdentity.size());
          std::copy(kIdentity.begin(), kIdentity.end(), identity);
          identity[kIdentity.size()] = 0;
          std::copy(kKey.begin(), kKey.end(), key);
          return static_cast<unsigned>(kKey.size());
        });
  }
  void set_keys() {
    const auto& own = role_ == Role::server ? security::test::world().server : security::test::world().device;
    const auto* at = own.certificate.data();
    X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(own.certificate.size()));
    const auto secret = own.key.private_key.reveal();
    at = secret.data();
    EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(secret.size()));
    EXPECT_EQ(SSL_CTX_use_certificate(context_, certificate), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       [](int, X509_STORE_CTX*) { return 1; });
  }
  void renew_tickets() {
    SSL_CTX_set_session_ticket_cb(
        context_, [](SSL*, void*) { return 1; },
        [](SSL*, SSL_SESSION*, const unsigned char*, size_t, SSL_TICKET_STATUS status, void* self) {
          if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
            return SSL_TICKET_RETURN_IGNORE_RENEW;
          ++static_cast<Memory*>(self)->tickets_renewed;
          return SSL_TICKET_RETURN_USE_RENEW;
        },
        wish_.memory);
  }
  void step() {
    if (!connected()) SSL_do_handshake(ssl_);
    char text[2000];
    for (int size; connected() && (size = SSL_read(ssl_, text, sizeof text)) > 0;)
      received.emplace_back(text, static_cast<std::size_t>(size));
    closed = (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
    ERR_clear_error();
    collect();
  }
  /// A memory BIO forgets where datagrams end; any split between records will do.
  void collect() {
    char buffer[8192];
    const int size = BIO_read(out_, buffer, sizeof buffer);
    if (size <= 0) return;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(buffer);
    for (std::size_t at = 0; at + 13 <= static_cast<std::size_t>(size);) {
      const auto length = 13 + static_cast<std::size_t>(bytes[at + 11] << 8 | bytes[at + 12]);
      out.emplace_back(bytes + at, bytes + at + length);
      at += length;
    }
  }
  Role role_;
  Wish wish_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  BIO *in_ = nullptr, *out_ = nullptr;
};

enum class Stack { gnutls, openssl };

inline std::unique_ptr<ForeignPeer> make_peer(Stack stack, Role role, const SuiteNames& suite,
                                              const Wish& wish = {}) {
  if (stack == Stack::gnutls) return std::make_unique<GnutlsPeer>(role, suite, wish);
  return std::make_unique<OpensslPeer>(role, suite, wish);
}

}  // namespace slipway::security::dtls::test
