// SPDX-License-Identifier: Apache-2.0
// A device on a simulated network: the demo thermometer, the client engine, DTLS, and flash memory, as
// device/ wires them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <slipway/client/client.hpp>
#include <slipway/security/dtls/client.hpp>
#include <thermometer/device.hpp>

#include "sim/journal.hpp"
#include "sim/network.hpp"

namespace slipway::sim {

/// An object of the simulation's own, on which can be counted what is done how often.
inline constexpr ObjectId kProbe{33000};
inline constexpr Path kProbeExecute{kProbe, InstanceId(0), ResourceId(1)};  ///< remembers its arguments
inline constexpr Path kProbeReading{kProbe, InstanceId(0),
                                    ResourceId(2)};  ///< another, larger number at each read

struct DeviceHabits {
  Duration flash_min = milliseconds(5);
  Duration flash_max = seconds(2);
  unsigned flash_failure_percent = 0;
  Duration reading_every = seconds(20);  ///< a new value for observers
};

/// What a device is born with: an account of the bootstrap server.
struct Birth {
  std::string endpoint;
  Bytes identity;
  Bytes key;
  client::BootstrapPack pack = client::BootstrapPack::first;
};

class SimDevice {
 public:
  SimDevice(Timeline& timeline, Network& network, Random& random, Journal& journal, Birth birth,
            DeviceHabits habits);

  void boot();
  /// Hibernates: its registrations and sessions go to its flash memory, and it hears nothing until `boot`.
  void fall_asleep();
  [[nodiscard]] bool is_asleep() const { return asleep_; }
  /// Loses everything but its flash memory; `boot` follows.
  void lose_power();
  /// A NAT on the way forgets it: it is seen with other addresses from now on.
  void move();
  void shut_down();

  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  void turn();

  [[nodiscard]] client::Client& client() { return *body_->client; }
  [[nodiscard]] const client::Tree& tree() const { return body_->model.tree(); }
  [[nodiscard]] const std::string& endpoint() const { return birth_.endpoint; }
  /// Whether it was born with this key, or its flash memory has ever held it.
  [[nodiscard]] bool has_had_key(ByteView key) const {
    return equal(key, birth_.key) || keys_.contains(Bytes(key.begin(), key.end()));
  }
  /// How often `kProbeExecute` was carried out with these arguments.
  [[nodiscard]] unsigned executed(const std::string& arguments) const;
  [[nodiscard]] unsigned reboots_asked() const { return reboots_asked_; }
  /// How often a session, and in it a registration, went on after a sleep.
  [[nodiscard]] unsigned sessions_kept() const { return sessions_kept_; }
  [[nodiscard]] unsigned registrations_kept() const { return registrations_kept_; }
  [[nodiscard]] unsigned bootstraps_succeeded() const { return bootstraps_succeeded_; }
  [[nodiscard]] unsigned bootstraps_failed() const { return bootstraps_failed_; }
  /// What a factory tells the bootstrap server about the device.
  [[nodiscard]] fleet::Credential factory_credential() const;
  [[nodiscard]] std::string leftovers() const;
  /// Says whether the servers accept the key with that identity.
  std::function<bool(fleet::ServerRole role, ByteView identity, ByteView key)> is_accepted;
  /// The identity by which the only account of that role opens sessions; empty while there is none.
  [[nodiscard]] Bytes identity(fleet::ServerRole role) const;
  /// /1/x of the only management account.
  [[nodiscard]] std::optional<Path> server_instance() const;

 private:
  struct Session {
    Address local, remote;
    fleet::ServerRole role;
    std::unique_ptr<security::dtls::DtlsClient> dtls;
    ShortServerId server;
    Bytes key;             ///< of its account
    bool has_cid = false;  ///< it outlives its address
  };
  struct Frozen {
    Bytes key;
    Secret session;
  };
  struct Sleep {
    Secret client;
    std::map<ShortServerId, Frozen> sessions;
  };
  /// What a loss of power takes away.
  struct Body {
    client::Model model;
    std::unique_ptr<examples::Thermometer> thermometer;
    std::unique_ptr<client::Client> client;
    std::map<PeerId, std::unique_ptr<Session>> sessions;
    std::vector<std::unique_ptr<Session>> ended;
    PeerId bootstrap_peer;
    bool registered = false;             ///< in this life
    std::optional<Bytes> before;         ///< the state when the bootstrap session began
    std::optional<TimePoint> commanded;  ///< when the bootstrap server last asked for something
  };

  void declare();
  void load();
  void keep_reading();
  void open_socket(PeerId peer, Session& session);
  void drain(PeerId peer, Session& session);
  Fate flush(Session& session);
  void drop(PeerId peer);
  void check_nonce(ByteView datagram);
  void written(const Bytes& snapshot);
  void check_accounts(const client::Tree& tree);
  void check_key(const client::Tree& tree, fleet::ServerRole role, InstanceId instance);
  [[nodiscard]] Bytes snapshot() const;

  void on(const client::ConnectWanted& event);
  void on(const client::DisconnectWanted& event);
  void on(const client::PersistWanted& event);
  void on(const client::BootstrapStarted& event);
  void on(const client::BootstrapPackFailed& event);
  void on(const client::BootstrapEnded& event);
  void on(const client::RegisteredWith& event);
  void on(const client::RegistrationUpdated& event);
  void on(const client::RegistrationFailed& event);
  void on(const client::DeregisteredFrom& event);
  void on(const client::SmartcardWanted&) {}
  void on(const client::SmartcardRead&) {}
  void on(const client::FactoryResetEnded& event);
  void on(const client::Stuck& event);

  Timeline& timeline_;
  Network& network_;
  Random& random_;
  Journal& journal_;
  Birth birth_;
  DeviceHabits habits_;

  std::unique_ptr<Body> body_;
  std::uint64_t life_ = 0;      // counts boots: what belongs to an earlier one is over
  std::optional<Bytes> flash_;  // the last durable snapshot
  std::optional<Sleep> sleep_;  // in the flash memory, for one awakening
  std::map<ShortServerId, Frozen> frozen_;
  bool asleep_ = false;
  std::set<Bytes> nonces_;     // of every record with a Connection ID that was ever sent
  std::deque<Bytes> writing_;  // snapshots on their way there
  TimePoint flash_busy_until_{};
  std::uint16_t last_port_ = 40000;
  bool stopped_ = false;

  std::int64_t last_reading_ = 0;
  std::map<std::string, unsigned> executed_;
  unsigned sessions_kept_ = 0, registrations_kept_ = 0;
  unsigned reboots_asked_ = 0, bootstraps_succeeded_ = 0, bootstraps_failed_ = 0;
  std::set<Bytes> keys_;
};

}  // namespace slipway::sim
