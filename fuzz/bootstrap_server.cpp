// SPDX-License-Identifier: Apache-2.0
// Hostile devices and a hostile order of events against the bootstrap server. Input: commands of a byte,
// some with arguments. What is checked: one end for each start, and no Write before the store has spoken.
#include <cstdlib>
#include <map>

#include <slipway/bootstrap/server.hpp>

namespace {

using namespace slipway;
using namespace slipway::bootstrap;

void require(bool holds) {
  if (!holds) std::abort();
}

struct World {
  World() {
    config.sessions_max = 3;
    fleet::ServerAccountPlan account;
    account.id = ShortServerId(101);
    account.uri = "coaps://h";
    auto made = std::make_shared<fleet::Plan>();
    made->servers.push_back(std::move(account));
    plan = std::move(made);
  }
  ServerConfig config;
  SeededRandom protocol{1}, keys{2};
  Server server{config, builtin_objects(), protocol, keys};
  std::shared_ptr<const fleet::Plan> plan;
  TimePoint now{};
  std::map<std::uint64_t, bool> alive;  // session -> durable
  SessionId last{};
  coap::MessageId last_id{};
  coap::Token last_token;
  PeerId last_peer{1};
  std::size_t durable = 0;

  void poll() {
    while (const auto event = server.poll_event()) {
      if (const auto* started = std::get_if<SessionStarted>(&*event)) {
        require(alive.emplace(started->session.value(), false).second);
      } else if (const auto* wanted = std::get_if<EnrolmentWanted>(&*event)) {
        last = wanted->session;
      } else if (const auto* keep = std::get_if<CredentialsToKeep>(&*event)) {
        last = keep->session;
      } else if (const auto* ended = std::get_if<SessionEnded>(&*event)) {
        require(alive.erase(ended->session.value()) == 1);
      }
    }
    while (const auto transmit = server.poll_transmit()) {
      const auto message = coap::Message::parse(transmit->bytes);
      require(message.has_value());
      if (!coap::is_request(message->code)) continue;
      require(message->code != coap::Code::put || durable != 0);
      last_id = message->message_id;
      last_token = message->token;
      last_peer = transmit->peer;
    }
    require(server.sessions() <= 3);
  }
  [[nodiscard]] PeerContext peer(PeerId id) const {
    static constexpr std::string_view kNames[] = {"", "a", "b", "c"};
    return {.id = id, .security = SecurityMode::psk, .endpoint = kNames[id.value() & 3]};
  }
  void give(PeerId id, ByteView datagram) { server.handle_datagram(now, peer(id), datagram); }
  /// An answer that fits the last request, with a code and payload of the fuzzer.
  void answer(std::uint8_t code, ByteView payload) {
    Bytes buffer(payload.size() + 64);
    coap::MessageWriter writer(buffer, coap::Type::acknowledgement,
                               static_cast<coap::Code>(0x40 | (code & 0x9F)), last_id, last_token);
    if (!payload.empty()) writer.payload(payload);
    if (const auto bytes = writer.finish()) give(last_peer, *bytes);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  ByteReader in({data, size});
  while (!in.empty()) {
    const auto command = in.u8().value();
    const auto length = std::min<std::size_t>(in.u8().value_or(0), in.remaining());
    switch (command % 8) {
      case 0:
        world.give(PeerId(1 + command / 8 % 4), in.take(length).value());
        break;
      case 1:
        world.answer(static_cast<std::uint8_t>(command), in.take(length).value());
        break;
      case 2:
        world.server.enrolment(world.now, world.last, command & 8 ? nullptr : world.plan);
        break;
      case 3:
        world.server.refuse(world.now, world.last, {});
        break;
      case 4:
        if (command & 8) ++world.durable;
        world.server.credentials_kept(world.now, world.last,
                                      command & 8 ? Server::Kept::durable : Server::Kept::failed);
        break;
      case 5:
        world.server.peer_gone(world.now, PeerId(1 + command / 8 % 4));
        break;
      case 6:
        world.now += seconds(length);
        world.server.handle_timeout(world.now);
        break;
      default: {  // a well-formed Bootstrap-Request
        Bytes buffer(128);
        const auto id = static_cast<std::uint16_t>(in.offset() * 31 + command);
        coap::MessageWriter writer(buffer, coap::Type::confirmable, coap::Code::post, coap::MessageId(id),
                                   {});
        writer.path(coap::OptionNumber::uri_path, "/bs");
        if (const auto bytes = writer.finish()) world.give(PeerId(1 + command / 8 % 3), *bytes);
      }
    }
    world.poll();
  }
  world.now += std::chrono::hours(1);
  world.server.handle_timeout(world.now);
  world.poll();
  require(world.alive.empty() && world.server.sessions() == 0);
  return 0;
}
