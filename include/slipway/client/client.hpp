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
#include <slipway/client/hibernation.hpp>
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

/// Whether the device has a smartcard reader: its card's accounts then come before the factory's.
/// [LwM2M-CORE 1.2 §6.1.4]
enum class SmartcardUse : std::uint8_t { none, present };

struct ClientConfig {
  std::string endpoint;
  Version enabler{1, 2};  ///< highest spoken; 4.12 leads to a lower one
  coap::EndpointConfig coap{};
  ContentFormat preferred_format = ContentFormat::senml_cbor;  ///< also `pct`
  QueueMode queue = QueueMode::awake;                          ///< the `Q` of a registration
  std::string transports = "U";                          ///< letters of those it has: U for UDP, T for TCP
  Duration bootstrap_retry_max = std::chrono::hours(1);  ///< cap of the doubled hold-off
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
  SmartcardUse smartcard = SmartcardUse::none;
  Duration smartcard_patience = seconds(30);  ///< then the card counts as unreadable
  Duration smartcard_retry = seconds(60);     ///< before an unreadable card is read again; doubled each time
  Duration smartcard_retry_max = std::chrono::hours(1);
  Duration persist_retry = seconds(5);  ///< before a failed write is repeated; doubled each time
  Duration persist_retry_max = std::chrono::minutes(10);
  Duration goodbye_patience = seconds(10);  ///< for de-registrations before a factory reset
};

/// What a session needs. Views are into the client's Security object, valid until the next call.
struct ConnectWanted {
  PeerId peer;           ///< names the session in every later call
  ShortServerId server;  ///< 0 for the bootstrap server
  std::string_view uri;  ///< /0/x/0; its scheme says by which transport
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
/// What may become of snapshots that were stored before: after a factory reset no copy of them may stay.
enum class Earlier : std::uint8_t { may_stay, must_go };
struct PersistWanted {
  std::uint64_t id;
  ByteView snapshot;
  Earlier earlier = Earlier::may_stay;
};
/// The content of the smartcard's file is wanted: read it (off the loop: cards are slow) and call
/// `Client::smartcard` with this number.
struct SmartcardWanted {
  std::uint64_t id;
};
enum class SmartcardEnd : std::uint8_t {
  applied,     ///< its accounts are in use now
  removed,     ///< what came from it is gone
  refused,     ///< its content is not consistent: nothing has changed
  unreadable,  ///< nothing has changed; it is read again at the next occasion
};
[[nodiscard]] const char* to_string(SmartcardEnd end);
struct SmartcardRead {
  SmartcardEnd end;
  std::string_view reason;
};
enum class ResetEnd : std::uint8_t {
  done,
  no_factory_state,  ///< the model was never given one
  not_stored,        ///< storage failed repeatedly: the device goes on as before
};
[[nodiscard]] const char* to_string(ResetEnd end);
struct FactoryResetEnded {
  ResetEnd end;
};
/// The device knows no server and has no way to learn of one: only a person can help.
struct Stuck {
  std::string_view reason;
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
                 BootstrapEnded, RegisteredWith, RegistrationUpdated, RegistrationFailed, DeregisteredFrom,
                 SmartcardWanted, SmartcardRead, FactoryResetEnded, Stuck>;

/// What a card reader found.
struct SmartcardAbsent {};  ///< no card, or one without the file
struct SmartcardUnreadable {
  std::string_view reason;
};
/// The file's bytes: EF LwM2M_Bootstrap. They hold secrets; the client keeps no view of them.
using SmartcardContent = std::variant<SmartcardAbsent, SmartcardUnreadable, ByteView>;

enum class ConnectFailure : std::uint8_t {
  unreachable,
  name_unknown,
  handshake_timeout,
  alert_retry,
  alert_fail
};
[[nodiscard]] const char* to_string(ConnectFailure failure);

/// What the client is about, for a person and for tests.
enum class State : std::uint8_t {
  idle,
  holding_off,
  bootstrapping,
  registering,
  registered,
  waiting_to_retry,
  resetting,  ///< leaving its servers to return to the factory state
  stuck       ///< see the event Stuck
};
[[nodiscard]] const char* to_string(State state);

/// What the client does next by itself.
enum class Attempt : std::uint8_t {
  read_smartcard,
  bootstrap,
  register_with,  ///< or what comes before: a session
  update,
  store,
  reset,
};
[[nodiscard]] const char* to_string(Attempt attempt);
struct NextAttempt {
  TimePoint at;  ///< for what is under way: when it counts as failed
  Attempt what;
  ShortServerId server{};  ///< of register_with and update
  bool operator==(const NextAttempt&) const = default;
};

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
  /// `hibernation`: what `hibernate` gave before this life, or nothing. A registration of it goes on where
  /// the account is the same and its session comes back (`connected` with SessionKind::kept); bytes that are
  /// damaged or of another version count as nothing.
  void start(TimePoint now, std::optional<UnixTime> wall, ByteView hibernation = {});

  void handle_datagram(TimePoint now, PeerId peer, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<coap::Transmit> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();

  /// The session is one over TCP or TLS: say so before `connected`, and again when the server's CSM says
  /// something new. Its messages, both ways, are then frames. Errors: as coap::Endpoint::set_reliable.
  Result<void> set_reliable(PeerId peer, const coap::Reliable& reliable);
  void connected(TimePoint now, PeerId peer, SessionKind session = SessionKind::fresh);
  /// `alert` is what the server sent, kept in /1/x/11. [LwM2M-TRANSPORT 1.2 §5.2.10]
  void connect_failed(TimePoint now, PeerId peer, ConnectFailure failure, std::optional<std::uint8_t> alert);
  void connection_lost(TimePoint now, PeerId peer, std::optional<std::uint8_t> alert);
  /// A warning of the server: it is kept in /1/x/11, and the session goes on.
  void alert_received(TimePoint now, PeerId peer, std::uint8_t alert);
  enum class Persisted : std::uint8_t { durable, failed };
  /// What failed is asked for again, with a later number.
  void persisted(TimePoint now, std::uint64_t id, Persisted outcome);
  /// Answers SmartcardWanted; an answer to another number is ignored.
  void smartcard(TimePoint now, std::uint64_t id, const SmartcardContent& content);

  /// The application changed a value: observers are told as pmin, pmax and the other attributes say.
  void changed(TimePoint now, const Path& path);
  /// Bootstraps now, as /1/x/9 does.
  void request_bootstrap(TimePoint now);
  /// Sends an Update (to all, or to one) now, as /1/x/8 does.
  void request_update(TimePoint now);
  /// De-registers where possible, returns to the factory state (durably, in one step) and begins anew. May be
  /// called from a function of the maker, such as /3/0/5. FactoryResetEnded tells how it went.
  void factory_reset(TimePoint now);
  /// De-registers everywhere and ends; `state()` becomes idle.
  void shut_down(TimePoint now);
  /// Ends without a word to the servers, for a sleep without memory or a reboot: they keep the registrations
  /// and what they observe. `state()` becomes idle. Call it when `poll_transmit` is empty; sessions that are
  /// not among the result get their DisconnectWanted. A factory reset under way keeps nothing.
  [[nodiscard]] Hibernation hibernate(TimePoint now);
  /// Whether bytes are a whole hibernation, for who stores them. Errors: malformed, truncated, unsupported.
  [[nodiscard]] static Result<void> check_hibernation(ByteView bytes);

  [[nodiscard]] State state() const;
  /// Nothing when all is well and nothing is due, and when the client is stuck or shut down.
  [[nodiscard]] std::optional<NextAttempt> next_attempt() const;
  [[nodiscard]] const coap::EndpointCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::client
