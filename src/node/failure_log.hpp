// SPDX-License-Identifier: Apache-2.0
// The handshakes that failed last.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <slipway/node/failures.hpp>

namespace slipway::node {

class FailureLog {
 public:
  /// An equal one (device or host, server, protocol, reason, alert, identity) that is kept is counted up, and
  /// is now the last.
  void add(FailedHandshake failure);
  /// Last first; those of `endpoint`, or all where it is empty.
  [[nodiscard]] std::vector<FailedHandshake> list(std::string_view endpoint, std::size_t limit) const;

 private:
  struct Kept {
    std::string key;
    FailedHandshake failure;
  };
  struct Shelf {
    std::list<Kept> order;  // last first
    std::unordered_map<std::string, std::list<Kept>::iterator> by_key;
    void add(std::string key, FailedHandshake failure, std::size_t max);
  };
  Shelf devices_, strangers_;
};

}  // namespace slipway::node
