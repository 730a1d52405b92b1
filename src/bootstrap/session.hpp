// SPDX-License-Identifier: Apache-2.0
// One session, and the table of them. [LwM2M-CORE 1.2 §6.1.3.3]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <slipway/base/bounded.hpp>
#include <slipway/bootstrap/server.hpp>

#include "lwm2m/deadline_list.hpp"
#include "lwm2m/slot.hpp"

namespace slipway::bootstrap {

using lwm2m::DeadlineList;
using lwm2m::kNoSlot;
using lwm2m::Slot;

/// Bytes of a sentence about one operation, and of that about a whole session, which may hold two.
inline constexpr std::size_t kNoteMax = 200;
inline constexpr std::size_t kReasonMax = 448;
using Note = BoundedString<kNoteMax>;

/// Where a session stands:
///
///   state    | enrolment      | refuse | kept(durable)  | list of operations at its end | Finish 2.xx |
///   other
///   ---------+----------------+--------+----------------+-------------------------------+-------------+-------
///   wanted   | running        | ended  | -              | -                             | -           |
///   ended looking  | -              | -      | goes on        | computed: doing               | - | ended
///   doing    | -              | -      | goes on        | -                             | ended       |
///   ended ended    | (waits until its SessionEnded has been polled; then the slot is free)
///
/// `running` is `looking`, or for a Pack the wait for the store. An error to the first Finish leads from
/// doing to looking once more.
enum class State : std::uint8_t { free, wanted, running, ended };
enum class Phase : std::uint8_t { looking, doing };

/// What still stands between an accepted request and what changes the device.
enum class Wait : std::uint8_t { pending, done };

/// What the device came with, and whether it has its answer.
enum class Asked : std::uint8_t { request, pack };
enum class Answered : std::uint8_t { no, yes };

/// What a device answered to a Bootstrap-Read, until the plan has been compared with it.
struct ReadAnswer {
  ContentFormat format = ContentFormat::tlv;
  std::optional<Bytes> payload;  ///< nothing when it was not asked, or does not let itself be read
};

/// Whether the content format may still change: by what the device tells of itself, and once by 4.15.
enum class FormatChoice : std::uint8_t { by_version, settled, changed };

struct Session {
  SessionId id{};
  State state = State::free;
  Phase phase = Phase::looking;
  Round round = Round::first;
  Wait keeping = Wait::pending;
  Asked asked = Asked::request;
  Answered answered = Answered::no;
  SecurityMode security = SecurityMode::nosec;
  bool authenticated = false;  ///< `endpoint` is the name of the peer's credential
  bool listed = false;         ///< in the index of endpoints
  bool counted = false;        ///< among the sessions of its host
  ContentFormat format = ContentFormat::tlv;
  FormatChoice choice = FormatChoice::settled;
  Outcome outcome = Outcome::timeout;
  std::uint32_t endpoint_hash = 0;
  PeerId peer{};
  Address address{};
  std::optional<ContentFormat> preferred;  ///< `pct`
  coap::IncomingId incoming{};
  std::optional<coap::RequestId> request;  ///< in flight
  TimePoint asked_at{};                    ///< when it was sent; until then when the device's request came
  std::uint32_t sent_size = 0;             ///< of the payload in flight
  std::optional<ContentFormat> sent_format;
  std::size_t next = 0;  ///< of `list.operations`: the one in flight, or to be sent
  OperationList list;
  std::string endpoint;
  std::shared_ptr<const fleet::Plan> plan;
  std::vector<fleet::Credential> credentials;
  DeviceState::Listing listing = DeviceState::Listing::unknown;
  Version enabler{1, 0};
  std::vector<lwm2m::DiscoveredLink> links;  ///< without their uris
  lwm2m::AccountInstances pack_account;      ///< `acc` of a Pack
  ReadAnswer servers, access;
  Note first_refusal;  ///< of the Finish
  BoundedString<kReasonMax> reason;
};

/// Sessions of each host, of those that anybody can begin.
class HostCounts {
 public:
  explicit HostCounts(std::uint64_t seed) : counts_(8, Hash{seed}) {}
  [[nodiscard]] std::size_t of(const Address& address) const;
  void add(const Address& address) { ++counts_[host_of(address)]; }
  void remove(const Address& address);

 private:
  using Host = std::array<std::uint8_t, 16>;
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(const Host& host) const { return lwm2m::hash_text(seed, as_text(host)); }
  };
  static Host host_of(const Address& address);
  std::unordered_map<Host, std::uint32_t, Hash> counts_;
};

/// All sessions, found by id, by peer and by endpoint without a scan. A slot and its memory are used again.
class SessionTable {
 public:
  SessionTable(std::size_t capacity, std::uint64_t seed) : capacity_(capacity), seed_(seed), hosts_(seed) {}

  /// A session in state `wanted`; kNoSlot when the table is full. `spare` more slots are for
  /// requests that are turned away at once: their events must not need room of others.
  [[nodiscard]] Slot open(PeerId peer, std::string_view endpoint, std::size_t spare = 0);
  /// Counts a session among those of its host, until it ends.
  void count_host(Slot slot);
  [[nodiscard]] std::size_t sessions_of_host(const Address& address) const { return hosts_.of(address); }
  /// From now on the endpoint's name leads to this session.
  void list_endpoint(Slot slot);
  /// No longer found by anyone, and no longer among `alive`.
  void unlist(Slot slot);
  void release(Slot slot);

  [[nodiscard]] Slot find(SessionId id) const;
  [[nodiscard]] Slot find(PeerId peer) const;
  [[nodiscard]] Slot find(std::string_view endpoint) const;
  [[nodiscard]] std::size_t alive() const { return by_peer_.size(); }

  Session& operator[](Slot slot) { return *sessions_[slot]; }
  const Session& operator[](Slot slot) const { return *sessions_[slot]; }

 private:
  static constexpr unsigned kSlotBits = 24;
  std::size_t capacity_;
  std::uint64_t seed_;
  std::uint64_t serial_ = 0;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<Slot> free_;
  HashIndex by_peer_;
  HashIndex by_endpoint_;
  HostCounts hosts_;
};

}  // namespace slipway::bootstrap
