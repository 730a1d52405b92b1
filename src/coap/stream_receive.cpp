// SPDX-License-Identifier: Apache-2.0
// What comes in over a connection: messages for the owner, and signals. [RFC 8323 §3.2, §5]
#include <algorithm>

#include <slipway/coap/stream.hpp>

namespace slipway::coap {
namespace {

constexpr OptionNumber kMaxMessageSize{2};
constexpr OptionNumber kBlockWiseTransfer{4};
constexpr OptionNumber kCustody{2};
constexpr OptionNumber kAlternativeAddress{2};
constexpr OptionNumber kHoldOff{4};
constexpr OptionNumber kBadCsmOption{2};
constexpr std::size_t kHoldOffBytesMax = 3;

/// Options of signals have numbers of their own, and none that is critical is known [RFC 8323 §5.2].
std::optional<std::uint16_t> critical_option(const Message& signal) {
  for (std::size_t i = 0; i < signal.option_count(); ++i)
    if (const auto number = signal.option(i).number; is_critical(number))
      return static_cast<std::uint16_t>(number);
  return std::nullopt;
}

std::string_view diagnostic_of(const Message& signal) {
  return as_text(signal.payload).substr(0, kDiagnosticMax);
}

}  // namespace

std::optional<StreamEvent> StreamConnection::poll_event() {
  if (auto event = next_frame()) return event;
  if (!closed_ && unread().empty()) {
    give_memory_back(input_);
    input_head_ = 0;
  }
  if (!closed_ || end_told_) return std::nullopt;
  end_told_ = true;
  return StreamEvent(*closed_);
}

/// The next message that makes an event. Frames are taken one by one, as they are polled for.
std::optional<StreamEvent> StreamConnection::next_frame() {
  // What a peer said before it closed its side, or released, still counts; any other end is at once.
  const auto goes_on = [&] {
    return !closed_ || closed_->end == StreamEnd::closed_by_peer || closed_->end == StreamEnd::released;
  };
  while (goes_on()) {
    const auto rest = unread();
    const auto header = peek_frame(rest);
    if (!header) {
      fail(StreamEnd::malformed, header.error().detail);
      return std::nullopt;
    }
    if (*header && (*header)->size() > config_.message_max) {
      fail(StreamEnd::too_large, "message too large");
      return std::nullopt;
    }
    if (!*header || (*header)->size() > rest.size()) break;
    const auto frame = rest.first(static_cast<std::size_t>((*header)->size()));
    input_head_ += frame.size();
    partial_.reset();
    if (auto event = on_frame(frame)) return event;
  }
  if (unread().empty() || closed_) {
    partial_.reset();
  } else if (!partial_) {
    partial_ = now_;
  }
  return std::nullopt;
}

std::optional<StreamEvent> StreamConnection::on_frame(ByteView frame) {
  const auto message = Message::parse_frame(frame);
  if (!message) {
    fail(StreamEnd::malformed, message.error().detail);
    return std::nullopt;
  }
  if (!ready_ && message->code != Code::csm) {
    if (message->code == Code::abort) {
      on_abort(*message);
    } else {
      fail(StreamEnd::no_csm, "the first message is not a CSM");
    }
    return std::nullopt;
  }
  pinged_.reset();  // Whatever it says, it is there.
  if (is_signal(message->code)) return on_signal(*message);
  if (message->code == Code::empty) return std::nullopt;  // [RFC 8323 §3.4]
  if (is_request(message->code)) {
    remember(unanswered_, message->token);
  } else if (is_response(message->code)) {
    std::erase_if(awaiting_, [&](const Waiting& waiting) { return waiting.token == message->token; });
    finish_release();
  } else {
    fail(StreamEnd::malformed, "a code that is reserved");
    return std::nullopt;
  }
  return StreamMessage{frame};
}

std::optional<StreamEvent> StreamConnection::on_signal(const Message& message) {
  if (message.code == Code::csm) return on_csm(message);
  if (message.code == Code::abort) {
    on_abort(message);
    return std::nullopt;
  }
  if (critical_option(message)) {
    fail(StreamEnd::malformed, "a critical option that is not known in this signal");
    return std::nullopt;
  }
  if (message.code == Code::release) return on_release(message);
  if (message.code == Code::ping) on_ping(message);
  return std::nullopt;  // A Pong has done its work by coming; other signals are not known here.
}

std::optional<StreamEvent> StreamConnection::on_csm(const Message& message) {
  if (const auto unknown = critical_option(message)) {
    fail(StreamEnd::bad_csm, "a critical option in the CSM is not known", unknown);
    return std::nullopt;
  }
  auto peer = peer_;
  if (const auto size = message.find_number(kMaxMessageSize)) peer.message_max = *size;
  if (message.find(kBlockWiseTransfer)) peer.blockwise = true;
  const bool news = !ready_ || peer != peer_;
  ready_ = true;
  peer_ = peer;
  if (!news) return std::nullopt;
  return StreamReady{peer_};
}

/// The answer waits until all earlier requests have theirs where the peer asks for Custody, and says so
/// [RFC 8323 §5.4.1].
void StreamConnection::on_ping(const Message& message) {
  if (!message.find(kCustody)) return queue_signal(Code::pong, message.token, {}, false, {});
  if (held_pings_.size() == kHeldPingsMax) {
    queue_signal(Code::pong, held_pings_.front().token, {}, false, {});
    held_pings_.erase(held_pings_.begin());
  }
  held_pings_.push_back({message.token, next_serial_, now_});
  answer_held_pings();
}

void StreamConnection::answer_held_pings() {
  // Custody is an empty option, as a number without a value is.
  constexpr std::uint32_t kWithCustody = 0;
  while (!held_pings_.empty()) {
    const auto& first = held_pings_.front();
    const bool all_answered = unanswered_.empty() || unanswered_.front().serial >= first.before;
    if (!all_answered && now_ < first.since + config_.custody_wait) return;
    queue_signal(Code::pong, first.token, all_answered ? std::optional(kWithCustody) : std::nullopt, false,
                 {});
    held_pings_.erase(held_pings_.begin());
  }
}

std::optional<StreamEvent> StreamConnection::on_release(const Message& message) {
  if (!releasing_) releasing_ = now_;
  StreamReleased event{.diagnostic = diagnostic_of(message)};
  if (const auto address = message.find(kAlternativeAddress)) event.alternative_address = address->text();
  const auto hold_off = message.find(kHoldOff);
  if (hold_off && hold_off->value.size() <= kHoldOffBytesMax)
    event.hold_off = seconds(hold_off->number_value().value_or(0));
  finish_release();
  return event;
}

/// After a Release nothing is left to wait for: the connection ends. Who released waits for the peer to
/// close.
void StreamConnection::finish_release() {
  if (!releasing_ || release_sent_ || !unanswered_.empty() || !awaiting_.empty()) return;
  end(StreamEnd::released, {});
}

void StreamConnection::on_abort(const Message& message) {
  end(StreamEnd::aborted_by_peer, diagnostic_of(message));
  const auto option = message.find_number(kBadCsmOption);
  if (option && *option <= 0xFFFF) closed_->bad_csm_option = static_cast<std::uint16_t>(*option);
}

void StreamConnection::remember(Tokens& tokens, const Token& token) {
  if (tokens.size() == kStreamTokensMax) tokens.erase(tokens.begin());
  tokens.push_back({token, next_serial_++});
}

}  // namespace slipway::coap
