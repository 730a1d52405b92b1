// SPDX-License-Identifier: Apache-2.0
#include <slipway/net/event_loop.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <slipway/net/clock.hpp>

namespace slipway::net {
namespace {

constexpr std::size_t kEventsMax = 64;      // of one turn
constexpr std::uint64_t kWakeId = 0;        // watches count from 1
constexpr int kWaitMsMax = 60 * 60 * 1000;  // waking once an hour is cheaper than an overflow

std::unexpected<SystemError> failed(std::string what) {
  const int errno_value = errno;
  const bool files = errno_value == EMFILE || errno_value == ENFILE;
  return std::unexpected(SystemError{.what = std::move(what),
                                     .errno_value = errno_value,
                                     .remedy = files ? "raise the limit on open files (`ulimit -n`)" : ""});
}

std::uint32_t events_of(Interest interest) {
  switch (interest) {
    case Interest::read:
      return EPOLLIN;
    case Interest::write:
      return EPOLLOUT;
    case Interest::read_write:
      return EPOLLIN | EPOLLOUT;
  }
  return 0;
}

Readiness readiness_of(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  return {.readable = broken || (events & EPOLLIN) != 0, .writable = broken || (events & EPOLLOUT) != 0};
}

/// In milliseconds, rounded up: waking before the deadline would only spin.
int wait_ms_until(std::optional<TimePoint> deadline) {
  if (!deadline) return -1;
  const auto now = steady_now();
  if (*deadline <= now) return 0;
  const auto wait = std::chrono::ceil<milliseconds>(*deadline - now).count();
  return static_cast<int>(std::min<decltype(wait)>(wait, kWaitMsMax));
}

}  // namespace

EventLoop::EventLoop(FileDescriptor epoll, FileDescriptor wake)
    : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

EventLoop::~EventLoop() = default;

SystemResult<std::unique_ptr<EventLoop>> EventLoop::create() {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return failed("cannot create an event loop");
  FileDescriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return failed("cannot create an event loop");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeId}};
  if (::epoll_ctl(epoll.value(), EPOLL_CTL_ADD, wake.value(), &event) != 0)
    return failed("cannot create an event loop");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

SystemResult<void> EventLoop::watch(int fd, Interest interest, Handler handler) {
  const auto id = last_id_ + 1;
  epoll_event event{.events = events_of(interest), .data = {.u64 = id}};
  if (::epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, fd, &event) != 0) return failed("cannot watch a descriptor");
  last_id_ = id;
  ids_[fd] = id;
  handlers_[id] = std::make_shared<Handler>(std::move(handler));
  return {};
}

SystemResult<void> EventLoop::change(int fd, Interest interest) {
  const auto found = ids_.find(fd);
  epoll_event event{.events = events_of(interest), .data = {.u64 = found == ids_.end() ? 0 : found->second}};
  if (::epoll_ctl(epoll_.value(), EPOLL_CTL_MOD, fd, &event) != 0) return failed("cannot watch a descriptor");
  return {};
}

void EventLoop::forget(int fd) {
  const auto found = ids_.find(fd);
  if (found == ids_.end()) return;
  ::epoll_ctl(epoll_.value(), EPOLL_CTL_DEL, fd, nullptr);
  handlers_.erase(found->second);
  ids_.erase(found);
}

bool EventLoop::post(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    if (posted_.size() >= kPostedMax) return false;
    posted_.push_back(std::move(work));
    if (posted_.size() > 1) return true;  // the first one has already woken the loop
  }
  wake();
  return true;
}

void EventLoop::stop() noexcept {
  stopping_.store(true);
  wake();
}

void EventLoop::wake() noexcept {
  const int saved = errno;  // a signal handler must leave it alone
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.value(), &one, sizeof one);
  errno = saved;
}

void EventLoop::run_posted() {
  std::uint64_t count;
  [[maybe_unused]] const auto got = ::read(wake_.value(), &count, sizeof count);
  std::vector<std::function<void()>> work;
  {
    const std::scoped_lock lock(mutex_);
    work.swap(posted_);
  }
  for (auto& function : work) function();
}

void EventLoop::wait(const Hooks& hooks) {
  const auto deadline = hooks.next_deadline ? hooks.next_deadline() : std::nullopt;
  std::array<epoll_event, kEventsMax> events;
  const int count = ::epoll_wait(epoll_.value(), events.data(), kEventsMax, wait_ms_until(deadline));
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kWakeId) {
      run_posted();
      continue;
    }
    const auto found = handlers_.find(events[i].data.u64);
    if (found == handlers_.end()) continue;  // forgotten by a handler of this turn
    const auto handler = found->second;      // a handler may forget itself
    (*handler)(readiness_of(events[i].events));
  }
  if (deadline && hooks.deadline_reached)
    if (const auto now = steady_now(); *deadline <= now) hooks.deadline_reached(now);
  if (hooks.turn_ended) hooks.turn_ended();
}

void EventLoop::run(const Hooks& hooks) {
  while (!stopping_.load()) wait(hooks);
  stopping_.store(false);
}

}  // namespace slipway::net
