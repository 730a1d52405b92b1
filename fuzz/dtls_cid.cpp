// SPDX-License-Identifier: Apache-2.0
// Two sessions with Connection IDs, and somebody who sends what he has heard, or made up, from wherever he
// likes. A session moves by its device's newest record alone, and hears each word once.
#include <cstdlib>
#include <deque>
#include <set>

#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>

using namespace slipway;
using namespace slipway::security::dtls;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::size_t kDevices = 2;

class Scene {
 public:
  Scene(std::uint8_t choice, ByteView script) : script_(script) {
    ServerConfig config;
    config.next_peer = [this] { return PeerId(++last_peer_); };
    config.cid_size = 4 + choice % 5;
    config.cid_route = choice;
    config.freeze_reserve = (choice & 128) != 0 ? 64 : 0;
    server_ = std::make_unique<DtlsServer>(std::move(config), random_);
    for (std::size_t i = 0; i < kDevices; ++i) {
      ClientConfig client{.credential = PskCredential{*PskIdentity::from(as_bytes(i == 0 ? "one" : "two")),
                                                      Secret(as_bytes("0123456789abcdef"))}};
      client.own_cid_size = choice >> 5 & 3;
      devices_[i].dtls = std::make_unique<DtlsClient>(std::move(client), random_);
      devices_[i].from = Address::v4(10, 0, 0, static_cast<std::uint8_t>(1 + i), 5000);
      connect(devices_[i], PeerId(i + 1));
    }
  }

  void play() {
    for (int step = 0; step < 100 && !script_.empty(); ++step) act(script_.u8().value());
    for (std::size_t i = 0; i < kDevices; ++i) {
      if (devices_[i].gone) continue;
      require(server_->address_of(PeerId(i + 1)).has_value());  // nobody but its device ends a session
      speak(devices_[i], devices_[i].from);
    }
  }

 private:
  struct Device {
    std::unique_ptr<DtlsClient> dtls;
    Address from;
    std::deque<Bytes> said, heard;
    std::uint8_t last = 0;
    bool gone = false;
  };

  void connect(Device& device, PeerId peer) {
    (void)device.dtls->start(now_);
    for (int round = 0; round < 6; ++round) {
      while (const auto bytes = device.dtls->poll_transmit()) {
        device.said.emplace_back(bytes->begin(), bytes->end());
        server_->handle_datagram(now_, device.from, *bytes);
      }
      while (const auto event = server_->poll_event())
        if (const auto* wanted = std::get_if<CredentialWanted>(&*event))
          server_->credential(now_, wanted->lookup, Secret(as_bytes("0123456789abcdef")));
      while (const auto out = server_->poll_transmit()) {
        device.heard.emplace_back(out->bytes.begin(), out->bytes.end());
        device.dtls->handle_datagram(now_, out->bytes);
      }
    }
    while (device.dtls->poll_event()) {
    }
    require(device.dtls->connected() && server_->address_of(peer) == device.from);
  }

  /// The device says a new word, and it is heard, from where it says it.
  void speak(Device& device, const Address& from) {
    const std::array word{static_cast<std::uint8_t>(&device - devices_.data()), ++device.last};
    if (!device.dtls->send(now_, word)) return;
    const auto bytes = *device.dtls->poll_transmit();
    device.said.emplace_back(bytes.begin(), bytes.end());
    if (device.said.size() > 40) device.said.pop_front();
    const auto before = words_.size();
    device.from = from;
    server_->handle_datagram(now_, from, bytes);
    collect();
    require(words_.size() == before + 1);
    require(server_->address_of(PeerId(word[0] + 1u)) == from);
  }

  void act(std::uint8_t action) {
    auto& device = devices_[action & 1];
    const auto elsewhere = Address::v4(10, 0, 1, action >> 4, 5000);
    if (device.gone) return;
    switch (action >> 1 & 7) {
      case 0:
        return speak(device, device.from);
      case 1:
        return speak(device, elsewhere);
      case 2:
        return repeat(device, elsewhere, false);
      case 3:
        return repeat(device, elsewhere, true);
      case 4: {
        const auto size = script_.u8().value_or(0);
        return attack(elsewhere, script_.take(std::min<std::size_t>(size, script_.remaining())).value());
      }
      case 5:
        (void)server_->send(now_, PeerId((action & 1) + 1u), as_bytes("answer"));
        while (const auto out = server_->poll_transmit())
          device.dtls->handle_datagram(now_, altered(out->bytes));
        while (device.dtls->poll_event()) {
        }
        return;
      case 6:
        return repeat_as_other(device, elsewhere);
      default:
        if (script_.u8().value_or(0) != 0) return;
        device.gone = true;
        device.dtls->end(now_);
        while (const auto bytes = device.dtls->poll_transmit())
          server_->handle_datagram(now_, device.from, *bytes);
        collect();
    }
  }

  Bytes altered(ByteView bytes) {
    Bytes copy(bytes.begin(), bytes.end());
    const auto at = script_.u8().value_or(0);
    const auto with = script_.u8().value_or(0);
    if (!copy.empty()) copy[at % copy.size()] ^= with;
    return copy;
  }
  /// Something that the device has said before.
  void repeat(Device& device, const Address& from, bool change) {
    const auto& old = device.said[script_.u8().value_or(0) % device.said.size()];
    attack(from, change ? altered(old) : old);
  }
  /// With the beginning of one device's record, and so its Connection ID, before the rest of another's.
  void repeat_as_other(Device& device, const Address& from) {
    const auto& other = devices_[&device == devices_.data() ? 1 : 0];
    Bytes mixed = device.said.back();
    const auto cut = script_.u8().value_or(0) % (mixed.size() + 1);
    const auto& rest = other.said.back();
    for (auto at = cut; at < mixed.size() && at < rest.size(); ++at) mixed[at] = rest[at];
    attack(from, mixed);
  }
  /// Nothing moves, nothing is heard: neither is the attacker's to say.
  void attack(const Address& from, ByteView bytes) {
    const auto before = words_.size();
    server_->handle_datagram(now_, from, bytes);
    collect();
    require(words_.size() == before);
    for (std::size_t i = 0; i < kDevices; ++i)
      if (!devices_[i].gone) require(server_->address_of(PeerId(i + 1)) == devices_[i].from);
  }

  void collect() {
    while (const auto event = server_->poll_event()) {
      if (const auto* data = std::get_if<DatagramReceived>(&*event)) {
        require(data->plaintext.size() == 2 && data->plaintext[0] + 1u == data->peer.value());
        require(words_.emplace(data->plaintext[0], data->plaintext[1]).second);
      } else if (const auto* wanted = std::get_if<FreezeWanted>(&*event)) {
        const auto frozen = server_->freeze(wanted->peer);
        if (frozen) server_->frozen(wanted->peer, frozen->limit);
      }
    }
    while (server_->poll_transmit()) {
    }
  }

  ByteReader script_;
  SeededRandom random_{1};
  TimePoint now_{seconds(1)};
  std::uint64_t last_peer_ = 0;
  std::unique_ptr<DtlsServer> server_;
  std::array<Device, kDevices> devices_;
  std::set<std::pair<std::uint8_t, std::uint8_t>> words_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Scene(data[0], {data + 1, size - 1}).play();
  return 0;
}
