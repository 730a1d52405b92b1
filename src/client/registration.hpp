// SPDX-License-Identifier: Apache-2.0
// Registrations with all servers: order, retries, updates, disabling. [LwM2M-CORE 1.2 §6.2]
#pragma once

#include <vector>

#include <slipway/lwm2m/registration.hpp>

#include "client/hibernation.hpp"
#include "client/services.hpp"

namespace slipway::client {

/// /1/x/13-20 and their defaults. [LwM2M-CORE 1.2 Table 6.2.1.1-1]
struct RetryPolicy {
  std::optional<std::int64_t> priority;  ///< absent: independent of the others
  seconds initial_delay{0};
  bool block = false;
  bool bootstrap_on_failure = true;
  std::int64_t attempts = 5;
  seconds retry_timer{60};
  std::optional<seconds> sequence_delay{86400};  ///< nothing: never another sequence
  std::int64_t sequences = 1;
};
/// Keeps sums of time points far from overflow.
inline constexpr std::int64_t kSecondsMax = 10L * 365 * 86400;
/// A time that a server says, 0..kSecondsMax.
[[nodiscard]] seconds bounded(std::int64_t value);

[[nodiscard]] RetryPolicy read_policy(const Tree& tree, InstanceId server);
/// Wait before attempt `failed + 1` of a sequence: timer * 2^(failed - 1), with its exponent capped.
[[nodiscard]] Duration retry_delay(const RetryPolicy& policy, std::int64_t failed);
/// When an Update is due, from when the registration was made or refreshed: half of a lifetime under
/// 186 s, otherwise 93 s before its end; nothing for an endless one.
[[nodiscard]] std::optional<Duration> update_after(seconds lifetime);

struct Server {
  ///   waiting -> connecting -> registering -> registered <-> updating
  ///      ^            |             |              |             | refused
  ///      |            v failed      v failed       | /1/x/4      v
  ///      +------- backing_off <-----+         deregistering   registering
  ///                                                |
  ///                                                v
  ///                                            disabled -> connecting
  enum class State : std::uint8_t {
    waiting,  ///< for its turn or its initial delay
    connecting,
    registering,
    registered,
    updating,
    deregistering,
    backing_off,
    disabled,
  };
  ShortServerId id;
  InstanceId security;
  InstanceId instance;  ///< of /1
  State state = State::waiting;
  std::optional<TimePoint> at{};  ///< when the state's wait ends; nothing while waiting for a turn
  PeerId peer{};
  bool connected = false;
  Version enabler{1, 2};
  std::string location{};
  std::optional<coap::RequestId> request{};
  std::int64_t attempt = 1;
  std::int64_t sequence = 1;
  bool failed = false;  ///< has used up its sequences, or was refused
  bool update_wanted = false;
  bool stopping = false;     ///< de-registering because the client ends
  bool awaits_card = false;  ///< what comes next waits until the smartcard has been read
  bool kept = false;         ///< registered before a hibernation, and not confirmed since
  bool unproven = false;     ///< the session is of before a hibernation, and no answer has come in it
  TimePoint refreshed{};     ///< when the server last confirmed the registration
  KeptWatch watch{};         ///< until the session is open again
  std::vector<coap::AnsweredRequest> answered{};
  std::int64_t lifetime = 0;
  std::string binding{};
  std::string objects{};

  [[nodiscard]] bool is_registered() const { return state == State::registered || state == State::updating; }
};

class Registrations {
 public:
  explicit Registrations(Services& services) : services_(services) {}

  /// Takes the accounts of the tree and begins with them, in order.
  void start(TimePoint now);
  /// While a bootstrap session is under way nothing is sent and no timer runs.
  void suspend() { suspended_ = true; }
  /// Goes on. `before`: the state that the registrations were made with, where it has changed: only accounts
  /// that differ are touched.
  void resume(TimePoint now, const Tree* before);
  void shut_down(TimePoint now);
  /// Ends without a word to the servers; what may go on is added to `kept`. The sessions named are the
  /// caller's.
  [[nodiscard]] std::vector<HibernatingSession> hibernate(TimePoint now, std::vector<KeptServer>& kept);
  /// Before `start`: what was kept. `wall`: Unix seconds, where the device knows them.
  void wake(Hibernated kept, std::optional<std::int64_t> wall);
  [[nodiscard]] bool is_empty() const { return servers_.empty(); }

  void connected(TimePoint now, PeerId peer, SessionKind session);
  enum class Loss : std::uint8_t { transient, hopeless };
  void connection_failed(TimePoint now, PeerId peer, Loss loss, std::string_view reason);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  void handle_response(TimePoint now, const coap::ResponseReceived& event);
  void handle_failure(TimePoint now, const coap::RequestFailed& event);

  /// Updates with every server whose parameters or objects differ from what it was told.
  void parameters_changed(TimePoint now);
  void request_update(TimePoint now, std::optional<ShortServerId> server);
  void disable(TimePoint now, ShortServerId server);
  /// The next sequence of every failed server, or at the latest tomorrow.
  void retry_failed(TimePoint now);
  /// No further attempt by itself: a bootstrap brings the server back.
  void leave(ShortServerId server);
  /// The smartcard has been read, or cannot be: requests that waited for it go on.
  void card_read(TimePoint now);
  /// Ends at once whatever de-registrations are still awaited.
  void clear();

  [[nodiscard]] const Server* find(PeerId peer) const;
  [[nodiscard]] const Server* find(ShortServerId id) const;
  [[nodiscard]] const std::vector<Server>& servers() const { return servers_; }
  /// Servers whose registration has failed for good since the last call: the client decides what follows.
  [[nodiscard]] std::vector<ShortServerId> take_failures() { return std::exchange(failures_, {}); }
  /// Whether a registration succeeded since the last call.
  [[nodiscard]] bool take_success() { return std::exchange(succeeded_, false); }
  /// Servers whose registration is new or gone: their observations end with it.
  [[nodiscard]] std::vector<ShortServerId> take_renewed() { return std::exchange(renewed_, {}); }
  /// Servers whose registration goes on after a hibernation: their observations go on with it.
  [[nodiscard]] std::vector<ShortServerId> take_resumed() { return std::exchange(resumed_, {}); }
  [[nodiscard]] KeptWatch take_watch(ShortServerId server);

 private:
  Server* find_mutable(PeerId peer);
  Server* find_mutable(ShortServerId id);
  Server* find_request(coap::RequestId id);
  void add(InstanceId instance);
  [[nodiscard]] Duration initial_delay(const Server& server) const;
  void remember(const Server& server);
  [[nodiscard]] bool awaits_card(TimePoint now, Server& server);
  void schedule(TimePoint now);
  void advance_order(TimePoint now);
  void connect(TimePoint now, Server& server);
  void drop_session(Server& server);
  void begin(TimePoint now, Server& server);
  void recall(Server& server);
  void forget_kept(Server& server);
  void renew_session(TimePoint now, Server& server);
  void send_register(TimePoint now, Server& server);
  void send_update(TimePoint now, Server& server);
  void send_deregister(TimePoint now, Server& server);
  void registered(TimePoint now, Server& server, const coap::Message& message);
  void updated(TimePoint now, Server& server);
  void deregistered(TimePoint now, Server& server);
  void register_again(TimePoint now, Server& server);
  enum class Attempt : std::uint8_t { failed, refused };
  void attempt_failed(TimePoint now, Server& server, Attempt attempt, std::optional<coap::Code> code,
                      std::string_view reason, Duration at_least = {});
  void retry_later(TimePoint now, Server& server);
  void await_update(TimePoint now, Server& server);

  Services& services_;
  std::vector<Server> servers_;
  bool suspended_ = false;
  bool succeeded_ = false;
  std::vector<ShortServerId> failures_;
  std::vector<ShortServerId> renewed_;
  std::vector<ShortServerId> resumed_;
  std::vector<KeptServer> kept_;  // until their accounts are there again
};

}  // namespace slipway::client
