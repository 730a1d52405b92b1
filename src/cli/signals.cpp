// SPDX-License-Identifier: Apache-2.0
#include "signals.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace slipway::cli {
namespace {

// Added up by the eventfd until they are read.
constexpr std::uint64_t kStop = 1;
constexpr std::uint64_t kReload = 1u << 8;
constexpr std::uint64_t kEnded = 1u << 20;

std::atomic<int> wake_fd = -1;  // all that a signal handler can reach

void on_signal(int number) {
  const auto value = number == SIGHUP ? kReload : kStop;
  if (const int fd = wake_fd.load(); fd >= 0) (void)!::write(fd, &value, sizeof value);
}

void handle(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM}) ::sigaction(number, &action, nullptr);
}

void handle_hangup(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESTART);
  ::sigaction(SIGHUP, &action, nullptr);
}

}  // namespace

StopOnSignal::StopOnSignal(std::function<void()> stop, std::function<void()> reload)
    : wake_(::eventfd(0, EFD_CLOEXEC)) {
  wake_fd = wake_.value();
  handle(on_signal);
  if (reload) handle_hangup(on_signal);
  thread_ = std::thread([this, stop = std::move(stop), reload = std::move(reload)] { watch(stop, reload); });
}

void StopOnSignal::watch(const std::function<void()>& stop, const std::function<void()>& reload) {
  std::uint64_t value = 0;
  while (::read(wake_.value(), &value, sizeof value) == sizeof value && value < kEnded) {
    if (value % kReload != 0) return stop();
    reload();
  }
}

StopOnSignal::~StopOnSignal() {
  handle(SIG_DFL);
  handle_hangup(SIG_DFL);
  wake_fd = -1;
  const auto value = kEnded;
  (void)!::write(wake_.value(), &value, sizeof value);
  thread_.join();
}

}  // namespace slipway::cli
