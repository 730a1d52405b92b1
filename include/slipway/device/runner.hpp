// SPDX-License-Identifier: Apache-2.0
// Runs a device on Linux: the client engine with sockets, DTLS and a state file.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/client/client.hpp>
#include <slipway/device/pack.hpp>

namespace slipway::device {

struct Settings {
  std::string state_file;  ///< what bootstrap wrote; made when missing, mode 0600
  client::ClientConfig client{};
  bool dtls_keylog = false;
};

/// Hears what the device does; every function may be empty. Called on the runner's thread.
struct Watch {
  /// ("registered", "with server 101 at /rd/5a3f") and so on: one line a happening.
  std::function<void(std::string_view what, std::string_view detail)> happening;
};

/// The factory state (the pack) is loaded when there is no state file yet; afterwards the state file counts.
class Runner {
 public:
  /// `model` has its objects declared and outlives the runner. The error is for a person.
  [[nodiscard]] static std::expected<std::unique_ptr<Runner>, std::string> create(Settings settings, const Pack& pack,
                                                                                  client::Model& model, Watch watch);
  virtual ~Runner() = default;

  /// Runs until `stop`; then de-registers, waiting at most two seconds for the answers.
  virtual void run() = 0;
  /// From any thread or a signal handler.
  virtual void stop() noexcept = 0;
  /// Calls `tick` every `period` on the runner's thread, for sensors that move.
  virtual void every(Duration period, std::function<void()> tick) = 0;
  /// On the runner's thread only.
  [[nodiscard]] virtual client::Client& client() = 0;
};

}  // namespace slipway::device
