// SPDX-License-Identifier: Apache-2.0
// A thread between the engines and a store, so that no SQL blocks the packet path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <slipway/storage/store.hpp>

namespace slipway::storage {

/// Jobs that wait at once; `submit` refuses more.
inline constexpr std::size_t kJobsMax = 65536;

/// Runs jobs in order on its own thread. All jobs that wait when it is free form one transaction
/// (group commit), and their `done` is called only after the commit: "durable" means on disk.
class Worker {
 public:
  /// Does one thing with the store. An error undoes this job only.
  using Work = std::function<StoreResult<void>(Store&)>;
  /// The job's outcome; posted to the engine's thread. May be empty.
  using Done = std::function<void(StoreResult<void>)>;
  /// Hands a function to the engine's thread; from any thread.
  using Post = std::function<void(std::function<void()>)>;

  Worker(Store& store, Post post);
  /// Finishes what waits, then ends. Completions go through `post`, which must outlive this.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  enum class Submitted : std::uint8_t { accepted, full };
  /// `full` when kJobsMax wait: say "overloaded" to whoever asked; `done` is not called then.
  Submitted submit(Work work, Done done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::storage
