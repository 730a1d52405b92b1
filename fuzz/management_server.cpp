// SPDX-License-Identifier: Apache-2.0
// Hostile devices and a hostile order of calls against the management server. Checked: every operation
// ends exactly once, the list is in order, nothing outlives its registration.
#include <cstdlib>
#include <set>
#include <string>

#include <slipway/management/server.hpp>

namespace {

using namespace slipway;
using namespace slipway::management;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kNames[] = {"a", "b", "c", "d"};

struct World {
  World() {
    config.registrations_max = 3;
    config.operations_per_device_max = 4;
    config.operations_max = 8;
    config.observations_per_device_max = 2;
  }
  ServerConfig config;
  SeededRandom random{1};
  Server server{config, builtin_objects(), random};
  TimePoint now{};
  std::set<std::uint64_t> operations;
  OperationId last_operation{};
  ObservationId last_observation{};
  coap::MessageId last_id{};
  coap::Token last_token;
  PeerId last_peer{1};
  std::string location = "/rd";

  void poll() {
    while (const auto event = server.poll_event()) {
      if (const auto* done = std::get_if<OperationDone>(&*event))
        require(operations.erase(done->operation.value()) == 1);
      if (const auto* registered = std::get_if<Registered>(&*event))
        location = "/rd/" + std::string(registered->registration.location);
    }
    while (const auto transmit = server.poll_transmit()) {
      const auto message = coap::Message::parse(transmit->bytes);
      require(message.has_value());
      if (!coap::is_request(message->code)) continue;
      last_id = message->message_id;
      last_token = message->token;
      last_peer = transmit->peer;
    }
    std::string before;
    server.list(
        "", 10,
        [](void* context, const Registration& registration) {
          auto& last = *static_cast<std::string*>(context);
          require(last.empty() || last < registration.endpoint);
          last = registration.endpoint;
        },
        &before);
  }
  void give(PeerId id, ByteView datagram) {
    server.handle_datagram(
        now, {}, {.id = id, .security = SecurityMode::psk, .endpoint = kNames[id.value() / 2 % 4]}, datagram);
  }
  void answer(std::uint8_t code, bool observe, ByteView payload) {
    Bytes buffer(payload.size() + 64);
    const auto type = code & 1 ? coap::Type::acknowledgement : coap::Type::confirmable;
    coap::MessageWriter writer(buffer, type, static_cast<coap::Code>(0x40 | (code >> 3)), last_id,
                               last_token);
    if (observe) writer.option(coap::OptionNumber::observe, std::uint64_t{code});
    writer.option(coap::OptionNumber::content_format, std::uint64_t{code & 2 ? 112u : 0u});
    if (!payload.empty()) writer.payload(payload);
    if (const auto bytes = writer.finish()) give(last_peer, *bytes);
  }
  void device_posts(std::uint8_t command, std::uint16_t id, ByteView payload) {
    Bytes buffer(payload.size() + 128);
    coap::MessageWriter writer(buffer, coap::Type::confirmable, coap::Code::post, coap::MessageId(id), {});
    writer.path(coap::OptionNumber::uri_path, command & 8 ? std::string_view("/rd") : location);
    for (const auto* query : {"lwm2m=1.1", "lt=60"})
      writer.option(coap::OptionNumber::uri_query, std::string_view(query));
    if (command & 16) writer.option(coap::OptionNumber::uri_query, std::string_view("Q"));
    writer.payload(payload.empty() ? as_bytes("</3/0>") : payload);
    if (const auto bytes = writer.finish()) give(PeerId(1 + command / 32), *bytes);
  }
  void note(const Result<OperationId>& id) {
    if (!id) return;
    require(operations.insert(id->value()).second);
    last_operation = *id;
  }
  void operate(std::uint8_t what) {
    const auto endpoint = kNames[what / 8 % 4];
    const Path path(ObjectId(3), InstanceId(0), ResourceId(what / 32));
    switch (what % 8) {
      case 0:
      case 1:
        note(server.read(now, endpoint, path));
        break;
      case 2:
        note(server.execute(now, endpoint, path));
        break;
      case 3:
        note(server.del(now, endpoint, path.parent()));
        break;
      case 4:
      case 5:
        if (const auto observing = server.observe(now, endpoint, path)) {
          note(observing->operation);
          last_observation = observing->observation;
        }
        break;
      case 6:
        note(server.cancel_observation(now, last_observation));
        break;
      default:
        server.cancel(now, last_operation);
        break;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  ByteReader in({data, size});
  while (!in.empty()) {
    const auto command = in.u8().value();
    const auto length = std::min<std::size_t>(in.u8().value_or(0), in.remaining());
    const auto id = static_cast<std::uint16_t>(in.offset() * 37 + command);
    switch (command % 8) {
      case 0:
        world.give(PeerId(1 + command / 32), in.take(length).value());
        break;
      case 1:
        world.answer(static_cast<std::uint8_t>(length * 8 + 5), command & 8,
                     in.take(length % 16).value_or(ByteView()));
        break;
      case 2:
      case 3:
        world.operate(static_cast<std::uint8_t>(length));
        break;
      case 4:
        world.server.peer_gone(world.now, PeerId(1 + command / 32));
        break;
      case 5:
        world.server.revoke(world.now, kNames[command / 8 % 4]);
        break;
      case 6:
        world.now += seconds(length);
        world.server.handle_timeout(world.now);
        break;
      default:
        world.device_posts(command, id, in.take(length % 32).value_or(ByteView()));
    }
    world.poll();
  }
  for (const auto name : kNames) world.server.revoke(world.now, name);
  world.poll();
  require(world.operations.empty() && world.server.registrations() == 0);
  return 0;
}
