// SPDX-License-Identifier: Apache-2.0
// The bench of `slipway kit bootstrap-faults` against a device that sends what it likes: requests, answers to
// what it is asked, and rubbish, on both doors.
#include <slipway/coap/message.hpp>
#include <slipway/kit/bench.hpp>

#include <array>
#include <cstdlib>

namespace {

using namespace slipway;
using coap::Code;
using coap::Type;

constexpr std::size_t kStepsMax = 400;
const Address kDevice = Address::v4(198, 51, 100, 7, 40000);

class Scene {
 public:
  explicit Scene(ByteView script)
      : script_(script), bench_(config(script_.u8().value_or(0)), random_, random_) {
    bench_.start(now_);
  }

  void play() {
    for (std::size_t step = 0; step < kStepsMax && !script_.empty() && !bench_.finished(); ++step) {
      act(script_.u8().value_or(0));
      collect();
    }
    bench_.stop(now_, "the end");
    collect();
    if (!bench_.finished() || bench_.results().empty()) std::abort();
    (void)kit::markdown_report(bench_.facts(), bench_.results());
  }

 private:
  static kit::BenchConfig config(std::size_t fault) {
    const auto all = kit::faults();
    return {.security = SecurityMode::nosec,
            .bootstrap_uri = "coap://192.0.2.1:5783",
            .management_uri = "coap://192.0.2.1:5683",
            .faults = {&all[fault % all.size()]}};
  }

  void act(unsigned action) {
    switch (action % 8) {
      case 0:
        return give(kit::Door::bootstrap, argument());
      case 1:
        return give(kit::Door::management, argument());
      case 2:
        return ask(kit::Door::bootstrap, Code::post, "/bs", {"ep=fuzz", "pct=112"});
      case 3:
        return ask(kit::Door::bootstrap, Code::get, "/bspack", {"ep=fuzz", ""});
      case 4:
        return ask(kit::Door::management, Code::post, "/rd", {"ep=fuzz", "lwm2m=1.0"});
      case 5:
        return answer(script_.u8().value_or(0x44), argument());
      case 6:
        return answer(0x44, {});
      default:
        if (const auto next = bench_.next_timeout()) now_ = std::max(now_, *next);
        return bench_.handle_timeout(now_);
    }
  }

  ByteView argument() {
    const auto size = script_.u8().value_or(0);
    return script_.take(std::min<std::size_t>(size, script_.remaining())).value();
  }
  void give(kit::Door door, ByteView datagram) { bench_.handle_datagram(now_, {}, door, kDevice, datagram); }

  void ask(kit::Door door, Code code, std::string_view path, std::array<std::string_view, 2> queries) {
    std::array<std::uint8_t, 128> buffer{};
    const std::array<std::uint8_t, 1> token{static_cast<std::uint8_t>(++asked_)};
    coap::MessageWriter writer(buffer, Type::confirmable, code, coap::MessageId(asked_), coap::Token(token));
    writer.path(coap::OptionNumber::uri_path, path);
    for (const auto query : queries)
      if (!query.empty()) writer.option(coap::OptionNumber::uri_query, query);
    if (const auto message = writer.finish()) give(door, *message);
  }

  /// Answers the bench's last request.
  void answer(std::uint8_t code, ByteView payload) {
    const auto request = coap::Message::parse(last_);
    if (!request || !coap::is_request(request->code)) return;
    std::array<std::uint8_t, 512> buffer{};
    coap::MessageWriter writer(buffer, Type::acknowledgement, Code{code}, request->message_id,
                               request->token);
    writer.payload(payload);
    if (const auto message = writer.finish()) give(last_door_, *message);
  }

  void collect() {
    while (bench_.poll_event()) {
    }
    while (const auto out = bench_.poll_transmit()) {
      last_.assign(out->bytes.begin(), out->bytes.end());
      last_door_ = out->door;
    }
  }

  ByteReader script_;
  SeededRandom random_{1};
  TimePoint now_{seconds(1)};
  kit::Bench bench_;
  Bytes last_;
  kit::Door last_door_ = kit::Door::bootstrap;
  std::uint16_t asked_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Scene({data, size}).play();
  return 0;
}
