// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include <slipway/net/event_loop.hpp>

namespace slipway::net {

SystemResult<std::unique_ptr<SignalWatch>> SignalWatch::create(EventLoop& loop,
                                                               std::initializer_list<int> signals,
                                                               std::function<void(int)> handler) {
  sigset_t wanted, previous;
  sigemptyset(&wanted);
  for (const int signal : signals) sigaddset(&wanted, signal);
  if (const int error = pthread_sigmask(SIG_BLOCK, &wanted, &previous); error != 0)
    return std::unexpected(SystemError{.what = "cannot block signals", .errno_value = error, .remedy = ""});

  auto watch = std::unique_ptr<SignalWatch>(new SignalWatch(loop, previous));
  watch->fd_ = FileDescriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!watch->fd_.valid())
    return std::unexpected(SystemError{.what = "cannot watch signals", .errno_value = errno, .remedy = ""});
  auto* self = watch.get();
  auto watching =
      loop.watch(self->fd_.value(), Interest::read,
                 [self, handler = std::move(handler)](Readiness) { self->read_signals(handler); });
  if (!watching) return std::unexpected(watching.error());
  return watch;
}

SignalWatch::~SignalWatch() {
  if (fd_.valid()) loop_.forget(fd_.value());
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

void SignalWatch::read_signals(const std::function<void(int)>& handler) {
  signalfd_siginfo info;
  if (::read(fd_.value(), &info, sizeof info) == sizeof info) handler(static_cast<int>(info.ssi_signo));
}

}  // namespace slipway::net
