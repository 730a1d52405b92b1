// SPDX-License-Identifier: Apache-2.0
// A device under a script of bytes: datagrams of a bootstrap server and of a management server, packs,
// timeouts, lost sessions, storage that fails. It never crashes, a bootstrap that failed has left no trace,
// and there is always a next attempt.
#include <cstdlib>

#include <slipway/client/client.hpp>

namespace {

using namespace slipway;
using namespace slipway::client;

// Script: how the device is configured, then an action byte and what it takes, again and again.
//   0-99 a request in the session; 100-149 raw bytes; 150-199 time; 200-219 connected; 220-229 lost;
//   230-239 durable; 240-249 not durable; 250-255 bootstrap now
class Script {
 public:
  explicit Script(ByteView bytes) : in_(bytes) {}
  [[nodiscard]] bool done() const { return in_.empty(); }
  std::uint8_t byte() { return in_.u8().value_or(0); }
  ByteView bytes(std::size_t size) { return *in_.take(std::min(size, in_.remaining())); }

 private:
  ByteReader in_;
};

/// What a server might mean well with: accounts as a pack holds them, by the parts that are asked for.
class GoodPayloads {
 public:
  GoodPayloads() {
    const auto add = [](std::vector<Entry>& to, std::uint16_t object, std::uint16_t instance,
                        std::uint16_t resource, const Value& value) {
      to.push_back(
          {.path = Path(ObjectId(object), InstanceId(instance), ResourceId(resource)), .value = value});
    };
    const auto security = [&](std::uint16_t instance, bool is_bootstrap) {
      std::vector<Entry> entries;
      add(entries, 0, instance, 0, Value::string("coaps://s"));
      add(entries, 0, instance, 1, Value::boolean(is_bootstrap));
      add(entries, 0, instance, 2, Value::integer(0));
      add(entries, 0, instance, 3, Value::opaque(as_bytes("another")));
      add(entries, 0, instance, 5, Value::opaque(as_bytes("fedcba9876543210")));
      if (!is_bootstrap) add(entries, 0, instance, 10, Value::integer(101));
      return entries;
    };
    std::vector<Entry> server;
    add(server, 1, 0, 0, Value::integer(101));
    add(server, 1, 0, 1, Value::integer(300));
    add(server, 1, 0, 6, Value::boolean(true));
    add(server, 1, 0, 7, Value::string("U"));
    auto account = security(1, false);
    all_[0] = encoded(account);
    all_[1] = encoded(server);
    account.insert(account.end(), server.begin(), server.end());
    all_[2] = encoded(account);
    const auto other = security(0, true);
    account.insert(account.begin(), other.begin(), other.end());
    all_[3] = encoded(account);
  }
  [[nodiscard]] ByteView pick(std::uint8_t choice) const { return all_[choice % all_.size()]; }

 private:
  static Bytes encoded(std::span<const Entry> entries) {
    Bytes out(512);
    const auto size = codec::encode(ContentFormat::senml_cbor, Path(), entries, out);
    if (!size) std::abort();
    out.resize(*size);
    return out;
  }
  std::array<Bytes, 4> all_;
};

class Rig {
 public:
  explicit Rig(std::uint8_t habits) : random_(1) {
    auto& device = model_.object(ObjectId(3)).instance(InstanceId(0));
    device.value<std::string>(ResourceId(14), "+00:00");
    device.value<std::string>(ResourceId(16), "U");
    device.resources<std::int64_t>(ResourceId(11)).reads([] { return std::vector<std::int64_t>{0}; });
    device.resource<void>(ResourceId(4)).executes([](std::string_view) {});
    auto& sensor = model_.object(ObjectId(3303)).instance(InstanceId(0));
    sensor.resource<double>(ResourceId(5700)).reads([this] { return celsius_; }).writes([this](double c) {
      celsius_ = c;
    });
    model_.object(ObjectId(1000)).creatable([](Instance& instance) -> Result<void> {
      instance.value<std::string>(ResourceId(0), "new").writable();
      instance.values<std::int64_t>(ResourceId(1), {{0, 1}});
      return {};
    });
    const auto path = [](std::uint16_t resource) {
      return Path(ObjectId(0), InstanceId(0), ResourceId(resource));
    };
    const Entry factory[] = {{path(0), Value::string("coaps://bs")},
                             {path(1), Value::boolean(true)},
                             {path(2), Value::integer(0)},
                             {path(3), Value::opaque(as_bytes("identity"))},
                             {path(5), Value::opaque(as_bytes("0123456789abcdef"))},
                             {path(11), Value::integer(habits >> 4)}};
    if (!model_.load_factory(factory)) std::abort();
    ClientConfig config;
    config.endpoint = "fuzz";
    if ((habits & 1) != 0) config.bootstrap_pack = BootstrapPack::never;
    if ((habits & 2) != 0) config.server_initiated = ServerInitiated::accept;
    if ((habits & 4) != 0) config.own_certificate = OwnCertificate::present;
    client_.emplace(config, model_, random_);
    remember();
    client_->start(now_, std::nullopt);
    drain();
    if ((habits & 8) != 0) bootstrap_well();
  }

  void step(Script& script) {
    const auto action = script.byte();
    if (action < 100)
      request(action, script);
    else if (action < 150)
      client_->handle_datagram(now_, peer(action), script.bytes(script.byte()));
    else if (action < 200)
      pass(action - 150);
    else if (action < 220)
      client_->connected(now_, peer(action));
    else if (action < 230)
      // An alert is kept in the state, also of a failed session: not here, where that state is compared.
      client_->connection_lost(now_, peer(action),
                               model_.in_transaction() ? std::nullopt : std::optional(action));
    else if (action < 240)
      client_->persisted(now_, persist_, Client::Persisted::durable);
    else if (action < 250)
      client_->persisted(now_, persist_, Client::Persisted::failed);
    else
      client_->request_bootstrap(now_);
    drain();
    if (!client_->next_timeout() && client_->state() != State::registered) std::abort();
    remember();
  }

 private:
  /// The state that a session which fails has to come back to.
  void remember() {
    if (!model_.in_transaction()) before_ = *model_.snapshot();
  }

  [[nodiscard]] PeerId peer(std::uint8_t choice) const {
    return PeerId(last_peer_ - (choice % 2 == 0 ? 0 : 1));
  }

  void pass(unsigned steps) {
    for (unsigned i = 0; i <= steps % 8; ++i) {
      const auto at = client_->next_timeout();
      if (!at) return;
      now_ = std::max(now_, *at);
      client_->handle_timeout(now_);
      drain();
    }
  }

  /// A well-formed message with a chosen method, path and format, and a payload of the script's or a good
  /// one: a request, or an answer to the last one of the device. 2.05 is a pack.
  void request(std::uint8_t action, Script& script) {
    constexpr coap::Code kCodes[] = {coap::Code::get,         coap::Code::post,    coap::Code::put,
                                     coap::Code::del,         coap::Code::changed, coap::Code::created,
                                     coap::Code::bad_request, coap::Code::content};
    constexpr std::string_view kPaths[] = {"/",     "/bs",     "/0",     "/0/1",    "/1/0",         "/1/0/1",
                                           "/2/0",  "/3/0/14", "/1000",  "/1000/3", "/3303/0/5700", "/1/0/9",
                                           "/21/0", "/0/0",    "/3/0/4", "/1"};
    constexpr std::uint16_t kFormats[] = {112, 11542, 0, 110, 11544, 42, 60, 40};
    const auto choice = script.byte();
    const auto options = script.byte();
    const auto code = kCodes[action % 8];
    coap::MessageWriter writer(buffer_, action < 80 ? coap::Type::confirmable : coap::Type::acknowledgement,
                               code, coap::MessageId(action < 80 ? ++message_ : sent_message_),
                               coap::is_request(code) ? coap::Token{} : token_);
    if ((options & 1) != 0) writer.option(coap::OptionNumber::observe, std::uint64_t{(options >> 1) & 1u});
    if (coap::is_request(code))
      writer.path(coap::OptionNumber::uri_path, kPaths[choice % 16]);
    else
      writer.path(coap::OptionNumber::location_path, "/rd/1");
    const bool has_payload = (options & 4) != 0;
    if (has_payload)
      writer.option(coap::OptionNumber::content_format, std::uint64_t{kFormats[choice >> 4 & 7]});
    if ((options & 8) != 0) writer.option(coap::OptionNumber::uri_query, "pmin=1");
    if ((options & 16) != 0) writer.option(coap::OptionNumber::accept, std::uint64_t{kFormats[options >> 5]});
    const auto size = has_payload ? script.byte() : std::uint8_t{0};
    const auto payload = size >= kGood ? good_.pick(size) : script.bytes(size);
    if (!payload.empty()) writer.payload(payload);
    if (const auto bytes = writer.finish(); bytes) client_->handle_datagram(now_, peer(choice), *bytes);
  }

  /// Half of the scripts begin where a device is managed. Whatever is asked, the answer is the pack,
  /// and 2.04.
  void bootstrap_well() {
    for (int i = 0; i < 20 && client_->state() != State::registering; ++i) {
      client_->connected(now_, peer(0));
      drain();
      constexpr std::uint8_t kPack[] = {0, 4, kGood + 2};
      Script answer(kPack);
      request(kAnswerContent, answer);
      drain();
      client_->persisted(now_, persist_, Client::Persisted::durable);
      drain();
      pass(0);
    }
    remember();
  }

  void drain() {
    for (int i = 0; i < 10000; ++i) {
      bool busy = false;
      while (auto event = client_->poll_event()) {
        busy = true;
        note(*event);
      }
      while (auto transmit = client_->poll_transmit()) {
        busy = true;
        const auto message = coap::Message::parse(transmit->bytes);
        if (!message) std::abort();
        if (!coap::is_request(message->code)) continue;
        token_ = message->token;
        sent_message_ = message->message_id.value();
      }
      if (!busy) return;
    }
    std::abort();  // it never comes to rest
  }

  void note(const Event& event) {
    if (const auto* wanted = std::get_if<ConnectWanted>(&event)) {
      last_peer_ = wanted->peer.value();
    } else if (const auto* keep = std::get_if<PersistWanted>(&event)) {
      persist_ = keep->id;
    } else if (const auto* ended = std::get_if<BootstrapEnded>(&event)) {
      const bool must_be_as_before = ended->end != BootstrapEnd::succeeded && !model_.in_transaction();
      if (must_be_as_before && *model_.snapshot() != before_) std::abort();
    }
  }

  static constexpr std::uint8_t kAnswerContent = 87;  // the action that answers 2.05
  static constexpr std::uint8_t kGood = 252;  // a size from here on stands for one of the good payloads

  SeededRandom random_;
  GoodPayloads good_;
  Model model_;
  double celsius_ = 20;
  std::optional<Client> client_;
  TimePoint now_{seconds(1)};
  Bytes before_;
  std::uint64_t last_peer_ = 0;
  std::uint64_t persist_ = 0;
  std::uint16_t message_ = 0;
  std::uint16_t sent_message_ = 0;
  coap::Token token_;
  std::array<std::uint8_t, 1200> buffer_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script({data, size});
  Rig rig(script.byte());
  for (int steps = 0; !script.done() && steps < 200; ++steps) rig.step(script);
  return 0;
}
