// SPDX-License-Identifier: Apache-2.0
// A connection as a whole: its bytes, its clock, its ends. [RFC 8323 §3, §5]
#include <algorithm>

#include <slipway/coap/stream.hpp>

namespace slipway::coap {
namespace {

/// What an owner may give without polling, beyond one message.
constexpr std::size_t kUnpolledMax = 256 * 1024;
/// Room for an Abort behind whatever waits already.
constexpr std::size_t kSignalMax = 2 * kDiagnosticMax;

constexpr std::string_view kTooMuchWaits = "more waits for the peer than outstanding_max";
constexpr OptionNumber kOption2{2};
constexpr OptionNumber kOption4{4};

StreamConfig sane(StreamConfig config) {
  config.message_max = std::clamp<std::size_t>(config.message_max, kStreamMessageDefault, 0xFFFFFFFF);
  config.outstanding_max = std::max(config.outstanding_max, config.message_max);
  return config;
}

}  // namespace

const char* to_string(StreamEnd end) {
  switch (end) {
    case StreamEnd::closed_by_peer:
      return "closed by the peer";
    case StreamEnd::aborted_by_peer:
      return "aborted by the peer";
    case StreamEnd::released:
      return "released";
    case StreamEnd::no_csm:
      return "no CSM";
    case StreamEnd::bad_csm:
      return "bad CSM";
    case StreamEnd::malformed:
      return "malformed";
    case StreamEnd::too_large:
      return "message too large";
    case StreamEnd::too_slow:
      return "message too slow";
    case StreamEnd::silent:
      return "silent";
    case StreamEnd::stalled:
      return "stalled";
    case StreamEnd::aborted:
      return "aborted";
  }
  return "unknown";
}

StreamConnection::StreamConnection(TimePoint now, const StreamConfig& config)
    : config_(sane(config)), now_(now), opened_(now), heard_(now), progress_(now) {
  queue_signal(Code::csm, {}, static_cast<std::uint32_t>(config_.message_max), config_.blockwise, {});
}

void StreamConnection::handle_bytes(TimePoint now, ByteView bytes) {
  now_ = std::max(now_, now);
  if (closed_ || bytes.empty()) return;
  heard_ = now_;
  if (unread().size() + bytes.size() > config_.message_max + kUnpolledMax)
    return fail(StreamEnd::aborted, "messages are not fetched");
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(input_head_));
  input_head_ = 0;
  input_.insert(input_.end(), bytes.begin(), bytes.end());
}

void StreamConnection::handle_end(TimePoint now) {
  now_ = std::max(now_, now);
  // What came before the end can still be polled: the end is told after it.
  if (releasing_) return end(StreamEnd::released, {});
  end(StreamEnd::closed_by_peer, partial_ ? "the stream ended inside a message" : std::string_view());
}

/// A connection without anything under way keeps next to no memory.
void StreamConnection::give_memory_back(Bytes& bytes) {
  constexpr std::size_t kKeptMax = 512;
  bytes.clear();
  if (bytes.capacity() > kKeptMax) Bytes().swap(bytes);
}

std::optional<TimePoint> StreamConnection::next_timeout() const {
  if (closed_) return std::nullopt;
  std::optional<TimePoint> next;
  const auto consider = [&](TimePoint deadline) {
    if (!next || deadline < *next) next = deadline;
  };
  if (!ready_) consider(opened_ + config_.csm_timeout);
  if (partial_) consider(*partial_ + config_.message_timeout);
  if (pinged_) {
    consider(*pinged_ + config_.pong_timeout);
  } else if (ready_ && config_.ping_after > Duration::zero()) {
    consider(heard_ + config_.ping_after);
  }
  if (outstanding() != 0) consider(progress_ + config_.stall_timeout);
  if (!held_pings_.empty()) consider(held_pings_.front().since + config_.custody_wait);
  if (releasing_) consider(*releasing_ + config_.release_timeout);
  return next;
}

void StreamConnection::handle_timeout(TimePoint now) {
  now_ = std::max(now_, now);
  if (closed_) return;
  if (!ready_ && opened_ + config_.csm_timeout <= now_) return fail(StreamEnd::no_csm, "no CSM came in time");
  if (partial_ && *partial_ + config_.message_timeout <= now_)
    return fail(StreamEnd::too_slow, "a message did not arrive whole in time");
  if (outstanding() != 0 && progress_ + config_.stall_timeout <= now_)
    return end(StreamEnd::stalled, "the peer reads nothing");
  if (pinged_ && *pinged_ + config_.pong_timeout <= now_)
    return fail(StreamEnd::silent, "a Ping was not answered");
  if (releasing_ && *releasing_ + config_.release_timeout <= now_) return end(StreamEnd::released, {});
  if (ready_ && !pinged_ && config_.ping_after > Duration::zero() && heard_ + config_.ping_after <= now_)
    ping(now_);
  answer_held_pings();
}

ByteView StreamConnection::poll_output() const {
  return ByteView(output_).subspan(output_head_);
}

void StreamConnection::taken(TimePoint now, std::size_t bytes) {
  now_ = std::max(now_, now);
  if (bytes == 0) return;
  progress_ = now_;
  output_head_ += std::min(bytes, outstanding());
  if (output_head_ != output_.size()) return;
  give_memory_back(output_);
  output_head_ = 0;
}

Result<void> StreamConnection::send(TimePoint now, ByteView frame) {
  now_ = std::max(now_, now);
  if (closed_) return slipway::fail(ErrorCode::refused, "the connection has ended");
  const auto header = peek_frame(frame);
  if (!header || !*header || (*header)->size() != frame.size())
    return slipway::fail(ErrorCode::malformed, "not one whole frame");
  if (frame.size() > peer_.message_max)
    return slipway::fail(ErrorCode::limit, "the message is larger than the peer takes");
  const Code code{frame[(*header)->code_at()]};
  if (is_request(code) && releasing_)
    return slipway::fail(ErrorCode::refused, "the connection is being released");
  if (outstanding() + frame.size() > config_.outstanding_max) {
    end(StreamEnd::stalled, kTooMuchWaits);
    return slipway::fail(ErrorCode::exhausted, "outstanding_max bytes wait for the peer");
  }
  const Token token(frame.subspan((*header)->code_at() + 1, (*header)->token_length));
  queue(frame);
  if (is_request(code)) {
    remember(awaiting_, token);
  } else if (is_response(code)) {
    std::erase_if(unanswered_, [&](const Waiting& waiting) { return waiting.token == token; });
    answer_held_pings();
    finish_release();
  }
  return {};
}

void StreamConnection::ping(TimePoint now) {
  now_ = std::max(now_, now);
  if (closed_ || pinged_) return;
  pinged_ = now_;
  ++ping_number_;
  const std::array<std::uint8_t, 2> token{static_cast<std::uint8_t>(ping_number_ >> 8),
                                          static_cast<std::uint8_t>(ping_number_)};
  queue_signal(Code::ping, Token(token), {}, false, {});
}

void StreamConnection::release(TimePoint now) {
  now_ = std::max(now_, now);
  if (closed_ || release_sent_) return;
  release_sent_ = true;
  if (!releasing_) releasing_ = now_;
  queue_signal(Code::release, {}, {}, false, {});
}

void StreamConnection::abort(TimePoint now, const char* diagnostic) {
  now_ = std::max(now_, now);
  fail(StreamEnd::aborted, diagnostic);
}

/// Frames wait behind each other in one buffer, whose front goes as the stream takes it.
void StreamConnection::queue(ByteView frame) {
  if (outstanding() == 0) progress_ = now_;
  if (output_head_ > output_.size() / 2) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_head_));
    output_head_ = 0;
  }
  output_.insert(output_.end(), frame.begin(), frame.end());
}

void StreamConnection::queue_signal(Code code, const Token& token, std::optional<std::uint32_t> option_2,
                                    bool option_4, std::string_view diagnostic) {
  // A peer that asks and asks and reads no answer.
  if (outstanding() > config_.outstanding_max) return end(StreamEnd::stalled, kTooMuchWaits);
  std::array<std::uint8_t, kSignalMax> buffer;
  MessageWriter writer(buffer, code, token);
  if (option_2) writer.option(kOption2, std::uint64_t{*option_2});
  if (option_4) writer.option(kOption4, ByteView{});
  writer.payload(as_bytes(diagnostic.substr(0, kDiagnosticMax)));
  if (const auto frame = writer.finish()) queue(*frame);
}

/// Ends without a word to the peer.
void StreamConnection::end(StreamEnd reason, std::string_view diagnostic) {
  if (closed_) return;
  closed_ = StreamClosed{reason, diagnostic};
}

/// Ends with an Abort [RFC 8323 §5.6].
void StreamConnection::fail(StreamEnd reason, std::string_view diagnostic,
                            std::optional<std::uint16_t> bad_option) {
  if (closed_) return;
  const auto option = bad_option ? std::optional<std::uint32_t>(*bad_option) : std::nullopt;
  queue_signal(Code::abort, {}, option, false, diagnostic);
  end(reason, diagnostic);
  closed_->bad_csm_option = bad_option;
}

}  // namespace slipway::coap
