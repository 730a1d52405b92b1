// SPDX-License-Identifier: Apache-2.0
// One blocking conversation with a server over UDP, with or without DTLS, that notices what a device's socket
// does not tell.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/random.hpp>
#include <slipway/net/file_descriptor.hpp>
#include <slipway/security/dtls/client.hpp>

namespace slipway::cli::doctor {

/// Said from another thread when a person has enough.
class Stop {
 public:
  Stop();
  void now();
  [[nodiscard]] bool said() const { return said_; }
  [[nodiscard]] int fd() const { return fd_.value(); }

 private:
  std::atomic<bool> said_ = false;
  net::FileDescriptor fd_;
};

/// A connected socket: the network's refusals (ICMP) reach it.
class ProbeSocket {
 public:
  [[nodiscard]] static std::expected<ProbeSocket, std::string> open(const Address& server);
  void send(ByteView bytes) const;
  struct Nothing {};  ///< the time is over
  struct Refused {
    int errno_value;
  };
  struct Stopped {};
  using Heard = std::variant<Bytes, Nothing, Refused, Stopped>;
  [[nodiscard]] Heard hear(TimePoint until, const Stop& stop) const;

 private:
  net::FileDescriptor fd_;
};

/// How one attempt to open a session went.
struct Attempt {
  enum class End : std::uint8_t {
    connected,
    failed,      ///< `failure` says why
    refused,     ///< by the network: `errno_value`
    suite_seen,  ///< the server has chosen, and that was asked
    stopped,
    unusable,  ///< our own side: `problem`
  };
  End end = End::failed;
  security::dtls::HandshakeFailure failure{};
  security::dtls::HandshakeFacts facts{};
  std::optional<security::dtls::Connected> connected{};
  int errno_value = 0;
  std::string problem{};
  std::optional<Duration> first_answer{};  ///< from the hello to the first datagram
  Duration took{};
  Bytes first_datagram{};  ///< what came first, whatever it is
  [[nodiscard]] bool heard() const { return first_answer.has_value(); }
};

enum class Until : std::uint8_t { session, server_hello };

class Conversation {
 public:
  Conversation(const Address& server, Random& random, const Stop& stop)
      : server_(server), random_(random), stop_(stop) {}
  /// Opens a DTLS session; blocks for `patience` at most.
  Attempt connect(security::dtls::ClientConfig config, Duration patience, Until until = Until::session);
  /// Opens nothing: the datagrams are plain. False, with `problem`, where there is no socket.
  std::expected<void, std::string> connect_plain();

  struct Answer {
    Bytes datagram;  ///< plaintext
    Duration took;
  };
  enum class Silence : std::uint8_t { nothing, refused, ended, stopped };
  /// Sends a datagram, again after 1 s and 3 s, until one comes back that `wanted` takes.
  std::expected<Answer, Silence> ask(ByteView datagram, Duration patience,
                                     bool (*wanted)(ByteView, ByteView));
  /// close_notify.
  void close();

 private:
  void pump(TimePoint now);

  Address server_;
  Random& random_;
  const Stop& stop_;
  std::optional<ProbeSocket> socket_;
  std::unique_ptr<security::dtls::DtlsClient> dtls_;
};

}  // namespace slipway::cli::doctor
