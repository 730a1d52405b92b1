// SPDX-License-Identifier: Apache-2.0
// The bootstrap-server engine: takes Bootstrap-Requests and carries out plans. Sans-I/O.
// [LwM2M-CORE 1.2 §6.1] [LwM2M-TRANSPORT 1.2 §6.4.2]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>
#include <slipway/coap/endpoint.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/plan.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::bootstrap {

struct ServerConfig {
  coap::EndpointConfig coap{};
  std::size_t sessions_max = 4096;          ///< alive at once; more are answered 5.03 with Max-Age
  Duration session_time_max = seconds(600); ///< from request to end, whatever the device does
  Duration adapter_time_max = seconds(20);  ///< an unanswered EnrolmentWanted or CredentialsToKeep: 5.03 / failed
};

/// One run of the bootstrap interface with one device; never reused.
using SessionId = StrongId<struct BootstrapSessionIdTag, std::uint64_t>;

enum class Operation : std::uint8_t { request, discover, read, write, del, finish, pack };
[[nodiscard]] const char* to_string(Operation operation);

enum class Outcome : std::uint8_t {
  succeeded,
  refused,           ///< the Bootstrap-Request was answered with an error
  operation_refused, ///< the device refused a Write, Delete, Discover
  finish_refused,    ///< the device said 4.06 (or another error) to the Finish
  timeout,           ///< the device fell silent
  superseded,        ///< the device began anew
  storage_failed,    ///< our store could not keep the credentials; none was sent
  overloaded,
};
[[nodiscard]] const char* to_string(Outcome outcome);

/// May this device come, and what for? Answer with `enrolment`. Views live until the next poll.
struct EnrolmentWanted {
  SessionId session;
  PeerContext peer;
  std::string_view endpoint;  ///< claimed by `ep`, or the authenticated name when `ep` is absent
};
/// Credentials that must be durable, and accepted by the management servers, before the device
/// hears of them. Answer with `credentials_kept`.
struct CredentialsToKeep {
  SessionId session;
  std::string_view endpoint;
  std::span<const fleet::Credential> credentials;  ///< valid until `credentials_kept` or SessionEnded
};
/// One operation has been answered (or was refused, or timed out).
struct OperationDone {
  SessionId session;
  std::string_view endpoint;
  Operation operation;
  Path path;
  std::optional<coap::Code> answer;  ///< nothing when there was none
};
struct SessionStarted {
  SessionId session;
  PeerId peer;
  std::string_view endpoint;
};
/// The end, once for every SessionStarted; a request that is refused at once has both. `reason` is a sentence for a person, without secrets.
struct SessionEnded {
  SessionId session;
  PeerId peer;
  std::string_view endpoint;
  Outcome outcome;
  std::string_view reason;
};
using Event = std::variant<EnrolmentWanted, CredentialsToKeep, OperationDone, SessionStarted, SessionEnded>;

struct Refusal {
  coap::Code code = coap::Code::bad_request;
  std::string_view reason;  ///< for the operator, not for the device
};

struct ServerCounters {
  std::uint64_t requests = 0, started = 0, succeeded = 0, failed = 0, refused = 0, overloaded = 0;
};

/// A session:
///
///   POST /bs --> [EnrolmentWanted] --enrolment--> 2.04, GET / (Discover) and at the same time
///   [CredentialsToKeep] --both answered--> operations in order --> POST /bs (Finish) --> SessionEnded
///
/// Any refused operation ends the session as failed, visibly; no Finish is sent then. A device that refuses
/// Discover (4.00, 4.04, 4.05, 4.06, 5.01) is bootstrapped blindly, with its bootstrap account taken to be
/// /0/0; 4.04 to a Delete is as good as success. The device's own bootstrap account is found by Discover (the /0
/// instance without ssid) and never written over. A new request of the same endpoint supersedes the old session,
/// once its enrolment is granted. Endpoint and authenticated name must agree (4.00).
class Server {
 public:
  Server(const ServerConfig& config, const ObjectCatalog& catalog, Random& protocol_random, Random& key_random);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void handle_datagram(TimePoint now, const PeerContext& peer, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<coap::Transmit> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();

  void enrolment(TimePoint now, SessionId session, std::shared_ptr<const fleet::Plan> plan);
  void refuse(TimePoint now, SessionId session, Refusal refusal);
  enum class Kept : std::uint8_t { durable, failed };
  void credentials_kept(TimePoint now, SessionId session, Kept kept);
  /// The peer's session is gone.
  void peer_gone(TimePoint now, PeerId peer);

  [[nodiscard]] std::size_t sessions() const;
  [[nodiscard]] const ServerCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::bootstrap
