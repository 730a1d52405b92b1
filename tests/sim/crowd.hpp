// SPDX-License-Identifier: Apache-2.0
// Secure sessions of several devices, of every kind, with one server that is killed and comes back: DTLS, a
// network and two disks, and nothing above them. A seed is a whole run.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>

#include "sim/network.hpp"

namespace slipway::sim {

/// How often what happens, within the first half hour.
struct CrowdTroubles {
  unsigned devices = 6;  ///< a third each with a PSK, a raw public key, a certificate
  unsigned server_kills = 0, reboots = 0, sleeps = 0, moves = 0;
  Duration within = std::chrono::minutes(30);
};

struct CrowdSeen {
  std::uint64_t messages = 0, handshakes = 0, handshakes_failed = 0, resumed = 0, moved = 0, thawed = 0,
                woken = 0;
};

class Crowd {
 public:
  Crowd(std::uint64_t seed, const Weather& weather, const CrowdTroubles& troubles);
  ~Crowd();

  /// Until all troubles are over and each device has been answered since; then everybody goes.
  void run();
  /// The first rule that was broken; empty: none.
  [[nodiscard]] const std::string& violation() const { return violation_; }
  [[nodiscard]] const CrowdSeen& seen() const { return seen_; }

 private:
  struct Device;
  /// A frozen session on the server's disk.
  struct Row {
    Bytes bytes;
    Address address;
    security::dtls::PeerIdentity identity;
    std::uint64_t at_life;
  };

  [[nodiscard]] std::unique_ptr<Device> device(std::size_t number);
  void plan(const CrowdTroubles& troubles);
  void each(unsigned times, Duration within, const std::function<void()>& trouble);
  [[nodiscard]] Device& any();
  bool step(TimePoint until);
  void require(bool holds, const std::string& rule);

  // The devices' side.
  void connect(Device& device);
  void open_socket(Device& device);
  void speak(Device& device);
  void reboot(Device& device);
  void sleep(Device& device);
  void move(Device& device);
  void drain(Device& device);
  void on(Device& device, const security::dtls::ClientEvent& event);

  // The server's side.
  void start_server();
  void kill_server();
  void drain_server();
  void freeze(PeerId peer);
  void on(const security::dtls::CredentialWanted& event);
  void on(const security::dtls::SessionEstablished& event);
  void on(const security::dtls::DatagramReceived& event);
  void on(const security::dtls::PeerMoved&) { ++seen_.moved; }
  void on(const security::dtls::FreezeWanted& event) { freeze(event.peer); }
  void on(const security::dtls::SessionEnded& event);
  void on(const security::dtls::HandshakeFailed&) { ++seen_.handshakes_failed; }

  /// A record of an epoch with keys is unlike every other under its key and number.
  void check_nonce(std::uint64_t sender, ByteView datagram, std::size_t cid_size);

  SeededRandom random_;
  Timeline timeline_;
  Network network_;
  std::string violation_;
  CrowdSeen seen_;
  unsigned troubles_left_ = 0;
  std::vector<std::unique_ptr<Device>> devices_;

  std::unique_ptr<SeededRandom> server_random_;
  std::unique_ptr<security::dtls::DtlsServer> server_;
  std::map<PeerId, security::dtls::PeerIdentity> identities_;  ///< of the running server's sessions
  std::set<std::pair<std::size_t, std::uint64_t>> heard_;      ///< by the running server
  std::map<PeerId, Row> disk_;
  std::uint64_t lives_ = 0, last_peer_ = 0, last_epoch_ = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Bytes> sealed_;  ///< by sender's key and record number
};

}  // namespace slipway::sim
