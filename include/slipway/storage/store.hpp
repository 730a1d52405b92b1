// SPDX-License-Identifier: Apache-2.0
// The storage port: what must survive a restart. Backends pass tests/conformance/store.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/time.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::storage {

/// Our side failed. `what` names the thing, the place and the remedy.
struct StoreError {
  enum class Kind : std::uint8_t {
    unavailable,  ///< busy, full, or unreadable; the same call may work later
    conflict,     ///< a PSK identity that another credential has
    corrupt,      ///< a record that cannot be read or unsealed
    too_new,      ///< the database was written by a newer version
  };
  Kind kind = Kind::unavailable;
  std::string what;
};
template <class T>
using StoreResult = std::expected<T, StoreError>;

/// What may be shown of a credential.
struct CredentialInfo {
  fleet::ServerRole role;
  ShortServerId server;
  SecurityMode mode;
  fleet::CredentialState state;
  std::string identity_fingerprint;  ///< first 8 hex digits of SHA-256 of the identity
  UnixTime created;
};

/// Whom an identity belongs to, whether or not it still opens anything.
struct CredentialOwner {
  std::string endpoint;
  fleet::CredentialState state;
  bool operator==(const CredentialOwner&) const = default;
};

/// A registration as kept over a restart. [LwM2M-CORE 1.2 §6.2.1]
struct RegistrationRecord {
  std::string endpoint;
  std::string location;
  Version enabler;
  std::int64_t lifetime_s = 0;
  std::string binding;
  bool queue_mode = false;
  std::string sms;
  std::string links;
  std::string alternate_path;
  SecurityMode security = SecurityMode::psk;
  Address address;
  UnixTime registered;
  UnixTime updated;
  std::uint64_t session = 0;  ///< SessionRecord::id of the secure session it was made by; 0 without one
};

/// A secure session as kept over a restart. [dtls::FrozenSession]
struct SessionRecord {
  std::uint64_t id = 0;  ///< rises with age, above 0: the newest session of a credential is kept
  fleet::ServerRole role = fleet::ServerRole::management;
  Bytes identity;  ///< of its credential; which session is whose, the credentials say
  Address address;
  std::uint64_t identity_mark = 0;
  std::uint64_t life = 0;  ///< of the server that froze it
  Secret frozen;           ///< its keys; kept sealed
};
struct StoredSession {
  SessionRecord session;  ///< `frozen` is empty when the row is damaged
  std::string endpoint;
  ShortServerId server;
  SecurityMode mode = SecurityMode::psk;
};
enum class SessionKept : std::uint8_t {
  kept,
  not_kept,  ///< its credential is retired or gone, or has a newer session: a restart ends this one
};

/// One finished journey: `document` is the JSON of trace/journey.hpp, secrets masked.
struct JourneyRecord {
  std::string endpoint;
  UnixTime began;
  std::string document;
  bool stranger = false;  ///< of an endpoint that no enrolment takes: anybody may claim any number of names
};

/// One of the handshakes that failed last: `document` is its JSON, of the node. Nothing in it is secret.
struct FailureRecord {
  std::string key;        ///< its place: it replaces what is kept under the same one
  bool stranger = false;  ///< of an identity that belongs to no device: anybody may make any number
  UnixTime last{};        ///< the newest ones are kept
  std::string document;
};
struct FailuresKept {
  std::size_t of_devices, of_strangers;
};

/// Not yet proven credentials of one device, role and server that are kept; older ones are dropped, though
/// never the oldest live one: the device came with it, and may still have nothing else.
inline constexpr std::size_t kIssuedMax = 4;
/// Journeys of all strangers together; older ones are dropped.
inline constexpr std::size_t kStrangerJourneysMax = 1000;
/// Retired ones that are kept to be listed, without their keys; older ones are dropped.
inline constexpr std::size_t kRetiredMax = 4;

/// What it means that a device has authenticated.
struct Proven {
  bool live = false;             ///< the credential opens something still
  std::string endpoint{};        ///< of a live one
  std::vector<Bytes> retired{};  ///< identities that it has made old: their sessions are to end
};

/// Blocking calls; used from one thread at a time (storage/worker.hpp). What a call has written is
/// durable when it returns, or when the batch around it has been committed.
class Store {
 public:
  virtual ~Store() = default;

  /// Runs `work` in one transaction: everything in it becomes durable together, or nothing does. A batch
  /// inside another is undone alone when it fails.
  virtual StoreResult<void> batch(const std::function<StoreResult<void>()>& work) = 0;

  /// All or none. A PSK is kept sealed; of RPK and X.509 the public part is kept, and the private key is
  /// not: it is the device's alone. conflict: the role already has a credential with that identity.
  virtual StoreResult<void> put_credentials(std::span<const fleet::Credential> credentials) = 0;
  /// Nothing when unknown or retired.
  virtual StoreResult<std::optional<fleet::Credential>> find_credential(fleet::ServerRole role,
                                                                        ByteView identity) = 0;
  /// Retired ones too, as long as they are kept (kRetiredMax): to explain a refusal.
  virtual StoreResult<std::optional<CredentialOwner>> find_owner(fleet::ServerRole role,
                                                                 ByteView identity) = 0;
  /// The device has authenticated with it: it becomes `proven`, and the older ones of the same
  /// device, role and server are retired. Doing it twice changes nothing, and so does an unknown or
  /// retired identity, which is not live.
  virtual StoreResult<Proven> prove_credential(fleet::ServerRole role, ByteView identity) = 0;
  /// Retires every credential of a device for a role, erasing the keys; returns how many were live.
  virtual StoreResult<std::size_t> revoke_credentials(std::string_view endpoint, fleet::ServerRole role) = 0;
  /// Retires the device's management credentials of all servers but these: it has no account of them any
  /// more. Returns how many were live.
  virtual StoreResult<std::size_t> retire_other_servers(std::string_view endpoint,
                                                        std::span<const ShortServerId> kept) = 0;
  /// Oldest first.
  virtual StoreResult<std::vector<CredentialInfo>> credentials(std::string_view endpoint) = 0;

  virtual StoreResult<void> put_registration(const RegistrationRecord& registration) = 0;
  virtual StoreResult<void> remove_registration(std::string_view endpoint) = 0;
  /// In order of endpoint. `visit` does not call this store.
  virtual StoreResult<void> each_registration(const std::function<void(RegistrationRecord&&)>& visit) = 0;

  /// What is observed of a device; twice is once.
  virtual StoreResult<void> put_observation(std::string_view endpoint, const Path& path) = 0;
  virtual StoreResult<void> remove_observation(std::string_view endpoint, const Path& path) = 0;
  /// `visit` does not call this store.
  virtual StoreResult<void> each_observation(
      const std::function<void(std::string_view endpoint, const Path& path)>& visit) = 0;

  /// A server begins: its number, above those of all servers before it, is durable when this returns. It is
  /// the second of `now` where that is larger, so that a database out of a backup, too, gives numbers that
  /// were not in use before. Nothing may be sent under a session that is kept before this was called.
  virtual StoreResult<std::uint64_t> begin_life(UnixTime now) = 0;
  /// Replaces what is kept of the session. Keys are sealed, each for its place. conflict: `life` is not that
  /// of the server that began last, so what this one keeps could bring a nonce back that the other uses.
  virtual StoreResult<SessionKept> put_session(const SessionRecord& session) = 0;
  virtual StoreResult<void> remove_session(std::uint64_t id) = 0;
  virtual StoreResult<void> clear_sessions() = 0;
  /// Those of live credentials only: what retires a credential removes its session in the same transaction.
  /// `visit` does not call this store.
  virtual StoreResult<void> each_session(const std::function<void(const StoredSession&)>& visit) = 0;
  /// The largest id that a session or a registration names; ids of new sessions are above it.
  virtual StoreResult<std::uint64_t> last_session() = 0;

  /// Keeps the newest `kept` journeys of the device.
  virtual StoreResult<void> put_journey(const JourneyRecord& journey, std::size_t kept) = 0;
  /// Newest first.
  virtual StoreResult<std::vector<JourneyRecord>> journeys(std::string_view endpoint, std::size_t limit) = 0;

  /// All or none; of devices and of strangers the newest ones stay, as many as `kept` says.
  virtual StoreResult<void> put_failures(std::span<const FailureRecord> failures, FailuresKept kept) = 0;
  /// Oldest first. `visit` does not call this store.
  virtual StoreResult<void> each_failure(const std::function<void(FailureRecord&&)>& visit) = 0;
};

}  // namespace slipway::storage
