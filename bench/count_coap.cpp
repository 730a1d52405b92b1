// SPDX-License-Identifier: Apache-2.0
// Counted by callgrind: each measure_ function runs once, everything before it is a warm-up.
#include <cstdio>
#include <cstdlib>

#include <slipway/coap/endpoint.hpp>

namespace {

using namespace slipway;
using namespace slipway::coap;

constexpr int kWarmUp = 1000;

/// One request through a server's endpoint: received, answered, sent; and an old one forgotten.
void exchange(Endpoint& endpoint, TimePoint now, PeerId peer, ByteView datagram) {
  if (const auto next = endpoint.next_timeout(); next && *next <= now) endpoint.handle_timeout(now);
  endpoint.handle_datagram(now, peer, datagram);
  const auto event = endpoint.poll_event();
  if (!event || !std::holds_alternative<RequestReceived>(*event)) std::abort();
  if (!endpoint.respond(now, std::get<RequestReceived>(*event).id, {.code = Code::changed})) std::abort();
  while (endpoint.poll_transmit()) {
  }
}

}  // namespace

extern "C" {

/// Header and options of one request.
__attribute__((noinline)) std::size_t measure_parse_request(const std::uint8_t* data, std::size_t size) {
  const auto message = Message::parse({data, size});
  return message ? message->option_count() : 0;
}

/// The same, of a Register with five queries.
__attribute__((noinline)) std::size_t measure_parse_register(const std::uint8_t* data, std::size_t size) {
  const auto message = Message::parse({data, size});
  return message ? message->option_count() : 0;
}

__attribute__((noinline)) void measure_endpoint_exchange(Endpoint& endpoint, TimePoint now,
                                                         ByteView datagram) {
  exchange(endpoint, now, PeerId(7), datagram);
}

}  // extern "C"

int main() {
  Bytes buffer(512);
  const std::array<std::uint8_t, 2> token{0xAB, 0xCD};
  const auto write_request = [&](std::uint16_t id) {
    MessageWriter writer(buffer, Type::confirmable, Code::put, MessageId(id), Token(token));
    writer.path(OptionNumber::uri_path, "/3/0/1");
    writer.option(OptionNumber::content_format, std::uint64_t{11542});
    writer.payload(as_bytes("payload"));
    return *writer.finish();
  };
  Bytes other(512);
  MessageWriter enrol(other, Type::confirmable, Code::post, MessageId(2), Token(token));
  enrol.path(OptionNumber::uri_path, "/rd");
  enrol.option(OptionNumber::content_format, std::uint64_t{40});
  for (const auto* query : {"ep=urn:dev:example-1", "lt=86400", "lwm2m=1.1", "b=U", "Q"})
    enrol.option(OptionNumber::uri_query, std::string_view(query));
  enrol.payload(as_bytes("</1/0>,</3/0>"));
  const auto enrol_bytes = *enrol.finish();
  const auto write_bytes = write_request(1);
  const auto options = measure_parse_request(write_bytes.data(), write_bytes.size()) +
                       measure_parse_register(enrol_bytes.data(), enrol_bytes.size());

  SeededRandom random(1);
  Endpoint endpoint({.incoming_max = 100000}, random);
  TimePoint now{};
  for (int i = 0; i < kWarmUp; ++i)
    exchange(endpoint, now += seconds(1), PeerId(i % 100), write_request(static_cast<std::uint16_t>(i)));
  const auto bytes = write_request(50000);
  measure_endpoint_exchange(endpoint, now += seconds(1), bytes);
  std::printf("%zu options read\n", options);
  return options == 11 ? 0 : 1;
}
