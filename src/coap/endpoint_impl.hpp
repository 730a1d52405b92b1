// SPDX-License-Identifier: Apache-2.0
// The state of an Endpoint; its functions stand in one file a subject.
#pragma once

#include <array>

#include <slipway/base/hash_index.hpp>
#include <slipway/base/timer_queue.hpp>

#include "coap/options.hpp"
#include "coap/tables.hpp"

namespace slipway::coap {

class Endpoint::Impl {
 public:
  Impl(const EndpointConfig& config, Random& random);

  // endpoint.cpp
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();
  void drop_peer(PeerId peer);
  [[nodiscard]] std::vector<AnsweredRequest> answered_requests(PeerId peer) const;
  void remember_answered(TimePoint now, PeerId peer, std::span<const AnsweredRequest> requests);
  [[nodiscard]] bool busy(PeerId peer) const;

  // reliable.cpp
  Result<void> set_reliable(PeerId peer, const Reliable& reliable);

  // receive.cpp
  void handle_datagram(TimePoint now, PeerId peer, ByteView datagram);

  // requests.cpp
  Result<RequestId> request(TimePoint now, PeerId peer, const OutgoingRequest& request);
  Result<void> notify(TimePoint now, PeerId peer, const Token& token, Type type,
                      const OutgoingResponse& response, std::uint64_t tag);
  void cancel(RequestId id);
  void forget(RequestId id);

  // respond.cpp
  Result<void> respond(TimePoint now, IncomingId id, const OutgoingResponse& response);

  EndpointCounters counters;

 private:
  /// A response as it goes on the wire.
  struct Parts {
    Code code = Code::content;
    std::optional<Token> etag{};
    std::optional<std::uint32_t> observe{};
    std::string_view location_path{};
    std::optional<std::uint16_t> content_format{};
    std::optional<std::uint32_t> max_age{};
    std::optional<Block> block2{};
    std::optional<Block> block1{};
    std::optional<std::uint32_t> size2{};
    std::optional<std::uint32_t> size1{};
    ByteView payload{};
  };
  struct Head {
    Type type;
    MessageId id;
    Token token;
    std::size_t frame_max = 0;  ///< of a reliable peer; 0 for a datagram
    bool blocks = true;         ///< the peer takes bodies in blocks
    [[nodiscard]] bool framed() const { return frame_max != 0; }
  };
  /// An event with what its views point into.
  struct Pending {
    Event event;
    Buffer datagram;
    Bytes body;
  };
  struct Outgoing {
    PeerId peer;
    Buffer bytes;
  };
  using Kind = Exchange::Kind;
  using State = Exchange::State;

  // endpoint.cpp: peers, and what leaves this object
  [[nodiscard]] std::uint32_t hash_of(PeerId peer) const;
  [[nodiscard]] std::uint32_t hash_of(PeerId peer, MessageId id) const;
  [[nodiscard]] std::uint32_t hash_of(PeerId peer, const Token& token) const;
  [[nodiscard]] Slot find_peer(PeerId peer) const;
  Slot peer_of(PeerId peer);
  void forget_idle_peer(Slot slot);
  MessageId next_message_id(Slot peer);
  void send(PeerId peer, Buffer bytes);
  [[nodiscard]] Buffer empty_message(Type type, MessageId id);
  void send_empty(PeerId peer, Type type, MessageId id);
  void reset(PeerId peer, MessageId id);
  void push_event(Event event, Buffer datagram = {}, Bytes body = {});
  /// Starts a message in the scratch buffer, and ends it where it fits the peer.
  [[nodiscard]] MessageWriter begin(const Head& head, Code code);
  [[nodiscard]] static Result<ByteView> complete(MessageWriter& writer, const Head& head);

  // reliable.cpp: peers over streams
  [[nodiscard]] const Reliable* reliable_of(PeerId peer) const;
  [[nodiscard]] const Reliable* reliable_of(Slot peer) const;
  [[nodiscard]] Slot find_reliable(PeerId peer) const;
  void forget_reliable(PeerId peer);
  [[nodiscard]] Bert bert_of(Slot peer) const {
    return peers_[peer].reliable == kNoSlot ? Bert::refused : Bert::accepted;
  }
  [[nodiscard]] unsigned nstart_of(const Peer& peer) const {
    return peer.reliable == kNoSlot ? config_.nstart : config_.reliable_nstart;
  }
  [[nodiscard]] Head head_of(const Reliable& reliable, const Token& token) const;
  [[nodiscard]] Head head_for(Slot peer, Type type, const Token& token);
  [[nodiscard]] Result<Message> parse_kept(Slot peer, const Buffer& bytes) const;
  void handle_frame(PeerId peer, ByteView frame);
  void receive_framed_response(PeerId peer, const Message& message, const Buffer& datagram);
  Result<void> notify_reliable(Slot peer, const Token& token, Type type, Parts& parts, std::uint64_t tag);
  void end_observation(Slot slot);

  // receive.cpp
  void reject_malformed(PeerId peer, ByteView datagram);
  void receive_empty(PeerId peer, const Message& message);
  void receive_response(PeerId peer, const Message& message, const Buffer& datagram);
  void receive_piggybacked(PeerId peer, const Message& message, const Buffer& datagram);
  void on_acknowledged(Slot slot);
  void on_response(Slot slot, const Message& message, const Buffer& datagram);
  void on_notification(Slot slot, const Message& message, const Buffer& datagram);
  void begin_observing(Slot slot, std::uint32_t sequence);
  bool is_fresh(Exchange& exchange, std::uint32_t sequence);
  void deliver(Slot slot, const Message& message, const Buffer& datagram, Bytes body = {});
  void deliver_to_parent(Slot slot, const Message& message, const Buffer& datagram, Bytes body);

  // exchanges.cpp: the message layer of what we send
  [[nodiscard]] Slot take_exchange();
  [[nodiscard]] bool exchanges_full() const { return exchanges_.full() && lingering_.empty(); }
  [[nodiscard]] bool queue_full(const Peer& peer) const {
    return peer.in_flight >= nstart_of(peer) && peer.queued >= config_.queue_per_peer_max;
  }
  void enlist(Slot slot, Slot peer);
  void index(Slot slot);
  void unindex(Slot slot);
  enum class Turn : std::uint8_t { in_order, next };
  void start(Slot slot, Turn turn = Turn::in_order);
  void transmit_first(Slot slot);
  void leave_flight(Slot slot);
  void run_queue(Slot peer);
  void close(Exchange& exchange);
  void finish(Slot slot);
  void fail(Slot slot, RequestFailure reason);
  void linger(Slot slot);
  void on_exchange_timer(Slot slot);
  [[nodiscard]] Slot find_by_id(PeerId peer, MessageId id) const;
  [[nodiscard]] Slot find_by_token(PeerId peer, const Token& token) const;

  // incoming.cpp: what comes in, and its duplicates
  [[nodiscard]] Slot find_incoming(PeerId peer, MessageId id) const;
  [[nodiscard]] Slot remember(PeerId peer, const Message& message);
  bool forget_past_repetition();
  void forget(Slot slot);
  void answered(Slot slot, Buffer answer);
  bool replayed(PeerId peer, const Message& message);
  void acknowledge_late(Slot slot);
  void receive_request(PeerId peer, const Message& message, const Buffer& datagram);
  void overloaded(PeerId peer, const Message& message);
  void answer(Slot slot, const Parts& parts);

  // respond.cpp
  [[nodiscard]] Result<Buffer> write(const Head& head, const Parts& parts);
  [[nodiscard]] Result<Buffer> write_cut(const Head& head, Parts& parts, ByteView body, std::uint8_t szx);
  Result<void> dispatch(Slot slot, const Head& head, Buffer bytes);
  Result<void> dispatch_answer(Slot slot, const Head& head, const Parts& parts);
  [[nodiscard]] Head answer_head(Slot slot);

  // blockwise_server.cpp
  void receive_block1(Slot slot, const Message& message, const Buffer& datagram, Block block);
  void refuse_body(Slot slot, Block block, Code code);
  Result<void> dispatch_first_block(Slot slot, const Head& head, Buffer bytes,
                                    const OutgoingResponse& response, const Parts& parts);
  bool serve_stored(Slot slot, const Message& message, Block block);
  [[nodiscard]] Slot find_transfer(Slot peer, Transfer::Kind kind, std::uint64_t key) const;
  [[nodiscard]] Slot take_peer_transfer(Slot peer, Transfer::Kind kind, std::uint64_t key);
  void touch(Slot transfer);
  void release_transfer(Slot transfer);
  [[nodiscard]] Token etag_of(ByteView body) const;

  // blockwise_client.cpp
  void begin_upload(Slot slot, ByteView payload, std::uint8_t szx);
  bool on_upload_response(Slot slot, const Message& message);
  bool restart_smaller(Slot slot, const Message& message);
  bool on_download_response(Slot slot, const Message& message, const Buffer& datagram,
                            std::optional<Block> block);
  void begin_download(Slot slot, const Message& message, const Buffer& datagram, Block block);
  void restart_download(Slot slot);
  void fetch_rest(Slot parent, const Message& message, const Buffer& datagram, Block block);
  void send_upload_block(Slot slot);
  void send_download_request(Slot slot, std::uint8_t szx);
  void send_next(Slot slot, FollowUp next);
  void drop_child(Slot parent);

  EndpointConfig config_;
  Random& random_;
  std::uint64_t seed_;
  std::array<std::uint16_t, 512> next_ids_{};  ///< of messages, by hash of the peer [RFC 7252 §4.4]
  TimePoint now_{};
  std::uint64_t next_serial_ = 1;

  // Before everything that holds a Buffer, because buffers go back to it.
  BufferPool buffers_;
  std::vector<std::uint8_t> scratch_;
  Bytes frame_scratch_;  ///< from the first reliable peer on

  Pool<Peer> peers_;
  HashIndex peer_index_;
  Pool<ReliablePeer> reliables_;
  HashIndex reliable_index_;
  Pool<Exchange> exchanges_;
  HashIndex ids_;
  HashIndex tokens_;
  TimerQueue exchange_timers_;
  List<Exchange, &Exchange::in_queue> lingering_;
  Pool<Incoming> incoming_;
  HashIndex incoming_index_;
  // Constant lifetimes: the oldest is always first, so that lists do for timers.
  List<Incoming, &Incoming::in_age> confirmable_age_;
  List<Incoming, &Incoming::in_age> non_confirmable_age_;
  List<Incoming, &Incoming::in_wait> waiting_;
  Pool<Transfer> transfers_;
  List<Transfer, &Transfer::in_age> transfer_age_;

  Ring<Outgoing> outgoing_;
  Buffer in_transmission_;
  Ring<Pending> events_;
  Buffer event_datagram_;
  Bytes event_body_;
};

/// Slots fill the low bits of public ids, a number that never repeats the others.
inline constexpr unsigned kSlotBits = 24;
inline constexpr std::size_t kSlotsMax = std::size_t{1} << kSlotBits;
[[nodiscard]] constexpr std::uint64_t make_id(std::uint64_t serial, Slot slot) {
  return serial << kSlotBits | slot;
}
[[nodiscard]] constexpr Slot slot_of(std::uint64_t id) {
  return static_cast<Slot>(id & (kSlotsMax - 1));
}

}  // namespace slipway::coap
