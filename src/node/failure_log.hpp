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

  /// Of an earlier life, the oldest first.
  void restore(FailedHandshake failure);
  /// Those that are not in the store as they are now, at most `max`, and what is not taken stays so; the last
  /// ones of devices first.
  struct Unwritten {
    std::string key;
    FailedHandshake failure;
  };
  [[nodiscard]] std::vector<Unwritten> take_unwritten(std::size_t max);
  [[nodiscard]] bool has_unwritten() const { return devices_.unwritten + strangers_.unwritten != 0; }
  /// They could not be written.
  void not_written(const std::vector<Unwritten>& failures);

 private:
  struct Kept {
    std::string key;
    FailedHandshake failure;
    bool unwritten = true;
  };
  struct Shelf {
    std::list<Kept> order;  // last first
    std::unordered_map<std::string, std::list<Kept>::iterator> by_key;
    std::size_t unwritten = 0;
    void add(std::string key, FailedHandshake failure, std::size_t max);
    void restore(std::string key, FailedHandshake failure, std::size_t max);
    void set_unwritten(Kept& kept, bool is_unwritten);
    void trim(std::size_t max);
    void take_unwritten(std::size_t max, std::vector<Unwritten>& out);
  };
  Shelf devices_, strangers_;
};

}  // namespace slipway::node
