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
#include <slipway/bootstrap/operations.hpp>
#include <slipway/coap/endpoint.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/fleet/credential_maker.hpp>
#include <slipway/fleet/plan.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::bootstrap {

/// Whether Bootstrap-Pack-Requests are served; without, they are answered 5.01 and devices go on with a
/// Bootstrap-Request. [LwM2M-CORE 1.2 §6.1.7.7]
enum class PackService : std::uint8_t { off, on };

struct ServerConfig {
  coap::EndpointConfig coap{};
  std::size_t sessions_max = 4096;  ///< alive at once; more are answered 5.03 with Max-Age
  /// Of them without security from one host (an IPv4 address, or the /64 of an IPv6 address; ports do not
  /// count), since anybody can begin those; more are answered 5.03 with Max-Age.
  std::size_t sessions_per_address_max = 256;
  Duration session_time_max = seconds(600);  ///< from request to end, whatever the device does
  Duration adapter_time_max =
      seconds(20);  ///< an unanswered EnrolmentWanted or CredentialsToKeep: 5.03 / failed
  PackService pack = PackService::on;
};

/// One run of the bootstrap interface with one device; never reused.
using SessionId = StrongId<struct BootstrapSessionIdTag, std::uint64_t>;

enum class Outcome : std::uint8_t {
  succeeded,
  refused,            ///< the Bootstrap-Request was answered with an error
  operation_refused,  ///< the device refused a Write, Delete, Discover
  finish_refused,     ///< the device said 4.06 (or another error) to the Finish, also after a repair
  timeout,            ///< the device fell silent
  superseded,         ///< the device began anew
  storage_failed,     ///< our store could not keep the credentials; none was sent
  overloaded,
  plan_unfit,  ///< the plan cannot be carried out on what the device has
};
[[nodiscard]] const char* to_string(Outcome outcome);

/// May this device come, and what for? Answer with `enrolment`. Views live until the next poll.
struct EnrolmentWanted {
  SessionId session;
  PeerContext peer;
  std::string_view endpoint;  ///< claimed by `ep`, or the authenticated name when `ep` is absent
};
/// Credentials that must be durable, and accepted by the servers that they are for, before the device hears
/// of them: those of the management accounts, and that of the bootstrap account when the plan replaces it.
/// `key` of RPK and X.509 is the private key: no store keeps it. Answer with `credentials_kept`.
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
  std::optional<coap::Code> answer;          ///< nothing when there was none
  fleet::Need need = fleet::Need::required;  ///< the session goes on without an optional one
  /// Of the payload of a Write or a Pack, otherwise of the device's answer.
  std::optional<ContentFormat> format{};
  std::size_t size = 0;  ///< bytes of that payload
  Duration took{};       ///< from sending to the answer; of a request from its arrival
  /// A sentence for a person, without secrets: why it was refused, or what was made of the answer. Lives as
  /// the event does.
  std::string_view reason{};
};
struct SessionStarted {
  SessionId session;
  PeerId peer;
  std::string_view endpoint;
};
/// The end, once for every SessionStarted; a request that is refused at once has both. `reason` is a sentence
/// for a person, without secrets. A Pack `succeeded` when it was handed to the transport after its
/// credentials were durable: no message tells whether the device took it [LwM2M-CORE 1.2 §6.1.7.7]; its
/// registration will.
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

/// `refused`, `overloaded`, and `failed` with its parts, are ends of sessions.
struct ServerCounters {
  std::uint64_t requests = 0, started = 0, succeeded = 0, failed = 0, refused = 0, overloaded = 0;
  std::uint64_t operation_refused = 0, finish_refused = 0, timeout = 0, superseded = 0, storage_failed = 0,
                plan_unfit = 0;  ///< parts of `failed`
  std::uint64_t packs = 0;       ///< Bootstrap-Packs handed out, within `succeeded`
  std::uint64_t repairs = 0;     ///< sessions in which a Finish was refused once
};

/// A session:
///
///   POST /bs -> EnrolmentWanted -enrolment-> 2.04 -> [before] -> Discover -> [Read /1, /2] -> operations ->
///   Finish
///                                              \                                               | ^        |
///                                              |
///                                               CredentialsToKeep -credentials_kept------------' |        |
///                                               |
///                                                                          Discover again <-4.06-'--------'
///                                                                          |
///                                                                                       SessionEnded
///                                                                                       <-2.04-'
///   GET /bspack -> EnrolmentWanted -enrolment-> CredentialsToKeep -credentials_kept-> 2.05 -> SessionEnded
///
/// Discover and Read go out while the store works; whatever changes the device waits for it. The order of the
/// operations is that of `plan_operations`. A refused operation ends the session as failed, visibly, and no
/// Finish is sent then; but an optional one is only noted, and 4.04 to a Delete is as good as success. A
/// device that refuses Discover (4.00, 4.04, 4.05, 4.06, 5.01) is bootstrapped blindly, with its bootstrap
/// account taken to be /0/0; one that refuses Read (these, and 4.01) is taken as unread. The content format
/// is that of the operation or the plan, else the device's `pct`, else SenML CBOR for version 1.1 and later
/// and TLV for 1.0; 4.15 to a Write changes it once. An error to the Finish is answered by one repair: the
/// device is looked at anew, and everything that the plan knows is written again.
///
/// The device's own bootstrap account is found by Discover (the /0 instance without ssid) and never written
/// over, unless the plan replaces it. A new request of the same endpoint supersedes the old session, once its
/// enrolment is granted. Endpoint and authenticated name must agree (4.00).
class Server {
 public:
  /// `maker` makes key pairs and certificates; without one, plans that need them are refused (5.00).
  Server(const ServerConfig& config, const ObjectCatalog& catalog, Random& protocol_random,
         Random& key_random, fleet::CredentialMaker* maker = nullptr);
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
