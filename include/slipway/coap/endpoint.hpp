// SPDX-License-Identifier: Apache-2.0
// CoAP exchanges with any number of peers: retransmission, deduplication, blocks, observe. Sans-I/O.
// [RFC 7252 §4, §5] [RFC 7641] [RFC 7959] [RFC 8323]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/base/ids.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>
#include <slipway/coap/message.hpp>
#include <slipway/coap/reliable.hpp>

namespace slipway::coap {

/// Transmission parameters [RFC 7252 §4.8] and the bounds of everything that a peer can grow.
struct EndpointConfig {
  Duration ack_timeout = seconds(2);
  double ack_random_factor = 1.5;
  unsigned max_retransmit = 4;
  unsigned nstart = 1;  ///< confirmable requests in flight to one peer; further ones wait in its queue
  Duration exchange_lifetime = seconds(247);
  Duration non_lifetime = seconds(145);
  /// How long a request waits for a separate response after its empty ACK.
  Duration response_timeout = seconds(93);
  /// An incoming confirmable request is acknowledged empty when no answer came by then.
  Duration separate_after = milliseconds(500);

  std::size_t exchanges_max = 1024;     ///< outgoing requests and notifications alive, all peers
  std::size_t queue_per_peer_max = 32;  ///< of them waiting for one peer
  /// Remembered incoming messages (deduplication), all peers. When full, answered ones whose sender has
  /// stopped repeating them (45 s with the defaults) go first; without such, new work is refused.
  std::size_t incoming_max = 1024;
  std::size_t incoming_per_peer_max = 16;  ///< of one peer; the oldest answered one is forgotten first
  std::size_t datagram_max = 1280;         ///< largest message written or accepted
  std::size_t frame_max = 65 * 1024;       ///< the same of a reliable peer's
  std::size_t body_max = 64 * 1024;        ///< largest body put together from or cut into blocks
  std::size_t bodies_max = 64;             ///< block-wise transfers in progress, all peers
  std::uint8_t block_szx = 6;              ///< preferred block size, 0..6 for 16..1024 bytes
  std::size_t bodies_per_peer_max = 8;     ///< of them that one peer's requests may hold
  Duration body_lifetime = seconds(247);   ///< of a body that a peer neither continues nor fetches
  std::size_t reliable_max = 1 << 20;      ///< reliable peers at a time
  unsigned reliable_nstart = 16;           ///< as nstart, of a reliable peer; each holds until it is answered
};

/// Names an outgoing request, until its final event. Never reused.
using RequestId = StrongId<struct RequestIdTag, std::uint64_t>;
/// Names an incoming request, until it is answered.
using IncomingId = StrongId<struct IncomingIdTag, std::uint64_t>;

struct OutgoingRequest {
  Code code = Code::get;
  Type type = Type::confirmable;
  std::string_view path = "/";                  ///< "/3/0"; an escaped slash is not supported
  std::span<const std::string_view> queries{};  ///< each "name=value" or "name"
  std::optional<std::uint16_t> content_format{};
  std::optional<std::uint16_t> accept{};
  std::optional<std::uint32_t> observe{};  ///< 0 registers, 1 cancels
  ByteView payload{};                      ///< copied; cut into Block1 where it is too long
  std::uint64_t tag = 0;                   ///< the caller's own mark; comes back in every event
  std::optional<Token> token{};            ///< to cancel an observation: its token; else random
};

struct OutgoingResponse {
  Code code = Code::content;
  std::optional<std::uint16_t> content_format{};
  std::string_view location_path{};  ///< "/rd/5a3f"
  std::optional<std::uint32_t> observe{};
  std::optional<std::uint32_t> max_age{};
  ByteView payload{};  ///< copied; served as Block2 where it is too long
};

enum class RequestFailure : std::uint8_t {
  timeout,       ///< no acknowledgement after all retransmissions, or no response in time
  reset,         ///< the peer answered RST
  peer_dropped,  ///< drop_peer()
  block_error,   ///< the peer broke the rules of a block-wise transfer
  too_large,     ///< the response would exceed body_max
};

/// A whole request has arrived (blocks put together). Answer with `respond`, now or later.
struct RequestReceived {
  PeerId peer;
  IncomingId id;
  Message message;  ///< payload is the whole body
};
/// A whole response has arrived; final unless `notifications_follow`. A notification that ends its
/// observation (an error, or no Observe option) comes as this too [RFC 7641 §3.2].
struct ResponseReceived {
  PeerId peer;
  RequestId id;
  std::uint64_t tag;
  Message message;            ///< payload is the whole body
  bool notifications_follow;  ///< the response to an Observe request carried the Observe option
};
/// A notification of an observation that this endpoint asked for, in order (old ones are dropped).
struct NotificationReceived {
  PeerId peer;
  RequestId id;  ///< of the Observe request
  std::uint64_t tag;
  Message message;
};
struct RequestFailed {
  PeerId peer;
  RequestId id;
  std::uint64_t tag;
  RequestFailure reason;
};
/// What became of a notification that this endpoint sent. A non-confirmable one makes an event only when the
/// peer rejects it.
enum class NotifyOutcome : std::uint8_t { acknowledged, rejected, timeout };
struct NotifyDone {
  PeerId peer;
  Token token;
  std::uint64_t tag;
  NotifyOutcome outcome;  ///< `rejected` (RST) cancels the observation [RFC 7641 §3.6]
};

using Event =
    std::variant<RequestReceived, ResponseReceived, NotificationReceived, RequestFailed, NotifyDone>;

struct Transmit {
  PeerId peer;
  ByteView bytes;  ///< valid until the next non-const call
};

/// A request that was answered, as it is remembered for its repetitions: what a session needs that goes on in
/// another Endpoint.
struct AnsweredRequest {
  static constexpr std::size_t kAnswerMax = 64;
  Type type = Type::confirmable;
  MessageId id;
  Bytes answer;  ///< the whole message; empty where it is longer: a repetition then gets no answer
};

struct EndpointCounters {
  std::uint64_t received = 0, sent = 0, retransmitted = 0, duplicates = 0, malformed = 0, rejected = 0,
                unmatched = 0, overload = 0;
};

/// The contract of every engine (HOUSE: handle, timeout, next, transmit, event).
///
/// Malformed messages are rejected or dropped as [RFC 7252 §4.2, §4.3] says; unknown critical options
/// answer 4.02, a body above `body_max` 4.13, a gap in Block1 4.08. A confirmable ping is answered by
/// RST. A duplicate request replays its answer and makes no event. When a table is full, new work
/// is refused (5.03, or no answer to NON) and old work goes on.
class Endpoint {
 public:
  Endpoint(const EndpointConfig& config, Random& random);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// The peer is reached over a stream, until drop_peer; a peer that is never told is one of datagrams. Its
  /// messages, both ways, are frames (`Message::parse_frame`); nothing is acknowledged or repeated, and
  /// bodies go whole where the peer takes them. Call it before anything else of the peer, and again
  /// when its CSM says something new. Errors: exhausted (reliable_max). [RFC 8323]
  Result<void> set_reliable(PeerId peer, const Reliable& reliable);
  /// A datagram, or of a reliable peer one whole frame.
  void handle_datagram(TimePoint now, PeerId peer, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<Transmit> poll_transmit();
  /// Views inside the event point into the datagram given to handle_datagram, or into this object;
  /// they are valid until the next handle_ call or poll_event. Calls of request, respond, notify
  /// and cancel leave them valid. Poll until empty before giving the next datagram.
  [[nodiscard]] std::optional<Event> poll_event();

  /// Queues a request. Errors: exhausted (exchanges_max, queue_per_peer_max, bodies_max), limit (payload
  /// above body_max, or above what a reliable peer without blocks takes), no_space (options alone exceed
  /// datagram_max).
  Result<RequestId> request(TimePoint now, PeerId peer, const OutgoingRequest& request);
  /// Forgets a request: no event follows and a late answer is dropped. An observation is forgotten
  /// too: the next notification is answered by RST, a reliable peer is asked to end it [RFC 8323 §7.4].
  void cancel(RequestId id);
  /// As cancel, of an observation that the peer has forgotten itself: a reliable peer is not asked.
  void forget(RequestId id);
  /// Answers an incoming request: piggybacked if it was not yet acknowledged, else separately.
  /// Errors: not_found (already answered, or its peer was dropped), limit (a reliable peer that takes neither
  /// the whole nor blocks has got 5.00), exhausted, no_space.
  Result<void> respond(TimePoint now, IncomingId id, const OutgoingResponse& response);
  /// Sends a notification with the token of an observation. Errors as `request`. To a reliable peer it
  /// counts as acknowledged at once: what its stream has taken arrives, or the connection ends.
  Result<void> notify(TimePoint now, PeerId peer, const Token& token, Type type,
                      const OutgoingResponse& response, std::uint64_t tag);
  /// The peer is gone (session or connection closed): ends its exchanges with RequestFailed{peer_dropped}
  /// and forgets the rest.
  void drop_peer(PeerId peer);
  /// A peer's requests that must not be carried out again, oldest first: all but GET and FETCH, as many as
  /// incoming_per_peer_max. [RFC 7252 §4.5]
  [[nodiscard]] std::vector<AnsweredRequest> answered_requests(PeerId peer) const;
  /// Remembers such requests of a session that goes on here, as many as there is room for.
  void remember_answered(TimePoint now, PeerId peer, std::span<const AnsweredRequest> requests);
  /// True while a confirmable exchange with the peer is in flight or queued.
  [[nodiscard]] bool busy(PeerId peer) const;
  [[nodiscard]] const EndpointCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::coap
