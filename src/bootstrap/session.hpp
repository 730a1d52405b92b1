// SPDX-License-Identifier: Apache-2.0
// One session, and the table of them. [LwM2M-CORE 1.2 §6.1.3.3]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/base/bounded.hpp>
#include <slipway/bootstrap/server.hpp>

#include "bootstrap/operations.hpp"
#include "lwm2m/deadline_list.hpp"
#include "lwm2m/slot.hpp"

namespace slipway::bootstrap {

using lwm2m::DeadlineList;
using lwm2m::kNoSlot;
using lwm2m::Slot;

/// Where a session stands:
///
///   state    | enrolment         | refuse | kept(durable) | Discover answered | answer 2.xx   | other,
///   silence
///   ---------+-------------------+--------+---------------+-------------------+---------------+---------------
///   wanted   | running, 2.04     | ended  | -             | -                 | -             | ended
///   running  | -                 | -      | operations    | operations        | next, or ended| ended
///   ended    | (waits until its SessionEnded has been polled; then the slot is free)
enum class State : std::uint8_t { free, wanted, running, ended };

/// What still stands between an accepted request and the first operation.
enum class Wait : std::uint8_t { pending, done };

struct Session {
  SessionId id{};
  State state = State::free;
  Wait discover = Wait::pending;
  Wait keeping = Wait::pending;
  SecurityMode security = SecurityMode::nosec;
  bool authenticated = false;  ///< `endpoint` is the name of the peer's credential
  bool listed = false;         ///< in the index of endpoints
  ContentFormat format = ContentFormat::tlv;
  Outcome outcome = Outcome::timeout;
  std::uint32_t endpoint_hash = 0;
  PeerId peer{};
  Address address{};
  std::optional<ContentFormat> preferred;
  coap::IncomingId incoming{};
  std::optional<coap::RequestId> request;  ///< in flight
  std::size_t next = 0;                    ///< of `operations`: the one in flight, or to be sent
  std::string endpoint;
  std::shared_ptr<const fleet::Plan> plan;
  std::vector<fleet::Credential> credentials;
  std::vector<PlannedOperation> operations;
  BoundedString<256> reason;
};

/// All sessions, found by id, by peer and by endpoint without a scan. A slot and its memory are used again.
class SessionTable {
 public:
  SessionTable(std::size_t capacity, std::uint64_t seed) : capacity_(capacity), seed_(seed) {}

  /// A session in state `wanted`; kNoSlot when the table is full. `spare` more slots are for
  /// requests that are refused at once and live until their events are polled.
  [[nodiscard]] Slot open(PeerId peer, std::string_view endpoint, std::size_t spare = 0);
  /// From now on no lookup finds it, except by slot.
  void unlist(Slot slot);
  void release(Slot slot);
  void list_endpoint(Slot slot);

  [[nodiscard]] Session& operator[](Slot slot) { return *sessions_[slot]; }
  [[nodiscard]] const Session& operator[](Slot slot) const { return *sessions_[slot]; }
  /// kNoSlot when that session has ended.
  [[nodiscard]] Slot find(SessionId id) const;
  [[nodiscard]] Slot find(PeerId peer) const;
  [[nodiscard]] Slot find(std::string_view endpoint) const;
  [[nodiscard]] std::size_t alive() const { return by_peer_.size(); }

 private:
  static constexpr unsigned kSlotBits = 24;
  std::size_t capacity_;
  std::uint64_t seed_;
  std::uint64_t serial_ = 0;
  std::vector<std::unique_ptr<Session>> sessions_;  // addresses stay, since events view into sessions
  std::vector<Slot> free_;
  HashIndex by_peer_;      // every session that is not over
  HashIndex by_endpoint_;  // those whose endpoint has been accepted
};

}  // namespace slipway::bootstrap
