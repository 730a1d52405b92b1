// SPDX-License-Identifier: Apache-2.0
// One endpoint on a desk: the test plays the peer, writes its datagrams by hand and owns the time.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <slipway/coap/endpoint.hpp>

namespace slipway::coap::test {

/// A message of the peer, as a test writes it down.
struct Letter {
  Type type = Type::confirmable;
  Code code = Code::get;
  std::uint16_t id = 1;
  Token token{};
  std::string path{};
  std::optional<std::uint32_t> observe{};
  std::optional<std::uint32_t> content_format{};
  std::optional<Block> block2{};
  std::optional<Block> block1{};
  std::optional<std::uint32_t> size2{};
  std::optional<std::uint32_t> size1{};
  std::string etag{};
  std::string payload{};
};

inline Bytes written(const Letter& letter) {
  Bytes buffer(70000);
  MessageWriter writer(buffer, letter.type, letter.code, MessageId(letter.id), letter.token);
  if (!letter.etag.empty()) writer.option(OptionNumber::etag, std::string_view(letter.etag));
  if (letter.observe) writer.option(OptionNumber::observe, std::uint64_t{*letter.observe});
  writer.path(OptionNumber::uri_path, letter.path);
  if (letter.content_format)
    writer.option(OptionNumber::content_format, std::uint64_t{*letter.content_format});
  if (letter.block2) writer.block(OptionNumber::block2, *letter.block2);
  if (letter.block1) writer.block(OptionNumber::block1, *letter.block1);
  if (letter.size2) writer.option(OptionNumber::size2, std::uint64_t{*letter.size2});
  if (letter.size1) writer.option(OptionNumber::size1, std::uint64_t{*letter.size1});
  writer.payload(as_bytes(letter.payload));
  const auto bytes = writer.finish();
  EXPECT_TRUE(bytes);
  return Bytes(bytes->begin(), bytes->end());
}

/// What the endpoint sent, with the bytes that its views need.
struct Sent {
  PeerId peer;
  Bytes bytes;
  [[nodiscard]] Message message() const {
    const auto parsed = Message::parse(bytes);
    EXPECT_TRUE(parsed);
    return parsed ? *parsed : Message();
  }
};

inline Token token(std::string_view text) {
  return Token(as_bytes(text));
}
inline std::string body(std::size_t size, int salt = 0) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + (i * 7 + i / 90 + salt) % 90);
  return text;
}
inline std::optional<Block> block_of(const Message& message, OptionNumber number) {
  const auto option = message.find(number);
  if (!option) return std::nullopt;
  const auto block = Block::decode(*option);
  EXPECT_TRUE(block);
  return block ? std::optional(*block) : std::nullopt;
}

/// Without jitter, so that times are exact.
inline EndpointConfig exact() {
  return EndpointConfig{.ack_random_factor = 1.0};
}

class Desk {
 public:
  explicit Desk(const EndpointConfig& config = exact()) : endpoint(config, random) {}

  void give(const Letter& letter, PeerId from = PeerId(1)) { give_bytes(written(letter), from); }
  void give_bytes(const Bytes& bytes, PeerId from = PeerId(1)) { endpoint.handle_datagram(now, from, bytes); }
  void give_hex(std::string_view hex, PeerId from = PeerId(1)) { give_bytes(*from_hex(hex), from); }

  /// Lets time pass, with a call of handle_timeout at each deadline.
  void pass(Duration duration) {
    const auto end = now + duration;
    for (auto next = endpoint.next_timeout(); next && *next <= end; next = endpoint.next_timeout()) {
      now = std::max(now, *next);
      endpoint.handle_timeout(now);
    }
    now = end;
  }
  std::vector<Sent> sent() {
    std::vector<Sent> all;
    while (const auto transmit = endpoint.poll_transmit())
      all.push_back({transmit->peer, Bytes(transmit->bytes.begin(), transmit->bytes.end())});
    return all;
  }
  /// The only message that was sent since the last look; lives as long as the desk.
  const Sent& one_sent() {
    auto all = sent();
    EXPECT_EQ(all.size(), 1u);
    return kept.emplace_back(all.empty() ? Sent{PeerId(), {0x70, 0, 0, 0}} : std::move(all.front()));
  }
  /// The next event, which must be of that kind; its views live until the next call.
  template <class T>
  T event() {
    const auto next = endpoint.poll_event();
    EXPECT_TRUE(next.has_value());
    if (!next || !std::holds_alternative<T>(*next)) {
      ADD_FAILURE() << "another event, of kind " << (next ? static_cast<int>(next->index()) : -1);
      return T{};
    }
    return std::get<T>(*next);
  }
  void expect_no_event() { EXPECT_FALSE(endpoint.poll_event().has_value()); }
  RequestId ask(const OutgoingRequest& request, PeerId peer = PeerId(1)) {
    const auto id = endpoint.request(now, peer, request);
    EXPECT_TRUE(id) << (id ? "" : id.error().detail);
    return id ? *id : RequestId();
  }
  void respond(IncomingId id, const OutgoingResponse& response) {
    const auto done = endpoint.respond(now, id, response);
    EXPECT_TRUE(done) << (done ? "" : done.error().detail);
  }
  /// Nothing is left of anything once all lifetimes have passed.
  void expect_forgets_everything() {
    pass(seconds(2000));
    while (endpoint.poll_event()) {
    }
    EXPECT_EQ(endpoint.next_timeout(), std::nullopt);
  }

  TimePoint now{seconds(1000)};
  SeededRandom random{42};
  Endpoint endpoint;
  std::deque<Sent> kept;
};

}  // namespace slipway::coap::test
