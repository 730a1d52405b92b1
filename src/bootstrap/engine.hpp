// SPDX-License-Identifier: Apache-2.0
// Inside of the bootstrap server: requests become sessions, sessions become operations.
#pragma once

#include <slipway/bootstrap/server.hpp>

#include "bootstrap/reason.hpp"
#include "bootstrap/session.hpp"
#include "coap/pool.hpp"

namespace slipway::bootstrap {

class Server::Impl {
 public:
  Impl(const ServerConfig& config, const ObjectCatalog& catalog, Random& protocol_random, Random& key_random);

  void handle_datagram(TimePoint now, const PeerContext& peer, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<coap::Transmit> poll_transmit() { return coap_.poll_transmit(); }
  [[nodiscard]] std::optional<Event> poll_event();
  void enrolment(TimePoint now, SessionId id, std::shared_ptr<const fleet::Plan> plan);
  void refuse(TimePoint now, SessionId id, const Refusal& refusal);
  void credentials_kept(TimePoint now, SessionId id, Kept kept);
  void peer_gone(TimePoint now, PeerId peer);
  [[nodiscard]] std::size_t sessions() const { return table_.alive(); }
  [[nodiscard]] const ServerCounters& counters() const { return counters_; }

 private:
  enum class EventKind : std::uint8_t { started, wanted, keep, done, ended };
  /// An event without its views: they are made when it is polled.
  struct QueuedEvent {
    EventKind kind = EventKind::started;
    Slot slot = kNoSlot;
    Operation operation = Operation::request;
    std::optional<coap::Code> answer{};
    Path path{};
  };

  void drain(TimePoint now, const PeerContext* peer);
  // requests of devices (requests.cpp)
  void on_request(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request);
  void on_bootstrap_request(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request);
  void turn_away(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request,
                 std::string_view endpoint, Outcome outcome, coap::Code code, std::string_view reason);
  void answer(TimePoint now, coap::IncomingId incoming, coap::Code code);
  // answers of devices (operations run, engine.cpp)
  void on_response(TimePoint now, const coap::ResponseReceived& response);
  void on_failure(TimePoint now, const coap::RequestFailed& failure);
  void on_discovered(TimePoint now, Slot slot, const coap::Message& message);
  void send_discover(TimePoint now, Slot slot);
  void proceed(TimePoint now, Slot slot);
  void send_operation(TimePoint now, Slot slot);
  Result<coap::RequestId> send_write(TimePoint now, Slot slot, const PlannedOperation& operation);
  void end(TimePoint now, Slot slot, Outcome outcome, std::string_view reason);
  void end_explained(TimePoint now, Slot slot, Outcome outcome);
  void wait_for_adapter(TimePoint now, Slot slot);
  void push(const QueuedEvent& event) { events_.push() = event; }
  [[nodiscard]] Event view(const QueuedEvent& event) const;

  ServerConfig config_;
  Random& protocol_random_;
  Random& key_random_;
  coap::Endpoint coap_;
  SessionTable table_;
  DeadlineList lifetimes_;      // session_time_max
  DeadlineList adapter_waits_;  // adapter_time_max
  coap::Ring<QueuedEvent> events_;
  Slot polled_end_ = kNoSlot;  // its SessionEnded has been given out; free at the next poll
  ServerCounters counters_;
  std::vector<lwm2m::DiscoveredLink> links_;  // scratch
  std::vector<Entry> entries_;                // scratch
  Bytes payload_;                             // scratch, wiped after use
};

}  // namespace slipway::bootstrap
