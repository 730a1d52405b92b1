// SPDX-License-Identifier: Apache-2.0
// Keeps secure sessions in the store, so that a restart ends none of them: what has to be written, one write
// after the other, and again after a failure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_set>
#include <vector>

#include <slipway/base/ids.hpp>
#include <slipway/base/time.hpp>
#include <slipway/storage/worker.hpp>

namespace slipway::node {

/// Sessions of one write: bounds the memory, and how long other jobs of the store wait.
inline constexpr std::size_t kFreezesMax = 4096;
/// Ended sessions that wait for the store while it fails; what is kept of further ones stays until their
/// device has another session, or their credential goes.
inline constexpr std::size_t kEndedMax = 1'000'000;
/// Until a failed write is tried again. A session goes on meanwhile, until its reserve is used.
inline constexpr Duration kFreezeRetry = seconds(2);

class Freezer {
 public:
  struct Frozen {
    storage::SessionRecord record;
    std::uint64_t limit = 0;  ///< dtls::FrozenSession::limit
  };
  struct World {
    /// Freezes a session; nothing when it is gone.
    std::function<std::optional<Frozen>(PeerId)> freeze;
    /// What `freeze` gave is durable.
    std::function<void(PeerId, std::uint64_t limit)> frozen;
    /// Hands a job to the store; `done` comes on the caller's thread, possibly at once.
    std::function<void(storage::Worker::Work, storage::Worker::Done)> submit;
    /// Writes fail from now on (a sentence for a person), or go well again (empty).
    std::function<void(std::string_view problem)> health;
  };
  struct Counters {
    std::uint64_t written = 0;   ///< sessions that are durable
    std::uint64_t failures = 0;  ///< writes
  };

  explicit Freezer(World world) : world_(std::move(world)) {}

  /// The newest state of the session shall be kept. However often this is said before a write begins, it is
  /// written once.
  void want(PeerId peer) { wanted_.insert(peer); }
  /// The session is over: what is kept of it goes.
  void ended(PeerId peer);
  /// Begins a write if something is wanted, none is under way and it is not too early after a failure.
  void turn(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  /// Whether everything is written.
  [[nodiscard]] bool idle() const { return !writing_ && wanted_.empty() && ended_.empty(); }
  [[nodiscard]] bool failing() const { return retry_at_.has_value(); }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Batch {
    std::vector<Frozen> sessions;
    std::vector<PeerId> ended;
  };
  [[nodiscard]] Batch collect();
  void finish(TimePoint begun, const Batch& batch, const storage::StoreResult<void>& outcome);

  World world_;
  std::unordered_set<PeerId> wanted_;
  std::unordered_set<PeerId> ended_;
  bool writing_ = false;
  std::optional<TimePoint> retry_at_;
  Counters counters_;
};

}  // namespace slipway::node
