// SPDX-License-Identifier: Apache-2.0
// A server, a real client, and an attacker between them who sends, changes, repeats and delays at will.
#include <cstdlib>
#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>

using namespace slipway;
using namespace slipway::security::dtls;

namespace {

constexpr std::string_view kIdentity = "device", kKey = "0123456789abcdef";
constexpr std::size_t kHandshakesMax = 4, kSessionsMax = 3;

class Scene {
 public:
  explicit Scene(ByteView script) : script_(script) {
    ServerConfig config;
    config.next_peer = [this] { return PeerId(++last_peer_); };
    config.handshakes_max = kHandshakesMax;
    config.sessions_max = kSessionsMax;
    server_ = std::make_unique<DtlsServer>(std::move(config), random_);
    (void)client_.start(now_);
    collect();
  }

  void play() {
    for (int step = 0; step < 64 && !script_.empty(); ++step) {
      act(script_.u8().value());
      collect();
      if (server_->handshake_count() > kHandshakesMax || server_->session_count() > kSessionsMax)
        std::abort();
    }
  }

 private:
  void act(std::uint8_t action) {
    const auto from = Address::v4(10, 0, 0, static_cast<std::uint8_t>(1 + (action >> 6)), 5000);
    switch (action & 7) {
      case 0:
        return server_->handle_datagram(now_, from, argument());
      case 1:
        return client_.handle_datagram(now_, argument());
      case 2:
        return deliver(from, false);
      case 3:
        return deliver(from, true);
      case 4:
        return pass_time();
      case 5:
        (void)client_.send(now_, argument());
        return;
      case 6:
        (void)server_->send(now_, PeerId(last_peer_), argument());
        return;
      default:
        if (action & 8) return server_->end(now_, PeerId(last_peer_), Alert::close_notify);
        (void)client_.start(now_);
    }
  }

  /// Some bytes of the script.
  ByteView argument() {
    const auto size = script_.u8().value_or(0);
    return script_.take(std::min<std::size_t>(size, script_.remaining())).value();
  }
  void pass_time() {
    now_ += milliseconds(100 * script_.u8().value_or(1));
    server_->handle_timeout(now_);
    client_.handle_timeout(now_);
  }
  /// Gives both sides what the other sent last, perhaps with one byte changed.
  void deliver(const Address& from, bool change) {
    auto up = to_server_, down = to_client_;
    if (change) {
      const auto at = script_.u8().value_or(0);
      const auto with = script_.u8().value_or(1);
      if (!up.empty()) up[at % up.size()] ^= with;
      if (!down.empty()) down[at % down.size()] ^= with;
    }
    server_->handle_datagram(now_, from, up);
    client_.handle_datagram(now_, down);
  }

  void collect() {
    while (const auto event = server_->poll_event())
      if (const auto* wanted = std::get_if<CredentialWanted>(&*event))
        server_->credential(now_, wanted->lookup, Secret(as_bytes(kKey)));
    while (client_.poll_event()) {
    }
    while (const auto transmit = server_->poll_transmit())
      to_client_.assign(transmit->bytes.begin(), transmit->bytes.end());
    while (const auto bytes = client_.poll_transmit()) to_server_.assign(bytes->begin(), bytes->end());
  }

  ByteReader script_;
  SeededRandom random_{1};
  TimePoint now_{seconds(1)};
  std::uint64_t last_peer_ = 0;
  std::unique_ptr<DtlsServer> server_;
  DtlsClient client_{
      {.credential = PskCredential{*PskIdentity::from(as_bytes(kIdentity)), Secret(as_bytes(kKey))}},
      random_};
  Bytes to_server_, to_client_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Scene({data, size}).play();
  return 0;
}
