// SPDX-License-Identifier: Apache-2.0
#include "sim/crowd.hpp"

#include <charconv>

#include "unit/security/pki.hpp"

namespace slipway::sim {

namespace dtls = security::dtls;
namespace pki = security::test;

namespace {

const Address kServer = Address::v4(192, 0, 2, 1, 5684);
constexpr std::uint32_t kReserve = 8;  // small, so that sessions are frozen often
constexpr Duration kSpeaksEvery = seconds(20);
constexpr Duration kTriesAgain = seconds(15);

/// Keys take time, so all worlds have the same.
const std::vector<pki::Party>& parties() {
  static const auto made = [] {
    std::vector<pki::Party> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(pki::make_party({.name = "urn:dev:sim:" + std::to_string(i)}, &pki::world().authority));
    return all;
  }();
  return made;
}

ByteView bytes_of(const dtls::PeerIdentity& identity) {
  if (const auto* psk = std::get_if<dtls::PskIdentity>(&identity)) return psk->bytes();
  if (const auto* raw = std::get_if<dtls::RawKeyIdentity>(&identity)) return raw->public_key;
  return std::get<dtls::CertificateIdentity>(identity).certificate;
}

bool same(const dtls::PeerIdentity& a, const dtls::PeerIdentity& b) {
  return a.index() == b.index() && equal(bytes_of(a), bytes_of(b));
}

Bytes psk_of(ByteView identity) {
  const auto digest = security::sha256(identity);
  return {digest.begin(), digest.begin() + 16};
}

std::string text_of(std::size_t device, std::uint64_t number) {
  return std::to_string(device) + ":" + std::to_string(number);
}

}  // namespace

struct Crowd::Device {
  std::size_t number;
  dtls::PeerIdentity identity;
  dtls::ClientConfig::ConnectionId cid;
  SeededRandom random;
  std::unique_ptr<dtls::DtlsClient> dtls{};
  Address local{}, seen_as{};
  std::uint16_t last_port = 0;
  std::uint64_t epoch = 0;  ///< of its keys: each handshake's are new
  std::uint64_t sent = 0, answered = 0;
  std::uint64_t answered_at_last = 0;  ///< when all troubles were over
  bool sleeps = false, leaves = false;
  std::uint64_t life = 0;
};

Crowd::Crowd(std::uint64_t seed, const Weather& weather, const CrowdTroubles& troubles)
    : random_(seed), network_(timeline_, random_, weather) {
  start_server();
  for (std::size_t i = 0; i < troubles.devices; ++i) {
    auto& one = *devices_.emplace_back(device(i));
    timeline_.after(between(random_, {}, seconds(5)), [this, &one] {
      connect(one);
      speak(one);
    });
  }
  plan(troubles);
}

Crowd::~Crowd() = default;

void Crowd::require(bool holds, const std::string& rule) {
  if (!holds && violation_.empty()) violation_ = rule;
}

std::unique_ptr<Crowd::Device> Crowd::device(std::size_t number) {
  auto made = std::make_unique<Device>(
      Device{.number = number, .identity = {}, .cid = {}, .random = SeededRandom(random_.u64())});
  const auto& party = parties()[number % parties().size()];
  if (number % 3 == 0)
    made->identity = *dtls::PskIdentity::from(as_bytes("psk-" + std::to_string(number)));
  else if (number % 3 == 1)
    made->identity = dtls::RawKeyIdentity{party.key.public_key};
  else
    made->identity = dtls::CertificateIdentity{party.certificate};
  // One in four has a stack without Connection IDs.
  made->cid =
      happens(random_, 25) ? dtls::ClientConfig::ConnectionId::off : dtls::ClientConfig::ConnectionId::offer;
  return made;
}

// --- Troubles --------------------------------------------------------------------------------------------

void Crowd::each(unsigned times, Duration within, const std::function<void()>& trouble) {
  for (unsigned i = 0; i < times; ++i) {
    ++troubles_left_;
    timeline_.after(between(random_, {}, within), [this, trouble] {
      trouble();
      if (--troubles_left_ == 0)
        for (auto& one : devices_) one->answered_at_last = one->answered;
    });
  }
}

void Crowd::plan(const CrowdTroubles& troubles) {
  each(troubles.server_kills, troubles.within, [this] { kill_server(); });
  each(troubles.reboots, troubles.within, [this] { reboot(any()); });
  each(troubles.sleeps, troubles.within, [this] { sleep(any()); });
  each(troubles.moves, troubles.within, [this] { move(any()); });
}

Crowd::Device& Crowd::any() {
  return *devices_[random_.below(static_cast<std::uint32_t>(devices_.size()))];
}

// --- Devices ---------------------------------------------------------------------------------------------

void Crowd::open_socket(Device& device) {
  network_.close(device.local);
  device.local = Address::v4(198, 51, 100, static_cast<std::uint8_t>(device.number + 1), ++device.last_port);
  network_.open(device.local, [this, &device](const Address&, ByteView datagram) {
    if (!device.dtls) return;
    device.dtls->handle_datagram(timeline_.now(), datagram);
    drain(device);
  });
}

void Crowd::connect(Device& device) {
  const auto& world = pki::world();
  const auto& party = parties()[device.number % parties().size()];
  auto credential = [&]() -> dtls::Credential {
    if (const auto* psk = std::get_if<dtls::PskIdentity>(&device.identity))
      return dtls::PskCredential{*psk, Secret(psk_of(psk->bytes()))};
    if (device.identity.index() == 1) return pki::raw_credential(party, world.server);
    security::ServerTrust trust;
    trust.server_key = world.authority.certificate;
    trust.usage = security::CertificateUsage::trust_anchor;
    trust.name = "server.example";
    return pki::certificate_credential(party, std::move(trust));
  }();
  dtls::ClientConfig config{.credential = std::move(credential)};
  config.cid = device.cid;
  if (device.dtls && happens(random_, 80)) config.resumption = device.dtls->take_resumption();
  config.wall = pki::kToday;
  device.dtls = std::make_unique<dtls::DtlsClient>(std::move(config), device.random);
  device.epoch = ++last_epoch_;
  device.sleeps = false;
  if (device.local == Address{}) open_socket(device);
  require(device.dtls->start(timeline_.now()).has_value(), "a handshake can begin");
  drain(device);
}

/// Says something from time to time, for as long as it lives; a device that hears nothing for long makes a
/// new session, as the retries above DTLS would.
void Crowd::speak(Device& device) {
  timeline_.after(between(random_, kSpeaksEvery / 4, kSpeaksEvery), [this, &device] {
    if (device.leaves) return;
    if (device.dtls && device.dtls->connected()) {
      const auto text = text_of(device.number, ++device.sent);
      (void)device.dtls->send(timeline_.now(), as_bytes(text));
      if (device.sent > device.answered + 12) {
        device.sent = device.answered = ++device.life << 32;
        connect(device);
      }
      drain(device);
    }
    speak(device);
  });
}

void Crowd::reboot(Device& device) {
  if (device.sleeps || device.dtls == nullptr) return;
  connect(device);
}

/// Its session lies in its flash memory meanwhile, once.
void Crowd::sleep(Device& device) {
  if (device.sleeps || device.dtls == nullptr || !device.dtls->connected()) return;
  auto frozen = device.dtls->freeze();
  require(frozen.has_value(), "a live session can be frozen");
  if (!frozen) return;
  device.sleeps = true;
  auto kept = std::make_shared<Secret>(std::move(*frozen));
  timeline_.after(between(random_, seconds(1), std::chrono::minutes(5)), [this, &device, kept] {
    if (!device.sleeps) return;
    device.sleeps = false;
    // Without a Connection ID only the old address finds the session.
    if (device.cid == dtls::ClientConfig::ConnectionId::offer && happens(random_, 50)) open_socket(device);
    require(device.dtls->thaw(kept->reveal()).has_value(), "a frozen session can be thawed");
    ++seen_.woken;
    drain(device);
  });
}

void Crowd::move(Device& device) {
  if (device.dtls != nullptr) open_socket(device);
}

void Crowd::drain(Device& device) {
  while (const auto event = device.dtls->poll_event()) on(device, *event);
  while (const auto datagram = device.dtls->poll_transmit()) {
    check_nonce(device.epoch << 1, *datagram, 6);
    (void)network_.send(device.local, kServer, *datagram);
  }
}

void Crowd::on(Device& device, const dtls::ClientEvent& event) {
  if (const auto* data = std::get_if<dtls::ClientDatagramReceived>(&event)) {
    const auto text = std::string(as_text(data->plaintext));
    const auto colon = text.find(':');
    require(colon != std::string::npos && text.substr(0, colon) == std::to_string(device.number),
            "a device gets answers to itself alone");
    std::uint64_t number = 0;
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), number);
    require(number <= device.sent || number >> 32 != device.sent >> 32, "an answer has a question");
    if (number >> 32 == device.sent >> 32) device.answered = std::max(device.answered, number);
  } else if (std::get_if<dtls::ConnectFailed>(&event) != nullptr ||
             std::get_if<dtls::ClientSessionEnded>(&event) != nullptr) {
    if (device.leaves) return;
    timeline_.after(kTriesAgain, [this, &device, epoch = device.epoch] {
      if (device.epoch == epoch && !device.sleeps && !device.leaves) connect(device);
    });
  }
}

// --- The server ------------------------------------------------------------------------------------------

void Crowd::start_server() {
  dtls::ServerConfig config;
  config.next_peer = [this] { return PeerId(++last_peer_); };
  config.keys = pki::keys_of(pki::world().server);
  config.client_authorities = {pki::world().authority.certificate};
  config.wall = [](TimePoint) { return std::optional(pki::kToday); };
  config.freeze_reserve = kReserve;
  config.session_idle_max = std::chrono::hours(48);  // a run does not last a month
  server_random_ = std::make_unique<SeededRandom>(random_.u64());
  server_ = std::make_unique<dtls::DtlsServer>(std::move(config), *server_random_);
  ++lives_;
  heard_.clear();
  identities_.clear();
  for (const auto& [peer, row] : disk_) {
    const auto thawed =
        server_->thaw(timeline_.now(), peer, row.address, row.identity, row.bytes, lives_ - row.at_life);
    if (!thawed && thawed.error().code == ErrorCode::duplicate) continue;  // an older one at its address
    require(thawed.has_value(), "a stored session can be thawed");
    identities_.emplace(peer, row.identity);
    ++seen_.thawed;
  }
  network_.open(kServer, [this](const Address& from, ByteView datagram) {
    server_->handle_datagram(timeline_.now(), from, datagram);
    drain_server();
  });
}

/// Nothing is said to anybody: what is not on the disk is gone.
void Crowd::kill_server() {
  network_.close(kServer);
  start_server();
  drain_server();
}

void Crowd::drain_server() {
  for (bool busy = true; busy;) {
    busy = false;
    while (const auto event = server_->poll_event()) {
      busy = true;
      std::visit([&](const auto& e) { on(e); }, *event);
    }
    while (const auto out = server_->poll_transmit()) {
      busy = true;
      if (out->peer != PeerId(0)) check_nonce(out->peer.value() << 1 | 1, out->bytes, 0);
      (void)network_.send(kServer, out->to, out->bytes);
    }
  }
}

void Crowd::freeze(PeerId peer) {
  auto frozen = server_->freeze(peer);
  if (!frozen) return;
  const auto bytes = frozen->bytes.reveal();
  auto row =
      std::make_shared<Row>(Row{{bytes.begin(), bytes.end()}, frozen->address, identities_.at(peer), lives_});
  timeline_.after(between(random_, {}, seconds(2)), [this, peer, row, limit = frozen->limit, life = lives_] {
    if (life != lives_ || !identities_.contains(peer)) return;  // the process has ended, or the session
    disk_.insert_or_assign(peer, *row);
    server_->frozen(peer, limit);
    drain_server();
  });
}

void Crowd::on(const dtls::CredentialWanted& event) {
  const auto peer_answer = [this, event,
                            identity = Bytes(event.psk_identity.begin(), event.psk_identity.end()),
                            key = Bytes(event.public_part.begin(), event.public_part.end()), life = lives_] {
    if (life != lives_) return;
    if (event.kind == dtls::IdentityKind::psk) {
      server_->credential(timeline_.now(), event.lookup, Secret(psk_of(identity)));
    } else {
      bool known = false;
      for (const auto& party : parties())
        known = known || equal(key, party.key.public_key) || equal(key, party.certificate);
      server_->approve(timeline_.now(), event.lookup,
                       known ? dtls::Approval::known : dtls::Approval::unknown);
    }
    drain_server();
  };
  timeline_.after(between(random_, {}, seconds(1)), peer_answer);
}

void Crowd::on(const dtls::SessionEstablished& event) {
  ++seen_.handshakes;
  if (event.resumed) ++seen_.resumed;
  identities_.insert_or_assign(event.peer, event.identity);
}

void Crowd::on(const dtls::DatagramReceived& event) {
  const auto text = std::string(as_text(event.plaintext));
  const auto colon = text.find(':');
  require(colon != std::string::npos, "what arrives is what was sent");
  if (colon == std::string::npos) return;
  std::size_t device = 0;
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + colon, device);
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), number);
  require(device < devices_.size(), "what arrives is what was sent");
  const auto identity = identities_.find(event.peer);
  require(identity != identities_.end() && same(identity->second, devices_[device]->identity),
          "a session belongs to whom it was made with");
  require(heard_.emplace(device, number).second, "nothing is taken twice");
  ++seen_.messages;
  (void)server_->send(timeline_.now(), event.peer, event.plaintext);
}

void Crowd::on(const dtls::SessionEnded& event) {
  identities_.erase(event.peer);
  disk_.erase(event.peer);
}

/// Epoch 0 has no keys. A repetition of the same record is the same record.
void Crowd::check_nonce(std::uint64_t sender, ByteView datagram, std::size_t cid_size) {
  constexpr std::size_t kNumberAt = 3, kNumberSize = 8;
  while (datagram.size() > kNumberAt + kNumberSize) {
    const bool has_cid = datagram[0] == 25;
    const auto length_at = kNumberAt + kNumberSize + (has_cid ? cid_size : 0);
    if (datagram.size() < length_at + 2) return;
    const std::size_t size = length_at + 2 + (datagram[length_at] << 8 | datagram[length_at + 1]);
    if (datagram.size() < size) return;
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < kNumberSize; ++i) number = number << 8 | datagram[kNumberAt + i];
    const auto record = datagram.first(size);
    if (number >> 48 != 0) {
      const auto [there, is_new] =
          sealed_.emplace(std::pair(sender, number), Bytes(record.begin(), record.end()));
      require(is_new || equal(there->second, record), "no key seals two records under one number");
    }
    datagram = datagram.subspan(size);
  }
}

// --- Time ------------------------------------------------------------------------------------------------

bool Crowd::step(TimePoint until) {
  auto next = timeline_.next();
  const auto earlier = [&](std::optional<TimePoint> candidate) {
    if (candidate && (!next || *candidate < *next)) next = candidate;
  };
  earlier(server_->next_timeout());
  for (const auto& one : devices_)
    if (one->dtls) earlier(one->dtls->next_timeout());
  if (!next || *next > until) return false;
  const auto now = std::max(*next, timeline_.now());
  (void)timeline_.run_one(now);
  server_->handle_timeout(now);
  drain_server();
  for (auto& one : devices_)
    if (one->dtls) {
      one->dtls->handle_timeout(now);
      drain(*one);
    }
  return violation_.empty();
}

void Crowd::run() {
  const auto all_answered = [&] {
    for (const auto& one : devices_)
      if (one->answered <= one->answered_at_last || one->sleeps) return false;
    return true;
  };
  const auto until = timeline_.now() + std::chrono::hours(12);
  while (troubles_left_ != 0 || !all_answered())
    if (!step(until)) break;
  if (!violation_.empty()) return;
  require(troubles_left_ == 0 && all_answered(), "each device is answered again");
  for (auto& one : devices_) {
    one->leaves = true;
    one->dtls->end(timeline_.now());
    drain(*one);
  }
  const auto end = timeline_.now() + std::chrono::hours(24 * 3);
  while (step(end)) {
  }
  if (!violation_.empty()) return;
  require(server_->session_count() == 0 && server_->handshake_count() == 0 && identities_.empty(),
          "when all have gone nothing is left");
}

}  // namespace slipway::sim
