// SPDX-License-Identifier: Apache-2.0
// Hostile devices and a hostile order of events against the bootstrap server. Input: a byte that chooses the
// plan, then commands of a byte, some with arguments. What is checked: one end for each start, nothing that
// changes a device before the store has spoken for its session, no Pack before that, no Write over a
// bootstrap account that the device has shown, no session with more than two Finishes.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <source_location>

#include <slipway/bootstrap/server.hpp>

namespace {

using namespace slipway;
using namespace slipway::bootstrap;

void require(bool holds, std::source_location at = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "line %u does not hold\n", static_cast<unsigned>(at.line()));
  std::abort();
}

fleet::ServerAccountPlan account(std::uint16_t id) {
  fleet::ServerAccountPlan its;
  its.id = ShortServerId(id);
  its.uri = "coaps://h";
  return its;
}

/// Every kind of part, and the ways that plans differ in.
std::shared_ptr<const fleet::Plan> plan_of(std::uint8_t choice) {
  auto plan = std::make_shared<fleet::Plan>();
  plan->servers.push_back(account(101));
  if (choice & 1) {
    plan->servers.push_back(account(102));
    plan->servers[1].security_instance = InstanceId(4);
    plan->access.push_back(
        {.target_object = ObjectId(3303),
         .acl = {{.server = ShortServerId(101), .rights = 7}, {.server = ShortServerId(102), .rights = 1}}});
    plan->access.push_back(
        {.target_object = ObjectId(3303), .target_instance = InstanceId(65535), .acl = {}});
  }
  if (choice & 2)
    plan->others = fleet::OtherAccounts::keep;
  else if (choice & 4)
    plan->existing = fleet::Existing::replace;
  if (choice & 8)
    plan->bootstrap = fleet::BootstrapAccountPlan{.uri = "coaps://b", .authority = {}, .identity = {}};
  else if (choice & 16)
    plan->discover = fleet::DiscoverFirst::no;
  if (choice & 32)
    plan->instances.push_back(
        {.instance = Path(ObjectId(5), InstanceId(0)), .values = {}, .need = fleet::Need::optional});
  if (choice & 64) {
    using Kind = fleet::OperationPlan::Kind;
    plan->before.push_back({.kind = Kind::del, .path = Path(ObjectId(5)), .need = fleet::Need::optional});
    plan->after.push_back({.kind = Kind::read, .path = Path(ObjectId(2)), .need = fleet::Need::optional});
  }
  return plan;
}

/// What is known of one peer's session.
struct Peer {
  std::optional<std::uint64_t> session;
  bool durable = false;
  std::optional<std::uint16_t> shown;  ///< instance of the bootstrap account in its last Discover
  unsigned finishes = 0;
  std::optional<coap::MessageId> finish;  ///< the last one; it may be repeated
};

/// The request that a peer was sent last.
struct Asked {
  PeerId peer{1};
  coap::Code code = coap::Code::empty;
  coap::MessageId id{};
  coap::Token token;
  bool everything = false;  ///< of the root: a GET is a Discover
};

struct World {
  explicit World(std::uint8_t choice) : plan(plan_of(choice)) {}

  ServerConfig config{.sessions_max = 3, .sessions_per_address_max = 2};
  SeededRandom protocol{1}, keys{2};
  Server server{config, builtin_objects(), protocol, keys};
  std::shared_ptr<const fleet::Plan> plan;
  TimePoint now{};
  std::map<std::uint64_t, PeerId> alive;  // sessions
  std::map<std::uint64_t, Peer> peers;
  std::map<std::uint64_t, bool> had_durable;  // by peer: a Pack is repeated after its session
  SessionId last{};
  Asked asked;

  void poll() {
    while (const auto event = server.poll_event()) {
      if (const auto* started = std::get_if<SessionStarted>(&*event)) {
        require(alive.emplace(started->session.value(), started->peer).second);
        peers[started->peer.value()] = {.session = started->session.value(), .shown = {}, .finish = {}};
      } else if (const auto* wanted = std::get_if<EnrolmentWanted>(&*event)) {
        last = wanted->session;
      } else if (const auto* keep = std::get_if<CredentialsToKeep>(&*event)) {
        last = keep->session;
      } else if (const auto* done = std::get_if<OperationDone>(&*event)) {
        require(alive.contains(done->session.value()));
      } else if (const auto* ended = std::get_if<SessionEnded>(&*event)) {
        require(alive.erase(ended->session.value()) == 1);
      }
    }
    while (const auto transmit = server.poll_transmit()) sent(*transmit);
    require(server.sessions() <= 3);
  }

  void sent(const coap::Transmit& transmit) {
    const auto message = coap::Message::parse(transmit.bytes);
    require(message.has_value());
    auto& peer = peers[transmit.peer.value()];
    const auto code = message->code;
    if (code == coap::Code::content) require(had_durable[transmit.peer.value()]);  // a Pack
    if (!coap::is_request(code)) return;
    asked = {transmit.peer, code, message->message_id, message->token, message->uri_path() == "/"};
    if (code == coap::Code::get) return;
    require(peer.durable);
    if (code == coap::Code::post && peer.finish != message->message_id) require(++peer.finishes <= 2);
    if (code == coap::Code::post) peer.finish = message->message_id;
    if (peer.shown && !plan->bootstrap) {
      const Path account(ObjectId(0), InstanceId(*peer.shown));
      require(message->uri_path() != account.text().view());
    }
  }

  void durable(bool good) {
    const auto session = alive.find(last.value());
    if (session != alive.end() && good)
      peers[session->second.value()].durable = had_durable[session->second.value()] = true;
    server.credentials_kept(now, last, good ? Server::Kept::durable : Server::Kept::failed);
  }

  /// Names 1 to 3 are authenticated, the others are strangers at one address.
  [[nodiscard]] PeerContext peer(PeerId id) const {
    static constexpr std::array<std::string_view, 4> kNames{"", "a", "b", "c"};
    const auto name = id.value() <= 3 ? kNames[id.value()] : std::string_view();
    return {.id = id,
            .security = name.empty() ? SecurityMode::nosec : SecurityMode::psk,
            .endpoint = name,
            .address = Address::v4(10, 0, 0, 1, static_cast<std::uint16_t>(id.value()))};
  }
  void give(PeerId id, ByteView datagram) { server.handle_datagram(now, peer(id), datagram); }

  /// An answer that fits the last request.
  void answer(coap::Code code, std::optional<std::uint16_t> format, ByteView payload) {
    Bytes buffer(payload.size() + 64);
    coap::MessageWriter writer(buffer, coap::Type::acknowledgement, code, asked.id, asked.token);
    if (format) writer.option(coap::OptionNumber::content_format, std::uint64_t{*format});
    if (!payload.empty()) writer.payload(payload);
    if (asked.code == coap::Code::get && asked.everything) peers[asked.peer.value()].shown.reset();
    if (const auto bytes = writer.finish()) give(asked.peer, *bytes);
  }
  /// What a good device says; of a list, one that shows its bootstrap account at `instance`, and more.
  void answer_well(std::uint8_t instance, ByteView more) {
    if (asked.code == coap::Code::del) return answer(coap::Code::deleted, {}, {});
    if (asked.code != coap::Code::get) return answer(coap::Code::changed, {}, {});
    const Path account(ObjectId(0), InstanceId(instance & 3));
    std::string list = "</>;lwm2m=1.1,<" + std::string(account.text().view()) + ">";
    list += instance & 4 ? ",</1/1>;ssid=101,</0/3>;ssid=101,</2/0>,</2/7>" : ",</1/0>;ssid=7";
    list += as_text(more);
    const auto asker = asked.peer.value();
    const bool discovering = asked.everything;
    answer(coap::Code::content, 40, as_bytes(list));
    if (discovering && more.empty() && !(instance & 4 && (instance & 3) == 3))
      peers[asker].shown = account.instance().value();
  }
  void request(PeerId id, std::uint16_t message_id, std::string_view path, ByteView query) {
    Bytes buffer(512);
    const bool pack = path == "/bspack";
    coap::MessageWriter writer(buffer, coap::Type::confirmable, pack ? coap::Code::get : coap::Code::post,
                               coap::MessageId(message_id), {});
    writer.path(coap::OptionNumber::uri_path, path);
    if (id.value() > 3) writer.option(coap::OptionNumber::uri_query, "ep=stranger");
    if (!query.empty()) writer.option(coap::OptionNumber::uri_query, as_text(query));
    if (const auto bytes = writer.finish()) give(id, *bytes);
  }
};

void step(World& world, ByteReader& in) {
  const auto command = in.u8().value();
  const auto length = std::min<std::size_t>(in.u8().value_or(0), in.remaining());
  const auto detail = static_cast<std::uint8_t>(command / 16);
  const PeerId peer(1 + detail % 5);
  switch (command % 16) {
    case 0:
      return world.give(peer, in.take(length).value());
    case 1:
    case 2: {  // any code, any payload, in a format that may be one
      constexpr std::array<std::uint16_t, 4> kFormats{40, 112, 11542, 11544};
      const auto code = static_cast<coap::Code>(0x40 | (in.u8().value_or(0) & 0xBF));
      const auto rest = std::min(length, in.remaining());
      return world.answer(code, kFormats[detail % 4], in.take(rest).value());
    }
    case 3:
      return world.server.enrolment(world.now, world.last, detail & 1 ? nullptr : world.plan);
    case 4:
      return world.server.refuse(world.now, world.last, {});
    case 5:
      return world.durable(detail & 1);
    case 6:
      return world.server.peer_gone(world.now, peer);
    case 7:
      world.now += seconds(length);
      return world.server.handle_timeout(world.now);
    case 8:
    case 9:
      return world.request(peer, static_cast<std::uint16_t>(in.offset() * 31 + command),
                           command % 16 == 8 ? "/bs" : "/bspack", in.take(length).value());
    case 10:
      return world.answer(coap::Code::not_acceptable, {}, {});
    default:
      return world.answer_well(detail, in.take(command % 16 == 15 ? length : 0).value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in({data, size});
  World world(in.u8().value_or(0));
  while (!in.empty()) {
    step(world, in);
    world.poll();
  }
  world.now += std::chrono::hours(1);
  world.server.handle_timeout(world.now);
  world.poll();
  require(world.alive.empty() && world.server.sessions() == 0);
  return 0;
}
