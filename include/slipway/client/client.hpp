// SPDX-License-Identifier: Apache-2.0
// The device engine: bootstraps, registers, serves its objects. Sans-I/O; fits a microcontroller.
// [LwM2M-CORE 1.2 §6]
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>
#include <slipway/client/credentials.hpp>
#include <slipway/client/model.hpp>
#include <slipway/coap/endpoint.hpp>
#include <slipway/lwm2m/peer.hpp>

namespace slipway::client {

/// Whether the device sleeps between its messages. [LwM2M-TRANSPORT 1.2 §6.5]
enum class QueueMode : std::uint8_t { awake, sleeps };

/// Whether a device of 1.2 asks for everything at once first; on any refusal it asks as 1.1 does.
/// [LwM2M-CORE 1.2 §6.1.7.7]
enum class BootstrapPack : std::uint8_t { first, never };

/// Whether the bootstrap server may speak first, as in 1.0: during the hold-off time, and on the session that
/// is then kept after a success. The device is the DTLS client all the same, as later versions say: it opens
/// the session and waits. [LwM2M-CORE 1.0 §5.2.3, §5.2.4]
enum class ServerInitiated : std::uint8_t { off, accept };

struct ClientConfig {
  std::string endpoint;
  Version enabler{1, 2};  ///< highest spoken; 4.12 leads to a lower one
  coap::EndpointConfig coap{};
  ContentFormat preferred_format = ContentFormat::senml_cbor;  ///< also `pct`
  QueueMode queue = QueueMode::awake;                          ///< the `Q` of a registration
  Duration bootstrap_retry_max = std::chrono::hours(1);        ///< cap of the doubled hold-off
  BootstrapPack bootstrap_pack = BootstrapPack::first;
  ServerInitiated server_initiated = ServerInitiated::off;
  OwnCertificate own_certificate = OwnCertificate::none;
  const CredentialChecker* credentials =
      nullptr;  ///< asked at Finish; without one, only what bytes alone tell
  std::size_t observations_max =
      32;                           ///< of all servers; a further one is answered without its Observe option
  std::size_t attributes_max = 64;  ///< paths with attributes, of all servers; a further one is answered 5.03
  std::size_t servers_max = 8;      ///< accounts beyond are not registered
  std::size_t body_max = 64 * 1024;
};

/// What a session needs. Views are into the client's Security object, valid until the next call.
struct ConnectWanted {
  PeerId peer;           ///< names the session in every later call
  ShortServerId server;  ///< 0 for the bootstrap server
  std::string_view uri;  ///< /0/x/0
  SecurityMode mode;
  ByteView identity;                   ///< /0/x/3
  ByteView server_public_key;          ///< /0/x/4
  ByteView key;                        ///< /0/x/5: secret
  std::uint8_t matching_type = 0;      ///< /0/x/13: what of the server's key /0/x/4 holds; 0 all of it
  std::uint8_t certificate_usage = 3;  ///< /0/x/15
  std::string_view sni{};              ///< /0/x/14; empty: the host of the URI
  /// /0/x/16, IANA numbers, most wanted first; 0 ends them; none: the device's own choice. More are not
  /// looked at.
  std::array<std::uint16_t, 8> cipher_suites{};
};
struct DisconnectWanted {
  PeerId peer;
};
/// The device's own state must become durable: hand `snapshot` (opaque bytes, holds secrets) to storage and
/// then call `persisted`. Until then the client does not answer what depends on it (a Finish).
struct PersistWanted {
  std::uint64_t id;
  ByteView snapshot;
};
enum class BootstrapEnd : std::uint8_t {
  succeeded,
  refused,         ///< the server said no to the request
  inconsistent,    ///< Finish was refused (4.06) and not repaired
  timeout,         ///< no answer, or no further command, for EXCHANGE_LIFETIME
  session_failed,  ///< no session, a lost one, or the state could not be stored
  superseded       ///< another bootstrap was asked for
};
[[nodiscard]] const char* to_string(BootstrapEnd end);
enum class Initiator : std::uint8_t { client, server };
struct BootstrapStarted {
  PeerId peer;
  unsigned attempt;
  Initiator initiator = Initiator::client;
};
/// The pack was refused, by the server or by the device; the session goes on with a Bootstrap-Request.
struct BootstrapPackFailed {
  std::optional<coap::Code> code;  ///< of the server's answer
  std::string_view reason;
};
struct BootstrapEnded {
  BootstrapEnd end;
  std::optional<coap::Code> code;
  std::string_view reason;
};
struct RegisteredWith {
  ShortServerId server;
  std::string_view location;
};
struct RegistrationUpdated {
  ShortServerId server;
};
struct RegistrationFailed {
  ShortServerId server;
  std::optional<coap::Code> code;
  std::string_view reason;
};
struct DeregisteredFrom {
  ShortServerId server;
};
using Event =
    std::variant<ConnectWanted, DisconnectWanted, PersistWanted, BootstrapStarted, BootstrapPackFailed,
                 BootstrapEnded, RegisteredWith, RegistrationUpdated, RegistrationFailed, DeregisteredFrom>;

enum class ConnectFailure : std::uint8_t {
  unreachable,
  name_unknown,
  handshake_timeout,
  alert_retry,
  alert_fail
};

/// What the client is about, for a person and for tests.
enum class State : std::uint8_t {
  idle,
  holding_off,
  bootstrapping,
  registering,
  registered,
  waiting_to_retry
};
[[nodiscard]] const char* to_string(State state);

/// Decision to bootstrap, registration order and retries are tables in client/decide.cpp and
/// client/registration.cpp. A failure always has a next attempt: `next_timeout()` tells when.
class Client {
 public:
  /// `model` holds the device's objects; /0, /1, /2 and /21 belong to the client and are in it too.
  Client(const ClientConfig& config, Model& model, Random& random);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Begins: `model` has been loaded (factory pack, or the last snapshot). `wall` is for /1/x/12.
  void start(TimePoint now, std::optional<UnixTime> wall);

  void handle_datagram(TimePoint now, PeerId peer, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<coap::Transmit> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();

  void connected(TimePoint now, PeerId peer);
  /// `alert` is what the server sent, kept in /1/x/11. [LwM2M-TRANSPORT 1.2 §5.2.10]
  void connect_failed(TimePoint now, PeerId peer, ConnectFailure failure, std::optional<std::uint8_t> alert);
  void connection_lost(TimePoint now, PeerId peer, std::optional<std::uint8_t> alert);
  enum class Persisted : std::uint8_t { durable, failed };
  void persisted(TimePoint now, std::uint64_t id, Persisted outcome);

  /// The application changed a value: observers are told as pmin, pmax and the other attributes say.
  void changed(TimePoint now, const Path& path);
  /// Bootstraps now, as /1/x/9 does.
  void request_bootstrap(TimePoint now);
  /// Sends an Update (to all, or to one) now, as /1/x/8 does.
  void request_update(TimePoint now);
  /// De-registers everywhere and ends; `state()` becomes idle.
  void shut_down(TimePoint now);

  [[nodiscard]] State state() const;
  [[nodiscard]] const coap::EndpointCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::client
