// SPDX-License-Identifier: Apache-2.0
#include <slipway/net/resolver.hpp>

#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "net/socket_address.hpp"

namespace slipway::net {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // of a name in text form [RFC 1035 §2.3.4]

std::optional<Address> literal(std::string_view host, std::uint16_t port) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string text(host);
  if (text.find(':') != std::string::npos) text = "[" + text + "]";
  const auto address = Address::parse(text + ":" + std::to_string(port));
  return address ? std::optional(*address) : std::nullopt;
}

bool can_be_name(std::string_view host) {
  if (host.empty() || host.size() > kHostBytesMax) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  });
}

std::unexpected<SystemError> cannot_find(std::string_view host, std::string reason, int errno_value,
                                         std::string remedy) {
  return std::unexpected(SystemError{
      .what = "cannot find host '" + std::string(host) + "'" + (reason.empty() ? "" : ": " + reason),
      .errno_value = errno_value,
      .remedy = std::move(remedy)});
}

}  // namespace

Resolver::Addresses system_lookup(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error == EAI_SYSTEM) return cannot_find(host, "", errno, "");
  if (error != 0)
    return cannot_find(host, ::gai_strerror(error), 0, "check the name and this machine's DNS settings");
  std::vector<Address> addresses;
  for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, entry->ai_addr, std::min<std::size_t>(entry->ai_addrlen, sizeof storage));
    auto address = from_socket_address(storage);
    if (!address) continue;
    address->port = port;
    if (std::find(addresses.begin(), addresses.end(), *address) == addresses.end())
      addresses.push_back(*address);
  }
  ::freeaddrinfo(list);
  if (addresses.empty()) return cannot_find(host, "it has no IP address", 0, "check the name");
  return addresses;
}

struct Resolver::Shared {
  struct Job {
    std::string host;
    std::uint16_t port;
    Callback callback;
  };
  struct Answer {
    Callback callback;
    Addresses addresses;
  };

  Lookup lookup;
  FileDescriptor answered;  // an eventfd that the loop watches
  std::mutex mutex;         // guards what follows
  std::condition_variable changed;
  std::deque<Job> jobs;
  std::deque<Answer> answers;
  std::size_t open = 0;  // jobs, the one under way, and answers
  bool closed = false;

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return closed || !jobs.empty(); });
      if (closed) return;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      auto addresses = lookup(job.host, job.port);
      lock.lock();
      answers.push_back({std::move(job.callback), std::move(addresses)});
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(answered.value(), &one, sizeof one);
    }
  }
};

Resolver::Resolver(EventLoop& loop, std::shared_ptr<Shared> shared)
    : loop_(loop), shared_(std::move(shared)) {}

SystemResult<std::unique_ptr<Resolver>> Resolver::create(EventLoop& loop) {
  return create(loop, system_lookup);
}

SystemResult<std::unique_ptr<Resolver>> Resolver::create(EventLoop& loop, Lookup lookup) {
  auto shared = std::make_shared<Shared>();
  shared->lookup = std::move(lookup);
  shared->answered = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared->answered.valid())
    return std::unexpected(SystemError{.what = "cannot look up names", .errno_value = errno, .remedy = ""});
  auto resolver = std::unique_ptr<Resolver>(new Resolver(loop, std::move(shared)));
  auto* self = resolver.get();
  auto watching =
      loop.watch(self->shared_->answered.value(), Interest::read, [self](Readiness) { self->deliver(); });
  if (!watching) return std::unexpected(watching.error());
  return resolver;
}

Resolver::~Resolver() {
  loop_.forget(shared_->answered.value());
  std::deque<Shared::Job> jobs;
  std::deque<Shared::Answer> answers;
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->closed = true;
    jobs.swap(shared_->jobs);  // callbacks are destroyed here, on the loop's thread
    answers.swap(shared_->answers);
  }
  shared_->changed.notify_one();
}

SystemResult<void> Resolver::start_thread() {
  if (thread_started_) return {};
  try {
    // Detached: getaddrinfo cannot be interrupted, and nobody waits half a minute for it at exit.
    std::thread([shared = shared_] { shared->work(); }).detach();
  } catch (const std::system_error& error) {
    return std::unexpected(SystemError{
        .what = "cannot start a thread for name lookups", .errno_value = error.code().value(), .remedy = ""});
  }
  thread_started_ = true;
  return {};
}

void Resolver::resolve(std::string_view host, std::uint16_t port, Callback callback) {
  if (const auto address = literal(host, port)) return callback(std::vector{*address});
  if (!can_be_name(host))
    return callback(cannot_find(host, "it is not a host name", 0, "check its spelling"));
  if (auto started = start_thread(); !started) return callback(std::unexpected(started.error()));
  std::unique_lock lock(shared_->mutex);
  if (shared_->open >= kLookupsMax) {
    lock.unlock();
    return callback(cannot_find(host, "too many lookups are waiting", 0, "try again later"));
  }
  ++shared_->open;
  shared_->jobs.push_back({.host = std::string(host), .port = port, .callback = std::move(callback)});
  lock.unlock();
  shared_->changed.notify_one();
}

void Resolver::deliver() {
  std::uint64_t count;
  [[maybe_unused]] const auto got = ::read(shared_->answered.value(), &count, sizeof count);
  std::deque<Shared::Answer> answers;
  {
    const std::scoped_lock lock(shared_->mutex);
    answers.swap(shared_->answers);
    shared_->open -= answers.size();
  }
  for (auto& answer : answers) answer.callback(std::move(answer.addresses));
}

}  // namespace slipway::net
