// SPDX-License-Identifier: Apache-2.0
// One bootstrap after the other: hold-off, request, session, finish. [LwM2M-CORE 1.2 §6.1]
#pragma once

#include <slipway/lwm2m/bootstrap.hpp>

#include "client/bootstrap_request.hpp"

namespace slipway::client {

/// Why a bootstrap begins: a trigger forgets the back-off of failures before it.
enum class Begin : std::uint8_t { planned, triggered };

///             begin                hold-off over         connected           2.04
///   idle ------------> holding_off -----------> connecting ------> requesting ----> open
///    ^                      ^  |                     |   ^          |  |             | Finish, consistent
///    |                      |  |   failed: state as  |   | refused: |  | pack (2.05) |
///    |                      +--|----before, longer---+---+-the next-+  +-----------+ |
///    |                      |  |     wait                  form               v    v v
///    |                      |  | a command (ServerInitiated::accept)      persisting
///    |                      |  +--------------------------> open              |
///    |                      +----------------------------------- not durable -+
///    +--------------------------------------------------------------- durable -+
///
/// A request takes three forms in turn, within one session: pack (any refusal, by the server or by the
/// device, leads on), Bootstrap-Request, and the same as 1.0 has it (after a 4.xx). A pack that meets silence
/// is passed over in the next round, so that a server that drops what it does not know is reached.
///
/// The model's transaction is open from `requesting` to the end. A Finish that fails validation is answered
/// 4.06 and leaves the session open for repair. Every command of the server restarts the timer. What meets a
/// command outside of an open session: while the pack is awaited, after success and in `idle` 4.00, in
/// `persisting` 5.03.
///
/// With ServerInitiated::accept the session with the server is opened when the hold-off begins, and kept
/// after a success while the account is the same; Discover, Read, Write or Delete on it begin a bootstrap, a
/// Finish does not. A device comes here only when smartcard and factory had their turn. [LwM2M-CORE 1.0
/// §5.2.4]
///
/// The bootstrap account is replaced in place, by a pack, or by a second one and a delete of the first; a
/// Finish that finds two is answered 4.06, and one that finds none too. The running session stays on the old
/// keys, the next one uses the new. [LwM2M-CORE 1.2 §6.1.3.3]
class BootstrapSession {
 public:
  enum class State : std::uint8_t { idle, holding_off, connecting, requesting, open, persisting };

  explicit BootstrapSession(Services& services) : services_(services) {}

  /// Plans the next attempt; ends a running session as `superseded` first. Without an account: nothing.
  void begin(TimePoint now, Begin why);
  /// A registration has succeeded: failures before it no longer count, and a bootstrap that only waited
  /// because of them is not needed.
  void registrations_succeeded();
  /// Ended by the application, or because its account is another one now.
  void stop();

  [[nodiscard]] State state() const { return state_; }
  /// From `connecting` on something is under way; from `requesting` on the model is in flux and others wait.
  [[nodiscard]] bool is_active() const { return state_ > State::holding_off; }
  [[nodiscard]] bool in_session() const { return state_ > State::connecting; }
  [[nodiscard]] bool owns(PeerId peer) const { return peer_ == peer || lingering_ == peer; }

  void connected(TimePoint now, PeerId peer);
  void connection_failed(TimePoint now, PeerId peer, std::string_view reason);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const { return earlier(at_, linger_until_); }
  void handle_response(TimePoint now, const coap::ResponseReceived& event);
  void handle_failure(TimePoint now, const coap::RequestFailed& event);
  void handle_request(TimePoint now, const coap::RequestReceived& event);
  void persisted(TimePoint now, std::uint64_t id, Client::Persisted outcome);

  /// How a session ended, once. On success `before` is the state that registrations were made with.
  struct Outcome {
    BootstrapEnd end;
    std::optional<Tree> before;
  };
  [[nodiscard]] std::optional<Outcome> take_outcome();

 private:
  void plan(TimePoint now);
  void connect(TimePoint now);
  void enter(TimePoint now, Initiator initiator);
  void request(TimePoint now);
  void request_again(TimePoint now, RequestForm form);
  void take_pack(TimePoint now, const coap::Message& message);
  void refuse_pack(TimePoint now, std::optional<coap::Code> code, std::string_view reason);
  void finish(TimePoint now, coap::IncomingId id);
  [[nodiscard]] std::optional<Answer> conclude(TimePoint now);
  void fail(TimePoint now, BootstrapEnd end, std::optional<coap::Code> code, std::string_view reason,
            Duration at_least = {});
  void roll_back();
  /// Keeps the session for the time that the last answer may have to be repeated.
  void linger(TimePoint now);
  void close(PeerId& peer);
  void stamp_accounts(TimePoint now);
  [[nodiscard]] bool accepts() const { return services_.config.server_initiated == ServerInitiated::accept; }
  void listen();
  void end_listening();
  [[nodiscard]] bool begins_session(const coap::RequestReceived& event) const;

  Services& services_;
  State state_ = State::idle;
  RequestForm form_ = RequestForm::with_format;
  enum class PackNext : std::uint8_t { as_configured, passed_over } pack_next_ = PackNext::as_configured;
  Version enabler_{1, 2};
  unsigned failures_ = 0;  // since the last registration or trigger
  unsigned attempt_ = 0;
  std::optional<TimePoint> at_;  // end of the hold-off, or of the patience
  PeerId peer_{};
  bool connected_ = false;
  PeerId lingering_{};
  std::optional<TimePoint> linger_until_;
  std::optional<coap::RequestId> request_;
  std::optional<coap::IncomingId> finish_;
  std::string refusal_;  // of the last Finish
  std::uint64_t persist_ = 0;
  bool triggered_ = false;
  Duration at_least_{};  // what the server asked for by Max-Age
  std::optional<Outcome> outcome_;
};

}  // namespace slipway::client
