// SPDX-License-Identifier: Apache-2.0
// A script of bytes plays the peer of one connection and of the endpoint behind it: signals, messages and
// rubbish, cut anywhere; timeouts, a slow reader, requests, answers, releases. What waits stays within its
// bounds, what is delivered is a message, one end is told, and then nothing is left. Frames that are written
// come back the same.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include <slipway/coap/endpoint.hpp>
#include <slipway/coap/stream.hpp>

using namespace slipway;
using namespace slipway::coap;

namespace {

constexpr PeerId kPeer(1);
constexpr StreamConfig kStream{.message_max = 1152, .outstanding_max = 3000};
constexpr EndpointConfig kEndpoint{.exchanges_max = 6,
                                   .queue_per_peer_max = 3,
                                   .incoming_max = 8,
                                   .incoming_per_peer_max = 4,
                                   .datagram_max = 256,
                                   .frame_max = 1152,
                                   .body_max = 4000,
                                   .bodies_max = 3,
                                   .block_szx = 2,
                                   .bodies_per_peer_max = 2,
                                   .reliable_max = 1,
                                   .reliable_nstart = 2};
/// An Abort behind what waits already.
constexpr std::size_t kOutputMax = kStream.outstanding_max + 2 * kDiagnosticMax + 16;

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

class Player {
 public:
  explicit Player(Script script) : script_(script) {}

  void play() {
    while (!script_.empty()) {
      step();
      collect();
    }
    connection_.handle_end(now_);
    collect();
    require(told_ == 1 && connection_.closed() && !connection_.next_timeout());
    endpoint_.drop_peer(kPeer);
    while (endpoint_.poll_event()) {
    }
    require(!endpoint_.next_timeout() && !endpoint_.busy(kPeer));
  }

 private:
  void step() {
    switch (script_.byte() % 12) {
      case 0:
        connection_.handle_bytes(now_, script_.take(script_.byte()));
        break;
      case 1:
        connection_.handle_bytes(now_, *from_hex("00e1"));
        break;
      case 2:
      case 3:
        give(message(Code{script_.byte()}, Token(script_.take(1))));
        break;
      case 4:
        answer_to_last();
        break;
      case 5:
        if (const auto next = connection_.next_timeout()) now_ = std::max(now_, *next);
        [[fallthrough]];
      case 6:
        now_ += milliseconds(script_.byte() * 100);
        connection_.handle_timeout(now_);
        endpoint_.handle_timeout(now_);
        break;
      case 7:
        ask();
        break;
      case 8:
        respond();
        break;
      case 9:
        connection_.taken(now_, script_.byte() * std::size_t{16});
        break;
      case 10:
        (void)endpoint_.notify(now_, kPeer, Token(script_.take(1)), Type::confirmable,
                               {.observe = 1, .payload = ByteView(body_).first(script_.byte() * 8u)}, 0);
        break;
      default:
        act(script_.byte());
        break;
    }
  }
  void act(std::uint8_t choice) {
    if (choice % 8 == 0) connection_.ping(now_);
    if (choice % 8 == 1) connection_.release(now_);
    if (choice == 2) connection_.abort(now_, "enough");
    if (choice % 8 == 3 && !asked_.empty()) endpoint_.cancel(asked_[choice / 8 % asked_.size()]);
    if (choice % 8 == 4) (void)connection_.send(now_, script_.take(script_.byte()));
  }
  /// Cut in two, so that parts of frames wait.
  void give(const Bytes& bytes) {
    const auto cut = std::min<std::size_t>(script_.byte(), bytes.size());
    connection_.handle_bytes(now_, ByteView(bytes).first(cut));
    collect();
    connection_.handle_bytes(now_, ByteView(bytes).subspan(cut));
  }
  Bytes message(Code code, const Token& token) {
    Bytes buffer(1400);
    MessageWriter writer(buffer, code, token);
    const auto flags = script_.byte();
    if ((flags & 1) != 0) writer.option(OptionNumber{2}, script_.take(flags >> 6));
    if ((flags & 2) != 0) writer.option(OptionNumber::observe, std::uint64_t{script_.byte()});
    if ((flags & 4) != 0) writer.path(OptionNumber::uri_path, "/a");
    if ((flags & 8) != 0) writer.option(OptionNumber::block2, script_.take(1));
    if ((flags & 16) != 0) writer.option(OptionNumber::block1, script_.take(1));
    constexpr std::size_t kSizes[] = {0, 1, 16, 64, 100, 300, 1024, 1100};
    writer.payload(ByteView(body_).first(kSizes[script_.byte() % std::size(kSizes)]));
    const auto bytes = *writer.finish();
    return Bytes(bytes.begin(), bytes.end());
  }
  void answer_to_last() {
    if (sent_.empty()) return;
    const auto& token = sent_[sent_.size() - 1 - script_.byte() % std::min<std::size_t>(sent_.size(), 4)];
    constexpr Code kCodes[] = {Code::content, Code::continue_, Code::changed, Code::request_entity_too_large};
    give(message(kCodes[script_.byte() % std::size(kCodes)], token));
  }
  void ask() {
    const auto choice = script_.byte();
    constexpr Code kCodes[] = {Code::get, Code::put, Code::post, Code::fetch};
    OutgoingRequest request{.code = kCodes[choice & 3], .path = "/3/0"};
    if ((choice & 8) != 0) request.observe = choice >> 7;
    if ((choice & 16) != 0) request.token = Token(script_.take(1));
    if ((choice & 32) != 0) request.payload = ByteView(body_).first(script_.byte() * 15u);
    if (const auto id = endpoint_.request(now_, kPeer, request)) {
      if (asked_.size() == 16) asked_.clear();
      asked_.push_back(*id);
    }
  }
  void respond() {
    if (open_.empty()) return;
    const auto id = open_.back();
    open_.pop_back();
    (void)endpoint_.respond(now_, id, {.payload = ByteView(body_).first(script_.byte() * 15u)});
  }

  void collect() {
    while (const auto event = connection_.poll_event()) {
      require(told_ == 0);
      if (const auto* ready = std::get_if<StreamReady>(&*event))
        require(endpoint_.set_reliable(kPeer, ready->peer).has_value());
      if (const auto* got = std::get_if<StreamMessage>(&*event)) {
        const auto parsed = Message::parse_frame(got->frame);
        require(parsed && got->frame.size() <= kStream.message_max);
        require(is_request(parsed->code) || is_response(parsed->code));
        check_round_trip(*parsed);
        endpoint_.handle_datagram(now_, kPeer, got->frame);
      }
      if (std::holds_alternative<StreamClosed>(*event)) {
        ++told_;
        endpoint_.drop_peer(kPeer);
      }
    }
    while (const auto event = endpoint_.poll_event()) {
      const auto* request = std::get_if<RequestReceived>(&*event);
      if (request == nullptr) continue;
      require(request->message.payload.size() <= kEndpoint.body_max);
      if (open_.size() < 16) open_.push_back(request->id);
    }
    while (const auto out = endpoint_.poll_transmit()) {
      const auto parsed = Message::parse_frame(out->bytes);
      // After drop_peer what waited may be sent still, to a peer of datagrams for all that the endpoint
      // knows.
      if (!parsed) continue;
      require(out->bytes.size() <= kEndpoint.frame_max);
      if (sent_.size() >= 64) sent_.erase(sent_.begin(), sent_.begin() + 32);
      sent_.push_back(parsed->token);
      (void)connection_.send(now_, out->bytes);
    }
    require(connection_.poll_output().size() <= kOutputMax);
  }
  static void check_round_trip(const Message& message) {
    Bytes buffer(kStream.message_max * 2);
    MessageWriter writer(buffer, message.code, message.token);
    for (std::size_t i = 0; i < message.option_count(); ++i)
      writer.option(message.option(i).number, message.option(i).value);
    writer.payload(message.payload);
    const auto written = writer.finish();
    require(written.has_value());
    const auto again = Message::parse_frame(*written);
    require(again && again->code == message.code && again->token == message.token);
    require(again->option_count() == message.option_count() && equal(again->payload, message.payload));
    for (std::size_t i = 0; i < message.option_count(); ++i)
      require(again->option(i).number == message.option(i).number &&
              equal(again->option(i).value, message.option(i).value));
  }

  Script script_;
  SeededRandom random_{1};
  TimePoint now_{seconds(1)};
  StreamConnection connection_{now_, kStream};
  Endpoint endpoint_{kEndpoint, random_};
  Bytes body_ = Bytes(4000, 'b');
  unsigned told_ = 0;
  std::vector<RequestId> asked_;
  std::vector<IncomingId> open_;
  std::vector<Token> sent_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player(Script(data, size)).play();
  return 0;
}
