// SPDX-License-Identifier: Apache-2.0
// What the parts of the client share: the model, the exchanges, and what the application shall hear.
#pragma once

#include <algorithm>
#include <deque>
#include <string>

#include <slipway/client/client.hpp>

#include "client/accounts.hpp"
#include "client/card_accounts.hpp"

namespace slipway::client {

/// Marks in coap tags: which part of the client an exchange belongs to.
enum class Owner : std::uint64_t { bootstrap = 1, registration = 2, observation = 3 };
[[nodiscard]] constexpr std::uint64_t tag_of(Owner owner, std::uint64_t id = 0) {
  return static_cast<std::uint64_t>(owner) << 56 | id;
}
[[nodiscard]] constexpr Owner owner_of(std::uint64_t tag) {
  return static_cast<Owner>(tag >> 56);
}
[[nodiscard]] constexpr std::uint64_t id_of(std::uint64_t tag) {
  return tag & 0x00ffffffffffffff;
}

/// An event on its way to the application; texts and keys are looked up when it is polled.
struct Notice {
  Event event;
  std::string text{};     ///< location or reason
  InstanceId security{};  ///< of a ConnectWanted
};

/// A response in the making.
struct Answer {
  coap::Code code = coap::Code::content;
  std::optional<ContentFormat> format{};
  Bytes payload{};
  std::string location{};
  std::optional<std::uint32_t> observe{};
  std::optional<std::uint32_t> max_age{};

  /// An error with its reason for a person. [RFC 7252 §5.5.2]
  [[nodiscard]] static Answer error(coap::Code code, std::string_view reason) {
    Answer answer{.code = code};
    answer.payload.assign(reason.begin(), reason.end());
    return answer;
  }
};

class Services {
 public:
  Services(const ClientConfig& client_config, Model& objects, Random& source, coap::Endpoint& exchanges)
      : config(client_config), model(objects), random(source), endpoint(exchanges) {}

  const ClientConfig& config;
  Model& model;
  Random& random;
  coap::Endpoint& endpoint;
  std::deque<Notice> notices;

  void tell(Event event, std::string text = {}) {
    notices.push_back({std::move(event), std::move(text), {}});
  }

  /// Asks for a session with the server of a /0 instance, and names it.
  PeerId connect(InstanceId security, ShortServerId server) {
    const PeerId peer(++last_peer_);
    notices.push_back({ConnectWanted{.peer = peer,
                                     .server = server,
                                     .uri = {},
                                     .mode = SecurityMode::nosec,
                                     .identity = {},
                                     .server_public_key = {},
                                     .key = {}},
                       {},
                       security});
    return peer;
  }
  void disconnect(PeerId peer) {
    endpoint.drop_peer(peer);
    // A session nobody has asked for yet need not be closed.
    std::erase_if(notices, [&](const Notice& notice) {
      const auto* wanted = std::get_if<ConnectWanted>(&notice.event);
      return wanted != nullptr && wanted->peer == peer;
    });
    tell(DisconnectWanted{peer});
  }

  void respond(TimePoint now, coap::IncomingId id, const Answer& answer) {
    const coap::OutgoingResponse response{
        .code = answer.code,
        .content_format =
            answer.format ? std::optional(static_cast<std::uint16_t>(*answer.format)) : std::nullopt,
        .location_path = answer.location,
        .observe = answer.observe,
        .max_age = answer.max_age,
        .payload = answer.payload};
    if (endpoint.respond(now, id, response)) return;
    // What does not fit is still answered; a peer that is gone needs no answer.
    (void)endpoint.respond(now, id, {.code = coap::Code::internal_server_error});
  }

  void start_clock(TimePoint now, std::optional<UnixTime> wall) {
    started_ = now;
    wall_ = wall;
  }
  /// Seconds of Unix time, where the device knows the time of day.
  [[nodiscard]] std::optional<std::int64_t> unix_seconds(TimePoint now) const {
    if (!wall_) return std::nullopt;
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
    return std::chrono::duration_cast<seconds>((*wall_ + passed).time_since_epoch()).count();
  }

  /// What a validation of accounts may ask beyond the model.
  [[nodiscard]] Checks checks(TimePoint now) const {
    Checks checks{.credentials = config.credentials,
                  .own_certificate = config.own_certificate,
                  .endpoint = config.endpoint,
                  .now = {},
                  .transports = config.transports};
    if (const auto wall = unix_seconds(now)) checks.now = UnixTime(seconds(*wall));
    return checks;
  }

  /// The stored state has changed and shall become durable when no bootstrap session is open.
  void mark_dirty() { dirty_ = true; }
  [[nodiscard]] bool dirty() const { return dirty_; }
  /// Asks for the state to be made durable; its answer comes with this number.
  Result<std::uint64_t> persist(Earlier earlier = Earlier::may_stay) {
    SLIPWAY_ASSIGN(auto bytes, model.snapshot());
    wipe(snapshot_);
    snapshot_ = std::move(bytes);
    dirty_ = false;
    tell(PersistWanted{.id = ++last_persist_, .snapshot = {}, .earlier = earlier});
    return last_persist_;
  }
  [[nodiscard]] ByteView snapshot() const { return snapshot_; }
  /// The answer to `persist` has come: unless a later one is under way, the bytes are not needed any more.
  void persist_answered(std::uint64_t id) {
    if (id == last_persist_) forget_snapshot();
  }
  void forget_snapshot() {
    wipe(snapshot_);
    snapshot_.clear();
  }

  // --- The smartcard ----------------------------------------------------------------------------------

  /// Whether a request to the server of this account must wait until the card has been read; it is asked for
  /// then. A reading serves all requests of one moment. [LwM2M-CORE 1.2 §6.1.3.2]
  [[nodiscard]] bool must_read_card(TimePoint now, InstanceId security) {
    if (config.smartcard == SmartcardUse::none || now < card_fresh_until) return false;
    if (!std::ranges::binary_search(model.memory().card.instances, Path(kSecurity, security))) return false;
    card_wanted = true;
    return true;
  }
  bool card_wanted = false;
  TimePoint card_fresh_until{};

 private:
  std::uint64_t last_peer_ = 0;
  std::uint64_t last_persist_ = 0;
  TimePoint started_{};
  std::optional<UnixTime> wall_{};
  Bytes snapshot_;
  bool dirty_ = false;
};

[[nodiscard]] inline std::optional<TimePoint> earlier(std::optional<TimePoint> a,
                                                      std::optional<TimePoint> b) {
  if (!a) return b;
  return b ? std::min(*a, *b) : a;
}

}  // namespace slipway::client
