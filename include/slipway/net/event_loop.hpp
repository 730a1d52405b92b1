// SPDX-License-Identifier: Apache-2.0
// One thread's loop: descriptors, work posted by other threads, and the earliest deadline.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <slipway/base/time.hpp>
#include <slipway/net/file_descriptor.hpp>
#include <slipway/net/system_error.hpp>

namespace slipway::net {

enum class Interest : std::uint8_t { read, write, read_write };

/// What a descriptor is ready for. Errors and hang-ups count as both: the next call tells.
struct Readiness {
  bool readable = false;
  bool writable = false;
};

/// Everything but `post` and `stop` belongs to the thread that calls `run` (or, before `run`, to the
/// one that sets up). Handlers may watch, forget, post and stop.
class EventLoop {
 public:
  static constexpr std::size_t kPostedMax = 4096;  ///< functions that wait for their turn

  using Handler = std::function<void(Readiness)>;

  /// How the engines' deadlines join in; there are no timer objects here.
  struct Hooks {
    /// The earliest of all next_timeout(); asked once a turn. Nothing: wait for descriptors only.
    std::function<std::optional<TimePoint>()> next_deadline;
    /// Called when that deadline is reached, with the time now.
    std::function<void(TimePoint)> deadline_reached;
    /// After each turn's handlers: the place to flush what they queued. Optional.
    std::function<void()> turn_ended;
  };

  [[nodiscard]] static SystemResult<std::unique_ptr<EventLoop>> create();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// `fd` stays the caller's and must be forgotten before it is closed.
  [[nodiscard]] SystemResult<void> watch(int fd, Interest interest, Handler handler);
  [[nodiscard]] SystemResult<void> change(int fd, Interest interest);
  /// After this the handler is not called again, not even for what this turn has already seen.
  void forget(int fd);

  /// From any thread: `work` runs on the loop, in the order of posting. False when kPostedMax wait;
  /// then it will not run.
  [[nodiscard]] bool post(std::function<void()> work);

  /// Runs until `stop`.
  void run(const Hooks& hooks);
  void run() { run(Hooks()); }
  /// From any thread, from a handler, from a signal handler. A stop before `run` ends that run.
  void stop() noexcept;

 private:
  EventLoop(FileDescriptor epoll, FileDescriptor wake);
  void wait(const Hooks& hooks);
  void run_posted();
  void wake() noexcept;

  FileDescriptor epoll_;
  FileDescriptor wake_;
  std::unordered_map<int, std::uint64_t> ids_;  // by descriptor
  std::unordered_map<std::uint64_t, std::shared_ptr<Handler>> handlers_;
  std::uint64_t last_id_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;  // guards posted_
  std::vector<std::function<void()>> posted_;
};

/// Signals as events of a loop, from `create` until destruction. The calling thread's mask blocks them:
/// create it before other threads, so that they inherit the mask.
class SignalWatch {
 public:
  [[nodiscard]] static SystemResult<std::unique_ptr<SignalWatch>> create(
      EventLoop& loop, std::initializer_list<int> signals, std::function<void(int signal)> handler);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch();

 private:
  SignalWatch(EventLoop& loop, const sigset_t& previous) : loop_(loop), previous_(previous) {}
  void read_signals(const std::function<void(int)>& handler);

  EventLoop& loop_;
  sigset_t previous_;
  FileDescriptor fd_;
};

}  // namespace slipway::net
