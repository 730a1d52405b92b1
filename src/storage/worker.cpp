// SPDX-License-Identifier: Apache-2.0
#include <slipway/storage/worker.hpp>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace slipway::storage {

class Worker::Impl {
 public:
  Impl(Store& store, Post post) : store_(store), post_(std::move(post)), thread_([this] { run(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Submitted submit(Work work, Done done) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= kJobsMax) return Submitted::full;
      waiting_.push_back({std::move(work), std::move(done), {}});
    }
    wake_.notify_one();
    return Submitted::accepted;
  }

 private:
  struct Job {
    Work work;
    Done done;
    StoreResult<void> outcome;
  };

  void run() {
    for (;;) {
      std::deque<Job> jobs;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        jobs.swap(waiting_);
      }
      commit(jobs);
      for (auto& job : jobs) {
        if (!job.done) continue;
        // std::function wants a copyable target, so the outcome travels in a shared job.
        auto shared = std::make_shared<Job>(std::move(job));
        post_([shared] { shared->done(std::move(shared->outcome)); });
      }
    }
  }

  /// One transaction around all jobs; each job that fails is undone alone.
  void commit(std::deque<Job>& jobs) {
    auto committed = store_.batch([&]() -> StoreResult<void> {
      for (auto& job : jobs) job.outcome = store_.batch([&] { return job.work(store_); });
      return {};
    });
    if (committed) return;
    for (auto& job : jobs)
      if (job.outcome)
        job.outcome = std::unexpected(committed.error());  // what failed by itself keeps its own reason
  }

  Store& store_;
  Post post_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

Worker::Worker(Store& store, Post post) : impl_(std::make_unique<Impl>(store, std::move(post))) {}
Worker::~Worker() = default;
Worker::Submitted Worker::submit(Work work, Done done) {
  return impl_->submit(std::move(work), std::move(done));
}

}  // namespace slipway::storage
