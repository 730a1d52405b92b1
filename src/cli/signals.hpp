// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>

#include <slipway/net/file_descriptor.hpp>

namespace slipway::cli {

/// Calls `stop` once at SIGINT or SIGTERM, on a thread of its own; a second signal ends the process. Before
/// that it calls `reload` at SIGHUP, where one is given; signals that come while it runs are one. One at a
/// time.
class StopOnSignal {
 public:
  explicit StopOnSignal(std::function<void()> stop, std::function<void()> reload = {});
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  void watch(const std::function<void()>& stop, const std::function<void()>& reload);
  net::FileDescriptor wake_;
  std::thread thread_;
};

}  // namespace slipway::cli
