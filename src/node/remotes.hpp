// SPDX-License-Identifier: Apache-2.0
// Hands management credentials to other nodes: PUT /api/v1/credentials, by HTTP with or without TLS. Who asks
// hears of success only when the other node has said that they are durable.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/remote.hpp>

namespace slipway::node {

struct RemoteLimits {
  std::size_t pushes_max = 1024;  ///< under way at once; more are refused
  std::chrono::milliseconds time_max{
      10'000};  ///< of one, with name lookup and handshake; below adapter_time_max
};

class Remotes {
 public:
  /// Hands a function to the node's thread; from any thread.
  using Post = std::function<void(std::function<void()>)>;
  /// The error is a sentence for a person, without secrets.
  using Done = std::function<void(std::expected<void, std::string>)>;

  explicit Remotes(Post post, RemoteLimits limits = {});
  /// Gives up what is under way; `done` is not called any more.
  ~Remotes();
  Remotes(const Remotes&) = delete;
  Remotes& operator=(const Remotes&) = delete;

  /// Takes the place of the remotes before; what is under way goes on. Reads their tokens and authorities; on
  /// an error (for a person) nothing has changed.
  [[nodiscard]] std::expected<void, std::string> configure(const std::vector<fleet::Remote>& remotes);

  /// All or none of them. `done` is posted exactly once, also when there is no such remote.
  void push(std::string_view remote, const std::vector<fleet::Credential>& credentials, Done done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::node
