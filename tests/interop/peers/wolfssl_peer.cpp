// SPDX-License-Identifier: Apache-2.0
// A DTLS 1.2 client or server by wolfSSL 5.5; see peer.hpp. Debian's wolfSSL has no pre-shared keys, and an
// MTU of its own.
#include <wolfssl/options.h>
// The options come first: they say what the headers declare.
#include <wolfssl/ssl.h>

#include "peer.hpp"

namespace {

using namespace interop;

void must(bool done, const char* what) {
  if (!done) die(std::string("wolfSSL refused: ") + what);
}

class WolfsslStack final : public Stack {
 public:
  WolfsslStack(const Options& options, Wire& wire) : options_(options), wire_(wire) {
    wolfSSL_Init();
    context_ =
        wolfSSL_CTX_new(options.is_server() ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method());
    must(context_ != nullptr, "a context");
    must(wolfSSL_CTX_set_cipher_list(context_, options["suite"].c_str()) == WOLFSSL_SUCCESS, "the suite");
    if (options.has("certificate")) {
      must(
          wolfSSL_CTX_use_certificate_chain_file(context_, options["certificate"].c_str()) == WOLFSSL_SUCCESS,
          "the certificate");
      must(wolfSSL_CTX_use_PrivateKey_file(context_, options["private-key"].c_str(), WOLFSSL_FILETYPE_PEM) ==
               WOLFSSL_SUCCESS,
           "the private key");
    }
    if (options.has("authority")) {
      must(wolfSSL_CTX_load_verify_locations(context_, options["authority"].c_str(), nullptr) ==
               WOLFSSL_SUCCESS,
           "the authority");
      wolfSSL_CTX_set_verify(context_, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    } else {
      wolfSSL_CTX_set_verify(context_, WOLFSSL_VERIFY_NONE, nullptr);
    }
    if (options["resumes"] == "by-id")
      must(wolfSSL_CTX_NoTicketTLSv12(context_) == WOLFSSL_SUCCESS, "no tickets");
    wolfSSL_CTX_SetIORecv(context_, &WolfsslStack::pull);
    wolfSSL_CTX_SetIOSend(context_, &WolfsslStack::push);
    wolfSSL_CTX_SetGenCookie(context_, &WolfsslStack::cookie);
  }

  void reset() override {
    if (ssl_ != nullptr) wolfSSL_free(ssl_);
    ssl_ = wolfSSL_new(context_);
    must(ssl_ != nullptr, "a session");
    wolfSSL_SetIOReadCtx(ssl_, this);
    wolfSSL_SetIOWriteCtx(ssl_, this);
    wolfSSL_SetCookieCtx(ssl_, this);
    wolfSSL_dtls_set_using_nonblock(ssl_, 1);
    if (!options_.is_server()) {
      must(wolfSSL_UseSNI(ssl_, WOLFSSL_SNI_HOST_NAME, "localhost", 9) == WOLFSSL_SUCCESS, "the name");
      must(wolfSSL_check_domain_name(ssl_, "localhost") == WOLFSSL_SUCCESS, "the name");
    }
    static const std::map<std::string, int> kGroups{{"secp256r1", WOLFSSL_ECC_SECP256R1},
                                                    {"secp384r1", WOLFSSL_ECC_SECP384R1},
                                                    {"x25519", WOLFSSL_ECC_X25519}};
    if (options_.has("group"))
      must(wolfSSL_UseSupportedCurve(ssl_, static_cast<word16>(kGroups.at(options_["group"]))) ==
               WOLFSSL_SUCCESS,
           "the group");
    if (!options_.is_server() && options_["resumes"] == "by-ticket")
      must(wolfSSL_UseSessionTicket(ssl_) == WOLFSSL_SUCCESS, "tickets");
    state_ = State::handshake;
    began_ = now();
  }

  void step() override {
    if (state_ == State::handshake) shake_hands();
    while (state_ == State::connected) {
      unsigned char data[4096];
      const int size = wolfSSL_read(ssl_, data, sizeof data);
      if (size > 0) {
        say("EVENT received " + to_hex(data, static_cast<std::size_t>(size)));
        continue;
      }
      const int error = wolfSSL_get_error(ssl_, size);
      if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE) return;
      if (error == WOLFSSL_ERROR_ZERO_RETURN) {
        say("EVENT closed");
        close();
      } else {
        end_by(error);
      }
    }
  }

  int patience_ms() const override { return 50; }

  bool send(const Bytes& data) override {
    const auto size = static_cast<int>(data.size());
    return state_ == State::connected && wolfSSL_write(ssl_, data.data(), size) == size;
  }

  void close() override {
    (void)wolfSSL_shutdown(ssl_);
    state_ = State::over;
  }

  void again() override {
    auto* kept = wolfSSL_get1_session(ssl_);
    must(kept != nullptr, "what the session leaves");
    close();
    reset();
    must(wolfSSL_set_session(ssl_, kept) == WOLFSSL_SUCCESS, "a session to resume");
    wolfSSL_SESSION_free(kept);
  }

 private:
  enum class State { handshake, connected, over };

  static double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  void shake_hands() {
    // The library says how long to wait, and is told when that time has passed.
    if (now() - began_ >= wolfSSL_dtls_get_current_timeout(ssl_)) {
      began_ = now();
      if (wolfSSL_dtls_got_timeout(ssl_) != WOLFSSL_SUCCESS && !options_.is_server())
        return end_by(wolfSSL_get_error(ssl_, -1));
    }
    const auto heard = heard_;
    const int result = options_.is_server() ? wolfSSL_accept(ssl_) : wolfSSL_connect(ssl_);
    if (heard_ != heard) began_ = now();
    if (result == WOLFSSL_SUCCESS) {
      void* name = nullptr;
      if (const auto size = wolfSSL_SNI_GetRequest(ssl_, WOLFSSL_SNI_HOST_NAME, &name);
          options_.is_server() && size != 0)
        say("EVENT named " + std::string(static_cast<const char*>(name), size));
      say(std::string("EVENT connected ") + wolfSSL_get_cipher_name(ssl_));
      state_ = State::connected;
      return;
    }
    const int error = wolfSSL_get_error(ssl_, result);
    if (error != WOLFSSL_ERROR_WANT_READ && error != WOLFSSL_ERROR_WANT_WRITE) end_by(error);
  }

  void end_by(int error) {
    WOLFSSL_ALERT_HISTORY alerts{};
    wolfSSL_get_alert_history(ssl_, &alerts);
    char text[WOLFSSL_MAX_ERROR_SZ];
    if (alerts.last_rx.level == alert_fatal)
      say("EVENT alert " + std::to_string(alerts.last_rx.code));
    else
      say(std::string("EVENT failed ") + wolfSSL_ERR_error_string(static_cast<unsigned long>(error), text));
    state_ = State::over;
  }

  static int push(WOLFSSL*, char* data, int size, void* self) {
    static_cast<WolfsslStack*>(self)->wire_.send(reinterpret_cast<unsigned char*>(data),
                                                 static_cast<std::size_t>(size));
    return size;
  }
  static int pull(WOLFSSL*, char* data, int room, void* self) {
    auto& stack = *static_cast<WolfsslStack*>(self);
    const auto size =
        stack.wire_.receive(reinterpret_cast<unsigned char*>(data), static_cast<std::size_t>(room));
    if (size == 0) return WOLFSSL_CBIO_ERR_WANT_READ;
    ++stack.heard_;
    return static_cast<int>(size);
  }
  /// A cookie of the address alone: enough for a peer of tests.
  static int cookie(WOLFSSL*, unsigned char* out, int room, void* self) {
    const auto peer = static_cast<WolfsslStack*>(self)->wire_.peer();
    std::memset(out, 0x5A, static_cast<std::size_t>(room));
    for (std::size_t i = 0; i < peer.size(); ++i) out[i % static_cast<std::size_t>(room)] ^= peer[i];
    return room;
  }

  const Options& options_;
  Wire& wire_;
  State state_ = State::handshake;
  WOLFSSL_CTX* context_ = nullptr;
  WOLFSSL* ssl_ = nullptr;
  double began_ = 0;
  unsigned heard_ = 0;
};

}  // namespace

int main(int count, char** words) {
  const interop::Options options(count, words);
  interop::Wire wire(options);
  WolfsslStack stack(options, wire);
  return interop::Program(options, wire, stack).run();
}
