// SPDX-License-Identifier: Apache-2.0
// A bootstrap server, devices, and an adapter that answers what the server asks. Time is a variable.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <slipway/bootstrap/server.hpp>

#include "unit/bootstrap/scripted_device.hpp"

namespace slipway::test {

/// The plan of most tests: one management server with a generated key.
inline fleet::Plan simple_plan() {
  fleet::Plan plan;
  plan.name = "simple";
  fleet::ServerAccountPlan account;
  account.id = ShortServerId(101);
  account.uri = "coaps://management.example:5684";
  plan.servers.push_back(std::move(account));
  return plan;
}

/// Makes the same keys each time, and notes what it was asked for.
class FixedMaker : public fleet::CredentialMaker {
 public:
  Result<void> make(fleet::CredentialSource source, const fleet::Authority* authority,
                    std::string_view endpoint, fleet::Credential& out) override {
    asked.push_back(std::string(fleet::to_string(source)) + " " + std::string(endpoint) +
                    (authority != nullptr ? " by authority" : ""));
    if (error) return fail(*error, "the authority has expired");
    out.mode = source == fleet::CredentialSource::certificate ? SecurityMode::x509 : SecurityMode::rpk;
    out.identity = Bytes(32, 0x1D);
    out.public_part = Bytes(public_bytes, 0xC0);
    out.key = Secret(Bytes(138, 0x5E));
    return {};
  }
  std::vector<std::string> asked;
  std::optional<ErrorCode> error;
  std::size_t public_bytes = 91;
};

struct Ended {
  std::string endpoint;
  bootstrap::Outcome outcome;
  std::string reason;
  bool operator==(const Ended&) const = default;
};

class BootstrapHarness {
 public:
  explicit BootstrapHarness(const bootstrap::ServerConfig& config = {})
      : server(config, builtin_objects(), protocol_random_, key_random_, &maker) {}

  enum class Adapter : std::uint8_t { grants, refuses, silent };
  Adapter enrolment = Adapter::grants;
  Adapter store = Adapter::grants;
  std::shared_ptr<const fleet::Plan> plan = std::make_shared<const fleet::Plan>(simple_plan());

  FixedMaker maker;
  TimePoint now{};
  std::vector<Ended> ended;
  std::vector<std::string> started;
  std::vector<bootstrap::SessionId> wanted;
  std::vector<bootstrap::SessionId> keeping;
  std::vector<std::string> operations;  ///< "Write /0/1 2.04"
  struct Done {
    std::optional<coap::Code> answer;
    fleet::Need need;
    std::optional<ContentFormat> format;
    std::size_t size;
    Duration took;
    std::string reason;
  };
  std::vector<Done> done;  ///< one for each of `operations`
  std::vector<fleet::Credential> kept;

 private:
  SeededRandom protocol_random_{1};
  SeededRandom key_random_{2};
  std::map<std::uint64_t, std::pair<ScriptedDevice*, PeerContext>> peers_;

 public:
  bootstrap::Server server;

  void attach(ScriptedDevice& device, const PeerContext& peer) { peers_[peer.id.value()] = {&device, peer}; }

  /// Carries datagrams and events until nothing moves at this moment.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      while (const auto event = server.poll_event()) {
        moved = true;
        handle(*event);
      }
      while (const auto transmit = server.poll_transmit()) {
        moved = true;
        const auto found = peers_.find(transmit->peer.value());
        if (found != peers_.end()) found->second.first->receive(now, transmit->bytes);
      }
      for (auto& [id, entry] : peers_) {
        auto& [device, peer] = entry;
        while (const auto datagram = device->poll()) {
          moved = true;
          server.handle_datagram(now, peer, *datagram);
        }
      }
    }
  }
  /// Steps from deadline to deadline of the server until `limit` has passed.
  void run_for(Duration limit) {
    const auto end = now + limit;
    settle();
    for (auto next = server.next_timeout(); next && *next <= end; next = server.next_timeout()) {
      now = std::max(now, *next);
      server.handle_timeout(now);
      settle();
    }
    now = end;
  }

 private:
  void handle(const bootstrap::Event& event) {
    using namespace bootstrap;
    if (const auto* start = std::get_if<SessionStarted>(&event)) {
      started.emplace_back(start->endpoint);
    } else if (const auto* want = std::get_if<EnrolmentWanted>(&event)) {
      wanted.push_back(want->session);
      if (enrolment == Adapter::grants) server.enrolment(now, want->session, plan);
      if (enrolment == Adapter::refuses)
        server.refuse(now, want->session, {.code = coap::Code::bad_request, .reason = "not enrolled"});
    } else if (const auto* keep = std::get_if<CredentialsToKeep>(&event)) {
      keeping.push_back(keep->session);
      for (const auto& credential : keep->credentials) kept.push_back(credential.clone());
      if (store == Adapter::grants) server.credentials_kept(now, keep->session, Server::Kept::durable);
      if (store == Adapter::refuses) server.credentials_kept(now, keep->session, Server::Kept::failed);
    } else if (const auto* op = std::get_if<OperationDone>(&event)) {
      operations.push_back(std::string(to_string(op->operation)) + " " + std::string(op->path.text().view()) +
                           " " + (op->answer ? std::string(coap::to_string(*op->answer).view()) : "-"));
      done.push_back({op->answer, op->need, op->format, op->size, op->took, std::string(op->reason)});
    } else if (const auto* end = std::get_if<SessionEnded>(&event)) {
      ended.push_back({std::string(end->endpoint), end->outcome, std::string(end->reason)});
    }
  }
};

inline PeerContext psk_peer(std::uint64_t id, std::string_view endpoint) {
  return {.id = PeerId(id),
          .security = SecurityMode::psk,
          .endpoint = endpoint,
          .address = Address::v4(10, 0, 0, 1, static_cast<std::uint16_t>(id))};
}
inline PeerContext nosec_peer(std::uint64_t id) {
  return {.id = PeerId(id), .address = Address::v4(10, 0, 0, 2, static_cast<std::uint16_t>(id))};
}

}  // namespace slipway::test
