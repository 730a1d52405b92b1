// SPDX-License-Identifier: Apache-2.0
// One server process: sockets, DTLS, the two server engines and the store, wired on one event loop.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/bootstrap/server.hpp>
#include <slipway/fleet/configuration.hpp>
#include <slipway/fleet/remote.hpp>
#include <slipway/management/server.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/node/failures.hpp>
#include <slipway/storage/store.hpp>
#include <slipway/trace/journey.hpp>

namespace slipway::node {

/// CoAP's tables of a server: many devices, each with little. Memory is taken as it is used.
[[nodiscard]] constexpr coap::EndpointConfig server_tables() {
  coap::EndpointConfig config;
  config.exchanges_max = 65'536;
  config.incoming_max = 262'144;  // 5,800 new messages a second for 45 s
  config.bodies_max = 4'096;
  return config;
}

struct Settings {
  fleet::ServerSettings server;
  std::vector<fleet::Remote> remotes;
  bootstrap::ServerConfig bootstrap{.coap = server_tables()};
  management::ServerConfig management{.coap = server_tables()};
  std::size_t peers_max = 1'000'000;  ///< plain (NoSec) addresses remembered; the oldest idle one goes first
  std::size_t journeys_active_max = 10'000;  ///< recorded at once; devices beyond are served unrecorded
};

/// A device as the API shows it.
struct Device {
  std::string endpoint;
  std::string location;
  Version enabler;
  std::int64_t lifetime_s = 0;
  std::string binding;
  bool queue_mode = false;
  std::string links;
  std::string address;
  SecurityMode security = SecurityMode::nosec;
  UnixTime registered{};
  UnixTime updated{};
};

/// One value of an answer.
struct ValueRecord {
  Path path;
  EntryKind kind = EntryKind::value;
  OwnedValue value;
  double time = 0;
};

/// What became of an operation on a device.
struct OperationResult {
  std::optional<coap::Code> code;   ///< the device's answer; nothing when it gave none
  std::string problem;              ///< why there is no usable answer, in words; else empty
  std::optional<ErrorCode> unsent;  ///< the device was not asked at all, for this reason
  std::optional<ContentFormat> format;
  std::vector<ValueRecord> values;
  std::string text;      ///< payload of a Discover, or a device's diagnostic message
  std::string location;  ///< of a Create
};
using OnResult = std::function<void(OperationResult)>;

struct Notification {
  std::uint64_t observation = 0;
  std::string endpoint;
  Path path;
  OperationResult result;
};

struct Write {
  Path path;
  management::WriteMode mode = management::WriteMode::replace;
  std::vector<std::pair<Path, OwnedValue>> values;
};

/// Numbers for /metrics, by name and labels; all rise except gauges.
struct Figure {
  const char* name;
  const char* help;
  double value;
  bool gauge = false;
  std::vector<std::pair<const char*, const char*>> labels{};  ///< name and value; values of an enum only
};

/// The addresses that were bound, as text; empty where a port is off.
struct Listening {
  std::string bootstrap_coap, bootstrap_coaps, management_coap, management_coaps;
  std::string bootstrap_coap_tcp, bootstrap_coaps_tcp, management_coap_tcp, management_coaps_tcp;
};

/// Everything except `post`, `stop` and `listening` is called on the loop's thread only: API threads use
/// `post`.
class Node {
 public:
  /// `catalog` outlives the node. The error is for a person.
  [[nodiscard]] static std::expected<std::unique_ptr<Node>, std::string> create(Settings settings,
                                                                                fleet::Enrolments enrolments,
                                                                                const ObjectCatalog& catalog);
  virtual ~Node() = default;

  /// Serves until `stop`.
  virtual void run() = 0;
  /// From any thread or a signal handler.
  virtual void stop() noexcept = 0;
  /// From any thread: runs `work` on the loop. False when the loop has too much waiting: answer 503.
  [[nodiscard]] virtual bool post(std::function<void()> work) = 0;
  [[nodiscard]] virtual const Listening& listening() const = 0;
  [[nodiscard]] virtual const ObjectCatalog& catalog() const = 0;

  /// Takes a new configuration's enrolments and remotes for everything that begins from now on; what runs
  /// goes on by its old plan. On an error (for a person) nothing has changed.
  [[nodiscard]] virtual std::expected<void, std::string> reconfigure(
      fleet::Enrolments enrolments, const std::vector<fleet::Remote>& remotes) = 0;

  /// Called on the loop's thread for everything that happens: ("registered", {...}). Set before `run`.
  virtual void on_event(std::function<void(std::string_view name, const nlohmann::json& event)> sink) = 0;

  /// Up to `limit` devices after the endpoint `after`, in order of endpoint.
  [[nodiscard]] virtual std::vector<Device> devices(std::string_view after, std::size_t limit) const = 0;
  [[nodiscard]] virtual std::optional<Device> device(std::string_view endpoint) const = 0;

  /// Each calls back exactly once, possibly before returning.
  virtual void read(std::string_view endpoint, const Path& path, std::optional<ContentFormat> format,
                    OnResult done) = 0;
  virtual void discover(std::string_view endpoint, const Path& path, OnResult done) = 0;
  virtual void write(std::string_view endpoint, const Write& write, OnResult done) = 0;
  virtual void write_attributes(std::string_view endpoint, const Path& path,
                                const std::vector<std::string>& attributes, OnResult done) = 0;
  virtual void execute(std::string_view endpoint, const Path& path, std::string_view arguments,
                       OnResult done) = 0;
  virtual void create(std::string_view endpoint, ObjectId object,
                      const std::vector<std::pair<Path, OwnedValue>>& values, OnResult done) = 0;
  virtual void del(std::string_view endpoint, const Path& path, OnResult done) = 0;
  /// `done` gets the first value and the observation's id (0 when it failed). Later ones are events
  /// "notification". Observing a path again gives the same id.
  virtual void observe(std::string_view endpoint, const Path& path,
                       std::function<void(std::uint64_t observation, OperationResult)> done) = 0;
  virtual void cancel_observation(std::string_view endpoint, const Path& path, OnResult done) = 0;

  /// Running ones first, then stored ones, newest first.
  virtual void journeys(std::string_view endpoint, std::size_t limit,
                        std::function<void(storage::StoreResult<std::vector<nlohmann::json>>)> done) = 0;
  virtual void credentials(
      std::string_view endpoint,
      std::function<void(storage::StoreResult<std::vector<storage::CredentialInfo>>)> done) = 0;
  /// Takes management credentials that another bootstrap server gives to devices. `done` comes when they are
  /// durable and accepted; all or none. conflict: an identity that is known already.
  virtual void keep_credentials(std::vector<fleet::Credential> credentials,
                                std::function<void(storage::StoreResult<void>)> done) = 0;
  /// Asks a registered device to bootstrap now: Execute of /1/x/9. [LwM2M-CORE 1.2 §6.1.3.4]
  virtual void request_bootstrap(std::string_view endpoint, OnResult done) = 0;
  /// Retires the device's credentials for a role, ends its sessions and its registration.
  virtual void revoke(std::string_view endpoint, fleet::ServerRole role,
                      std::function<void(storage::StoreResult<std::size_t>)> done) = 0;

  /// Handshakes that failed last, last first; those of a device, or all where `endpoint` is empty.
  [[nodiscard]] virtual std::vector<FailedHandshake> failed_handshakes(std::string_view endpoint,
                                                                       std::size_t limit) const = 0;

  [[nodiscard]] virtual std::vector<Figure> figures() const = 0;
};

/// {"path": "/3/0/0", "name": "Manufacturer", "type": "string", "value": "..."}; secrets are masked.
[[nodiscard]] nlohmann::json to_json(const ValueRecord& value, const ObjectCatalog& catalog);
[[nodiscard]] nlohmann::json to_json(const Device& device);
[[nodiscard]] nlohmann::json to_json(const OperationResult& result, const ObjectCatalog& catalog);

}  // namespace slipway::node
