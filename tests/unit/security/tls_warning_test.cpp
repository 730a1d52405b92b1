// SPDX-License-Identifier: Apache-2.0
// Warnings of a server of TLS 1.2, which GnuTLS plays itself. [LwM2M-TRANSPORT 1.2 §5.2.10]
#include <gnutls/gnutls.h>

#include <cerrno>

#include "tls_pair.hpp"

namespace slipway::security::tls::test {
namespace {

class GnutlsServer {
 public:
  GnutlsServer() {
    gnutls_init(&session_, GNUTLS_SERVER | GNUTLS_NONBLOCK);
    gnutls_priority_set_direct(session_, "NONE:+VERS-TLS1.2:+PSK:+AES-128-GCM:+AEAD:+COMP-NULL:+SIGN-ALL",
                               nullptr);
    gnutls_psk_allocate_server_credentials(&credentials_);
    gnutls_psk_set_server_credentials_function(
        credentials_, [](gnutls_session_t, const char*, gnutls_datum_t* key) {
          key->data = static_cast<unsigned char*>(gnutls_malloc(kKey.size()));
          std::copy(kKey.begin(), kKey.end(), key->data);
          key->size = static_cast<unsigned>(kKey.size());
          return 0;
        });
    gnutls_credentials_set(session_, GNUTLS_CRD_PSK, credentials_);
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_push_function(
        session_, [](gnutls_transport_ptr_t self, const void* data, size_t size) {
          static_cast<GnutlsServer*>(self)->out.append(static_cast<const char*>(data), size);
          return static_cast<ssize_t>(size);
        });
    gnutls_transport_set_pull_function(session_,
                                       [](gnutls_transport_ptr_t self, void* data, size_t size) -> ssize_t {
                                         auto& server = *static_cast<GnutlsServer*>(self);
                                         if (server.in.empty()) {
                                           gnutls_transport_set_errno(server.session_, EAGAIN);
                                           return -1;
                                         }
                                         const auto count = server.in.copy(static_cast<char*>(data), size);
                                         server.in.erase(0, count);
                                         return static_cast<ssize_t>(count);
                                       });
    gnutls_transport_set_pull_timeout_function(session_, [](gnutls_transport_ptr_t self, unsigned) {
      return static_cast<GnutlsServer*>(self)->in.empty() ? 0 : 1;
    });
  }
  ~GnutlsServer() {
    gnutls_deinit(session_);
    gnutls_psk_free_server_credentials(credentials_);
  }
  void step() { (void)gnutls_handshake(session_); }
  void warn(dtls::Alert alert) {
    gnutls_alert_send(session_, GNUTLS_AL_WARNING, static_cast<gnutls_alert_description_t>(alert));
  }
  void send(std::string_view text) { gnutls_record_send(session_, text.data(), text.size()); }

  std::string in, out;

 private:
  gnutls_session_t session_ = nullptr;
  gnutls_psk_server_credentials_t credentials_ = nullptr;
};

TEST(TlsForeignServer, MayWarnAndTheSessionGoesOn) {
  SeededRandom random(1);
  const TimePoint now{seconds(1)};
  auto client = TlsSession::connect(
      now, {.credential = psk_credential(), .suites = only(Version::tls12), .wall = {}}, random);
  ASSERT_TRUE(client);
  GnutlsServer server;
  std::vector<dtls::Alert> warnings;
  std::string received;
  const auto exchange = [&] {
    for (int round = 0; round < 10; ++round) {
      server.in += as_text((*client)->poll_output());
      (*client)->taken((*client)->poll_output().size());
      if (!(*client)->established()) server.step();
      (*client)->handle_bytes(now, as_bytes(std::exchange(server.out, {})));
      while (const auto event = (*client)->poll_event()) {
        if (const auto* e = std::get_if<AlertReceived>(&*event)) warnings.push_back(e->alert);
        if (const auto* e = std::get_if<BytesReceived>(&*event)) received += as_text(e->plaintext);
      }
    }
  };
  server.warn(dtls::Alert::unrecognized_name);  // in clear, before it has said a word
  exchange();
  ASSERT_TRUE((*client)->established());
  server.warn(dtls::Alert::user_canceled);
  server.send("and on");
  exchange();
  EXPECT_EQ(warnings, (std::vector{dtls::Alert::unrecognized_name, dtls::Alert::user_canceled}));
  EXPECT_EQ(received, "and on");
  EXPECT_TRUE((*client)->established());
}

}  // namespace
}  // namespace slipway::security::tls::test
