// SPDX-License-Identifier: Apache-2.0
#include "doctor_probe.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <slipway/net/clock.hpp>

#include "net/socket_address.hpp"

namespace slipway::cli::doctor {

namespace dtls = security::dtls;

Stop::Stop() : fd_(::eventfd(0, EFD_CLOEXEC)) {}

void Stop::now() {
  said_ = true;
  const std::uint64_t one = 1;
  (void)!::write(fd_.value(), &one, sizeof one);
}

std::expected<ProbeSocket, std::string> ProbeSocket::open(const Address& server) {
  const int family = server.is_v4() ? AF_INET : AF_INET6;
  ProbeSocket socket;
  socket.fd_ = net::FileDescriptor(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto peer = net::to_socket_address(server, family);
  if (!socket.fd_.valid() || !peer || ::connect(socket.fd_.value(), peer->data(), peer->size) != 0)
    return std::unexpected("no datagram can be sent to " + server.to_string() + ": " + std::strerror(errno));
  return socket;
}

void ProbeSocket::send(ByteView bytes) const {
  (void)::send(fd_.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

ProbeSocket::Heard ProbeSocket::hear(TimePoint until, const Stop& stop) const {
  for (;;) {
    if (stop.said()) return Stopped{};
    Bytes bytes(65536);
    const auto size = ::recv(fd_.value(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size >= 0) {
      bytes.resize(static_cast<std::size_t>(size));
      return bytes;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return Refused{errno};
    const auto now = net::steady_now();
    if (now >= until) return Nothing{};
    std::array<pollfd, 2> watched{pollfd{fd_.value(), POLLIN, 0}, pollfd{stop.fd(), POLLIN, 0}};
    const auto ms = std::chrono::duration_cast<milliseconds>(until - now).count() + 1;
    (void)::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(ms, 60'000)));
  }
}

void Conversation::pump(TimePoint) {
  while (const auto out = dtls_->poll_transmit()) socket_->send(*out);
}

std::expected<void, std::string> Conversation::connect_plain() {
  auto socket = ProbeSocket::open(server_);
  if (!socket) return std::unexpected(socket.error());
  socket_ = std::move(*socket);
  return {};
}

namespace {

/// A fatal alert user_canceled in a plaintext record: the server forgets the handshake at once. What our side
/// would send next stays here, or the handshake would complete.
constexpr std::array<std::uint8_t, 15> kGiveUp{21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 2, 2, 90};

bool take_event(const dtls::ClientEvent& event, Attempt& attempt) {
  if (const auto* connected = std::get_if<dtls::Connected>(&event)) {
    attempt.end = Attempt::End::connected;
    attempt.connected = *connected;
    if (connected->facts) attempt.facts = *connected->facts;
    return true;
  }
  if (const auto* failed = std::get_if<dtls::ConnectFailed>(&event)) {
    attempt.end = Attempt::End::failed;
    attempt.failure = failed->failure;
    if (failed->facts) attempt.facts = *failed->facts;
    return true;
  }
  return false;
}

}  // namespace

Attempt Conversation::connect(dtls::ClientConfig config, Duration patience, Until until) {
  Attempt attempt;
  config.retransmission.handshake_time_max = patience;
  if (auto opened = connect_plain(); !opened) {
    attempt.end = Attempt::End::unusable;
    attempt.problem = opened.error();
    return attempt;
  }
  dtls_ = std::make_unique<dtls::DtlsClient>(std::move(config), random_);
  const auto began = net::steady_now();
  if (const auto started = dtls_->start(began); !started) {
    attempt.end = Attempt::End::unusable;
    attempt.problem = started.error().detail;
    return attempt;
  }
  int refusals = 0;
  for (;;) {
    bool over = false;
    while (const auto event = dtls_->poll_event()) over = take_event(*event, attempt) || over;
    const auto now = net::steady_now();
    attempt.took = now - began;
    if (until == Until::server_hello && attempt.heard() && dtls_->facts().suite) {
      attempt.facts = dtls_->facts();
      attempt.end = Attempt::End::suite_seen;
      socket_->send(kGiveUp);
      return attempt;
    }
    pump(now);
    if (over) return attempt;
    const auto wake = dtls_->next_timeout().value_or(began + patience);
    auto heard = socket_->hear(wake, stop_);
    if (auto* bytes = std::get_if<Bytes>(&heard)) {
      if (!attempt.heard()) {
        attempt.first_answer = net::steady_now() - began;
        attempt.first_datagram = *bytes;
      }
      dtls_->handle_datagram(net::steady_now(), *bytes);
    } else if (const auto* refused = std::get_if<ProbeSocket::Refused>(&heard)) {
      // A single one may be forged, or come from a server that restarts: the second one counts.
      attempt.errno_value = refused->errno_value;
      if (++refusals < 2) {
        dtls_->handle_timeout(net::steady_now());
        continue;
      }
      attempt.end = Attempt::End::refused;
      attempt.facts = dtls_->facts();
      return attempt;
    } else if (std::holds_alternative<ProbeSocket::Stopped>(heard)) {
      attempt.end = Attempt::End::stopped;
      attempt.facts = dtls_->facts();
      dtls_->end(net::steady_now(), dtls::Alert::user_canceled);
      pump(net::steady_now());
      return attempt;
    } else {
      dtls_->handle_timeout(net::steady_now());
    }
  }
}

std::expected<Conversation::Answer, Conversation::Silence> Conversation::ask(
    ByteView datagram, Duration patience, bool (*wanted)(ByteView asked, ByteView answer)) {
  const auto began = net::steady_now();
  const auto over = began + patience;
  auto gap = Duration(seconds(1));
  auto again = began;
  for (;;) {
    const auto now = net::steady_now();
    if (now >= over) return std::unexpected(Silence::nothing);
    if (now >= again) {
      if (dtls_ && !dtls_->send(now, datagram)) return std::unexpected(Silence::ended);
      if (dtls_)
        pump(now);
      else
        socket_->send(datagram);
      again = now + gap;
      gap *= 2;
    }
    auto heard = socket_->hear(std::min(again, over), stop_);
    if (std::holds_alternative<ProbeSocket::Stopped>(heard)) return std::unexpected(Silence::stopped);
    if (std::holds_alternative<ProbeSocket::Refused>(heard)) return std::unexpected(Silence::refused);
    auto* bytes = std::get_if<Bytes>(&heard);
    if (bytes == nullptr) continue;
    if (!dtls_) {
      if (wanted(datagram, *bytes)) return Answer{std::move(*bytes), net::steady_now() - began};
      continue;
    }
    dtls_->handle_datagram(net::steady_now(), *bytes);
    while (const auto event = dtls_->poll_event()) {
      if (std::holds_alternative<dtls::ClientSessionEnded>(*event)) return std::unexpected(Silence::ended);
      const auto* received = std::get_if<dtls::ClientDatagramReceived>(&*event);
      if (received != nullptr && wanted(datagram, received->plaintext))
        return Answer{Bytes(received->plaintext.begin(), received->plaintext.end()),
                      net::steady_now() - began};
    }
  }
}

void Conversation::close() {
  if (!dtls_ || !socket_) return;
  dtls_->end(net::steady_now());
  pump(net::steady_now());
}

}  // namespace slipway::cli::doctor
