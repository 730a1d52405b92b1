// SPDX-License-Identifier: Apache-2.0
#include "freezer.hpp"

#include <memory>

namespace slipway::node {
namespace {

PeerId peer_of(const Freezer::Frozen& frozen) {
  return PeerId(frozen.record.id);
}

}  // namespace

void Freezer::ended(PeerId peer) {
  wanted_.erase(peer);
  if (ended_.size() < kEndedMax) ended_.insert(peer);
}

Freezer::Batch Freezer::collect() {
  Batch batch;
  while (!wanted_.empty() && batch.sessions.size() < kFreezesMax) {
    const auto peer = wanted_.extract(wanted_.begin()).value();
    if (auto frozen = world_.freeze(peer)) batch.sessions.push_back(std::move(*frozen));
  }
  while (!ended_.empty() && batch.ended.size() < kFreezesMax)
    batch.ended.push_back(ended_.extract(ended_.begin()).value());
  return batch;
}

void Freezer::turn(TimePoint now) {
  if (writing_ || (wanted_.empty() && ended_.empty()) || (retry_at_ && now < *retry_at_)) return;
  auto batch = std::make_shared<Batch>(collect());
  if (batch->sessions.empty() && batch->ended.empty()) return;
  writing_ = true;
  world_.submit(
      [batch](storage::Store& store) -> storage::StoreResult<void> {
        for (const auto& session : batch->sessions)
          if (auto put = store.put_session(session.record); !put)
            return std::unexpected(std::move(put.error()));
        for (const auto peer : batch->ended)
          if (auto removed = store.remove_session(peer.value()); !removed) return removed;
        return {};
      },
      [this, now, batch](const storage::StoreResult<void>& outcome) { finish(now, *batch, outcome); });
}

void Freezer::finish(TimePoint begun, const Batch& batch, const storage::StoreResult<void>& outcome) {
  writing_ = false;
  if (outcome) {
    // Also of one that the store does not keep (SessionKept): then there is nothing to thaw.
    for (const auto& session : batch.sessions) world_.frozen(peer_of(session), session.limit);
    counters_.written += batch.sessions.size();
    if (std::exchange(retry_at_, std::nullopt) && world_.health) world_.health({});
    return;
  }
  ++counters_.failures;
  if (!retry_at_ && world_.health) world_.health(outcome.error().what);
  retry_at_ = begun + kFreezeRetry;
  for (const auto& session : batch.sessions)
    if (!ended_.contains(peer_of(session))) wanted_.insert(peer_of(session));
  ended_.insert(batch.ended.begin(), batch.ended.end());
}

std::optional<TimePoint> Freezer::next_timeout() const {
  return writing_ || (wanted_.empty() && ended_.empty()) ? std::nullopt : retry_at_;
}

}  // namespace slipway::node
