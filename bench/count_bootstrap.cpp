// SPDX-License-Identifier: Apache-2.0
// One whole bootstrap through the server engine, without sockets or DTLS, counted by callgrind:
// `valgrind --tool=callgrind --collect-atstart=no --toggle-collect=measure_bootstrap bench_count_bootstrap`.
//
// Six exchanges: Request, Discover, three Writes (/0, /1, /3303), Finish. What is measured is everything that
// the server does, CoAP and codec included; the device's datagrams are made outside.
#include <array>
#include <cstdio>
#include <cstdlib>

#include <valgrind/callgrind.h>

#include <slipway/bootstrap/server.hpp>

namespace {

using namespace slipway;
using namespace slipway::bootstrap;

/// Rounds before the one that is counted: tables have their size then, as in a server that runs.
constexpr int kWarmUp = 20;
constexpr std::string_view kDiscovered =
    "</>;lwm2m=1.1,</0/0>;uri=\"coaps://bootstrap.example:5784\",</1>,</3/0>,</3303>";

struct Bench {
  SeededRandom protocol{1};
  SeededRandom keys{2};
  Server server{{}, builtin_objects(), protocol, keys};
  std::shared_ptr<const fleet::Plan> plan;
  TimePoint now{};
  PeerContext peer{.id = PeerId(1), .security = SecurityMode::psk, .endpoint = "urn:dev:bench-0001"};
  std::array<std::uint8_t, 1280> sent{};
  std::size_t sent_size = 0;
  unsigned finished = 0;
  std::uint16_t device_id = 1;
};

fleet::Plan bench_plan() {
  fleet::Plan plan;
  plan.name = "bench";
  fleet::ServerAccountPlan account;
  account.id = ShortServerId(101);
  account.uri = "coaps://management.example:5684";
  plan.servers.push_back(std::move(account));
  const Path sensor(ObjectId(3303), InstanceId(0));
  fleet::InstancePlan instance{.instance = sensor, .values = {}};
  instance.values.emplace_back(sensor.child(5603), OwnedValue(Value::floating(-40.0)));
  instance.values.emplace_back(sensor.child(5701), OwnedValue(Value::string("Cel")));
  plan.instances.push_back(std::move(instance));
  return plan;
}

/// What the composition root would do, at no cost of its own.
void handle_events(Bench& bench) {
  while (const auto event = bench.server.poll_event()) {
    if (const auto* wanted = std::get_if<EnrolmentWanted>(&*event)) {
      bench.server.enrolment(bench.now, wanted->session, bench.plan);
    } else if (const auto* keep = std::get_if<CredentialsToKeep>(&*event)) {
      bench.server.credentials_kept(bench.now, keep->session, Server::Kept::durable);
    } else if (const auto* ended = std::get_if<SessionEnded>(&*event)) {
      if (ended->outcome == Outcome::succeeded) ++bench.finished;
    }
  }
}

/// The device's answer to the last request that the server sent.
Bytes answer_of(Bench& bench) {
  const auto request = coap::Message::parse(ByteView(bench.sent).first(bench.sent_size)).value();
  Bytes buffer(512);
  auto code = coap::Code::changed;
  if (request.code == coap::Code::get) code = coap::Code::content;
  coap::MessageWriter writer(buffer, coap::Type::acknowledgement, code, request.message_id, request.token);
  if (request.code == coap::Code::get) {
    writer.option(coap::OptionNumber::content_format, std::uint64_t{40});
    writer.payload(as_bytes(kDiscovered));
  }
  buffer.resize(writer.finish().value().size());
  return buffer;
}

Bytes request_of(Bench& bench) {
  Bytes buffer(512);
  const std::array<std::uint8_t, 2> token{0xAB, 0xCD};
  coap::MessageWriter writer(buffer, coap::Type::confirmable, coap::Code::post,
                             coap::MessageId(bench.device_id++), coap::Token(token));
  writer.path(coap::OptionNumber::uri_path, "/bs");
  writer.option(coap::OptionNumber::uri_query, "ep=urn:dev:bench-0001");
  writer.option(coap::OptionNumber::uri_query, "pct=112");
  buffer.resize(writer.finish().value().size());
  return buffer;
}

}  // namespace

extern "C" {

/// One datagram of the device through the engine, with its events and what it sends.
__attribute__((noinline)) void measure_bootstrap(Bench* bench, const std::uint8_t* data, std::size_t size) {
  bench->server.handle_datagram(bench->now, bench->peer, {data, size});
  handle_events(*bench);
  while (const auto transmit = bench->server.poll_transmit()) {
    std::memcpy(bench->sent.data(), transmit->bytes.data(), transmit->bytes.size());
    bench->sent_size = transmit->bytes.size();
  }
}
}

int main() {
  Bench bench;
  bench.plan = std::make_shared<const fleet::Plan>(bench_plan());
  unsigned datagrams = 0;
  for (int round = 0; round <= kWarmUp; ++round) {
    if (round == kWarmUp) {
      datagrams = 0;
      CALLGRIND_ZERO_STATS;
    }
    bench.now += seconds(300);  // deduplication has forgotten the last round
    bench.server.handle_timeout(bench.now);
    auto datagram = request_of(bench);
    do {
      bench.sent_size = 0;
      measure_bootstrap(&bench, datagram.data(), datagram.size());
      ++datagrams;
      if (bench.sent_size != 0) datagram = answer_of(bench);
    } while (bench.sent_size != 0);
  }
  std::printf("%u bootstraps of %d, %u datagrams of the device in the last\n", bench.finished, kWarmUp + 1,
              datagrams);
  return bench.finished == kWarmUp + 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
