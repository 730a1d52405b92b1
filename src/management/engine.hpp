// SPDX-License-Identifier: Apache-2.0
// Inside of the management server.
//   registration.cpp  requests of devices       operations.cpp  what callers ask for
//   exchanges.cpp     sending, answers          events.cpp      what callers hear
#pragma once

#include <deque>

#include <slipway/management/server.hpp>

#include "management/operation.hpp"
#include "management/registry.hpp"

namespace slipway::management {

class Server::Impl {
 public:
  Impl(const ServerConfig& config, const ObjectCatalog& catalog, Random& random);

  void handle_datagram(TimePoint now, UnixTime wall, const PeerContext& peer, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<coap::Transmit> poll_transmit() { return coap_.poll_transmit(); }
  [[nodiscard]] std::optional<Event> poll_event();

  /// What an operation needs beside its device.
  struct Wanted {
    Kind kind;
    coap::Code method;
    Path path;
    std::optional<ContentFormat> accept{};
    Chosen accept_chosen = Chosen::by_caller;
    std::optional<ContentFormat> format{};
    ByteView payload{};
    std::span<const std::string_view> queries{};
    Slot observation = kNoSlot;
    Audience audience = Audience::caller;
  };
  /// A request that returns values, in `accept` or in what the device does best.
  [[nodiscard]] static Wanted reading(Kind kind, const Path& path, std::optional<ContentFormat> accept);
  Result<OperationId> submit(TimePoint now, std::string_view endpoint, Wanted wanted);
  Result<OperationId> submit_values(TimePoint now, std::string_view endpoint, Wanted wanted,
                                    std::span<const Entry> entries);
  Result<Observing> observe(TimePoint now, std::string_view endpoint, const Path& path,
                            std::optional<ContentFormat> accept);
  Result<OperationId> cancel_observation(TimePoint now, ObservationId id);
  void cancel(TimePoint now, OperationId id);
  /// The value-list format that a device is asked for, and that it is written in.
  [[nodiscard]] ContentFormat best_format(Slot device) const;

  [[nodiscard]] std::optional<Registration> find(std::string_view endpoint) const;
  [[nodiscard]] const Registry& registry() const { return registry_; }
  void restore(TimePoint now, const Registration& registration, Duration remaining);
  Result<ObservationId> restore_observation(std::string_view endpoint, const Path& path);
  void revoke(TimePoint now, std::string_view endpoint);
  void peer_gone(TimePoint now, PeerId peer);
  [[nodiscard]] const ServerCounters& counters() const { return counters_; }

 private:
  enum class EventKind : std::uint8_t {
    registered,
    updated,
    deregistered,
    operation,
    notified,
    observation_ended,
    sent,
    refused
  };
  struct QueuedEvent {
    EventKind kind{};
    Slot slot = kNoSlot;
    bool flag = false;  ///< replaced, changed
    OperationId operation{};
    ObservationId observation{};
    Path path{};
    coap::Code code = coap::Code::empty;
    std::optional<OperationFailure> failure{};
    std::optional<ContentFormat> format{};
    PeerId peer{};
    std::string text{};  ///< endpoint of a refusal, location of a Create
    const char* reason = "";
    Bytes payload{};
  };
  struct Request {
    TimePoint now;
    UnixTime wall;
    const PeerContext& peer;
    coap::IncomingId id;
    const coap::Message& message;
  };

  void drain(TimePoint now, UnixTime wall, const PeerContext* peer);
  // registration.cpp
  void on_request(const Request& request);
  void on_register(const Request& request);
  void on_update(const Request& request, Slot slot);
  void on_deregister(const Request& request, Slot slot);
  void on_send(const Request& request);
  [[nodiscard]] Slot device_of_location(const Request& request, std::string_view location) const;
  [[nodiscard]] bool same_identity(const Device& device, const PeerContext& peer) const;
  void refuse(const Request& request, std::string_view endpoint, coap::Code code, const char* reason);
  void answer(const Request& request, coap::Code code, std::string_view location = {});
  void adopt_peer(TimePoint now, Slot slot, const PeerContext& peer);
  [[nodiscard]] bool adopt(const lwm2m::RegisterParameters& parameters, Slot slot);
  void stay_awake(TimePoint now, Slot slot);
  [[nodiscard]] std::uint64_t fresh_location();
  [[nodiscard]] Slot begin_registration(const Request& request, std::string_view endpoint);
  void end_registration(TimePoint now, Slot slot, RegistrationEnd reason);

  // operations.cpp
  Result<OperationId> enqueue(TimePoint now, Slot device, const Wanted& wanted);
  void append_to_device(Slot operation);
  void remove_from_device(Slot operation);
  [[nodiscard]] Slot find_observation(Slot device, const Path& path) const;
  [[nodiscard]] Result<Slot> open_observation(Slot device, const Path& path);
  void forget_observation(Slot observation);
  void suspend_observations(Slot device);
  void reobserve(TimePoint now, Slot device);

  // exchanges.cpp
  [[nodiscard]] bool reachable(TimePoint now, const Device& device) const;
  void kick(TimePoint now, Slot device);
  [[nodiscard]] Result<coap::RequestId> send(TimePoint now, Slot operation);
  void requeue(TimePoint now, Slot operation);
  void on_response(TimePoint now, const coap::ResponseReceived& response);
  void on_notification(const coap::NotificationReceived& notification);
  void on_failure(TimePoint now, const coap::RequestFailed& failure);
  [[nodiscard]] Slot operation_of(coap::RequestId request, std::uint64_t tag) const;
  void after_observe(Slot operation, const coap::ResponseReceived& response);
  void on_last_notification(const coap::ResponseReceived& response);
  void tell_answer(Slot operation, const coap::Message& message);
  void fail_operation(TimePoint now, Slot operation, OperationFailure failure);
  void close_operation(Slot operation);
  void fail_in_flight(TimePoint now, Slot device, OperationFailure failure);
  void observation_lost(Slot observation, Slot operation);

  // events.cpp
  [[nodiscard]] Event view(QueuedEvent& event);
  [[nodiscard]] Event view_operation(QueuedEvent& event);
  [[nodiscard]] Answer view_answer(QueuedEvent& event);
  [[nodiscard]] Result<std::span<const Entry>> decode(Slot device, const Path& path, ContentFormat format,
                                                      ByteView payload);
  [[nodiscard]] QueuedEvent event_of(EventKind kind, Slot slot) const;

  ServerConfig config_;
  const ObjectCatalog& catalog_;
  Random& random_;
  coap::Endpoint coap_;
  Registry registry_;
  OperationTable operations_;
  ObservationTable observations_;
  lwm2m::DeadlineList active_;   // operation_time_max
  lwm2m::DeadlineList waiting_;  // queued_time_max
  std::deque<QueuedEvent> events_;
  QueuedEvent polled_;         // the event whose views are out
  Slot polled_end_ = kNoSlot;  // a device whose end it told: free at the next poll
  LocationText polled_location_;
  std::vector<Entry> polled_entries_;
  Bytes polled_scratch_;
  mutable LocationText found_location_;
  ServerCounters counters_;
  std::vector<lwm2m::ObjectLink> links_;  // scratch
  std::vector<Entry> entries_;            // scratch
  Bytes scratch_;                         // payloads to send, text of payloads to check
};

}  // namespace slipway::management
