// SPDX-License-Identifier: Apache-2.0
// The wiring behind Node. Packets: node_packets.cpp; engine events: node_events.cpp; the operator's
// calls: node_operations.cpp; start and stop: node.cpp.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <unordered_map>

#include <slipway/net/event_loop.hpp>
#include <slipway/node/node.hpp>
#include <slipway/security/random.hpp>
#include <slipway/storage/sqlite.hpp>
#include <slipway/storage/worker.hpp>

#include "mailbox.hpp"
#include "peers.hpp"
#include "recorder.hpp"

namespace slipway::node {

class ServerNode final : public Node {
 public:
  ServerNode(Settings settings, fleet::Enrolments enrolments, const ObjectCatalog& catalog,
             std::unique_ptr<net::EventLoop> loop);
  ~ServerNode() override;
  /// Opens the store and the ports, and restores registrations.
  std::expected<void, std::string> open();

  void run() override;
  void stop() noexcept override { loop_->stop(); }
  bool post(std::function<void()> work) override;
  const Listening& listening() const override { return listening_; }
  const ObjectCatalog& catalog() const override { return catalog_; }
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
  void revoke(std::string_view endpoint, fleet::ServerRole role,
              std::function<void(storage::StoreResult<std::size_t>)> done) override;
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
  void on_dtls(TimePoint now, Port& port, const security::dtls::SessionEnded& event);
  void on_dtls(TimePoint now, Port& port, const security::dtls::HandshakeFailed& event);
  void deliver(TimePoint now, PeerId id, const Peer& peer, ByteView datagram, std::size_t wire_size);
  void transmit(TimePoint now, const coap::Transmit& transmit);
  std::size_t flush_dtls(Port& port, PeerId count_for);
  void flush(Port& port);
  void drop_peer(TimePoint now, PeerId id);
  void end_session(TimePoint now, PeerId id);
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
  void keep(const management::Registration& registration);
  void prove(PeerId peer);
  void publish(std::string_view name, nlohmann::json event);

  // operations
  void started(Result<management::OperationId> operation, std::string_view endpoint, const Path& path,
               OnResult done);
  OperationResult result_of(const management::Answer& answer) const;
  void submit(storage::Worker::Work work, storage::Worker::Done done);
  std::expected<void, std::string> restore();

  Settings settings_;
  fleet::Enrolments enrolments_;
  const ObjectCatalog& catalog_;
  std::unique_ptr<net::EventLoop> loop_;
  Mailbox mailbox_;
  security::SystemRandom random_;        // of the loop's thread
  security::SystemRandom store_random_;  // of the store's thread
  Listening listening_;
  std::vector<std::unique_ptr<Port>> ports_;
  Peers peers_;
  std::unordered_map<PeerId, std::string> claimed_;  // endpoint of the credential, while its handshake runs
  bootstrap::Server bootstrap_;
  management::Server management_;
  Recorder recorder_;
  std::unordered_map<management::OperationId, OnResult> waiting_;
  std::map<std::pair<std::string, Path>, management::ObservationId> observations_;
  std::function<void(std::string_view, const nlohmann::json&)> sink_;
  std::uint64_t handshake_failures_ = 0;
  std::uint64_t store_failures_ = 0;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Worker> worker_;  // last: ends first, before what its completions touch
};

/// "4.04 Not Found", or why there was no answer.
[[nodiscard]] std::string problem_of(const Error& error, std::string_view endpoint, const Path& path);

}  // namespace slipway::node
