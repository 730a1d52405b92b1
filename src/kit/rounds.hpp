// SPDX-License-Identifier: Apache-2.0
// One fault after the other: who is waited for, what is sent, and when a round is over.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kit/manager.hpp"
#include "kit/session.hpp"

namespace slipway::kit {

/// From a Finish to the registration: a device may wait, look a name up, and shake hands.
inline constexpr Duration kRegistrationTime = seconds(120);
/// Of an honest session, until its last command.
inline constexpr Duration kHonestTime = std::chrono::minutes(5);
/// Honest sessions that a device may need after a fault.
inline constexpr unsigned kHonestTriesMax = 5;

class Rounds {
 public:
  Rounds(BenchConfig config, Random& random, Random& key_random);

  void start(TimePoint now);
  void handle_datagram(TimePoint now, UnixTime wall, Door door, const Address& from, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<BenchTransmit> poll_transmit() { return wire_.poll_transmit(); }
  [[nodiscard]] std::optional<BenchEvent> poll_event();
  void stop(TimePoint now, const std::string& reason);
  [[nodiscard]] bool finished() const { return stage_ == Stage::done; }
  [[nodiscard]] RunFacts facts() const;
  [[nodiscard]] const std::vector<RoundResult>& results() const { return results_; }

 private:
  /// See Bench.
  enum class Stage : std::uint8_t { idle, calling, faulting, aftermath, honest, registering, done };

  // Rounds.
  void begin_round(TimePoint now);
  void go_on(TimePoint now, UnixTime wall);
  void conclude(TimePoint now);
  void conclude_as(TimePoint now, Verdict verdict, std::string reason);
  void close_round(TimePoint now, RoundResult result);
  void enter_aftermath(TimePoint now);
  void deadline_reached(TimePoint now);
  void call_device(TimePoint now);
  void shut_door(TimePoint now);
  void wait(TimePoint now, std::string what, Duration at_most);
  void say(std::string text) { push(Noted{std::move(text)}); }
  void push(BenchEvent event);

  // The bootstrap interface.
  void on_request(TimePoint now, PeerId peer, coap::IncomingId id, const coap::Message& message);
  void on_bootstrap_request(TimePoint now, const Session::Opening& opening, bool is_pack,
                            const coap::Message& message);
  void begin_fault(TimePoint now, const Session::Opening& opening);
  void refuse(TimePoint now, const Session::Opening& opening);
  void give_pack(TimePoint now, const Session::Opening& opening);
  void begin_honest(TimePoint now, const Session::Opening& opening);
  void on_over(TimePoint now);
  void take_observations();
  void fault_is_over(TimePoint now);
  void honest_is_over(TimePoint now);
  void on_refused_handshake(TimePoint now, Door door, const std::string& identity);
  [[nodiscard]] bool is_new_attempt(TimePoint now, PeerId peer);
  [[nodiscard]] Cast cast(const Scene& scene);
  [[nodiscard]] bool knows(TimePoint now, const Session::Opening& opening, const coap::Message& message);

  // The management interface.
  void on_registered(TimePoint now, const std::string& identity, seconds lifetime);
  void on_called(TimePoint now, std::optional<coap::Code> code);

  // Credentials.
  const Account& new_account();
  [[nodiscard]] std::optional<Secret> key_of(Door door, ByteView identity);
  [[nodiscard]] const Account* account_of(const std::string& identity, seconds lifetime) const;

  void drain(TimePoint now, UnixTime wall);
  void record(TimePoint now, Door door, PeerId peer, trace::Direction direction, ByteView datagram,
              const char* spoilt);

  const BenchConfig config_;
  Random& random_;
  Random& key_random_;
  Wire wire_;
  Session session_;
  Manager manager_;

  Stage stage_ = Stage::idle;
  std::vector<const Fault*> faults_;  // nullptr first: the honest bootstrap
  std::size_t index_ = 0;
  bool is_next_due_ = false;
  std::vector<RoundResult> results_;
  std::deque<BenchEvent> events_;

  // Of the round.
  Observed seen_;
  TimePoint began_{};
  std::optional<TimePoint> deadline_;
  unsigned faults_done_ = 0;  // refusals and the like
  unsigned account_ = 0;      // of the faulty session
  unsigned honest_account_ = 0;
  unsigned honest_tries_ = 0;
  bool is_calling_ = false;  // /1/x/9 is on its way, or was taken
  PeerId attempt_peer_{};
  std::optional<TimePoint> attempt_answered_;
  RoundResult rows_;  // collects the rows

  // Of the device.
  std::string endpoint_;
  std::optional<Version> enabler_;
  ContentFormat format_ = ContentFormat::tlv;
  Path server_instance_{kServer, InstanceId(1)};
  std::map<unsigned, Account> accounts_;
  Account poison_;
  unsigned last_account_ = 0;
  bool door_is_shut_ = false;
  bool asks_for_packs_ = false;
  struct Talk {
    PeerId peer{};
    std::optional<trace::Conversation> conversation;
  };
  std::array<Talk, 2> talks_;
  std::map<PeerId, std::string> identities_;  // of bootstrap sessions
};

}  // namespace slipway::kit
