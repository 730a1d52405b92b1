// SPDX-License-Identifier: Apache-2.0
#include "kit/session.hpp"

#include <algorithm>
#include <array>

namespace slipway::kit {
namespace {

/// The largest body that is sent, and more than any device should take.
constexpr std::size_t kBodyMax = 256 * 1024;
/// As coap::Endpoint repeats a request. [RFC 7252 §4.8]
constexpr Duration kFirstRepeat = seconds(2);
constexpr unsigned kSendsMax = 5;

coap::EndpointConfig endpoint_config() {
  coap::EndpointConfig config;
  config.body_max = kBodyMax;
  return config;
}

std::string name_of(const Step& step) {
  const auto method = step.code == coap::Code::post && step.path == "/bs"
                          ? std::string("Finish")
                          : std::string(coap::describe(step.code).view()) + " " + step.path;
  return step.kind == Step::Kind::blocks ? method + " in blocks" : method;
}

Bytes copy_of(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Session::Session(Wire& wire, Random& random, SessionEvents events)
    : wire_(wire), random_(random), events_(std::move(events)), endpoint_(endpoint_config(), random) {}

// --- Messages -------------------------------------------------------------------------------------------

void Session::receive(TimePoint now, PeerId peer, ByteView datagram) {
  const auto message = coap::Message::parse(datagram);
  if (peer == silent_) {
    if (!message || !coap::is_request(message->code))
      return events_.message(now, peer, trace::Direction::up, datagram, "not heard on purpose");
    silent_ = PeerId();
  }
  events_.message(now, peer, trace::Direction::up, datagram, "");
  if (message && takes_piece(now, *message)) return flush(now);
  endpoint_.handle_datagram(now, peer, datagram);
  drain(now);
}

void Session::peer_gone(TimePoint now, PeerId peer) {
  endpoint_.drop_peer(peer);
  if (state_ == State::idle || peer != opening_.peer) return drain(now);
  if (transfer_) {
    note(steps_[at_], std::nullopt, coap::RequestFailure::peer_dropped, {});
    transfer_.reset();
  }
  drain(now);  // the answer that does not come
  if (state_ != State::idle) end_play(now);
}

void Session::handle_timeout(TimePoint now) {
  endpoint_.handle_timeout(now);
  drain(now);
  if (!wait_until_ || *wait_until_ > now) return;
  wait_until_.reset();
  if (transfer_) {
    if (transfer_->sent < kSendsMax) {
      send_piece(now);
    } else {
      note(steps_[at_], std::nullopt, coap::RequestFailure::timeout, {});
      transfer_.reset();
      ++at_;
      advance(now);
    }
  } else {
    ++at_;
    advance(now);
  }
  drain(now);
}

std::optional<TimePoint> Session::next_timeout() const {
  auto next = endpoint_.next_timeout();
  if (wait_until_ && (!next || *wait_until_ < *next)) next = wait_until_;
  return next;
}

void Session::drain(TimePoint now) {
  while (const auto event = endpoint_.poll_event()) {
    if (const auto* request = std::get_if<coap::RequestReceived>(&*event))
      events_.request(now, request->peer, request->id, request->message);
    else if (const auto* response = std::get_if<coap::ResponseReceived>(&*event))
      answered(now, *response);
    else if (const auto* failure = std::get_if<coap::RequestFailed>(&*event))
      failed(now, *failure);
  }
  flush(now);
}

void Session::flush(TimePoint now) {
  if (is_flushing_) return;  // a datagram that ends its session comes back here
  is_flushing_ = true;
  while (const auto out = endpoint_.poll_transmit()) {
    const auto datagram = copy_of(out->bytes);
    const auto peer = out->peer;
    const auto message = coap::Message::parse(datagram);
    const char* const spoilt = message ? spoil(peer, *message) : "";
    events_.message(now, peer, trace::Direction::down, datagram, spoilt);
    if (*spoilt != '\0') continue;
    wire_.send(now, peer, datagram);
    if (play_.sends_twice && state_ != State::idle && peer == opening_.peer) {
      events_.message(now, peer, trace::Direction::down, datagram, "");
      wire_.send(now, peer, datagram);
    }
  }
  is_flushing_ = false;
}

/// What keeps a message from leaving; "" for nothing.
const char* Session::spoil(PeerId peer, const coap::Message& message) const {
  if (peer == silent_) return "lost on purpose";
  const bool is_answer = coap::is_response(message.code)
                             ? message.token == opening_.token
                             : message.code == coap::Code::empty && message.message_id == opening_.message_id;
  return muted_ && peer == opening_.peer && is_answer ? "lost on purpose" : "";
}

void Session::respond(TimePoint now, coap::IncomingId id, const coap::OutgoingResponse& response) {
  (void)endpoint_.respond(now, id, response);  // a device that is gone does not hear it
  flush(now);
}

void Session::reset(TimePoint now, PeerId peer, coap::MessageId id) {
  std::array<std::uint8_t, 4> buffer{};
  coap::MessageWriter writer(buffer, coap::Type::reset, coap::Code::empty, id, {});
  if (const auto message = writer.finish()) {
    events_.message(now, peer, trace::Direction::down, *message, "");
    wire_.send(now, peer, *message);
  }
}

// --- The play ---------------------------------------------------------------------------------------------

void Session::play(TimePoint now, const Opening& opening, Play play) {
  leave();
  opening_ = opening;
  play_ = std::move(play);
  replies_.clear();
  before_.reset();
  during_.reset();
  last_command_.reset();
  muted_ = play_.greeting == Greeting::muted;
  if (play_.greeting == Greeting::answered) answer_request(now);
  state_ = State::discovering;
  if (play_.discovers_first)
    discover(now);
  else
    begin_steps(now);
  flush(now);
}

void Session::mute(const Opening& opening) {
  leave();
  opening_ = opening;
  muted_ = true;
}

void Session::leave() {
  if (asked_) endpoint_.cancel(*asked_);
  asked_.reset();
  transfer_.reset();
  wait_until_.reset();
  steps_.clear();
  at_ = 0;
  bad_accepted_ = false;
  muted_ = false;
  silent_ = PeerId();
  state_ = State::idle;
}

void Session::answer_request(TimePoint now) {
  muted_ = false;
  if (!opening_.id) return;
  respond(now, *opening_.id, {.code = coap::Code::changed});
  opening_.id.reset();
}

void Session::discover(TimePoint now) {
  const auto asked = endpoint_.request(now, opening_.peer,
                                       {.code = coap::Code::get,
                                        .path = "/",
                                        .accept = static_cast<std::uint16_t>(ContentFormat::link_format)});
  if (asked)
    asked_ = *asked;
  else if (state_ == State::discovering)
    begin_steps(now);
  last_command_ = now;
}

void Session::begin_steps(TimePoint now) {
  state_ = State::stepping;
  const Scene scene = before_ ? Scene(*before_) : Scene();
  steps_ = play_.script(play_.cast(scene));
  at_ = 0;
  advance(now);
}

bool Session::is_due(const Step& step) const {
  switch (step.when) {
    case Step::When::always:
      return true;
    case Step::When::if_accepted:
      return bad_accepted_;
    case Step::When::if_refused:
      return !bad_accepted_;
  }
  return true;
}

void Session::advance(TimePoint now) {
  while (state_ == State::stepping) {
    if (at_ >= steps_.size()) return end_play(now);
    if (!is_due(steps_[at_])) {
      ++at_;
      continue;
    }
    if (!perform(now, steps_[at_])) return;
    ++at_;
  }
}

bool Session::perform(TimePoint now, const Step& step) {
  switch (step.kind) {
    case Step::Kind::command:
      ask(now, step);
      return false;
    case Step::Kind::discover:
      discover(now);
      return false;
    case Step::Kind::answer:
      answer_request(now);
      return true;
    case Step::Kind::blocks:
      transfer_.emplace();
      send_piece(now);
      return false;
    case Step::Kind::wait:
      wait_until_ = now + step.wait;
      return false;
    case Step::Kind::inside:
      events_.message(now, opening_.peer, trace::Direction::down, step.payload, "");
      wire_.send(now, opening_.peer, step.payload);
      return true;
    case Step::Kind::outside:
      wire_.send_outside(opening_.peer, step.payload);
      return true;
    case Step::Kind::silence:
      silent_ = opening_.peer;
      return true;
    case Step::Kind::end: {
      at_ = steps_.size();  // what follows the end of the session is for nobody
      wire_.end(now, opening_.peer, step.alert);
      end_play(now);
      return false;
    }
  }
  return true;
}

void Session::ask(TimePoint now, const Step& step) {
  last_command_ = now;
  const auto asked = endpoint_.request(now, opening_.peer,
                                       {.code = step.code,
                                        .path = step.path,
                                        .content_format = step.format,
                                        .accept = step.accept,
                                        .payload = step.payload});
  if (asked) {
    asked_ = *asked;
    return;
  }
  note(step, std::nullopt, coap::RequestFailure::too_large, {});
  ++at_;
  advance(now);
}

void Session::answered(TimePoint now, const coap::ResponseReceived& event) {
  if (event.id != asked_) return;
  asked_.reset();
  const auto& message = event.message;
  const bool is_discover =
      state_ == State::discovering || (state_ == State::stepping && steps_[at_].kind == Step::Kind::discover);
  if (is_discover) {
    auto snapshot = coap::is_success(message.code) ? Snapshot::read(as_text(message.payload)) : std::nullopt;
    if (state_ == State::discovering) {
      before_ = std::move(snapshot);
      return begin_steps(now);
    }
    during_ = std::move(snapshot);
  } else {
    note(steps_[at_], message.code, std::nullopt, message.payload);
  }
  ++at_;
  advance(now);
}

void Session::failed(TimePoint now, const coap::RequestFailed& event) {
  if (event.id != asked_) return;
  asked_.reset();
  const bool is_gone = event.reason == coap::RequestFailure::peer_dropped;
  if (state_ == State::discovering) return is_gone ? end_play(now) : begin_steps(now);
  if (steps_[at_].kind == Step::Kind::command) note(steps_[at_], std::nullopt, event.reason, {});
  // A device that does not answer any more is waited for, not talked to.
  end_play(now);
}

void Session::note(const Step& step, std::optional<coap::Code> code,
                   std::optional<coap::RequestFailure> failure, ByteView payload) {
  Reply reply{.mark = step.mark, .what = name_of(step), .code = code, .failure = failure};
  const bool is_success = code && coap::is_success(*code);
  reply.gave_content = is_success && !payload.empty();
  if (!is_success)
    for (const auto byte : payload.first(std::min(payload.size(), kDiagnosticMax)))
      reply.diagnostic += byte < 0x20 || byte == 0x7F ? ' ' : static_cast<char>(byte);
  if (step.mark == Mark::bad) bad_accepted_ = is_success;
  replies_.push_back(std::move(reply));
}

void Session::end_play(TimePoint now) {
  // What is silent stays so, and a muted answer is never given.
  state_ = State::idle;
  asked_.reset();
  transfer_.reset();
  wait_until_.reset();
  events_.over(now);
}

// --- Blocks by hand ---------------------------------------------------------------------------------------

void Session::send_piece(TimePoint now) {
  auto& transfer = *transfer_;
  const auto& step = steps_[at_];
  if (transfer.sent == 0) {
    transfer.id = coap::MessageId(static_cast<std::uint16_t>(random_.below(65536)));
    transfer.message.resize(1280);
    const std::array<std::uint8_t, 3> token{0xB1, 0x0C, static_cast<std::uint8_t>(transfer.piece)};
    coap::MessageWriter writer(transfer.message, coap::Type::confirmable, step.code, transfer.id,
                               coap::Token(token));
    writer.path(coap::OptionNumber::uri_path, step.path);
    if (step.format) writer.option(coap::OptionNumber::content_format, std::uint64_t{*step.format});
    writer.option(coap::OptionNumber::block1, std::uint64_t{step.block_options[transfer.piece]});
    writer.payload(step.pieces[transfer.piece]);
    const auto written = writer.finish();
    transfer.message.resize(written ? written->size() : 0);
    last_command_ = now;
  }
  wait_until_ = now + kFirstRepeat * (1 << transfer.sent);
  ++transfer.sent;
  const auto message = transfer.message;  // sending may end the session, and the transfer
  events_.message(now, opening_.peer, trace::Direction::down, message, "");
  wire_.send(now, opening_.peer, message);
}

/// Whether a message belongs to the transfer.
bool Session::takes_piece(TimePoint now, const coap::Message& message) {
  if (!transfer_) return false;
  const bool is_ours =
      message.token.size() == 3 && message.token.bytes()[0] == 0xB1 && message.token.bytes()[1] == 0x0C;
  const bool is_reset = message.type == coap::Type::reset && message.message_id == transfer_->id;
  if (is_reset) {
    note(steps_[at_], std::nullopt, coap::RequestFailure::reset, {});
    transfer_.reset();
    wait_until_.reset();
    ++at_;
    advance(now);
    return true;
  }
  if (!is_ours || !coap::is_response(message.code)) return false;
  if (message.token.bytes()[2] == static_cast<std::uint8_t>(transfer_->piece))
    piece_answered(now, message.code, message.payload);
  return true;
}

void Session::piece_answered(TimePoint now, coap::Code code, ByteView payload) {
  wait_until_.reset();
  const auto& step = steps_[at_];
  const bool goes_on = code == coap::Code::continue_ && transfer_->piece + 1 < step.pieces.size();
  if (goes_on) {
    transfer_ = Transfer{.piece = transfer_->piece + 1};
    return send_piece(now);
  }
  note(step, code, std::nullopt, payload);
  transfer_.reset();
  ++at_;
  advance(now);
}

}  // namespace slipway::kit
