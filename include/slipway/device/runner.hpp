// SPDX-License-Identifier: Apache-2.0
// Runs a device on Linux: the client engine with sockets, DTLS and a state file.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/client/client.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/device/smartcard_source.hpp>

namespace slipway::device {

/// What a device wakes up with.
enum class BeginFrom : std::uint8_t {
  state,    ///< the state file; the factory pack where there is none
  factory,  ///< the factory pack: a state file, also a damaged one, is replaced and its keys are gone
};

/// What a device does with its registrations when it is stopped.
enum class AtStop : std::uint8_t {
  deregister,
  /// Keeps them, and the sessions that have a Connection ID, in STATE.sleep for the next start: it goes on
  /// there without a handshake and without a registration. After a crash, and with servers that give no
  /// Connection ID, there is a handshake and a registration.
  hibernate,
};

struct Settings {
  std::string
      state_file;  ///< what bootstrap wrote; made when missing, mode 0600. FILE.previous stands beside it
  client::ClientConfig client{};
  BeginFrom begin_from = BeginFrom::state;
  std::shared_ptr<SmartcardSource> smartcard{};  ///< nothing: the device has no reader
  AtStop at_stop = AtStop::deregister;
  /// Certificates (DER) of the authorities that the device trusts by itself, for accounts of certificate
  /// usage 0 and 1, which are refused without. [LwM2M-TRANSPORT 1.2 §5.2.9.6.4]
  std::vector<Bytes> trust_store{};
};

/// Hears what the device does; every function may be empty. Called on the runner's thread.
struct Watch {
  /// ("registered", "with server 101 at /rd/5a3f") and so on: one line a happening.
  std::function<void(std::string_view what, std::string_view detail)> happening;
};

/// The pack is the factory state, kept apart from what bootstrap wrote: `Client::factory_reset` returns to
/// it. A damaged state file is replaced by the state before it; where there is none either, `create` says
/// what to do.
class Runner {
 public:
  /// `model` has its objects declared and outlives the runner. A pack without values suits a device whose
  /// accounts stand on a smartcard. The error is for a person.
  [[nodiscard]] static std::expected<std::unique_ptr<Runner>, std::string> create(Settings settings,
                                                                                  const Pack& pack,
                                                                                  client::Model& model,
                                                                                  Watch watch);
  virtual ~Runner() = default;

  /// Runs until `stop`; then de-registers, waiting at most two seconds for the answers, or hibernates.
  virtual void run() = 0;
  /// From any thread or a signal handler.
  virtual void stop() noexcept = 0;
  /// Calls `tick` every `period` on the runner's thread, for sensors that move.
  virtual void every(Duration period, std::function<void()> tick) = 0;
  /// On the runner's thread only.
  [[nodiscard]] virtual client::Client& client() = 0;
};

}  // namespace slipway::device
