// SPDX-License-Identifier: Apache-2.0
// Both servers of an operator on a simulated network: DTLS, engines, store, as node/ wires them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <slipway/bootstrap/server.hpp>
#include <slipway/management/server.hpp>
#include <slipway/security/dtls/server.hpp>

#include "sim/journal.hpp"
#include "sim/network.hpp"
#include "sim/store.hpp"

namespace slipway::sim {

inline const Address kBootstrapAddress = Address::v4(192, 0, 2, 1, 5784);
inline const Address kManagementAddress = Address::v4(192, 0, 2, 1, 5684);

/// What the operator's side hears; every function may be empty.
struct ServerWatch {
  std::function<void(const management::Registered&)> registered;
  std::function<void(const management::OperationDone&)> operation;
  std::function<void(const management::Notified&)> notified;
  std::function<void(const management::ObservationEnded&)> observation_ended;
  std::function<void()> restarted;
};

/// Which servers a process is, and where. Without `bootstrap` it is a management server only.
struct Site {
  std::string name = "home";
  std::optional<Address> bootstrap = kBootstrapAddress;
  Address management = kManagementAddress;
};

/// How bootstrap sessions ended, by the word of the server.
using Outcomes = std::map<bootstrap::Outcome, unsigned>;

class SimServers {
 public:
  SimServers(Timeline& timeline, Network& network, Random& random, Journal& journal, SimStore& store,
             std::shared_ptr<const fleet::Plan> plan, std::uint64_t key_seed, Site site = {});

  /// The process ends and a new one begins: only the store is left.
  void restart();

  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  /// What sessions that begin from now on carry out.
  void set_plan(std::shared_ptr<const fleet::Plan> plan) { plan_ = std::move(plan); }
  /// Retires the device's management credentials and ends what they have opened. `done` says whether it is
  /// durable; a crash may swallow it.
  void revoke(const std::string& endpoint, std::function<void(Written)> done);
  /// Takes credentials that another node gives to a device.
  void take_credentials(std::vector<fleet::Credential> credentials, SimStore::Done done);

  /// Lets the engines answer each other until all are quiet.
  void turn();

  /// Whether a credential with that identity may open sessions now.
  [[nodiscard]] bool accepts(fleet::ServerRole role, ByteView identity) const;
  /// Whether nothing was ever lost here: the store has not failed, and the process has not ended.
  [[nodiscard]] bool is_reliable() const { return life_ == 0 && store_.is_reliable(); }
  [[nodiscard]] management::Server& management() { return *management_; }
  [[nodiscard]] const bootstrap::Server& bootstrap() const { return *bootstrap_; }
  [[nodiscard]] const Outcomes& outcomes() const { return outcomes_; }
  /// Sessions that went on after a restart, of all lives of the process.
  [[nodiscard]] unsigned thawed() const { return thawed_; }
  /// Sessions and handshakes of DTLS, bootstrap sessions and registrations that are left.
  [[nodiscard]] std::string leftovers() const;
  /// Brings credentials of accounts at another node there; told when that node has said that they are
  /// durable.
  std::function<void(std::vector<fleet::Credential>, SimStore::Done)> hand_over;
  /// Whether that node has ever had this key for good.
  std::function<bool(ByteView key)> was_durable_elsewhere = [](ByteView) { return false; };
  /// Whether a device has made this key its own: asked when a session is said to have succeeded.
  std::function<bool(ByteView key)> device_has_key;
  ServerWatch watch;

 private:
  struct Port {
    fleet::ServerRole role;
    Address address;
    std::unique_ptr<security::dtls::DtlsServer> dtls;
  };
  struct Peer {
    Port* port;
    std::string endpoint;
    Bytes identity;
    Address address;
    ShortServerId server{};
  };
  struct Claim {
    std::string endpoint;
    ShortServerId server;
  };

  void boot();
  void restore_registrations();
  void thaw_sessions();
  void freeze_after(Duration delay, Port& port, PeerId peer);
  void freeze(Port& port, PeerId peer);
  void check_nonces(PeerId peer, ByteView datagram);
  void drain(Port& port);
  void flush(Port& port, Fate& fate);
  void deliver(PeerId id, const Peer& peer, ByteView datagram);
  void transmit(const coap::Transmit& transmit);
  void check_secrets(ByteView plaintext);
  void keep(bootstrap::SessionId session, std::vector<fleet::Credential> here,
            std::vector<fleet::Credential> elsewhere);
  void settle(const std::string& endpoint, const fleet::Plan& plan);
  void end_sessions(const std::string& endpoint, const std::vector<ShortServerId>& kept);
  [[nodiscard]] bool is_elsewhere(const fleet::Plan& plan, const fleet::Credential& credential) const;

  void on_dtls(Port& port, const security::dtls::CredentialWanted& event);
  void on_dtls(Port& port, const security::dtls::SessionEstablished& event);
  void on_dtls(Port& port, const security::dtls::DatagramReceived& event);
  void on_dtls(Port& port, const security::dtls::PeerMoved& event);
  void on_dtls(Port& port, const security::dtls::FreezeWanted& event) { freeze_after({}, port, event.peer); }
  void on_dtls(Port& port, const security::dtls::SessionEnded& event);
  void on_dtls(Port& port, const security::dtls::HandshakeFailed& event);

  void on(const bootstrap::EnrolmentWanted& event);
  void on(const bootstrap::CredentialsToKeep& event);
  void on(const bootstrap::OperationDone& event);
  void on(const bootstrap::SessionStarted& event);
  void on(const bootstrap::SessionEnded& event);
  void on(const management::Registered& event);
  void on(const management::Updated& event);
  void on(const management::Deregistered& event);
  void on(const management::OperationDone& event);
  void on(const management::Notified& event);
  void on(const management::ObservationEnded& event);
  void on(const management::Sent&) {}
  void on(const management::RegistrationRefused& event);

  Timeline& timeline_;
  Network& network_;
  Random& random_;
  Journal& journal_;
  SimStore& store_;
  Site site_;
  std::shared_ptr<const fleet::Plan> plan_;
  SeededRandom key_random_;

  // Of the running process.
  std::vector<std::unique_ptr<Port>> ports_;
  std::map<PeerId, Peer> peers_;
  std::map<PeerId, Claim> claimed_;
  std::map<bootstrap::SessionId, std::shared_ptr<const fleet::Plan>> plans_;
  std::unique_ptr<bootstrap::Server> bootstrap_;
  std::unique_ptr<management::Server> management_;
  std::uint64_t last_peer_ = 0;     // no id is given twice: a session keeps its own over restarts
  std::uint64_t life_ = 0;          // counts restarts: answers to an earlier process are nobody's
  std::uint64_t durable_life_ = 0;  // storage::Store::begin_life

  // What the checks know.
  unsigned thawed_ = 0;
  std::map<std::pair<PeerId, std::uint64_t>, Bytes> sealed_;  // records by session and sequence number
  std::map<bootstrap::SessionId, std::vector<Bytes>> keys_of_session_;
  std::vector<Bytes> minted_;  // every key that was ever made
  std::map<bootstrap::SessionId, bool> started_;
  std::set<bootstrap::SessionId> goes_on_;   // without a Pack, in the other way
  std::set<bootstrap::SessionId> finished_;  // by a Finish that the device accepted; a Pack has none
  Outcomes outcomes_;
};

}  // namespace slipway::sim
