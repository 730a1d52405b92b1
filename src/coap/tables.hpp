// SPDX-License-Identifier: Apache-2.0
// What an endpoint remembers, and for how long. A peer without anything alive has no entry at all.
#pragma once

#include <slipway/coap/endpoint.hpp>

#include "coap/buffer_pool.hpp"
#include "coap/pool.hpp"

namespace slipway::coap {

/// Something that this endpoint sent and whose fate is still open.
///
///            request()                    NSTART allows            ACK
///   [none] ------------> queued ------------------------> sent ------------> acknowledged
///                                                          | response            | response
///                                                          v                     v
///                              final event, [none]  or  observing (until cancel, drop or a final
///                              notification)
///
///   A non-confirmable notification goes from sent to lingering at once: only an RST can still concern it.
///   A reliable peer sends no ACK: from queued a request goes to acknowledged at once, and it keeps its place
///   in flight until the response. Notifications to such a peer are no exchanges at all.
struct Exchange {
  enum class Kind : std::uint8_t {
    request,
    fetch,  ///< gets the rest of a block-wise notification for `parent`
    notification,
    separate,  ///< a response in a message of its own
  };
  enum class State : std::uint8_t { queued, sent, acknowledged, observing, lingering };

  Kind kind = Kind::request;
  State state = State::queued;
  Type type = Type::confirmable;
  bool in_flight = false;  ///< holds one of its peer's NSTART places
  bool open = false;       ///< counts for busy()
  bool by_id = false;      ///< stands in the index of message ids
  bool by_token = false;   ///< stands in the index of tokens
  bool observe_register = false;
  bool observe_cancel = false;
  bool responded = false;  ///< the first response was delivered
  std::uint8_t retransmissions = 0;
  std::uint8_t restarts = 0;
  MessageId message_id;
  Token token;
  Slot peer = kNoSlot;
  Slot transfer = kNoSlot;
  Slot parent = kNoSlot;
  Slot child = kNoSlot;
  std::uint32_t observe_sequence = 0;
  std::uint32_t token_hash = 0;  ///< while `by_token`
  std::uint64_t id = 0;
  std::uint64_t tag = 0;
  Duration timeout{};
  TimePoint since{};  ///< the last notification, or the start of lingering
  Buffer bytes;       ///< for retransmission, and as the model of follow-ups
  Link in_peer;
  Link in_queue;  ///< its peer's queue, or the endpoint's list of lingering ones
};

/// A message that came in, remembered so that a duplicate gets the same answer and no second effect.
struct Incoming {
  enum class State : std::uint8_t { waiting, acknowledged, answered };

  State state = State::waiting;
  bool reliable = false;  ///< cannot be repeated, and is forgotten when it is answered
  Type type = Type::confirmable;
  Code code = Code::empty;
  MessageId message_id;
  Token token;
  Slot peer = kNoSlot;
  std::uint64_t id = 0;
  TimePoint received{};
  std::optional<Block> block1;
  std::optional<Block> block2;
  Buffer request;  ///< until it is answered: names the body of a long answer
  Buffer answer;   ///< what a duplicate gets; may be empty
  Link in_peer;
  Link in_age;
  Link in_wait;
};

/// A body that is being put together or taken apart.
struct Transfer {
  enum class Kind : std::uint8_t {
    upload,      ///< our request's body, by Block1
    download,    ///< the response to our request, by Block2
    assembling,  ///< a request's body that comes in, by Block1
    serving,     ///< our response's body, by Block2
  };
  Kind kind = Kind::upload;
  std::uint8_t szx = 6;
  bool has_etag = false;
  Code code = Code::content;
  std::optional<std::uint16_t> content_format;
  std::optional<std::uint32_t> max_age;
  Token etag;
  Slot peer = kNoSlot;     ///< of assembling and serving, which end by age
  std::uint64_t key = 0;   ///< request_key
  std::size_t offset = 0;  ///< upload: of the block in flight
  std::size_t sent = 0;    ///< upload: how much of the body went out with it
  TimePoint touched{};
  Bytes body;
  Buffer head;  ///< download: the first block's message, whose options are the response's
  Link in_peer;
  Link in_age;
};

/// A peer over a stream, for as long as its connection lives.
struct ReliablePeer {
  PeerId id;
  Reliable limits;
};

struct Peer {
  PeerId id;
  Slot reliable = kNoSlot;  ///< a ReliablePeer
  unsigned in_flight = 0;
  unsigned queued = 0;
  unsigned open = 0;
  unsigned incoming_count = 0;
  unsigned transfer_count = 0;
  unsigned pins = 0;  ///< someone is still working with this entry
  bool closing = false;
  List<Exchange, &Exchange::in_peer> exchanges;
  List<Exchange, &Exchange::in_queue> queue;
  List<Incoming, &Incoming::in_peer> incoming;
  List<Transfer, &Transfer::in_peer> transfers;
};

}  // namespace slipway::coap
