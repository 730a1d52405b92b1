// SPDX-License-Identifier: Apache-2.0
// The wiring behind Node. Packets: node_packets.cpp; engine events: node_events.cpp; the operator's
// calls: node_operations.cpp; start and stop: node.cpp.
#pragma once

#include <nlohmann/json.hpp>

#include <array>
#include <map>
#include <unordered_map>

#include <slipway/fleet/credential_maker.hpp>
#include <slipway/net/event_loop.hpp>
#include <slipway/node/node.hpp>
#include <slipway/security/random.hpp>
#include <slipway/storage/sqlite.hpp>
#include <slipway/storage/worker.hpp>

#include "failure_keeper.hpp"
#include "failure_log.hpp"
#include "freezer.hpp"
#include "line_budget.hpp"
#include "mailbox.hpp"
#include "peers.hpp"
#include "recorder.hpp"
#include "remotes.hpp"
#include "repeat_filter.hpp"

namespace slipway::node {

inline constexpr std::size_t kOutcomes = 9;         ///< of bootstrap::Outcome
inline constexpr std::size_t kFailureReasons = 11;  ///< of dtls::FailureReason

/// Whose credential a handshake goes by, and why it opens nothing (empty when it does).
struct Claim {
  std::string endpoint;
  ShortServerId server;
  std::string reason, remedy;
  std::optional<fleet::CredentialState> state{};
  std::optional<UnixTime> created{};
};

/// Of one server role, for /metrics.
struct HandshakeFigures {
  std::array<std::array<std::uint64_t, kFailureReasons>, 2> failures{};  ///< [SecureProtocol]
  std::map<std::pair<security::dtls::IdentityKind, std::string>, std::uint64_t> established;  ///< by suite
  std::array<std::array<std::uint64_t, 3>, 2> alerts{};  ///< [sent, received][AlertClass]
};

/// Records that a session may send before it is written to the store again, which it is when half are used:
/// once in 512 messages. More would let a thief repeat more of what a killed server has received; fewer would
/// write more. A second of a server's absence uses up as many of the 2^48 numbers: enough for 8,700 years.
inline constexpr std::uint32_t kFreezeReserve = 1024;

/// A secure session that has come to be.
struct Opened {
  PeerId peer;
  Address address;
  const security::dtls::PeerIdentity& identity;
  const char* protocol;  ///< for the journey: "DTLS", "TLS"
  std::string suite;
  std::uint32_t bytes_received, bytes_sent;
  std::string datagrams_received, datagrams_sent;  ///< in words, with a comma in front
  Duration duration;
};

/// What is kept of a bootstrap session besides the engine.
struct BootstrapRun {
  PeerId peer;
  std::shared_ptr<const fleet::Plan> plan;  ///< once its enrolment was found
  std::string reason, remedy;               ///< for the journey; empty: what the engine says
  std::vector<Bytes> identities;            ///< of the credentials that it gives
  bool packed = false;                      ///< it was answered with a Pack
  bool goes_on = false;                     ///< no Pack for it: the device asks again, in the other way
  bool end_peer = false;                    ///< its secure session ends with it
};

/// A Pack that was handed out: whether the device has taken it shows when it uses what the Pack gave it.
struct PackGiven {
  std::shared_ptr<const fleet::Plan> plan;
  std::vector<Bytes> identities;
};
/// Secure sessions that one credential may have at once: a device has one, and perhaps some that it has
/// forgotten.
inline constexpr std::size_t kSessionsPerCredentialMax = 4;

/// Of devices that never used theirs; beyond, what they have left stays valid until it is revoked.
inline constexpr std::size_t kPacksGivenMax = 10'000;

/// Credentials of one session by where they must be kept; "" is here.
using KeepJobs = std::map<std::string, std::vector<fleet::Credential>, std::less<>>;

class ServerNode final : public Node {
 public:
  ServerNode(Settings settings, fleet::Enrolments enrolments, const ObjectCatalog& catalog,
             std::unique_ptr<net::EventLoop> loop);
  ~ServerNode() override;
  /// Opens the store and the ports, and restores sessions and registrations.
  std::expected<void, std::string> open();

  void run() override;
  void stop() noexcept override { loop_->stop(); }
  bool post(std::function<void()> work) override;
  const Listening& listening() const override { return listening_; }
  const ObjectCatalog& catalog() const override { return catalog_; }
  std::expected<void, std::string> reconfigure(fleet::Enrolments enrolments,
                                               const std::vector<fleet::Remote>& remotes) override;
  void on_event(std::function<void(std::string_view, const nlohmann::json&)> sink) override {
    sink_ = std::move(sink);
  }

  std::vector<Device> devices(std::string_view after, std::size_t limit) const override;
  std::optional<Device> device(std::string_view endpoint) const override;
  void read(std::string_view endpoint, const Path& path, std::optional<ContentFormat> format,
            OnResult done) override;
  void discover(std::string_view endpoint, const Path& path, OnResult done) override;
  void write(std::string_view endpoint, const Write& write, OnResult done) override;
  void write_attributes(std::string_view endpoint, const Path& path,
                        const std::vector<std::string>& attributes, OnResult done) override;
  void execute(std::string_view endpoint, const Path& path, std::string_view arguments,
               OnResult done) override;
  void create(std::string_view endpoint, ObjectId object,
              const std::vector<std::pair<Path, OwnedValue>>& values, OnResult done) override;
  void del(std::string_view endpoint, const Path& path, OnResult done) override;
  void observe(std::string_view endpoint, const Path& path,
               std::function<void(std::uint64_t, OperationResult)> done) override;
  void cancel_observation(std::string_view endpoint, const Path& path, OnResult done) override;
  void journeys(std::string_view endpoint, std::size_t limit,
                std::function<void(storage::StoreResult<std::vector<nlohmann::json>>)> done) override;
  void credentials(
      std::string_view endpoint,
      std::function<void(storage::StoreResult<std::vector<storage::CredentialInfo>>)> done) override;
  void keep_credentials(std::vector<fleet::Credential> credentials,
                        std::function<void(storage::StoreResult<void>)> done) override;
  void request_bootstrap(std::string_view endpoint, OnResult done) override;
  void revoke(std::string_view endpoint, fleet::ServerRole role,
              std::function<void(storage::StoreResult<std::size_t>)> done) override;
  std::vector<FailedHandshake> failed_handshakes(std::string_view endpoint,
                                                 std::size_t limit) const override {
    return failures_.list(endpoint, limit);
  }
  std::vector<Figure> figures() const override;

 private:
  // packets
  std::expected<std::string, std::string> open_port(fleet::ServerRole role, const std::string& text,
                                                    bool secure);
  void receive(Port& port);
  void receive_plain(TimePoint now, Port& port, const net::Datagram& datagram);
  void drain_dtls(TimePoint now, Port& port);
  void on_dtls(TimePoint now, Port& port, const security::dtls::CredentialWanted& event);
  void on_dtls(TimePoint now, Port& port, const security::dtls::SessionEstablished& event);
  void on_dtls(TimePoint now, Port& port, const security::dtls::DatagramReceived& event);
  void on_dtls(TimePoint now, Port& port, const security::dtls::PeerMoved& event);
  void on_dtls(TimePoint now, Port& port, const security::dtls::FreezeWanted& event);
  void on_dtls(TimePoint now, Port& port, const security::dtls::SessionEnded& event);
  void on_dtls(TimePoint now, Port& port, const security::dtls::HandshakeFailed& event);
  void deliver(TimePoint now, PeerId id, const Peer& peer, ByteView datagram, std::size_t wire_size);
  void transmit(TimePoint now, const coap::Transmit& transmit);
  std::size_t flush_dtls(Port& port, PeerId count_for);
  void flush(Port& port);
  using Verdict = std::function<void(TimePoint, std::optional<Secret>, security::dtls::Approval)>;
  void ask_store(Port& port, PeerId peer, security::dtls::IdentityKind kind, ByteView claimed,
                 Verdict verdict);
  void session_opened(TimePoint now, Port& port, Opened opened);
  void prove(PeerId id, const Peer& peer);
  void proved(TimePoint now, PeerId id, const storage::Proven& proven);
  void keep_within_bound(TimePoint now, const Peer& peer);
  /// Ends the handshakes of an endpoint's credentials: those that `dead` names, or all of the role.
  void end_handshakes(TimePoint now, std::string_view endpoint, fleet::ServerRole role,
                      const std::vector<Bytes>* dead);

  // streams
  std::expected<void, std::string> open_stream_ports();
  std::expected<std::string, std::string> open_stream_port(fleet::ServerRole role, const std::string& text,
                                                           bool secure);
  StreamHooks stream_hooks(Port& port);
  void stream_opened(TimePoint now, Port& port, PeerId id, const Address& from,
                     const security::tls::Established* established);
  void stream_closed(TimePoint now, Port& port, PeerId id, const StreamGone& gone);
  void add_stream_figures(std::vector<Figure>& all) const;
  void record_refusal(TimePoint now, const Port& port, const security::dtls::HandshakeFailed& event,
                      const Claim& claim);
  void tell_refused(TimePoint now, Port& port) const;
  void count_alert(const Port& port, bool received, security::dtls::Alert alert);
  void drop_peer(TimePoint now, PeerId id);
  void end_session(TimePoint now, PeerId id,
                   security::dtls::Alert alert = security::dtls::Alert::access_denied);
  void end_sessions(TimePoint now, std::string_view endpoint, fleet::ServerRole role,
                    std::span<const ShortServerId> kept);
  std::optional<TimePoint> next_deadline() const;
  void deadline_reached(TimePoint now);

  // engine events
  void drain_engines(TimePoint now);
  void on(TimePoint now, const bootstrap::EnrolmentWanted& event);
  void on(TimePoint now, const bootstrap::CredentialsToKeep& event);
  void on(TimePoint now, const bootstrap::OperationDone& event);
  void on(TimePoint now, const bootstrap::SessionStarted& event);
  void on(TimePoint now, const bootstrap::SessionEnded& event);
  void on(TimePoint now, const management::Registered& event);
  void on(TimePoint now, const management::Updated& event);
  void on(TimePoint now, const management::Deregistered& event);
  void on(TimePoint now, const management::OperationDone& event);
  void on(TimePoint now, const management::Notified& event);
  void on(TimePoint now, const management::ObservationEnded& event);
  void on(TimePoint now, const management::Sent& event);
  void on(TimePoint now, const management::RegistrationRefused& event);
  void refuse(TimePoint now, bootstrap::SessionId session, coap::Code code, std::string_view reason,
              std::string_view remedy);
  void check_credential(bootstrap::SessionId session, const Peer& peer);
  void keep_everywhere(bootstrap::SessionId session, KeepJobs jobs);
  void settle(const std::string& endpoint, const fleet::Plan& plan);
  void settle_pack(const Peer& peer);
  void keep(const management::Registration& registration);
  void publish(std::string_view name, nlohmann::json event);

  // operations
  void started(Result<management::OperationId> operation, std::string_view endpoint, const Path& path,
               OnResult done);
  OperationResult result_of(const management::Answer& answer) const;
  void submit(storage::Worker::Work work, storage::Worker::Done done);
  /// Without a word about a failure.
  void submit_quietly(storage::Worker::Work work, const storage::Worker::Done& done);
  std::expected<void, std::string> restore();
  std::expected<void, std::string> restore_observations();
  std::expected<void, std::string> restore_failures();
  void keep_observation(std::string_view endpoint, const Path& path);
  void forget_observation(std::string_view endpoint, const Path& path);
  std::expected<void, std::string> thaw_sessions();
  bool thaw(TimePoint now, const storage::StoredSession& stored);
  std::optional<Freezer::Frozen> freeze(PeerId id);
  void freeze_all();
  void say_thawed() const;
  PeerId session_of(const storage::RegistrationRecord& record) const;
  void keep_journey(trace::Journey journey, Recorder::Name name);
  void add_engine_figures(std::vector<Figure>& all) const;
  void add_dtls_figures(std::vector<Figure>& all) const;
  void add_handshake_figures(std::vector<Figure>& all) const;

  Settings settings_;
  fleet::Enrolments enrolments_;
  const ObjectCatalog& catalog_;
  std::unique_ptr<net::EventLoop> loop_;
  Mailbox mailbox_;
  security::SystemRandom random_;        // of the loop's thread
  security::SystemRandom store_random_;  // of the store's thread
  Listening listening_;
  std::vector<std::unique_ptr<Port>> ports_;  // of datagrams
  std::vector<std::unique_ptr<Port>> stream_ports_;
  Peers peers_;
  /// A handshake whose credential was asked for. `claim` is empty until the store has answered.
  struct Claimed {
    Port* port;
    Bytes identity;  ///< as the store knows it
    Claim claim{};
  };
  std::unordered_map<PeerId, Claimed> claims_;  // as long as their handshakes
  std::unordered_map<bootstrap::SessionId, BootstrapRun> runs_;
  std::unordered_map<std::string, PackGiven> packs_given_;  // by endpoint
  std::unique_ptr<fleet::CredentialMaker> maker_;
  bootstrap::Server bootstrap_;
  management::Server management_;
  Recorder recorder_;
  std::unordered_map<management::OperationId, OnResult> waiting_;
  std::map<std::pair<std::string, Path>, management::ObservationId> observations_;
  std::function<void(std::string_view, const nlohmann::json&)> sink_;
  RepeatFilter refusals_;
  std::array<LineBudget, 2> failure_lines_;  // of strangers, and of devices
  std::array<std::uint64_t, kOutcomes> outcomes_{};
  std::array<HandshakeFigures, 2> handshakes_{};  // by fleet::ServerRole
  FailureLog failures_;
  FailureKeeper failure_keeper_;
  std::uint64_t store_failures_ = 0;
  Freezer freezer_;
  std::uint64_t life_ = 0;  // storage::Store::begin_life
  struct {
    std::uint64_t thawed = 0, dropped = 0;
  } sessions_;
  Remotes remotes_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Worker> worker_;  // last: ends first, before what its completions touch
};

/// Text of a peer as JSON takes it.
[[nodiscard]] std::string shown(std::string_view text);
/// "4.04 Not Found", or why there was no answer.
[[nodiscard]] std::string problem_of(const Error& error, std::string_view endpoint, const Path& path);

}  // namespace slipway::node
