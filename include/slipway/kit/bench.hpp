// SPDX-License-Identifier: Apache-2.0
// A bootstrap server that misbehaves on purpose, one fault after the other, and watches the device. Sans-I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/kit/result.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/lwm2m/version.hpp>

namespace slipway::kit {

/// The two UDP ports of the bench.
enum class Door : std::uint8_t { bootstrap, management };

struct BenchConfig {
  SecurityMode security = SecurityMode::psk;  ///< psk, or nosec: for both ports
  Bytes identity;                             ///< of the device's bootstrap account
  Secret key;
  std::string endpoint;        ///< the device's name; empty: who comes first
  std::string bootstrap_uri;   ///< as the device knows it
  std::string management_uri;  ///< what devices are told
  std::vector<const Fault*> faults;
  Duration patience = std::chrono::minutes(20);  ///< for a device to come at all
};

struct RoundBegan {
  const Fault* fault;  ///< nullptr: the honest bootstrap that everything begins with
  std::size_t number, count;
};
/// The bench waits for the device; for a person, who may have to do something.
struct Waiting {
  std::string what;
  Duration at_most;
};
struct MessageSeen {
  Door door;
  trace::Row row;
};
struct Noted {
  std::string text;
};
struct RoundEnded {
  RoundResult result;
};
/// The last event.
struct Finished {};
using BenchEvent = std::variant<RoundBegan, Waiting, MessageSeen, Noted, RoundEnded, Finished>;

struct BenchTransmit {
  Door door;
  Address to;
  ByteView bytes;  ///< valid until the next non-const call
};

/// The contract of every engine. One device at a time:
///
///   calling ----> faulting ----> aftermath ----> honest ----> registering ----> the next fault
///   /1/x/9, or    the script      it comes back   a bootstrap     with the account
///   a person      of the fault    or is called    without fault   that it got
///
/// A fault that a good device takes in its stride goes from `faulting` to `registering`. The device's old
/// accounts stay valid for the whole run. Bounds: one DTLS session table of 64, 16 plain addresses,
/// kResultRowsMax rows a round.
class Bench {
 public:
  Bench(BenchConfig config, Random& random, Random& key_random);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void start(TimePoint now);
  void handle_datagram(TimePoint now, UnixTime wall, Door door, const Address& from, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<BenchTransmit> poll_transmit();
  [[nodiscard]] std::optional<BenchEvent> poll_event();

  /// Ends the run: the fault at hand and those that follow are inconclusive.
  void stop(TimePoint now, const std::string& reason);
  [[nodiscard]] bool finished() const;
  /// What a report is to say of the device; date and transport are the caller's.
  [[nodiscard]] RunFacts facts() const;
  [[nodiscard]] const std::vector<RoundResult>& results() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::kit
