// SPDX-License-Identifier: Apache-2.0
// A DTLS 1.2 client or server by mbedTLS 2.28; see peer.hpp.
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/timing.h>

#include "peer.hpp"

namespace {

using namespace interop;

void must(int result, const char* what) {
  if (result == 0) return;
  char text[200];
  mbedtls_strerror(result, text, sizeof text);
  die(std::string(what) + ": " + text);
}

class MbedtlsStack final : public Stack {
 public:
  MbedtlsStack(const Options& options, Wire& wire) : options_(options), wire_(wire) {
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&random_);
    must(mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0), "random numbers");
    mbedtls_ssl_config_init(&config_);
    must(mbedtls_ssl_config_defaults(&config_,
                                     options.is_server() ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                     MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT),
         "configuration");
    mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
    mbedtls_ssl_conf_renegotiation(&config_, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    set_suite();
    set_keys();
    mbedtls_ssl_cookie_init(&cookies_);
    must(mbedtls_ssl_cookie_setup(&cookies_, mbedtls_ctr_drbg_random, &random_), "cookies");
    mbedtls_ssl_conf_sni(
        &config_,
        [](void*, mbedtls_ssl_context*, const unsigned char* name, std::size_t size) {
          say("EVENT named " + std::string(name, name + size));
          return 0;
        },
        nullptr);
    mbedtls_ssl_conf_dtls_cookies(&config_, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookies_);
    set_resumption();
    mbedtls_ssl_init(&ssl_);
    must(mbedtls_ssl_setup(&ssl_, &config_), "session");
    if (!options.is_server()) must(mbedtls_ssl_set_hostname(&ssl_, "localhost"), "host name");
    if (options.has("mtu")) mbedtls_ssl_set_mtu(&ssl_, static_cast<std::uint16_t>(options.number("mtu")));
    mbedtls_ssl_set_timer_cb(&ssl_, &timer_, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
    mbedtls_ssl_set_bio(&ssl_, this, &MbedtlsStack::push, &MbedtlsStack::pull, nullptr);
  }

  void reset() override {
    must(mbedtls_ssl_session_reset(&ssl_), "reset");
    const auto peer = wire_.peer();
    if (options_.is_server())
      must(mbedtls_ssl_set_client_transport_id(&ssl_, peer.data(), peer.size()), "transport id");
    state_ = State::handshake;
  }

  void step() override {
    if (state_ == State::handshake) shake_hands();
    while (state_ == State::connected) {
      unsigned char data[4096];
      const int size = mbedtls_ssl_read(&ssl_, data, sizeof data);
      if (size == MBEDTLS_ERR_SSL_WANT_READ || size == MBEDTLS_ERR_SSL_WANT_WRITE) return;
      if (size > 0) {
        say("EVENT received " + to_hex(data, static_cast<std::size_t>(size)));
      } else if (size == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        say("EVENT closed");
        close();
      } else {
        end_by(size);
      }
    }
  }

  int patience_ms() const override { return 50; }

  bool send(const Bytes& data) override {
    return state_ == State::connected &&
           mbedtls_ssl_write(&ssl_, data.data(), data.size()) == static_cast<int>(data.size());
  }

  bool renegotiate() override { return mbedtls_ssl_renegotiate(&ssl_) == MBEDTLS_ERR_SSL_WANT_READ; }

  void close() override {
    (void)mbedtls_ssl_close_notify(&ssl_);
    state_ = State::over;
  }

  void again() override {
    mbedtls_ssl_session kept;
    mbedtls_ssl_session_init(&kept);
    must(mbedtls_ssl_get_session(&ssl_, &kept), "what the session leaves");
    close();
    reset();
    must(mbedtls_ssl_set_session(&ssl_, &kept), "a session to resume");
    mbedtls_ssl_session_free(&kept);
  }

 private:
  enum class State { handshake, connected, over };

  void set_suite() {
    suites_[0] = mbedtls_ssl_get_ciphersuite_id(options_["suite"].c_str());
    if (suites_[0] == 0) die("mbedTLS has no suite " + options_["suite"]);
    mbedtls_ssl_conf_ciphersuites(&config_, suites_);
    // The peers' certificates are on the groups that are named here, too.
    static const std::map<std::string, mbedtls_ecp_group_id> kGroups{{"secp256r1", MBEDTLS_ECP_DP_SECP256R1},
                                                                     {"secp384r1", MBEDTLS_ECP_DP_SECP384R1},
                                                                     {"x25519", MBEDTLS_ECP_DP_CURVE25519}};
    if (!options_.has("group")) return;
    const auto group = kGroups.find(options_["group"]);
    if (group == kGroups.end()) die("no group " + options_["group"]);
    groups_[0] = group->second;
    if (group->first == "x25519") groups_[1] = MBEDTLS_ECP_DP_SECP256R1;
    mbedtls_ssl_conf_curves(&config_, groups_);
  }

  void set_resumption() {
    const bool by_ticket = options_["resumes"] == "by-ticket";
    if (!options_.is_server()) {
      mbedtls_ssl_conf_session_tickets(
          &config_, by_ticket ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    } else if (by_ticket) {
      mbedtls_ssl_ticket_init(&tickets_);
      must(mbedtls_ssl_ticket_setup(&tickets_, mbedtls_ctr_drbg_random, &random_, MBEDTLS_CIPHER_AES_256_GCM,
                                    86400),
           "tickets");
      mbedtls_ssl_conf_session_tickets_cb(&config_, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                          &tickets_);
    } else if (options_.has("resumes")) {
      mbedtls_ssl_cache_init(&sessions_);
      mbedtls_ssl_conf_session_cache(&config_, &sessions_, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
    }
  }

  void set_keys() {
    mbedtls_x509_crt_init(&own_);
    mbedtls_x509_crt_init(&authority_);
    mbedtls_pk_init(&key_);
    if (options_.has("identity")) {
      const auto identity = options_["identity"];
      const auto key = from_hex(options_["key"]);
      must(mbedtls_ssl_conf_psk(&config_, key.data(), key.size(),
                                reinterpret_cast<const unsigned char*>(identity.data()), identity.size()),
           "pre-shared key");
    }
    if (options_.has("certificate")) {
      must(mbedtls_x509_crt_parse_file(&own_, options_["certificate"].c_str()), "certificate");
      must(mbedtls_pk_parse_keyfile(&key_, options_["private-key"].c_str(), nullptr), "private key");
      must(mbedtls_ssl_conf_own_cert(&config_, &own_, &key_), "own certificate");
    }
    if (options_.has("authority")) {
      must(mbedtls_x509_crt_parse_file(&authority_, options_["authority"].c_str()), "authority");
      mbedtls_ssl_conf_ca_chain(&config_, &authority_, nullptr);
      mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
    } else {
      mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_NONE);
    }
  }

  void shake_hands() {
    const int result = mbedtls_ssl_handshake(&ssl_);
    if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) return;
    if (result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) return reset();
    if (result != 0) return end_by(result);
    say(std::string("EVENT connected ") + mbedtls_ssl_get_ciphersuite(&ssl_));
    state_ = State::connected;
  }

  void end_by(int error) {
    char text[200];
    mbedtls_strerror(error, text, sizeof text);
    // The library leaves this word to its user.
    if (error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
      (void)mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                           MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
      say("EVENT alert " + std::to_string(ssl_.in_msg[1]));
    else
      say(std::string("EVENT failed ") + text);
    state_ = State::over;
  }

  static int push(void* self, const unsigned char* data, std::size_t size) {
    static_cast<MbedtlsStack*>(self)->wire_.send(data, size);
    return static_cast<int>(size);
  }
  static int pull(void* self, unsigned char* data, std::size_t room) {
    const auto size = static_cast<MbedtlsStack*>(self)->wire_.receive(data, room);
    return size == 0 ? MBEDTLS_ERR_SSL_WANT_READ : static_cast<int>(size);
  }

  const Options& options_;
  Wire& wire_;
  State state_ = State::handshake;
  mbedtls_entropy_context entropy_{};
  mbedtls_ctr_drbg_context random_{};
  mbedtls_ssl_config config_{};
  mbedtls_ssl_context ssl_{};
  mbedtls_ssl_cookie_ctx cookies_{};
  mbedtls_ssl_ticket_context tickets_{};
  mbedtls_ssl_cache_context sessions_{};
  mbedtls_timing_delay_context timer_{};
  mbedtls_x509_crt own_{}, authority_{};
  mbedtls_pk_context key_{};
  int suites_[2] = {0, 0};
  mbedtls_ecp_group_id groups_[3] = {MBEDTLS_ECP_DP_NONE, MBEDTLS_ECP_DP_NONE, MBEDTLS_ECP_DP_NONE};
};

}  // namespace

int main(int count, char** words) {
  const interop::Options options(count, words);
  interop::Wire wire(options);
  MbedtlsStack stack(options, wire);
  return interop::Program(options, wire, stack).run();
}
