// SPDX-License-Identifier: Apache-2.0
// Inside of the bootstrap server: requests become sessions, sessions become operations.
#pragma once

#include <slipway/bootstrap/server.hpp>

#include "bootstrap/pack.hpp"
#include "bootstrap/reason.hpp"
#include "bootstrap/session.hpp"
#include "coap/pool.hpp"

namespace slipway::bootstrap {

class Server::Impl {
 public:
  Impl(const ServerConfig& config, const ObjectCatalog& catalog, Random& protocol_random, Random& key_random,
       fleet::CredentialMaker* maker);

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
    Operation operation = Operation::request;
    fleet::Need need = fleet::Need::required;
    bool noted = false;  ///< its reason is the next of `notes_`
    Slot slot = kNoSlot;
    std::optional<coap::Code> answer{};
    std::optional<ContentFormat> format{};
    std::uint32_t size = 0;
    Path path{};
    Duration took{};
  };

  void drain(TimePoint now, const PeerContext* peer);
  // requests of devices (requests.cpp, pack.cpp)
  void on_request(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request);
  void on_bootstrap_request(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request);
  void on_pack_request(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request);
  /// A session for a request, or kNoSlot when the device has been turned away.
  Slot begin(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request, Asked asked,
             std::optional<std::string_view> claim);
  void end_old_session(TimePoint now, PeerId peer);
  void refuse_parameters(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request,
                         Asked asked, const lwm2m::Refusal& refusal);
  void turn_away(TimePoint now, const PeerContext& peer, const coap::RequestReceived& request, Asked asked,
                 std::string_view endpoint, Outcome outcome, coap::Code code, std::string_view reason);
  void answer(TimePoint now, coap::IncomingId incoming, coap::Code code);
  /// The answer to what the device came with, and its event.
  void answer_request(TimePoint now, Slot slot, coap::Code code);
  void send_pack(TimePoint now, Slot slot);
  [[nodiscard]] Result<std::size_t> encode_pack(Session& session);
  // what is asked of the device before the plan is computed (look.cpp)
  void start_looking(TimePoint now, Slot slot);
  void looked(TimePoint now, Slot slot, const PlannedOperation& operation, const coap::Message& message);
  void on_discovered(TimePoint now, Slot slot, const coap::Message& message);
  void on_read(TimePoint now, Slot slot, const PlannedOperation& operation, const coap::Message& message);
  void append_reads(Session& session);
  [[nodiscard]] bool compute(TimePoint now, Slot slot);
  [[nodiscard]] Result<std::span<Entry>> decode_read(const ReadAnswer& answer, ObjectId object,
                                                     std::vector<Entry>& entries, MutableBytes scratch);
  // operations, one by one (run.cpp)
  void proceed(TimePoint now, Slot slot);
  void send_operation(TimePoint now, Slot slot);
  Result<coap::RequestId> send_empty(TimePoint now, Session& session, const PlannedOperation& operation);
  Result<coap::RequestId> send_write(TimePoint now, Session& session, const PlannedOperation& operation);
  Result<ByteView> write_payload(const Session& session, const PlannedOperation& operation,
                                 ContentFormat format);
  void on_response(TimePoint now, const coap::ResponseReceived& response);
  void on_failure(TimePoint now, const coap::RequestFailed& failure);
  void on_refused(TimePoint now, Slot slot, const PlannedOperation& operation, coap::Code code,
                  std::string_view note);
  void on_finish_refused(TimePoint now, Slot slot, std::string_view note);
  void fail(TimePoint now, Slot slot, Outcome outcome, std::string_view note);
  [[nodiscard]] static bool change_format(Session& session);
  void end(TimePoint now, Slot slot, Outcome outcome, std::string_view reason);
  void count(Outcome outcome);
  void wait_for_adapter(TimePoint now, Slot slot);
  void push(const QueuedEvent& event) { events_.push() = event; }
  /// OperationDone of what is in flight; with a note unless that is empty.
  void push_done(TimePoint now, Slot slot, const PlannedOperation& operation, const coap::Message* answer,
                 std::string_view note = {});
  [[nodiscard]] std::optional<Event> view(const QueuedEvent& event) const;

  ServerConfig config_;
  const ObjectCatalog& catalog_;
  Random& protocol_random_;
  Random& key_random_;
  fleet::CredentialMaker* maker_;
  coap::Endpoint coap_;
  SessionTable table_;
  DeadlineList lifetimes_;      // session_time_max
  DeadlineList adapter_waits_;  // adapter_time_max
  coap::Ring<QueuedEvent> events_;
  coap::Ring<Note> notes_;     // of those events that have one, in their order
  Note polled_note_;           // of the event that was polled last
  Slot polled_end_ = kNoSlot;  // its SessionEnded has been given out; free at the next poll
  ServerCounters counters_;
  std::vector<lwm2m::DiscoveredLink> links_;            // scratch
  std::vector<Entry> entries_;                          // scratch
  std::vector<Entry> server_entries_, access_entries_;  // scratch, for what a device lets be read
  Bytes read_scratch_;                                  // the same
  Bytes payload_;                                       // scratch, wiped after use
};

}  // namespace slipway::bootstrap
