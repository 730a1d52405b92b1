// SPDX-License-Identifier: Apache-2.0
// Operations and observations of devices, in tables with ids that are never used again.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <slipway/management/server.hpp>

#include "lwm2m/deadline_list.hpp"
#include "lwm2m/slot.hpp"

namespace slipway::management {

using lwm2m::kNoSlot;
using lwm2m::Slot;

enum class Kind : std::uint8_t {
  read,
  discover,
  write,
  write_attributes,
  execute,
  create,
  del,
  observe,
  cancel
};

/// Queued at its device, or sent.
///
///   queued --device awake, its turn--> in flight --answer--> done
///     ^                                    |
///     +--- silence of a queue-mode device -+   (only what may be done twice)
enum class Progress : std::uint8_t { free, queued, in_flight };

/// Whether the caller hears of it. A re-Observe after a new registration is the engine's own.
enum class Audience : std::uint8_t { caller, engine };

/// Whether `accept` was asked for, or chosen here (then 4.06 leads to one attempt without).
enum class Chosen : std::uint8_t { by_caller, by_engine };

struct PendingOperation {
  OperationId id{};
  Slot device = kNoSlot;
  Slot next = kNoSlot;         ///< of the same device
  Slot observation = kNoSlot;  ///< of observe and cancel
  Kind kind = Kind::read;
  Progress progress = Progress::free;
  Audience audience = Audience::caller;
  Chosen accept_chosen = Chosen::by_caller;
  std::uint8_t attempts = 0;
  coap::Code method = coap::Code::get;
  Path path;
  std::optional<ContentFormat> accept;
  std::optional<ContentFormat> format;
  coap::RequestId request{};
  Bytes payload;
  std::vector<std::string> queries;
};

struct Observation {
  ObservationId id{};
  Slot device = kNoSlot;
  Slot next = kNoSlot;       ///< of the same device
  Slot operation = kNoSlot;  ///< the Observe that is queued or in flight
  Path path;
  std::optional<ContentFormat> accept;
  coap::Token token;
  std::optional<coap::RequestId> request;  ///< of the Observe, while the device may notify
  bool cancelled = false;                  ///< by the caller: nothing of it is told any more
};

/// A table whose ids name slots: the low 24 bits, and a serial number above them.
template <class Item, class Id>
class ItemTable {
 public:
  [[nodiscard]] Slot open() {
    Slot slot = kNoSlot;
    if (free_.empty()) {
      slot = static_cast<Slot>(items_.size());
      items_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    items_[slot] = Item{};
    items_[slot].id = Id(++serial_ << kSlotBits | slot);
    ++size_;
    return slot;
  }
  void close(Slot slot) {
    items_[slot] = Item{};
    free_.push_back(slot);
    --size_;
  }
  [[nodiscard]] Slot find(Id id) const {
    const auto slot = static_cast<Slot>(id.value() & ((1u << kSlotBits) - 1));
    return id != Id{} && slot < items_.size() && items_[slot].id == id ? slot : kNoSlot;
  }
  [[nodiscard]] Item& operator[](Slot slot) { return items_[slot]; }
  [[nodiscard]] const Item& operator[](Slot slot) const { return items_[slot]; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr unsigned kSlotBits = 24;
  std::uint64_t serial_ = 0;
  std::size_t size_ = 0;
  std::deque<Item> items_;
  std::vector<Slot> free_;
};

using OperationTable = ItemTable<PendingOperation, OperationId>;
using ObservationTable = ItemTable<Observation, ObservationId>;

}  // namespace slipway::management
