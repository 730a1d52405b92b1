// SPDX-License-Identifier: Apache-2.0
// One connection of CoAP over TCP or TLS: framing and signalling. Sans-I/O. [RFC 8323 §3, §5]
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/result.hpp>
#include <slipway/base/time.hpp>
#include <slipway/coap/message.hpp>
#include <slipway/coap/reliable.hpp>

namespace slipway::coap {

/// The bounds and times of a connection.
struct StreamConfig {
  /// Bytes of the largest message that is taken; told to the peer in the CSM. Give the endpoint's
  /// `EndpointConfig::frame_max`.
  std::size_t message_max = 65 * 1024;
  bool blockwise = true;                    ///< whether we take bodies in blocks; told in the CSM
  Duration csm_timeout = seconds(10);       ///< for the peer's CSM, from the start of the connection
  Duration message_timeout = seconds(120);  ///< from the first byte of a message to its last
  Duration ping_after = seconds(600);       ///< a peer that was silent for so long is pinged; zero: never
  Duration pong_timeout = seconds(30);      ///< it is gone when it does not answer a ping by then
  Duration custody_wait = seconds(5);       ///< a Pong waits so long for the answers to earlier requests
  Duration release_timeout = seconds(30);   ///< from a Release, either way, to the end
  /// How long the peer may read nothing of what waits for it.
  Duration stall_timeout = seconds(60);
  /// Bytes that may wait for a peer that reads slowly; at least one message of message_max always may.
  std::size_t outstanding_max = 1024 * 1024;
};

/// Requests of one direction whose answers are waited for; of more, the oldest is no longer waited for.
inline constexpr std::size_t kStreamTokensMax = 64;
/// Pings with Custody that wait for answers; of more, the oldest is answered without Custody.
inline constexpr std::size_t kHeldPingsMax = 4;
/// Bytes of a diagnostic text that a peer's Release or Abort is read to.
inline constexpr std::size_t kDiagnosticMax = 255;

/// The peer's CSM has come; comes again when a later one says something else.
struct StreamReady {
  Reliable peer;
};
/// One whole message, never a signalling or empty one; its options can be parsed. `Message::parse_frame`.
struct StreamMessage {
  ByteView frame;
};
/// The peer wants the connection to end. Send no new request; StreamClosed follows when what is outstanding
/// is answered, at the latest after release_timeout. [RFC 8323 §5.5]
struct StreamReleased {
  std::string_view alternative_address;  ///< the first one given; may be empty. Hostile text
  seconds hold_off{};                    ///< do not connect again before
  std::string_view diagnostic;           ///< the peer's text; may be empty. Hostile text
};
enum class StreamEnd : std::uint8_t {
  closed_by_peer,   ///< its stream ended
  aborted_by_peer,  ///< it sent an Abort
  released,         ///< after a Release of either side
  no_csm,           ///< the peer's CSM did not come in time, or something else came first
  bad_csm,          ///< it has a critical option that is not known here
  malformed,        ///< the peer's bytes are no CoAP
  too_large,        ///< a message is above message_max
  too_slow,         ///< a message did not arrive whole within message_timeout
  silent,           ///< a ping was not answered
  stalled,          ///< the peer does not read what is sent to it
  aborted,          ///< abort()
};
[[nodiscard]] const char* to_string(StreamEnd end);
/// The last event. Write out what poll_output still has, as far as that needs no waiting, and close the
/// stream; tell the endpoint by drop_peer.
struct StreamClosed {
  StreamEnd end;
  std::string_view diagnostic;  ///< what was wrong: ours, or of aborted_by_peer the peer's hostile text
  std::optional<std::uint16_t> bad_csm_option{};  ///< the option that the peer (or we) did not know
};
using StreamEvent = std::variant<StreamReady, StreamMessage, StreamReleased, StreamClosed>;

/// The protocol half of one connection, once TCP (and TLS) is established. It is the same for who opened the
/// connection and who accepted it.
///
///   waiting for CSM --CSM--> open --Release either way--> releasing --all answered, or timeout--> closed
///        any state --abort, Abort, end of stream, broken rule, timeout--> closed
///
/// Our CSM is the first output. Messages may be sent at once, of up to kStreamMessageDefault bytes before the
/// peer's CSM says more; a server better waits for StreamReady before it tells an engine of the peer.
class StreamConnection {
 public:
  StreamConnection(TimePoint now, const StreamConfig& config);

  /// Bytes of the stream, cut anywhere; copied. Call poll_event until it is empty before giving more.
  void handle_bytes(TimePoint now, ByteView bytes);
  /// The peer has ended its side of the stream.
  void handle_end(TimePoint now);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  /// What waits to be written to the stream; valid until the next call of a function that is not const. Tell
  /// by `taken` how much of it the stream took.
  [[nodiscard]] ByteView poll_output() const;
  void taken(TimePoint now, std::size_t bytes);
  /// Views inside the event are valid until the next handle_ call or poll_event.
  [[nodiscard]] std::optional<StreamEvent> poll_event();

  /// Sends one message as MessageWriter wrote it. Errors: refused (the connection has ended, or is being
  /// released and this is a request), limit (larger than the peer takes), malformed (no frame), exhausted
  /// (outstanding_max; the connection ends as stalled, because a stream may not lose a message).
  Result<void> send(TimePoint now, ByteView frame);
  /// Asks whether the peer is there; it ends as `silent` when no answer comes.
  void ping(TimePoint now);
  /// Ends in good order: no new requests, what is outstanding is answered, the peer closes.
  void release(TimePoint now);
  /// Ends at once, telling the peer why in a string literal.
  void abort(TimePoint now, const char* diagnostic);

  [[nodiscard]] bool closed() const { return closed_.has_value(); }
  /// What the peer's CSM said; defaults before.
  [[nodiscard]] const Reliable& peer() const { return peer_; }

 private:
  struct Waiting {
    Token token;
    std::uint64_t serial;
  };
  using Tokens = std::vector<Waiting>;
  struct HeldPing {
    Token token;
    std::uint64_t before;  ///< waits for the requests with a lower serial
    TimePoint since;
  };

  static void give_memory_back(Bytes& bytes);
  void queue(ByteView frame);
  void queue_signal(Code code, const Token& token, std::optional<std::uint32_t> option_2, bool option_4,
                    std::string_view diagnostic);
  void end(StreamEnd reason, std::string_view diagnostic);
  void fail(StreamEnd reason, std::string_view diagnostic, std::optional<std::uint16_t> bad_option = {});
  [[nodiscard]] std::optional<StreamEvent> next_frame();
  [[nodiscard]] std::optional<StreamEvent> on_frame(ByteView frame);
  [[nodiscard]] std::optional<StreamEvent> on_signal(const Message& message);
  [[nodiscard]] std::optional<StreamEvent> on_csm(const Message& message);
  [[nodiscard]] std::optional<StreamEvent> on_release(const Message& message);
  void on_ping(const Message& message);
  void on_abort(const Message& message);
  void remember(Tokens& tokens, const Token& token);
  void answer_held_pings();
  void finish_release();
  [[nodiscard]] ByteView unread() const { return ByteView(input_).subspan(input_head_); }
  [[nodiscard]] std::size_t outstanding() const { return output_.size() - output_head_; }

  StreamConfig config_;
  Reliable peer_;
  TimePoint now_;
  TimePoint opened_;
  TimePoint heard_;  ///< when bytes came last
  bool ready_ = false;
  bool end_told_ = false;
  bool release_sent_ = false;
  std::uint16_t ping_number_ = 0;
  std::optional<TimePoint> pinged_;
  std::optional<TimePoint> releasing_;
  std::optional<TimePoint> partial_;  ///< since when a message is incomplete
  TimePoint progress_;                ///< when the peer took output last, or there was none
  std::optional<StreamClosed> closed_;
  Bytes input_;
  std::size_t input_head_ = 0;
  Bytes output_;
  std::size_t output_head_ = 0;
  std::uint64_t next_serial_ = 0;
  Tokens unanswered_;  ///< requests of the peer
  Tokens awaiting_;    ///< requests of ours
  std::vector<HeldPing> held_pings_;
};

}  // namespace slipway::coap
