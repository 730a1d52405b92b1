// SPDX-License-Identifier: Apache-2.0
// The management-server engine: registrations, device management, observations. Sans-I/O.
// [LwM2M-CORE 1.2 §6.2, §6.3, §6.4]
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
#include <slipway/codec/payload.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::management {

struct ServerConfig {
  coap::EndpointConfig coap{};
  std::size_t registrations_max = 1'000'000;  ///< more are answered 5.03
  std::size_t links_max = 512;  ///< links in one registration; more is 4.13... see lwm2m/registration.hpp
  std::size_t operations_per_device_max = 64;  ///< queued or in flight for one device
  std::size_t operations_max = 65536;          ///< for all devices
  std::size_t observations_per_device_max = 64;
  Duration operation_time_max = seconds(247);         ///< of an operation for a device that is awake
  Duration queued_time_max = std::chrono::hours(72);  ///< of one that waits for a sleeping device
  Duration awake_time = seconds(93);  ///< a queue-mode device listens so long after its last message
};

using OperationId = StrongId<struct OperationIdTag, std::uint64_t>;
using ObservationId = StrongId<struct ObservationIdTag, std::uint64_t>;

/// A device as registered. Views live until the next non-const call.
struct Registration {
  std::string_view endpoint;
  std::string_view location;  ///< last segment of /rd/...
  Version enabler;            ///< `lwm2m`
  seconds lifetime{};         ///< 0 is for ever
  std::string_view binding;
  bool queue_mode = false;
  std::string_view sms;
  std::string_view links;           ///< the object list as the device sent it
  std::string_view alternate_path;  ///< "" or "/lwm2m"
  PeerId peer;  ///< 0 after a restart that its session did not survive, until the device speaks again
  Address address;
  SecurityMode security = SecurityMode::nosec;
  UnixTime registered{};
  UnixTime updated{};
};

enum class RegistrationEnd : std::uint8_t { deregistered, expired, replaced, revoked };
[[nodiscard]] const char* to_string(RegistrationEnd end);

struct Registered {
  Registration registration;
  bool replaced;
};
/// `changed` tells whether anything but the time changed (lifetime, binding, sms, links, address).
struct Updated {
  Registration registration;
  bool changed;
};
struct Deregistered {
  Registration registration;
  RegistrationEnd end;
};

enum class OperationFailure : std::uint8_t {
  timeout,
  reset,
  session_lost,
  deregistered,
  undecodable,
  cancelled,
  too_large
};
[[nodiscard]] const char* to_string(OperationFailure failure);

/// What a device answered. `entries` is filled where the payload was a value list; text and bytes
/// are views until the next poll.
struct Answer {
  coap::Code code;
  std::optional<ContentFormat> format;
  ByteView payload;
  std::span<const Entry> entries;
  std::string_view location;  ///< of a Create
};
struct OperationDone {
  OperationId operation;
  std::string_view endpoint;
  Path path;
  std::variant<Answer, OperationFailure> result;
};
struct Notified {
  ObservationId observation;
  std::string_view endpoint;
  Path path;
  Answer answer;
};
/// The device ended an observation, or its registration ended.
struct ObservationEnded {
  ObservationId observation;
  std::string_view endpoint;
  Path path;
};
/// A Send of the device. [LwM2M-CORE 1.2 §6.4.6]
struct Sent {
  std::string_view endpoint;
  Answer answer;
};
/// A registration was refused, and why (a sentence for a person).
struct RegistrationRefused {
  PeerId peer;
  std::string_view endpoint;
  coap::Code code;
  std::string_view reason;
};
using Event = std::variant<Registered, Updated, Deregistered, OperationDone, Notified, ObservationEnded, Sent,
                           RegistrationRefused>;

enum class WriteMode : std::uint8_t { replace, partial };

struct ServerCounters {
  std::uint64_t registers = 0, updates = 0, deregisters = 0, expiries = 0, refused = 0, operations = 0,
                notifications = 0, sends = 0;
};

class Server {
 public:
  Server(const ServerConfig& config, const ObjectCatalog& catalog, Random& random);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// `wall` dates registrations; it decides nothing.
  void handle_datagram(TimePoint now, UnixTime wall, const PeerContext& peer, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<coap::Transmit> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();

  /// Operations. Each ends with exactly one OperationDone. Errors: not_found (no such registration),
  /// exhausted (operations_per_device_max, operations_max), unsupported / wrong_type / wrong_path (as
  /// codec::encode). For a sleeping queue-mode device they wait until it wakes, in order.
  Result<OperationId> read(TimePoint now, std::string_view endpoint, const Path& path,
                           std::optional<ContentFormat> accept = {});
  Result<OperationId> discover(TimePoint now, std::string_view endpoint, const Path& path);
  Result<OperationId> write(TimePoint now, std::string_view endpoint, const Path& path, WriteMode mode,
                            std::span<const Entry> entries, std::optional<ContentFormat> format = {});
  Result<OperationId> write_attributes(TimePoint now, std::string_view endpoint, const Path& path,
                                       std::span<const std::string_view> attributes);
  Result<OperationId> execute(TimePoint now, std::string_view endpoint, const Path& path,
                              std::string_view arguments = {});
  Result<OperationId> create(TimePoint now, std::string_view endpoint, ObjectId object,
                             std::span<const Entry> entries, std::optional<ContentFormat> format = {});
  Result<OperationId> del(TimePoint now, std::string_view endpoint, const Path& path);
  struct Observing {
    ObservationId observation;
    OperationId operation;
  };
  /// The first answer comes as OperationDone, later ones as Notified. Observing the same path again
  /// returns the same observation with a new operation.
  Result<Observing> observe(TimePoint now, std::string_view endpoint, const Path& path,
                            std::optional<ContentFormat> accept = {});
  Result<OperationId> cancel_observation(TimePoint now, ObservationId observation);
  /// Gives up on an operation; OperationDone{cancelled} follows.
  void cancel(TimePoint now, OperationId operation);

  [[nodiscard]] std::optional<Registration> find(std::string_view endpoint) const;
  [[nodiscard]] std::size_t registrations() const;
  /// Up to `limit` registrations in order of endpoint name, after `after` ("" from the start).
  void list(std::string_view after, std::size_t limit, void (*visit)(void* context, const Registration&),
            void* context) const;

  /// Restores a registration from the store at start; `remaining` of its lifetime. Its peer is the session
  /// that goes on, or 0.
  void restore(TimePoint now, const Registration& registration, Duration remaining);
  /// Restores an observation of a restored registration: it is asked for again when the device speaks next,
  /// and its first answer is a Notified. Errors: not_found, exhausted (observations_per_device_max).
  Result<ObservationId> restore_observation(std::string_view endpoint, const Path& path);
  /// Ends a registration on the operator's word (credential revoked, device deleted).
  void revoke(TimePoint now, std::string_view endpoint);
  /// The peer's session is gone: its requests fail or wait; the registration stays.
  void peer_gone(TimePoint now, PeerId peer);
  [[nodiscard]] const ServerCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::management
