// SPDX-License-Identifier: Apache-2.0
// Keeps failed handshakes in the store, so that whoever asks after a restart is told: few at a time, and
// seldom, however many strangers there are.
#pragma once

#include <functional>
#include <optional>

#include <slipway/base/time.hpp>
#include <slipway/storage/worker.hpp>

#include "failure_log.hpp"

namespace slipway::node {

/// Failures of one write, and the least time between two: a flood of handshakes that fail is some six rows a
/// second. What comes beyond, and the last seconds before a crash, is in memory only.
inline constexpr std::size_t kFailuresWrittenMax = 64;
inline constexpr Duration kFailuresWritePause = seconds(10);

class FailureKeeper {
 public:
  using Submit = std::function<void(storage::Worker::Work, storage::Worker::Done)>;
  FailureKeeper(FailureLog& log, Submit submit) : log_(log), submit_(std::move(submit)) {}

  /// Begins a write where something is to be written, none is under way, and the last one is long enough ago.
  void turn(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  /// The server ends: all that is not yet written, in one last job.
  void finish();

  /// Of an earlier life, into the log; how many could not be read.
  [[nodiscard]] storage::StoreResult<std::size_t> restore(storage::Store& store);

 private:
  void write(std::size_t max, storage::Worker::Done done);

  FailureLog& log_;
  Submit submit_;
  bool writing_ = false;
  TimePoint next_at_{};
};

}  // namespace slipway::node
