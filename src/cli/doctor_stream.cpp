// SPDX-License-Identifier: Apache-2.0
#include "doctor_stream.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <slipway/coap/stream.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/net/tcp_socket.hpp>
#include <slipway/security/tls/session.hpp>

namespace slipway::cli::doctor {

namespace dtls = security::dtls;
namespace tls = security::tls;

namespace {

/// One connection, pumped until something that was waited for has happened.
class Stream {
 public:
  enum class Outcome : std::uint8_t { done, time_over, ended, stopped };

  Stream(net::TcpConnection connection, const Stop& stop) : tcp_(std::move(connection)), stop_(stop) {}

  /// Until the connection is there. The error says why it is not.
  std::expected<Outcome, net::SystemError> connect(TimePoint until) {
    for (;;) {
      const auto connected = tcp_.connected();
      if (!connected) return std::unexpected(connected.error());
      if (*connected) return Outcome::done;
      if (const auto woken = wait(until, POLLOUT); woken != Outcome::done) return woken;
    }
  }

  void begin_tls(std::unique_ptr<tls::TlsSession> session) { tls_ = std::move(session); }
  void begin_coap() { coap_.emplace(net::steady_now(), coap::StreamConfig{}); }

  /// Lets bytes flow until `over` says so.
  template <class Over>
  Outcome flow(TimePoint until, Over over) {
    for (;;) {
      push();
      if (over()) return Outcome::done;
      if (ended_) return Outcome::ended;
      const auto woken = wait(until, static_cast<short>(POLLIN | (tcp_.waiting() != 0 ? POLLOUT : 0)));
      if (woken != Outcome::done) return woken;
      pull();
    }
  }

  [[nodiscard]] coap::StreamConnection& coap() { return *coap_; }
  void end_tls() {
    if (tls_) tls_->end(net::steady_now());
    push();
  }

  // What was seen.
  std::optional<tls::Established> established;
  std::optional<dtls::HandshakeFailure> failure;
  std::shared_ptr<const dtls::HandshakeFacts> facts;
  Bytes first;                          ///< what came first, whatever it is; two bytes tell
  std::optional<dtls::Alert> ended_by;  ///< an alert of the server after the handshake
  std::optional<coap::Reliable> csm;
  std::string closed;  ///< why CoAP ended
  std::optional<std::string> answer;

 private:
  Outcome wait(TimePoint until, short interest) const {
    const auto now = net::steady_now();
    if (stop_.said()) return Outcome::stopped;
    if (now >= until) return Outcome::time_over;
    std::array<pollfd, 2> watched{pollfd{tcp_.fd(), interest, 0}, pollfd{stop_.fd(), POLLIN, 0}};
    const auto ms = std::chrono::duration_cast<milliseconds>(until - now).count() + 1;
    (void)::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(ms, 60'000)));
    return stop_.said() ? Outcome::stopped : Outcome::done;
  }

  void pull() {
    std::array<std::uint8_t, 16 * 1024> buffer;
    for (;;) {
      const auto reading = tcp_.receive(buffer);
      if (reading.status == net::TcpConnection::Received::nothing) return;
      const auto now = net::steady_now();
      if (reading.status != net::TcpConnection::Received::data) {
        ended_ = true;
        if (tls_) tls_->handle_end(now);
        take_tls_events();
        return;
      }
      if (first.size() < 2)
        first.insert(first.end(), reading.bytes.begin(),
                     reading.bytes.begin() +
                         std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(reading.bytes.size())));
      if (tls_) {
        tls_->handle_bytes(now, reading.bytes);
        take_tls_events();
      } else {
        take_coap(reading.bytes);
      }
    }
  }

  void take_tls_events() {
    while (tls_) {
      const auto event = tls_->poll_event();
      if (!event) return;
      if (const auto* there = std::get_if<tls::Established>(&*event)) {
        established = *there;
        facts = there->facts;
      }
      if (const auto* failed = std::get_if<tls::HandshakeFailed>(&*event)) {
        failure = failed->failure;
        facts = failed->facts;
      }
      if (const auto* bytes = std::get_if<tls::BytesReceived>(&*event)) take_coap(bytes->plaintext);
      if (const auto* end = std::get_if<tls::SessionEnded>(&*event)) {
        ended_by = end->alert;
        ended_ = true;
      }
    }
  }

  void take_coap(ByteView bytes) {
    if (!coap_) return;
    coap_->handle_bytes(net::steady_now(), bytes);
    while (const auto event = coap_->poll_event()) {
      if (const auto* ready = std::get_if<coap::StreamReady>(&*event)) csm = ready->peer;
      if (const auto* closing = std::get_if<coap::StreamClosed>(&*event)) {
        closed = std::string(coap::to_string(closing->end)) +
                 (closing->diagnostic.empty() ? "" : ": " + std::string(closing->diagnostic));
        ended_ = true;
      }
      if (const auto* message = std::get_if<coap::StreamMessage>(&*event)) {
        const auto read = coap::Message::parse_frame(message->frame);
        if (!read) continue;
        if (coap::is_response(read->code))
          answer = std::string(coap::describe(read->code).view());
        else if (coap::is_request(read->code))
          closed = "what comes back is a request: it may be what was sent to it";
      }
    }
  }

  void push() {
    if (coap_) {
      const auto text = coap_->poll_output();
      if (!text.empty() && (tls_ ? tls_->write(text).has_value() : tcp_.send(text) != net::TcpStatus::full))
        coap_->taken(net::steady_now(), text.size());
    }
    if (tls_) {
      const auto sealed = tls_->poll_output();
      if (!sealed.empty() && tcp_.send(sealed) != net::TcpStatus::full) tls_->taken(sealed.size());
      take_tls_events();
    }
    (void)tcp_.flush();
  }

  net::TcpConnection tcp_;
  const Stop& stop_;
  std::unique_ptr<tls::TlsSession> tls_;
  std::optional<coap::StreamConnection> coap_;
  bool ended_ = false;
};

Step unreachable(const net::SystemError& error, const Asked& asked) {
  if (error.errno_value == ECONNREFUSED)
    return {"reachable", Mark::bad, "the machine is there, and nobody listens at " + asked.address + " (TCP)",
            "start the server, or correct the port; a port for UDP is another one than for TCP"};
  return {"reachable", Mark::bad, error.message(), "look at the routes and firewalls on the way"};
}

/// A record of TLS [RFC 8446 §5.1]; CoAP over TCP begins with a length, and mostly with a CSM.
bool looks_like_tls(const Bytes& first) {
  return first.size() >= 2 && first[0] >= 20 && first[0] <= 23 && first[1] == 3;
}

/// The same as an attempt over DTLS, which has the words: what failed is the same.
Attempt attempt_of(const Stream& stream, Stream::Outcome outcome) {
  Attempt attempt{.end = Attempt::End::failed};
  if (stream.facts) attempt.facts = *stream.facts;
  if (stream.established && !stream.ended_by) attempt.end = Attempt::End::connected;
  attempt.failure = stream.failure.value_or(
      dtls::HandshakeFailure{.reason = dtls::FailureReason::timeout,
                             .refused_by = dtls::Side::nobody,
                             .detail = outcome == Stream::Outcome::time_over
                                           ? "the server does not answer the hello: it may speak no TLS"
                                           : "the server closed the connection in the handshake"});
  if (stream.ended_by)
    attempt.failure = {.reason = dtls::FailureReason::peer_alert,
                       .alert = stream.ended_by,
                       .refused_by = dtls::Side::peer,
                       .detail = "the server ended the session at once"};
  return attempt;
}

Step tls_step(const Stream& stream, Stream::Outcome outcome, Duration took, const Asked& asked) {
  if (stream.established && !stream.ended_by)
    return {"TLS", Mark::good,
            std::string("a session of ") + tls::to_string(stream.established->version) + " with " +
                stream.established->suite + " after " + time_text(took)};
  if (outcome == Stream::Outcome::stopped) return {"TLS", Mark::skipped, "interrupted in the handshake"};
  if (!stream.established && !stream.first.empty() && !looks_like_tls(stream.first))
    return {"TLS", Mark::bad, "what answers there does not speak TLS",
            "if it is CoAP over TCP without security, write coap+tcp:// and mind that everybody can read it"};
  return client_step(attempt_of(stream, outcome), asked);
}

bool begin_tls(Stream& stream, const Target& target, const Asked& asked, const Patience& patience,
               Random& random, Report& report) {
  auto config = target.stream_session();
  if (!config) {
    report.add({"account", Mark::bad, config.error(), "correct the account"});
    return false;
  }
  const auto began = net::steady_now();
  auto session = tls::TlsSession::connect(began, std::move(*config), random);
  if (!session) {
    report.add({"account", Mark::bad, std::string("its key cannot be used: ") + session.error().detail,
                "correct the account"});
    return false;
  }
  stream.begin_tls(std::move(*session));
  const auto outcome = stream.flow(began + patience.handshake, [&] {
    return stream.established.has_value() || stream.failure.has_value();
  });
  const auto took = net::steady_now() - began;
  if (stream.established) stream.begin_coap();
  for (auto& step : server_steps(attempt_of(stream, outcome), asked, net::unix_now()))
    report.add(std::move(step));
  report.add(tls_step(stream, outcome, took, asked));
  return stream.established.has_value();
}

void talk(Stream& stream, const Asked& asked, const Patience& patience, Random& random, Report& report) {
  auto began = net::steady_now();
  auto outcome = stream.flow(began + patience.answer, [&] { return stream.csm.has_value(); });
  if (outcome == Stream::Outcome::stopped) return;
  if (!stream.csm) {
    if (stream.ended_by)  // TLS 1.3: the server judges the device after its own part is over
      return report.add(tls_step(stream, outcome, {}, asked));
    if (!stream.established && looks_like_tls(stream.first))
      return report.add({"CoAP", Mark::bad, "TLS is spoken there",
                         "this port wants security: write coaps+tcp:// and a credential, or give it the port "
                         "without"});
    return report.add(
        {"CoAP", Mark::bad,
         stream.closed.empty() ? "no CSM came: what listens there is no CoAP over TCP" : stream.closed,
         "a server sends a CSM first [RFC 8323 §5.3]; give the account a port that speaks CoAP over TCP"});
  }
  report.add({"CSM", Mark::good,
              "the server takes messages of " + std::to_string(stream.csm->message_max) + " bytes" +
                  (stream.csm->blockwise ? ", and larger bodies in blocks" : "") + ", said after " +
                  time_text(net::steady_now() - began)});
  std::array<std::uint8_t, 64> buffer{};
  std::array<std::uint8_t, 4> token{};
  random.fill(token);
  coap::MessageWriter writer(buffer, coap::Code::get, coap::Token(ByteView(token)));
  writer.path(coap::OptionNumber::uri_path, "/.well-known/core");
  const auto message = writer.finish();
  began = net::steady_now();
  if (!message || !stream.coap().send(began, *message)) return;
  outcome = stream.flow(began + patience.answer, [&] { return stream.answer.has_value(); });
  if (outcome == Stream::Outcome::stopped) return;
  if (stream.answer)
    report.add({"CoAP request", Mark::good,
                "GET /.well-known/core is answered " + *stream.answer + " after " +
                    time_text(net::steady_now() - began)});
  else
    report.add({"CoAP request",
                stream.closed.empty() && outcome != Stream::Outcome::ended ? Mark::notable : Mark::bad,
                "no answer to GET /.well-known/core" + (stream.closed.empty() ? "" : ": " + stream.closed),
                "look into the server's log"});
}

}  // namespace

bool examine_stream(const Target& target, const Address& server, const Asked& asked, const Patience& patience,
                    Random& random, const Stop& stop, Report& report) {
  const auto began = net::steady_now();
  auto connection = net::TcpConnection::connect(server);
  if (!connection) {
    report.add(unreachable(connection.error(), asked));
    return false;
  }
  Stream stream(std::move(*connection), stop);
  const auto connected = stream.connect(began + patience.handshake);
  if (!connected) {
    report.add(unreachable(connected.error(), asked));
    return false;
  }
  if (*connected == Stream::Outcome::stopped) return false;
  if (*connected != Stream::Outcome::done) {
    report.add({"reachable", Mark::bad,
                "no connection to " + asked.address + " in " + time_text(net::steady_now() - began) +
                    ", also not a refusal",
                "a firewall, a wrong address, or a machine that is off"});
    return false;
  }
  report.add({"reachable", Mark::good,
              asked.address + " takes the connection after " + time_text(net::steady_now() - began)});
  if (!is_secure(target.uri().scheme))
    stream.begin_coap();
  else if (!begin_tls(stream, target, asked, patience, random, report))
    return true;
  talk(stream, asked, patience, random, report);
  if (!is_secure(target.uri().scheme) && report.steps().back().mark == Mark::good)
    report.add({"security", Mark::notable,
                "there is none: everybody on the way can read and change everything",
                "use coaps+tcp:// wherever a device can"});
  if (stream.csm) stream.coap().release(net::steady_now());
  stream.end_tls();
  return true;
}

}  // namespace slipway::cli::doctor
