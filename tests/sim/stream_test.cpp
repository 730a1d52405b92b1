// SPDX-License-Identifier: Apache-2.0
// A device, its bootstrap server and its management server over TCP: streams that are cut anywhere, delayed
// and broken, in virtual time. [RFC 8323] [LwM2M-TRANSPORT 1.2 §6.8.2]
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include <slipway/base/uri.hpp>
#include <slipway/bootstrap/server.hpp>
#include <slipway/client/client.hpp>
#include <slipway/coap/stream.hpp>
#include <slipway/management/server.hpp>
#include <thermometer/device.hpp>

namespace slipway::sim {
namespace {

constexpr std::string_view kName = "urn:dev:tcp";
constexpr std::string_view kBootstrapUri = "coap+tcp://bootstrap.example";
constexpr std::string_view kManagementUri = "coap+tcp://management.example";
const Path kSampling(ObjectId(3303), InstanceId(0), ResourceId(5700));

/// One TCP connection, with both of its ends and what is on its way between them.
struct Connection {
  Connection(TimePoint now, const coap::StreamConfig& config, bool to_bootstrap_server)
      : to_bootstrap(to_bootstrap_server), device(now, config), server(now, config) {}
  bool to_bootstrap;
  coap::StreamConnection device, server;
  Bytes up, down;
  std::optional<coap::Reliable> device_is;  ///< what the server knows of it
  bool connected = false;
};

class TcpWorld {
 public:
  explicit TcpWorld(std::uint64_t seed, coap::StreamConfig stream = {})
      : random(seed),
        stream_config(stream),
        thermometer(model, {}),
        client({.endpoint = std::string(kName), .transports = "UT"}, model, random),
        bootstrap({}, builtin_objects(), random, random, nullptr),
        management({}, builtin_objects(), random) {
    const std::array entries{entry(0, Value::string(kBootstrapUri)),
                             entry(1, Value::boolean(true)),
                             entry(2, Value::integer(3)),
                             entry(3, Value::opaque({})),
                             entry(4, Value::opaque({})),
                             entry(5, Value::opaque({}))};
    EXPECT_TRUE(model.load_factory(entries));
    auto made = std::make_shared<fleet::Plan>();
    made->name = "tcp";
    made->servers.push_back({.id = ShortServerId(1)});
    made->servers[0].uri = kManagementUri;
    made->servers[0].credential = fleet::CredentialSource::none;
    made->servers[0].binding = "T";
    plan = std::move(made);
    client.start(now, {});
  }

  void run(Duration duration) {
    const auto until = now + duration;
    for (int steps = 0; steps < 1'000'000 && !testing::Test::HasFailure(); ++steps) {
      while (now < until && turn()) {
      }
      if (now >= until) return;
      auto next =
          earlier(client.next_timeout(), earlier(bootstrap.next_timeout(), management.next_timeout()));
      for (auto& [peer, connection] : connections)
        next = earlier(next, earlier(connection.device.next_timeout(), connection.server.next_timeout()));
      if (!next || *next > until) break;
      now = std::max(now, *next);
      client.handle_timeout(now);
      bootstrap.handle_timeout(now);
      management.handle_timeout(now);
      for (auto& [peer, connection] : connections) {
        connection.device.handle_timeout(now);
        connection.server.handle_timeout(now);
      }
    }
    now = until;
  }
  /// The network forgets every connection.
  void break_connections() {
    for (auto& [peer, connection] : connections) {
      connection.device.handle_end(now);
      connection.server.handle_end(now);
    }
  }

  TimePoint now{seconds(1000)};
  SeededRandom random;
  coap::StreamConfig stream_config;
  client::Model model;
  examples::Thermometer thermometer;
  client::Client client;
  bootstrap::Server bootstrap;
  management::Server management;
  std::shared_ptr<const fleet::Plan> plan;
  std::map<PeerId, Connection> connections;
  std::vector<client::BootstrapEnd> bootstraps;
  unsigned registered = 0, updated = 0, opened = 0;
  std::vector<std::string> values;  ///< read or notified
  std::vector<std::string> failures;

 private:
  static Entry entry(std::uint16_t resource, const Value& value) {
    return {.path = Path(ObjectId(0), InstanceId(0), ResourceId(resource)), .value = value};
  }
  static std::optional<TimePoint> earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
  }

  bool turn() {
    bool moved = false;
    while (const auto event = client.poll_event()) moved = true, follow(*event);
    while (const auto event = bootstrap.poll_event()) moved = true, follow(*event);
    while (const auto event = management.poll_event()) moved = true, follow(*event);
    while (const auto out = client.poll_transmit())
      moved = true, send(out->peer, &Connection::device, out->bytes);
    while (const auto out = bootstrap.poll_transmit())
      moved = true, send(out->peer, &Connection::server, out->bytes);
    while (const auto out = management.poll_transmit())
      moved = true, send(out->peer, &Connection::server, out->bytes);
    for (auto at = connections.begin(); at != connections.end();) {
      const auto peer = at->first;
      auto& connection = (at++)->second;
      moved |= carry(connection.device, connection.up);
      moved |= carry(connection.server, connection.down);
      moved |= deliver(connection.up, connection.server);
      moved |= deliver(connection.down, connection.device);
      moved |= hear_device(peer, connection);
      moved |= hear_server(peer, connection);
      if (connection.device.closed() && connection.server.closed()) connections.erase(peer);
    }
    now += Duration(random.below(1000));
    return moved;
  }
  void send(PeerId peer, coap::StreamConnection Connection::* end, ByteView frame) {
    if (const auto found = connections.find(peer); found != connections.end())
      (void)(found->second.*end).send(now, frame);
  }
  bool carry(coap::StreamConnection& from, Bytes& on_the_way) {
    const auto output = from.poll_output();
    if (output.empty()) return false;
    const auto part = output.first(1 + random.below(output.size()));
    on_the_way.insert(on_the_way.end(), part.begin(), part.end());
    from.taken(now, part.size());
    return true;
  }
  bool deliver(Bytes& on_the_way, coap::StreamConnection& to) {
    if (on_the_way.empty()) return false;
    const auto count = 1 + random.below(on_the_way.size());
    to.handle_bytes(now, ByteView(on_the_way).first(count));
    on_the_way.erase(on_the_way.begin(), on_the_way.begin() + static_cast<std::ptrdiff_t>(count));
    return true;
  }
  bool hear_device(PeerId peer, Connection& connection) {
    bool moved = false;
    while (const auto event = connection.device.poll_event()) {
      moved = true;
      if (const auto* ready = std::get_if<coap::StreamReady>(&*event)) {
        EXPECT_TRUE(client.set_reliable(peer, ready->peer).has_value());
        if (!connection.connected) client.connected(now, peer);
        connection.connected = true;
      } else if (const auto* message = std::get_if<coap::StreamMessage>(&*event)) {
        client.handle_datagram(now, peer, message->frame);
      } else if (std::holds_alternative<coap::StreamClosed>(*event)) {
        connection.server.handle_end(now);
        client.connection_lost(now, peer, {});
      }
    }
    return moved;
  }
  bool hear_server(PeerId peer, Connection& connection) {
    bool moved = false;
    while (const auto event = connection.server.poll_event()) {
      moved = true;
      if (const auto* ready = std::get_if<coap::StreamReady>(&*event)) {
        connection.device_is = ready->peer;
      } else if (const auto* message = std::get_if<coap::StreamMessage>(&*event)) {
        const PeerContext context{
            .id = peer, .address = Address::v4(10, 0, 0, 1, 4000), .reliable = connection.device_is};
        if (connection.to_bootstrap)
          bootstrap.handle_datagram(now, context, message->frame);
        else
          management.handle_datagram(now, {}, context, message->frame);
      } else if (std::holds_alternative<coap::StreamClosed>(*event)) {
        connection.device.handle_end(now);
        connection.to_bootstrap ? bootstrap.peer_gone(now, peer) : management.peer_gone(now, peer);
      }
    }
    return moved;
  }

  void follow(const client::Event& event) {
    if (const auto* wanted = std::get_if<client::ConnectWanted>(&event)) {
      ++opened;
      const auto uri = parse_uri(wanted->uri);
      EXPECT_TRUE(uri && uri->scheme == UriScheme::coap_tcp) << wanted->uri;
      connections.try_emplace(wanted->peer, now, stream_config, wanted->uri == kBootstrapUri);
    } else if (const auto* unwanted = std::get_if<client::DisconnectWanted>(&event)) {
      if (const auto found = connections.find(unwanted->peer); found != connections.end()) {
        found->second.device.release(now);
        found->second.device.handle_end(now);
      }
    } else if (const auto* keep = std::get_if<client::PersistWanted>(&event)) {
      client.persisted(now, keep->id, client::Client::Persisted::durable);
    } else if (const auto* ended = std::get_if<client::BootstrapEnded>(&event)) {
      bootstraps.push_back(ended->end);
      if (ended->end != client::BootstrapEnd::succeeded) failures.emplace_back(ended->reason);
    } else if (std::holds_alternative<client::RegisteredWith>(event)) {
      ++registered;
    } else if (std::holds_alternative<client::RegistrationUpdated>(event)) {
      ++updated;
    } else if (const auto* failed = std::get_if<client::RegistrationFailed>(&event)) {
      failures.emplace_back(failed->reason);
    }
  }
  void follow(const bootstrap::Event& event) {
    if (const auto* wanted = std::get_if<bootstrap::EnrolmentWanted>(&event))
      bootstrap.enrolment(now, wanted->session, plan);
    if (const auto* keep = std::get_if<bootstrap::CredentialsToKeep>(&event))
      bootstrap.credentials_kept(now, keep->session, bootstrap::Server::Kept::durable);
  }
  void follow(const management::Event& event) {
    const management::Answer* answer = nullptr;
    if (const auto* done = std::get_if<management::OperationDone>(&event)) {
      answer = std::get_if<management::Answer>(&done->result);
      if (answer == nullptr)
        failures.emplace_back(to_string(std::get<management::OperationFailure>(done->result)));
    }
    if (const auto* notified = std::get_if<management::Notified>(&event)) answer = &notified->answer;
    if (answer == nullptr) return;
    for (const auto& one : answer->entries) values.push_back(one.value.to_display());
  }
};

TEST(TcpJourney, ADeviceBootstrapsRegistersAndIsManagedOverStreams) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    // A narrow and a wide one: in blocks, and whole.
    TcpWorld world(seed, {.message_max = seed % 2 == 0 ? std::size_t{1152} : std::size_t{66'560}});
    world.run(seconds(60));
    ASSERT_EQ(world.bootstraps, std::vector{client::BootstrapEnd::succeeded});
    ASSERT_EQ(world.registered, 1u);
    const auto registration = world.management.find(kName);
    ASSERT_TRUE(registration);
    EXPECT_EQ(registration->binding, "UT");

    ASSERT_TRUE(world.management.read(world.now, kName, Path(ObjectId(3), InstanceId(0))));
    ASSERT_TRUE(world.management.observe(world.now, kName, kSampling));
    world.run(seconds(5));
    EXPECT_GT(world.values.size(), 5u);
    for (int i = 0; i < 5; ++i) {
      const auto before = world.values.size();
      world.thermometer.tick(seconds(11 * (i + 1)));  // another temperature each time
      world.client.changed(world.now, kSampling);
      world.run(seconds(70));
      EXPECT_EQ(world.values.size(), before + 1);
    }
    EXPECT_EQ(world.failures, std::vector<std::string>());
  }
}

TEST(TcpJourney, ADeviceComesBackWhenItsConnectionBreaks) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    TcpWorld world(seed);
    world.run(seconds(60));
    ASSERT_EQ(world.registered, 1u);
    const auto opened = world.opened;
    world.break_connections();
    world.run(std::chrono::hours(25));
    EXPECT_GT(world.opened, opened);
    EXPECT_EQ(world.bootstraps.size(), 1u) << "a broken connection is no reason to bootstrap";
    EXPECT_EQ(world.management.registrations(), 1u);
    ASSERT_TRUE(world.management.read(world.now, kName, Path(ObjectId(3), InstanceId(0))));
    world.run(seconds(5));
    EXPECT_FALSE(world.values.empty());
  }
}

TEST(TcpJourney, ABrokenBootstrapIsTriedAgain) {
  TcpWorld world(3);
  world.run(milliseconds(3));
  world.break_connections();
  world.run(std::chrono::hours(1));
  EXPECT_EQ(world.bootstraps.back(), client::BootstrapEnd::succeeded);
  EXPECT_EQ(world.registered, 1u);
}

}  // namespace
}  // namespace slipway::sim
