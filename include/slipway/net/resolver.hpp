// SPDX-License-Identifier: Apache-2.0
// Host names to addresses without holding up the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/net/system_error.hpp>

namespace slipway::net {

/// Looks names up on one thread of its own (started by the first lookup) and answers on the loop.
/// Its methods and its destructor belong to the loop's thread.
class Resolver {
 public:
  static constexpr std::size_t kLookupsMax = 64;  ///< asked and not yet answered

  using Addresses = SystemResult<std::vector<Address>>;  ///< best first, at least one
  using Callback = std::function<void(Addresses)>;
  using Lookup = std::function<Addresses(const std::string& host, std::uint16_t port)>;

  /// `lookup` runs on the resolver's thread and may block.
  [[nodiscard]] static SystemResult<std::unique_ptr<Resolver>> create(EventLoop& loop, Lookup lookup);
  [[nodiscard]] static SystemResult<std::unique_ptr<Resolver>> create(EventLoop& loop);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  /// Callbacks that are still waiting are not called. Does not wait for a lookup under way.
  ~Resolver();

  /// Calls back exactly once: before returning for an IP literal (IPv6 with or without brackets), a
  /// host that cannot be a name, or when kLookupsMax wait; otherwise later, from the loop.
  void resolve(std::string_view host, std::uint16_t port, Callback callback);

 private:
  struct Shared;
  Resolver(EventLoop& loop, std::shared_ptr<Shared> shared);
  void deliver();
  [[nodiscard]] SystemResult<void> start_thread();

  EventLoop& loop_;
  std::shared_ptr<Shared> shared_;  // with the thread, which may outlive this
  bool thread_started_ = false;
};

/// getaddrinfo, blocking: what a Resolver uses unless told otherwise.
[[nodiscard]] Resolver::Addresses system_lookup(const std::string& host, std::uint16_t port);

}  // namespace slipway::net
