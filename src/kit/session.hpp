// SPDX-License-Identifier: Apache-2.0
// The bootstrap interface of the bench: CoAP with the device, and the script that runs on it.
#pragma once

#include <functional>
#include <optional>

#include "kit/observed.hpp"
#include "kit/script.hpp"
#include "kit/wire.hpp"

namespace slipway::kit {

/// Who hears of what the device does; called from inside the session's own calls.
struct SessionEvents {
  /// Any request of the device: a Bootstrap-Request, a Pack-Request, or what has no place here.
  std::function<void(TimePoint, PeerId, coap::IncomingId, const coap::Message&)> request;
  /// The script has come to its end, or its session has.
  std::function<void(TimePoint)> over;
  /// A message, and what was done to it on its way ("" or "lost on purpose").
  std::function<void(TimePoint, PeerId, trace::Direction, ByteView, const char*)> message;
};

/// A transfer that is cut into blocks by hand.
struct Transfer {
  std::size_t piece = 0;
  unsigned sent = 0;
  Bytes message;
  coap::MessageId id;
};

///            run                    answer to Discover, or none
///   idle ----------> discovering ---------------------------> step 1, 2, ... ----> idle (`over`)
///
/// A step waits for the answer to its command. When the peer is gone, the rest is left out.
class Session {
 public:
  struct Play {
    Script script;
    /// Makes the cast for what Discover showed.
    std::function<Cast(const Scene&)> cast;
    Greeting greeting = Greeting::answered;  ///< answered, in_script or muted
    bool sends_twice = false;
    bool discovers_first = true;
  };
  /// The device's request that a play begins with; `id` is nothing where it was answered already.
  struct Opening {
    PeerId peer;
    std::optional<coap::IncomingId> id;
    coap::MessageId message_id;
    coap::Token token;
  };

  Session(Wire& wire, Random& random, SessionEvents events);

  void receive(TimePoint now, PeerId peer, ByteView datagram);
  void peer_gone(TimePoint now, PeerId peer);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;

  void respond(TimePoint now, coap::IncomingId id, const coap::OutgoingResponse& response);
  /// RST for a message that came.
  void reset(TimePoint now, PeerId peer, coap::MessageId id);
  /// Nothing of the answer to the request leaves, the acknowledgement neither.
  void mute(const Opening& opening);
  void play(TimePoint now, const Opening& opening, Play play);
  /// Forgets the script at hand, without `over`.
  void leave();
  [[nodiscard]] bool is_playing() const { return state_ != State::idle; }
  [[nodiscard]] PeerId peer() const { return opening_.peer; }

  /// What the last play has seen.
  [[nodiscard]] const std::vector<Reply>& replies() const { return replies_; }
  [[nodiscard]] const std::optional<Snapshot>& before() const { return before_; }
  [[nodiscard]] const std::optional<Snapshot>& during() const { return during_; }
  [[nodiscard]] std::optional<TimePoint> last_command() const { return last_command_; }

 private:
  enum class State : std::uint8_t { idle, discovering, stepping };
  void drain(TimePoint now);
  void flush(TimePoint now);
  void advance(TimePoint now);
  /// True when the next step can follow at once.
  bool perform(TimePoint now, const Step& step);
  [[nodiscard]] bool is_due(const Step& step) const;
  void ask(TimePoint now, const Step& step);
  void discover(TimePoint now);
  void answered(TimePoint now, const coap::ResponseReceived& event);
  void failed(TimePoint now, const coap::RequestFailed& event);
  void note(const Step& step, std::optional<coap::Code> code, std::optional<coap::RequestFailure> failure,
            ByteView payload);
  void begin_steps(TimePoint now);
  void end_play(TimePoint now);
  void answer_request(TimePoint now);

  void send_piece(TimePoint now);
  [[nodiscard]] bool takes_piece(TimePoint now, const coap::Message& message);
  void piece_answered(TimePoint now, coap::Code code, ByteView payload);
  [[nodiscard]] const char* spoil(PeerId peer, const coap::Message& message) const;

  Wire& wire_;
  Random& random_;
  SessionEvents events_;
  coap::Endpoint endpoint_;

  State state_ = State::idle;
  Opening opening_{};
  Play play_{};
  std::vector<Step> steps_;
  std::size_t at_ = 0;
  std::optional<coap::RequestId> asked_;
  std::optional<Transfer> transfer_;
  std::optional<TimePoint> wait_until_;
  bool bad_accepted_ = false;
  bool muted_ = false;  // nothing of the answer to the request leaves
  PeerId silent_{};     // nothing to or from this peer, until it asks anew
  bool is_flushing_ = false;

  std::vector<Reply> replies_;
  std::optional<Snapshot> before_, during_;
  std::optional<TimePoint> last_command_;
};

}  // namespace slipway::kit
