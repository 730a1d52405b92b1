// SPDX-License-Identifier: Apache-2.0
// A script of bytes drives an Endpoint: datagrams (free, or built on what it just sent), timeouts, requests,
// answers, notifications, cancellations, dropped peers. Bounds hold all the way, every request ends at most
// once, and when everything has timed out nothing is left.
#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

#include <slipway/coap/endpoint.hpp>

using namespace slipway;
using namespace slipway::coap;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint8_t byte() { return rest_.empty() ? std::uint8_t{0} : take(1)[0]; }
  ByteView take(std::size_t size) {
    const auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  ByteView rest_;
};

constexpr EndpointConfig kConfig{.exchanges_max = 6,
                                 .queue_per_peer_max = 3,
                                 .incoming_max = 8,
                                 .incoming_per_peer_max = 4,
                                 .datagram_max = 256,
                                 .body_max = 400,
                                 .bodies_max = 3,
                                 .block_szx = 1,
                                 .bodies_per_peer_max = 2};

class Player {
 public:
  explicit Player(Script script) : script_(script) {}

  void play() {
    while (!script_.empty()) {
      step();
      collect();
    }
    // Nobody says anything any more.
    for (int i = 0; i < 10000; ++i) {
      const auto next = endpoint_.next_timeout();
      if (!next) break;
      now_ = std::max(now_, *next);
      endpoint_.handle_timeout(now_);
      collect();
    }
    require(!endpoint_.next_timeout());
    for (std::uint64_t peer = 0; peer < 4; ++peer) require(!endpoint_.busy(PeerId(peer)));
  }

 private:
  PeerId peer() { return PeerId(script_.byte() & 3); }

  void step() {
    switch (script_.byte() % 12) {
      case 0: {
        const auto from = peer();
        endpoint_.handle_datagram(now_, from, script_.take(script_.byte()));
        break;
      }
      case 1:
      case 2:
        built_datagram();
        break;
      case 3:
      case 4:
        answer_to_last();
        break;
      case 5:
        now_ += milliseconds(script_.byte() * 100);
        endpoint_.handle_timeout(now_);
        break;
      case 6:
        ask();
        break;
      case 7:
        respond();
        break;
      case 8: {
        const auto to = peer();
        const auto size = script_.byte();
        const Token token(script_.take(1));
        (void)endpoint_.notify(now_, to, token,
                               script_.byte() % 2 == 0 ? Type::confirmable : Type::non_confirmable,
                               {.observe = size, .payload = ByteView(body_).first(size)}, size);
        break;
      }
      case 9:
        if (!alive_.empty()) {
          auto it = alive_.begin();
          std::advance(it, script_.byte() % alive_.size());
          endpoint_.cancel(RequestId(*it));
          alive_.erase(it);
        }
        break;
      case 10:
        endpoint_.drop_peer(peer());
        break;
      default:
        if (const auto next = endpoint_.next_timeout()) now_ = std::max(now_, *next);
        endpoint_.handle_timeout(now_);
        break;
    }
  }

  /// A well-formed message from a few bytes, so that block-wise transfers and observations are reached.
  Bytes message(Type type, Code code, std::uint16_t id, const Token& token) {
    Bytes buffer(400);
    MessageWriter writer(buffer, type, code, MessageId(id), token);
    const auto flags = script_.byte();
    if ((flags & 1) != 0) writer.option(OptionNumber::etag, script_.take(1));
    if ((flags & 2) != 0) writer.option(OptionNumber::observe, std::uint64_t{script_.byte()});
    if (is_request(code)) writer.path(OptionNumber::uri_path, (flags & 4) != 0 ? "/a" : "/b");
    if ((flags & 8) != 0) writer.option(OptionNumber::content_format, std::uint64_t{script_.byte()});
    if ((flags & 16) != 0) writer.option(OptionNumber::block2, script_.take(1));
    if ((flags & 32) != 0) writer.option(OptionNumber::block1, script_.take(1));
    if ((flags & 64) != 0) writer.option(OptionNumber::size2, script_.take(2));
    const std::size_t sizes[] = {0, 1, 16, 32, 64, 100};
    writer.payload(ByteView(body_).first(sizes[script_.byte() % std::size(sizes)]));
    const auto bytes = *writer.finish();
    return Bytes(bytes.begin(), bytes.end());
  }
  void built_datagram() {
    const auto from = peer();
    const auto type = static_cast<Type>(script_.byte() & 3);
    const auto code = Code{script_.byte()};
    const std::uint16_t id = script_.byte();
    const auto bytes = message(type, code, id, Token(script_.take(1)));
    endpoint_.handle_datagram(now_, from, bytes);
  }
  void answer_to_last() {
    if (sent_.empty()) return;
    const auto& [to, bytes] =
        sent_[sent_.size() - 1 - script_.byte() % std::min<std::size_t>(sent_.size(), 4)];
    const auto last = Message::parse(bytes);
    require(last.has_value());
    constexpr Code kCodes[] = {Code::content, Code::continue_, Code::changed, Code::request_entity_too_large,
                               Code::empty,   Code::not_found};
    const auto choice = script_.byte();
    const auto code = kCodes[(choice >> 2) % std::size(kCodes)];
    const auto type = static_cast<Type>(choice & 3);
    const bool matches = type == Type::acknowledgement || type == Type::reset;
    const std::uint16_t id = matches ? last->message_id.value() : script_.byte();
    if (code == Code::empty || type == Type::reset) {
      const std::array<std::uint8_t, 4> empty{
          static_cast<std::uint8_t>(0x40 | static_cast<unsigned>(type) << 4), 0,
          static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
      endpoint_.handle_datagram(now_, to, empty);
      return;
    }
    endpoint_.handle_datagram(now_, to, message(type, code, id, last->token));
  }
  void ask() {
    constexpr Code kCodes[] = {Code::get, Code::put, Code::post, Code::fetch};
    const auto to = peer();
    const auto choice = script_.byte();
    OutgoingRequest request{.code = kCodes[choice & 3],
                            .type = (choice & 4) != 0 ? Type::non_confirmable : Type::confirmable,
                            .path = "/3/0"};
    if ((choice & 8) != 0) request.observe = choice >> 7;
    if ((choice & 16) != 0) request.token = Token(script_.take(1));
    if ((choice & 32) != 0) request.payload = ByteView(body_).first(script_.byte());
    if (const auto id = endpoint_.request(now_, to, request)) require(alive_.insert(id->value()).second);
  }
  void respond() {
    if (open_.empty()) return;
    const auto at = script_.byte() % open_.size();
    const auto size = script_.byte() * 2u;
    const auto done =
        endpoint_.respond(now_, open_[at],
                          {.code = (size & 16) != 0 ? Code::content : Code::bad_request,
                           .payload = ByteView(body_).first(std::min<std::size_t>(size, body_.size()))});
    if (done || done.error().code == ErrorCode::not_found) open_.erase(open_.begin() + static_cast<long>(at));
  }

  void collect() {
    while (const auto event = endpoint_.poll_event()) {
      if (const auto* request = std::get_if<RequestReceived>(&*event)) {
        require(request->message.payload.size() <= kConfig.body_max);
        touch(request->message);
        if (open_.size() < 16) open_.push_back(request->id);
      } else if (const auto* response = std::get_if<ResponseReceived>(&*event)) {
        require(alive_.count(response->id.value()) == 1);
        touch(response->message);
        if (!response->notifications_follow) alive_.erase(response->id.value());
      } else if (const auto* notification = std::get_if<NotificationReceived>(&*event)) {
        require(alive_.count(notification->id.value()) == 1);
        touch(notification->message);
      } else if (const auto* failed = std::get_if<RequestFailed>(&*event)) {
        require(alive_.erase(failed->id.value()) == 1);
      }
    }
    // A token given again silently replaces an observation, so `alive_` may keep a few that have gone.
    while (const auto transmit = endpoint_.poll_transmit()) {
      require(transmit->bytes.size() <= kConfig.datagram_max);
      require(Message::parse(transmit->bytes).has_value());
      if (sent_.size() >= 64) sent_.erase(sent_.begin(), sent_.begin() + 32);
      sent_.emplace_back(transmit->peer, Bytes(transmit->bytes.begin(), transmit->bytes.end()));
    }
  }
  /// Every byte of every view must be readable.
  static void touch(const Message& message) {
    unsigned sum = 0;
    for (const auto byte : message.payload) sum += byte;
    for (std::size_t i = 0; i < message.option_count(); ++i)
      for (const auto byte : message.option(i).value) sum += byte;
    require(sum != ~0u);
  }

  Script script_;
  SeededRandom random_{1};
  Endpoint endpoint_{kConfig, random_};
  TimePoint now_{seconds(1)};
  Bytes body_ = Bytes(512, 'b');
  std::set<std::uint64_t> alive_;
  std::vector<IncomingId> open_;
  std::vector<std::pair<PeerId, Bytes>> sent_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player(Script(data, size)).play();
  return 0;
}
