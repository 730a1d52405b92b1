// SPDX-License-Identifier: Apache-2.0
// The established sessions of a server: found by address and by peer in O(1), idle ones in front.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/time.hpp>

#include "security/dtls/flight.hpp"
#include "security/dtls/library_session.hpp"

namespace slipway::security::dtls {

struct Session {
  Address address;
  PeerId peer;
  RecordState records;
  TimePoint touched{};
  std::uint64_t sequence_limit =
      kSequenceMax + 1;  ///< sequence numbers from here on are reserved for later lives
  std::unique_ptr<LastFlight> last_flight;
  std::unique_ptr<LibrarySession> library;  ///< of a suite whose records are not ours
  std::uint64_t identity_mark = 0;  ///< of whom its peer proved to be, to know a device that begins anew
  bool freeze_wanted = false;       ///< FreezeWanted has been told since the last freeze
  std::uint32_t hello_mark = 0;     ///< of the hello it grew from, to know a late copy of that

 private:
  friend class SessionTable;
  std::uint32_t slot_ = 0, older_ = 0, newer_ = 0;
  bool at_address_ = false, by_cid_ = false;  ///< in which indexes it stands
};

/// Open addressing over slot numbers; what a slot's key is, only the caller knows.
class SlotIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;

  template <class Matches>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Matches&& matches) const {
    if (cells_.empty()) return kNone;
    for (auto at = hash & mask(); cells_[at] != kNone; at = (at + 1) & mask())
      if (matches(cells_[at])) return cells_[at];
    return kNone;
  }
  template <class HashOf>
  void insert(std::uint32_t slot, HashOf&& hash_of) {
    if (cells_.empty() || (used_ + 1) * 4 > cells_.size() * 3) grow(hash_of);
    place(slot, hash_of(slot));
    ++used_;
  }
  /// Closes the gap, so that no marks of deleted cells pile up.
  template <class HashOf>
  void erase(std::uint32_t slot, HashOf&& hash_of) {
    auto gap = hash_of(slot) & mask();
    while (cells_[gap] != slot) gap = (gap + 1) & mask();
    for (auto at = (gap + 1) & mask(); cells_[at] != kNone; at = (at + 1) & mask()) {
      const auto home = hash_of(cells_[at]) & mask();
      if (((at - home) & mask()) < ((at - gap) & mask())) continue;
      cells_[gap] = cells_[at];
      gap = at;
    }
    cells_[gap] = kNone;
    --used_;
  }
  [[nodiscard]] std::size_t bytes() const { return cells_.capacity() * sizeof(std::uint32_t); }

 private:
  [[nodiscard]] std::uint64_t mask() const { return cells_.size() - 1; }
  void place(std::uint32_t slot, std::uint64_t hash) {
    auto at = hash & mask();
    while (cells_[at] != kNone) at = (at + 1) & mask();
    cells_[at] = slot;
  }
  template <class HashOf>
  void grow(HashOf&& hash_of) {
    const auto old =
        std::exchange(cells_, std::vector<std::uint32_t>(cells_.empty() ? 64 : cells_.size() * 2, kNone));
    for (const auto slot : old)
      if (slot != kNone) place(slot, hash_of(slot));
  }
  std::vector<std::uint32_t> cells_;
  std::size_t used_ = 0;
};

class SessionTable {
 public:
  SessionTable() = default;
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  [[nodiscard]] Session* find(const Address& address);
  [[nodiscard]] Session* find(PeerId peer);
  /// By the Connection ID that the session's peer sends.
  [[nodiscard]] Session* find_cid(ByteView cid);
  /// Neither the address nor the peer may be in the table. The session's place does not move.
  Session& insert(const Address& address, PeerId peer, TimePoint now);
  /// The same without a place at the address, which may be another's.
  Session& insert_aside(const Address& address, PeerId peer, TimePoint now);
  /// Lists the session under its records' cid_in, which no other has.
  void list_cid(Session& session);
  /// The session is found by its Connection ID alone from now on.
  void unlist_address(Session& session);
  /// The session is found at `address`, where no other is.
  void move(Session& session, const Address& address);
  /// Wipes it.
  void erase(Session& session);
  void touch(Session& session, TimePoint now);
  /// The one that was touched longest ago, or none.
  [[nodiscard]] Session* oldest();
  [[nodiscard]] const Session* oldest() const { return const_cast<SessionTable*>(this)->oldest(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// All memory of the table.
  [[nodiscard]] std::size_t bytes() const;

 private:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;
  static constexpr std::uint32_t kChunk = 256;
  [[nodiscard]] Session& at(std::uint32_t slot) const { return chunks_[slot / kChunk][slot % kChunk]; }
  void list_address(Session& session);
  void link_newest(Session& session);
  void unlink(Session& session);

  std::vector<std::unique_ptr<Session[]>> chunks_;
  SlotIndex by_address_, by_peer_, by_cid_;
  std::uint32_t free_ = kNone;  ///< chained by newer_
  std::uint32_t oldest_ = kNone, newest_ = kNone;
  std::size_t size_ = 0;
};

}  // namespace slipway::security::dtls
