// SPDX-License-Identifier: Apache-2.0
#include "stream_link.hpp"

#include <algorithm>

#include <slipway/net/clock.hpp>

#include "link_failures.hpp"
#include "secure_config.hpp"

namespace slipway::device {

namespace dtls = security::dtls;
namespace tls = security::tls;
using client::ConnectFailure;

namespace {

constexpr std::size_t kReadMax = 16 * 1024;
constexpr int kReadsPerTurn = 4;

}  // namespace

StreamLink::~StreamLink() {
  forget();
}

void StreamLink::forget() {
  if (tcp_) loop_.forget(tcp_->fd());
  tcp_.reset();
}

std::expected<void, std::string> StreamLink::prepare(const client::ConnectWanted& wanted, const Uri& uri,
                                                     std::span<const Bytes> trust_store) {
  buffer_.resize(kReadMax);
  if (!is_secure(uri.scheme)) return {};
  auto config = stream_config(wanted, uri.host, believable(net::unix_now()), trust_store);
  if (!config) return std::unexpected(std::move(config.error()));
  config_ = std::move(*config);
  return {};
}

void StreamLink::connect(std::vector<Address> addresses) {
  addresses_ = std::move(addresses);
  std::ranges::reverse(addresses_);
  try_next(net::steady_now());
}

void StreamLink::try_next(TimePoint now) {
  forget();
  while (!addresses_.empty()) {
    const auto address = addresses_.back();
    addresses_.pop_back();
    auto begun = net::TcpConnection::connect(address);
    if (!begun) {
      last_problem_ = begun.error().message();
      continue;
    }
    tcp_ = std::move(*begun);
    interest_ = net::Interest::write;
    const auto watched =
        loop_.watch(tcp_->fd(), interest_, [this](net::Readiness ready) { on_ready(ready); });
    if (!watched) return failed(now, ConnectFailure::unreachable, std::nullopt, watched.error().message());
    connect_until_ = now + kConnectTimeMax;
    return;
  }
  failed(now, ConnectFailure::unreachable, std::nullopt, last_problem_);
}

void StreamLink::on_ready(net::Readiness ready) {
  const auto now = net::steady_now();
  if (connect_until_) {
    const auto connected = tcp_->connected();
    if (!connected) {
      last_problem_ = connected.error().message();
      return try_next(now);
    }
    if (!*connected) return;
    connect_until_.reset();
    return established(now);
  }
  if (ready.readable && !over_) read(now);
  if (!over_) pump(now);
  if (!over_) drain(now);
}

void StreamLink::established(TimePoint now) {
  began_ = now;
  if (config_) {
    auto session = tls::TlsSession::connect(now, std::move(*config_), random_);
    if (!session)
      return failed(now, ConnectFailure::unreachable, std::nullopt,
                    std::string("the account's key cannot be used: ") + session.error().detail);
    tls_ = std::move(*session);
  } else {
    coap_.emplace(now, stream_);
  }
  pump(now);
}

void StreamLink::read(TimePoint now) {
  for (int i = 0; i < kReadsPerTurn && !over_; ++i) {
    const auto reading = tcp_->receive(buffer_);
    switch (reading.status) {
      case net::TcpConnection::Received::nothing:
        return;
      case net::TcpConnection::Received::data:
        take(now, reading.bytes);
        break;
      case net::TcpConnection::Received::broken:
      case net::TcpConnection::Received::ended:
        if (tls_)
          tls_->handle_end(now);
        else
          coap_->handle_end(now);
        drain(now);
        if (!over_) ended(now, std::nullopt, "the connection broke");
        return;
    }
  }
}

void StreamLink::take(TimePoint now, ByteView bytes) {
  if (tls_)
    tls_->handle_bytes(now, bytes);
  else
    coap_->handle_bytes(now, bytes);
  drain(now);
}

void StreamLink::drain(TimePoint now) {
  if (tls_)
    drain_tls(now);
  else if (coap_)
    drain_coap(now);
  if (!over_) pump(now);
}

void StreamLink::drain_tls(TimePoint now) {
  while (!over_) {
    const auto event = tls_->poll_event();
    if (!event) break;
    if (const auto* bytes = std::get_if<tls::BytesReceived>(&*event)) {
      coap_->handle_bytes(now, bytes->plaintext);
      drain_coap(now);
    } else if (const auto* there = std::get_if<tls::Established>(&*event)) {
      if (there->facts) tell(story_, *there->facts);  // its server may yet refuse the device
      coap_.emplace(now, stream_);
    } else if (const auto* warned = std::get_if<tls::AlertReceived>(&*event)) {
      events_.warned(now, static_cast<std::uint8_t>(warned->alert));
    } else if (const auto* refused = std::get_if<tls::HandshakeFailed>(&*event)) {
      pump(now);
      handshake_failed(now, *refused);
    } else if (const auto* end = std::get_if<tls::SessionEnded>(&*event)) {
      pump(now);
      ended(now, end->reason == dtls::SessionEnd::alert_by_peer ? end->alert : std::nullopt,
            dtls::to_string(end->reason));
    }
  }
  if (!over_ && coap_) drain_coap(now);
}

void StreamLink::drain_coap(TimePoint now) {
  while (!over_) {
    const auto event = coap_->poll_event();
    if (!event) return;
    on_coap(now, *event);
  }
}

void StreamLink::on_coap(TimePoint now, const coap::StreamEvent& event) {
  if (const auto* message = std::get_if<coap::StreamMessage>(&event)) {
    events_.datagram(now, message->frame);
  } else if (const auto* ready = std::get_if<coap::StreamReady>(&event)) {
    events_.reliable(ready->peer);
    if (!std::exchange(connected_, true))
      events_.connected(now, client::SessionKind::fresh, Opened::by_handshake);
  } else if (const auto* closed = std::get_if<coap::StreamClosed>(&event)) {
    pump(now);  // an Abort says why
    ended(now, std::nullopt, coap::to_string(closed->end));
  }
}

void StreamLink::handshake_failed(TimePoint now, const tls::HandshakeFailed& event) {
  const auto& failure = event.failure;
  const bool theirs = failure.refused_by == dtls::Side::peer;
  tell(story_, failure, event.facts.get());
  failed(now, failure_of(failure), theirs ? story_.alert : std::nullopt, failure.detail);
}

/// The session is over, or has never come so far as to be one.
void StreamLink::ended(TimePoint now, std::optional<dtls::Alert> alert, const char* why) {
  if (over_) return;
  if (!connected_) {
    // With TLS 1.3 a server refuses its client's key when the client's handshake is over.
    const auto failure = alert ? failure_of(alert) : ConnectFailure::handshake_timeout;
    if (alert) story_.reason = dtls::to_string(dtls::FailureReason::peer_alert);
    story_.alert = code_of(alert);
    return failed(now, failure, code_of(alert), why);
  }
  over_ = true;
  events_.lost(now, code_of(alert));
}

void StreamLink::failed(TimePoint now, ConnectFailure failure, std::optional<std::uint8_t> alert,
                        std::string why) {
  if (std::exchange(over_, true)) return;
  story_.outcome = text_of(failure);
  story_.detail = std::move(why);
  if (began_ != TimePoint()) story_.after_ms = std::chrono::duration_cast<milliseconds>(now - began_).count();
  events_.failed(now, failure, alert, story_);
}

void StreamLink::send(TimePoint now, ByteView frame) {
  if (over_ || !coap_) return;
  (void)coap_->send(now, frame);
  pump(now);
  look_again_ = now;  // the connection may have ended by this: its events are for a turn of its own
}

void StreamLink::close(TimePoint now) {
  if (std::exchange(over_, true) || !tcp_ || connect_until_) return;
  pump(now);
  if (tls_) tls_->end(now);
  pump(now);
  tcp_->end_writing();
}

void StreamLink::pump(TimePoint now) {
  if (!tcp_ || connect_until_) return;
  while (pump_some(now)) {
  }
  watch(tcp_->waiting() != 0 ? net::Interest::read_write : net::Interest::read);
}

/// Moves bytes towards the kernel, and no further than it takes them.
bool StreamLink::pump_some(TimePoint now) {
  if (tcp_->waiting() != 0 && tcp_->flush() != net::TcpStatus::done) return false;
  if (tls_ && tls_->poll_output().empty() && coap_ && tls_->established()) {
    const auto plain = coap_->poll_output();
    const auto count = std::min(plain.size(), kReadMax);
    if (count != 0 && tls_->write(plain.first(count))) coap_->taken(now, count);
  }
  auto out = tls_ ? tls_->poll_output() : coap_ ? coap_->poll_output() : ByteView();
  out = out.first(std::min(out.size(), tcp_->room()));
  if (out.empty()) return false;
  const auto count = out.size();
  const auto status = tcp_->send(out);
  if (status == net::TcpStatus::broken) look_again_ = now;
  if (tls_)
    tls_->taken(count);
  else
    coap_->taken(now, count);
  return status == net::TcpStatus::done;
}

void StreamLink::watch(net::Interest interest) {
  if (interest_ != interest && loop_.change(tcp_->fd(), interest)) interest_ = interest;
}

std::optional<TimePoint> StreamLink::next_timeout() const {
  if (over_) return std::nullopt;
  auto next = connect_until_;
  const auto consider = [&](std::optional<TimePoint> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (tls_) consider(tls_->next_timeout());
  if (coap_) consider(coap_->next_timeout());
  consider(look_again_);
  return next;
}

void StreamLink::handle_timeout(TimePoint now) {
  if (over_) return;
  if (connect_until_) {
    if (now < *connect_until_) return;
    connect_until_.reset();
    last_problem_ = "no answer from " + tcp_->peer_address().to_string() + " (tcp)";
    return try_next(now);
  }
  look_again_.reset();
  if (tls_) tls_->handle_timeout(now);
  if (coap_) coap_->handle_timeout(now);
  drain(now);
}

}  // namespace slipway::device
