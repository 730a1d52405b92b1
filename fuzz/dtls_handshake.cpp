// SPDX-License-Identifier: Apache-2.0
// A handshake of each kind, with and without Connection IDs, or one that would resume a session, whose
// messages somebody cuts into other fragments, reorders, repeats, loses and changes. Afterwards the way is
// clear: the two come together or are told, and what they then say arrives as it was said.
#include <cstdlib>
#include <deque>
#include <optional>

#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>
#include <slipway/security/keys.hpp>

#include "security/dtls/wire.hpp"

using namespace slipway;
using namespace slipway::security;
using namespace slipway::security::dtls;

namespace {

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

/// Bits of the first byte. Those above 8 are the size of a Connection ID, or what becomes of a session.
constexpr std::uint8_t kResumes = 0x80, kServerForgot = 0x10, kKeptIsChanged = 0x20,
                       kCredentialIsNoMore = 0x40;

ServerConfig server_config(std::uint8_t choice) {
  ServerConfig config;
  config.next_peer = [last = std::uint64_t{0}]() mutable { return PeerId(++last); };
  config.keys.public_key = keys().server.public_key;
  config.keys.private_key = keys().server.private_key.clone();
  config.cid_size = (choice & 2) != 0 ? 6 : 0;
  config.freeze_reserve = (choice & 4) != 0 ? 1024 : 0;
  config.handshakes_max = 4;
  return config;
}

ClientConfig client_config(std::uint8_t choice, Secret resumption = {}) {
  ClientConfig config{.credential = PskCredential{*PskIdentity::from(as_bytes("device")),
                                                  Secret(as_bytes("0123456789abcdef"))}};
  if ((choice & 1) != 0)
    config.credential = RawKeyCredential{keys().device.public_key, keys().device.private_key.clone(),
                                         keys().server.public_key};
  if ((choice & (8 | kResumes)) != 0) config.cid = ClientConfig::ConnectionId::off;
  if ((choice & kResumes) == 0) config.own_cid_size = choice >> 4 & 7;
  config.resumption = std::move(resumption);
  return config;
}

class Scene {
 public:
  Scene(std::uint8_t choice, ByteView script)
      : script_(script), choice_(choice), server_(std::in_place, server_config(choice), random_) {
    begin((choice & kResumes) != 0 ? first_session() : Secret());
  }

  void play() {
    undisturbed_ = script_.empty();
    for (int step = 0; step < 48 && !script_.empty(); ++step) {
      act(script_.u8().value());
      collect();
      require(server_->handshake_count() <= 4);
    }
    clear_the_way();
  }

 private:
  void begin(Secret resumption) {
    client_.emplace(client_config(choice_, std::move(resumption)), random_);
    failed_ = false;
    (void)client_->start(now_);
    collect();
  }
  /// Nobody is in its way; what it leaves.
  Secret first_session() {
    begin({});
    for (int round = 0; round < 10; ++round) carry_all();
    require(client_->connected() && server_->session_count() == 1 && server_->resumable_count() == 1);
    auto kept = client_->take_resumption();
    require(!kept.empty());
    client_->end(now_);
    collect();
    carry_all();
    require(server_->session_count() == 0);
    if ((choice_ & kServerForgot) != 0) server_.emplace(server_config(choice_), random_);
    credential_is_no_more_ = (choice_ & kCredentialIsNoMore) != 0;
    if ((choice_ & kKeptIsChanged) == 0) return kept;
    Bytes changed(kept.reveal().begin(), kept.reveal().end());
    change(changed);
    return Secret(changed);
  }

  void act(std::uint8_t action) {
    auto& from = (action & 1) != 0 ? up_ : down_;
    if (from.empty()) return pass_time(milliseconds(500));
    const auto at = script_.u8().value_or(0) % from.size();
    auto datagram = from[at];
    switch (action >> 1 & 7) {
      case 0:
        return deliver(action, datagram);
      case 1:
        from.erase(from.begin() + at);  // lost
        return;
      case 2:
        return change(datagram), deliver(action, datagram);
      case 3:
        datagram.resize(script_.u8().value_or(0) % (datagram.size() + 1));
        return deliver(action, datagram);
      case 4:
      case 5:
        return deliver(action, refragmented(datagram));
      case 6:
        std::swap(from[at], from.front());
        return;
      default:
        return pass_time(milliseconds(100) * script_.u8().value_or(1));
    }
  }

  void change(Bytes& datagram) {
    const auto where = script_.u16().value_or(0);
    if (!datagram.empty()) datagram[where % datagram.size()] ^= script_.u8().value_or(1);
  }

  /// The same messages in other pieces: cut in two, which may overlap, and either may come first.
  Bytes refragmented(const Bytes& datagram) {
    ByteReader reader(datagram);
    const auto record = read_record(reader, 0);
    if (!record || record->type != ContentType::handshake || record->epoch != 0) return datagram;
    ByteReader fragments(record->fragment);
    const auto whole = read_handshake_fragment(fragments);
    if (!whole || whole->body.empty()) return datagram;
    const auto cut = script_.u8().value_or(1) % whole->body.size();
    const auto overlap = std::min<std::size_t>(script_.u8().value_or(0) % 8, cut);
    Bytes first = piece(*record, *whole, whole->body.first(cut), 0);
    Bytes second = piece(*record, *whole, whole->body.subspan(cut - overlap), cut - overlap);
    if (script_.u8().value_or(0) % 2 != 0) std::swap(first, second);
    first.insert(first.end(), second.begin(), second.end());
    const auto rest = ByteView(datagram).subspan(record->whole.size());
    first.insert(first.end(), rest.begin(), rest.end());
    return first;
  }
  Bytes piece(const RecordHeader& record, const HandshakeFragment& whole, ByteView body, std::size_t offset) {
    Bytes out(record.whole.begin(), record.whole.begin() + kRecordHeaderSize + kHandshakeHeaderSize);
    const auto put = [&](std::size_t at, std::size_t bytes, std::size_t value) {
      for (std::size_t i = 0; i < bytes; ++i)
        out[at + i] = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
    };
    put(5, 6, 1000 + ++made_up_);
    put(11, 2, kHandshakeHeaderSize + body.size());
    put(19, 3, whole.offset + offset);
    put(22, 3, body.size());
    out.insert(out.end(), body.begin(), body.end());
    return out;
  }

  void deliver(std::uint8_t action, const Bytes& datagram) {
    if ((action & 1) != 0)
      server_->handle_datagram(now_, from_, datagram);
    else
      client_->handle_datagram(now_, datagram);
  }
  void pass_time(Duration time) {
    now_ += time;
    server_->handle_timeout(now_);
    client_->handle_timeout(now_);
  }

  void collect() {
    while (const auto event = server_->poll_event()) {
      if (const auto* wanted = std::get_if<CredentialWanted>(&*event)) {
        answer(*wanted);
      } else if (const auto* data = std::get_if<DatagramReceived>(&*event)) {
        require(as_text(data->plaintext) == "said");
        ++heard_;
      } else if (std::get_if<HandshakeFailed>(&*event) != nullptr) {
        refused_ = true;
      }
    }
    while (const auto event = client_->poll_event()) {
      // What somebody changed may end the session of a client that resumes, which was there first.
      const bool ended = std::get_if<ConnectFailed>(&*event) != nullptr ||
                         std::get_if<ClientSessionEnded>(&*event) != nullptr;
      failed_ = failed_ || ended;
      if (const auto* connected = std::get_if<Connected>(&*event)) resumed_ = connected->resumed;
      require(std::get_if<ClientDatagramReceived>(&*event) == nullptr);
    }
    while (const auto transmit = server_->poll_transmit()) keep(down_, transmit->bytes);
    while (const auto bytes = client_->poll_transmit()) keep(up_, *bytes);
  }
  void answer(const CredentialWanted& wanted) {
    if (wanted.kind == IdentityKind::psk)
      return server_->credential(
          now_, wanted.lookup,
          Secret(as_bytes(credential_is_no_more_ ? "another key is it" : "0123456789abcdef")));
    const bool known = !credential_is_no_more_ && equal(wanted.public_part, keys().device.public_key);
    server_->approve(now_, wanted.lookup, known ? Approval::known : Approval::unknown);
  }
  static void keep(std::deque<Bytes>& queue, ByteView bytes) {
    queue.emplace_back(bytes.begin(), bytes.end());
    if (queue.size() > 64) queue.pop_front();
  }

  void carry_all() {
    const auto up = std::exchange(up_, {}), down = std::exchange(down_, {});
    for (const auto& datagram : up) server_->handle_datagram(now_, from_, datagram), collect();
    for (const auto& datagram : down) client_->handle_datagram(now_, datagram), collect();
  }

  void clear_the_way() {
    // The client that resumes is there first: its server may still wait, or have been told another's
    // Finished.
    const auto settled = [&] {
      return failed_ ||
             (client_->connected() && ((choice_ & kResumes) == 0 || server_->handshake_count() == 0));
    };
    for (int round = 0; round < 300 && !settled(); ++round) {
      carry_all();
      pass_time(milliseconds(500));
      collect();
    }
    require(settled());
    if (!client_->connected() || ((choice_ & kResumes) != 0 && refused_)) return;
    require(!credential_is_no_more_);
    require(!resumed_ || (choice_ & kServerForgot) == 0);
    require(resumed_ || !undisturbed_ || (choice_ & 0xF0) != kResumes);
    const auto before = heard_;
    for (int i = 0; i < 3 && heard_ == before; ++i) {
      (void)client_->send(now_, as_bytes("said"));
      collect();
      for (const auto& datagram : std::exchange(up_, {})) server_->handle_datagram(now_, from_, datagram);
      collect();
    }
    require(heard_ > before);
  }

  ByteReader script_;
  std::uint8_t choice_;
  SeededRandom random_{1};
  TimePoint now_{seconds(1)};
  const Address from_ = Address::v4(10, 0, 0, 1, 5000);
  std::optional<DtlsServer> server_;
  std::optional<DtlsClient> client_;
  std::deque<Bytes> up_, down_;
  std::uint64_t made_up_ = 0;
  unsigned heard_ = 0;
  bool failed_ = false, refused_ = false, credential_is_no_more_ = false, resumed_ = false;
  bool undisturbed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Scene(data[0], {data + 1, size - 1}).play();
  return 0;
}
