// SPDX-License-Identifier: Apache-2.0
// A TLS session of each kind and version on a stream that somebody cuts, delays, alters and writes into. Who
// was left alone comes together and hears what was said; nobody hears anything else, and nothing grows.
#include <cstdlib>
#include <string>

#include <slipway/security/keys.hpp>
#include <slipway/security/tls/session.hpp>

using namespace slipway;
using namespace slipway::security;
using namespace slipway::security::tls;

namespace {

constexpr std::string_view kSaid = "the temperature is 21 degrees";

void require(bool holds) {
  if (!holds) std::abort();
}

struct Keys {
  KeyPair server = *make_key_pair(), device = *make_key_pair();
};
const Keys& keys() {
  static const Keys made;
  return made;
}

Suites suites_of(std::uint8_t choice) {
  Suites suites;
  if ((choice & 6) == 2) suites.tls13.clear();
  if ((choice & 6) == 4) suites.tls12.clear();
  return suites;
}

class Scene {
 public:
  Scene(std::uint8_t choice, ByteView script) : script_(script), answers_at_once_((choice & 8) == 0) {
    ServerConfig server{.suites = suites_of(choice)};
    server.keys.public_key = keys().server.public_key;
    server.keys.private_key = keys().server.private_key.clone();
    port_ = std::move(*TlsServer::create(std::move(server), random_));
    server_ = port_->accept(now_, std::nullopt);
    ClientConfig client{.credential = dtls::PskCredential{*dtls::PskIdentity::from(as_bytes("device")),
                                                          Secret(as_bytes("0123456789abcdef"))},
                        .suites = suites_of(choice)};
    if ((choice & 1) != 0)
      client.credential = dtls::RawKeyCredential{keys().device.public_key, keys().device.private_key.clone(),
                                                 keys().server.public_key};
    client_ = std::move(*TlsSession::connect(now_, std::move(client), random_));
  }

  void play() {
    while (!script_.empty()) step(byte());
    answers_at_once_ = true;
    answer();
    drain();
    for (int round = 0; round < 64; ++round) {
      carry(*client_, *server_, SIZE_MAX);
      carry(*server_, *client_, SIZE_MAX);
      if (client_->established() && !said_) said_ = client_->write(as_bytes(kSaid)).has_value();
    }
    if (!touched_) require(heard_ == kSaid);
    require(kSaid.starts_with(heard_));
    server_->handle_timeout(now_ + seconds(31));
    server_->handle_end(now_);
    drain();
    require(!server_->established());
  }

 private:
  std::uint8_t byte() {
    const auto value = script_.front();
    script_ = script_.subspan(1);
    return value;
  }
  void step(std::uint8_t what) {
    const std::size_t size = script_.empty() ? 1 : byte() + 1u;
    switch (what & 7) {
      case 0:
      case 1:
        return carry(*client_, *server_, size * 4);
      case 2:
        return carry(*server_, *client_, size * 4);
      case 3:
        answer();
        return drain();
      case 4: {  // writes into the stream
        const auto part = script_.first(std::min(size, script_.size()));
        script_ = script_.subspan(part.size());
        touched_ = true;
        server_->handle_bytes(now_, part);
        return drain();
      }
      case 5:
        alter_at_ = size;
        return carry(*client_, *server_, SIZE_MAX);
      case 6:
        if (client_->established() && !said_) said_ = client_->write(as_bytes(kSaid)).has_value();
        return;
      default:
        return drain();
    }
  }
  void carry(TlsSession& from, TlsSession& to, std::size_t most) {
    const auto output = from.poll_output();
    Bytes bytes(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(std::min(most, output.size())));
    if (bytes.empty()) return;
    from.taken(bytes.size());
    if (alter_at_ != 0) {
      bytes[(alter_at_ - 1) % bytes.size()] ^= 0x40;
      alter_at_ = 0;
      touched_ = true;
    }
    to.handle_bytes(now_, bytes);
    drain();
  }
  void drain() {
    while (const auto event = server_->poll_event()) {
      if (const auto* wanted = std::get_if<CredentialWanted>(&*event)) {
        require(!asked_ || touched_);
        asked_ = wanted->kind;
        if (answers_at_once_) answer();
      }
      if (const auto* bytes = std::get_if<BytesReceived>(&*event)) heard_ += as_text(bytes->plaintext);
    }
    while (client_->poll_event()) {
    }
    require(server_->poll_output().size() <= 2 * kOutputMax);
  }
  void answer() {
    if (!asked_) return;
    const bool psk = *asked_ == dtls::IdentityKind::psk;
    if (psk)
      server_->credential(now_, Secret(as_bytes("0123456789abcdef")));
    else
      server_->approve(now_, dtls::Approval::known);
  }

  SeededRandom random_{1};
  TimePoint now_{seconds(1000)};
  ByteView script_;
  bool answers_at_once_;
  bool touched_ = false, said_ = false;
  std::size_t alter_at_ = 0;
  std::optional<dtls::IdentityKind> asked_;
  std::string heard_;
  std::unique_ptr<TlsServer> port_;
  std::unique_ptr<TlsSession> server_, client_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Scene(data[0], {data + 1, size - 1}).play();
  return 0;
}
