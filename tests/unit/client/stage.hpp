// SPDX-License-Identifier: Apache-2.0
// A client on a stage: the test owns the time, plays the servers with real exchanges, and is the storage.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <slipway/client/client.hpp>
#include <slipway/codec/payload.hpp>

namespace slipway::client::test {

using coap::Code;

inline Path path(std::string_view text) {
  return *Path::parse(text);
}

/// Writes entries for a request of a server.
inline Bytes encoded(ContentFormat format, std::string_view base, std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::path);
  Bytes buffer(16384);
  const auto size = codec::encode(format, path(base), entries, buffer);
  EXPECT_TRUE(size) << (size ? "" : size.error().detail);
  buffer.resize(size ? *size : 0);
  return buffer;
}
inline Entry entry(std::string_view at, const Value& value) {
  return {.path = path(at), .value = value};
}

struct Reply {
  std::optional<Code> code;  ///< nothing: no answer came
  std::optional<std::uint16_t> format;
  std::string payload;
  std::string location;
  std::optional<std::uint32_t> observe;
  std::optional<std::uint32_t> max_age;  ///< of an answer that the stage gives
};

/// A request that the client sent to a server.
struct Received {
  Code code = Code::empty;
  std::string path;
  std::vector<std::string> queries;
  std::optional<std::uint16_t> format;
  std::optional<std::uint16_t> accept;
  std::string payload;
};

struct Notification {
  std::string payload;
  std::optional<std::uint16_t> format;
  coap::Type type = coap::Type::confirmable;
  Code code = Code::empty;
  TimePoint at{};
};

/// What the servers know of a session, by the client's name for it.
struct Session {
  PeerId peer;
  ShortServerId server;
  std::string uri;
  SecurityMode mode = SecurityMode::nosec;
  std::string identity;
  std::string key;
  bool is_open = true;
};

class Stage {
 public:
  explicit Stage(Model& model, ClientConfig config = {}, std::uint64_t seed = 1)
      : client_random(seed),
        server_random(seed + 1),
        servers(server_config(), server_random),
        client(exact(std::move(config)), model, client_random) {}

  static ClientConfig exact(ClientConfig config) {
    if (config.endpoint.empty()) config.endpoint = "urn:dev:stage";
    config.coap.ack_random_factor = 1.0;
    return config;
  }
  static coap::EndpointConfig server_config() {
    coap::EndpointConfig config;
    config.ack_random_factor = 1.0;
    config.nstart = 4;
    config.body_max = 128 * 1024;  // more than the device takes
    return config;
  }

  void start(std::optional<UnixTime> wall = std::nullopt) {
    client.start(now, wall, hibernation);
    settle();
  }

  // --- What the stage does by itself; a test may change it --------------------------------------------

  enum class Connecting { succeeds, fails, hangs };
  Connecting connecting = Connecting::succeeds;
  SessionKind kind = SessionKind::fresh;   ///< of the sessions that the stage opens
  Bytes hibernation;                       ///< what the client is started with
  std::vector<std::uint16_t> unreachable;  ///< servers that are down, whatever the others do
  ConnectFailure failure = ConnectFailure::handshake_timeout;
  std::optional<std::uint8_t> alert;
  enum class Storage { durable, fails, hangs };
  Storage storage = Storage::durable;
  std::function<void(const PersistWanted&)> on_persist;
  /// The smartcard in the reader of a device that has one: its file, or nothing.
  enum class Reader { answers, hangs };
  Reader reader = Reader::answers;
  std::optional<Bytes> card;
  std::string card_problem;  ///< a card that cannot be read, and why
  /// Answers to the client's requests; by default a bootstrap or registration server that agrees.
  std::function<Reply(const Received&)> answer = [](const Received& request) { return agreeable(request); };
  /// Drops a datagram of the client, or of the servers, when it returns true.
  std::function<bool(const coap::Message&)> loses_up;
  std::function<bool(const coap::Message&)> loses_down;

  static Reply agreeable(const Received& request) {
    if (request.path.ends_with("/bspack")) return {.code = Code::not_implemented};
    if (request.path.ends_with("/rd")) return {.code = Code::created, .location = "/rd/5a3f"};
    if (request.code == Code::del) return {.code = Code::deleted};
    return {.code = Code::changed};
  }

  // --- Letting things happen ---------------------------------------------------------------------------

  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto event = client.poll_event()) {
        busy = true;
        note(*event);
      }
      while (auto transmit = client.poll_transmit()) {
        busy = true;
        const Bytes bytes(transmit->bytes.begin(), transmit->bytes.end());
        const auto message = coap::Message::parse(bytes);
        bytes_up += bytes.size();
        if (message && loses_up && loses_up(*message)) continue;
        servers.handle_datagram(now, transmit->peer, bytes);
        serve();
      }
      while (auto transmit = servers.poll_transmit()) {
        busy = true;
        const Bytes bytes(transmit->bytes.begin(), transmit->bytes.end());
        const auto message = coap::Message::parse(bytes);
        if (message && loses_down && loses_down(*message)) continue;
        client.handle_datagram(now, transmit->peer, bytes);
      }
      serve();
    }
  }

  [[nodiscard]] std::optional<TimePoint> next() const {
    auto at = client.next_timeout();
    if (const auto other = servers.next_timeout(); other && (!at || *other < *at)) at = other;
    return at;
  }
  /// Lets time pass, stopping at every deadline.
  void pass(Duration duration) {
    const auto end = now + duration;
    unsigned steps = 0;
    for (auto at = next(); at && *at <= end; at = next()) {
      if (++steps > 200000) {
        ADD_FAILURE() << "the client does not come to rest";
        return;
      }
      now = std::max(now, *at);
      client.handle_timeout(now);
      servers.handle_timeout(now);
      settle();
    }
    now = end;
    client.handle_timeout(now);
    settle();
  }
  /// Lets time pass until something is true; how long it took.
  std::optional<Duration> pass_until(const std::function<bool()>& is_true,
                                     Duration most = std::chrono::hours(100)) {
    const auto begin = now;
    while (!is_true()) {
      const auto at = next();
      if (!at || *at > begin + most) return std::nullopt;
      now = std::max(now, *at);
      client.handle_timeout(now);
      servers.handle_timeout(now);
      settle();
    }
    return now - begin;
  }

  // --- Being a server ----------------------------------------------------------------------------------

  [[nodiscard]] const Session* session(std::uint16_t server) const {
    for (auto it = sessions.rbegin(); it != sessions.rend(); ++it)
      if (it->server == ShortServerId(server) && it->is_open) return &*it;
    return nullptr;
  }
  /// Sends a request within the session of that server (0: the bootstrap server) and waits for its answer.
  Reply ask(std::uint16_t server, coap::OutgoingRequest request) {
    const auto id = send(server, std::move(request));
    settle();
    if (id && !replies.contains(id->value())) pass(seconds(3));
    return id && replies.contains(id->value()) ? replies[id->value()] : Reply{};
  }
  std::optional<coap::RequestId> send(std::uint16_t server, coap::OutgoingRequest request) {
    const auto* with = session(server);
    if (with == nullptr) {
      ADD_FAILURE() << "there is no session with server " << server;
      return std::nullopt;
    }
    const auto id = servers.request(now, with->peer, request);
    EXPECT_TRUE(id) << (id ? "" : id.error().detail);
    return id ? std::optional(*id) : std::nullopt;
  }
  Reply get(std::uint16_t server, std::string_view at, std::optional<ContentFormat> accept = std::nullopt) {
    coap::OutgoingRequest request{.code = Code::get, .path = at};
    if (accept) request.accept = static_cast<std::uint16_t>(*accept);
    return ask(server, request);
  }
  Reply discover(std::uint16_t server, std::string_view at) {
    return get(server, at, ContentFormat::link_format);
  }
  Reply send_payload(std::uint16_t server, Code code, std::string_view at, ContentFormat format,
                     ByteView payload) {
    return ask(
        server,
        {.code = code, .path = at, .content_format = static_cast<std::uint16_t>(format), .payload = payload});
  }
  Reply put(std::uint16_t server, std::string_view at, const std::vector<Entry>& entries,
            ContentFormat format = ContentFormat::senml_cbor) {
    return send_payload(server, Code::put, at, format, encoded(format, at, entries));
  }
  Reply post(std::uint16_t server, std::string_view at, const std::vector<Entry>& entries,
             ContentFormat format = ContentFormat::senml_cbor) {
    return send_payload(server, Code::post, at, format, encoded(format, at, entries));
  }
  Reply put_text(std::uint16_t server, std::string_view at, std::string_view text) {
    return send_payload(server, Code::put, at, ContentFormat::text, as_bytes(text));
  }
  Reply execute(std::uint16_t server, std::string_view at, std::string_view arguments = {}) {
    if (arguments.empty()) return ask(server, {.code = Code::post, .path = at});
    return send_payload(server, Code::post, at, ContentFormat::text, as_bytes(arguments));
  }
  Reply remove(std::uint16_t server, std::string_view at) {
    return ask(server, {.code = Code::del, .path = at});
  }
  Reply attributes(std::uint16_t server, std::string_view at, std::vector<std::string_view> queries) {
    return ask(server, {.code = Code::put, .path = at, .queries = queries});
  }
  Reply observe(std::uint16_t server, std::string_view at, ContentFormat accept = ContentFormat::text,
                std::vector<std::string_view> queries = {}) {
    return ask(server, {.code = Code::get,
                        .path = at,
                        .queries = queries,
                        .accept = static_cast<std::uint16_t>(accept),
                        .observe = 0});
  }
  Reply finish() { return ask(0, {.code = Code::post, .path = "/bs"}); }

  // --- What was seen -----------------------------------------------------------------------------------

  [[nodiscard]] std::vector<Received> requests(std::string_view ending) const {
    std::vector<Received> found;
    for (const auto& request : received)
      if (request.path.ends_with(ending)) found.push_back(request);
    return found;
  }
  template <class T>
  [[nodiscard]] std::size_t count() const {
    std::size_t number = 0;
    for (const auto& event : events) number += std::holds_alternative<T>(event) ? 1 : 0;
    return number;
  }
  [[nodiscard]] bool gave_reason(std::string_view reason) const {
    return std::ranges::find(reasons, reason) != reasons.end();
  }
  [[nodiscard]] std::optional<BootstrapEnd> last_end() const {
    for (auto it = events.rbegin(); it != events.rend(); ++it)
      if (const auto* ended = std::get_if<BootstrapEnded>(&*it)) return ended->end;
    return std::nullopt;
  }

  TimePoint now{seconds(1000)};
  SeededRandom client_random;
  SeededRandom server_random;
  coap::Endpoint servers;
  Client client;
  std::vector<Session> sessions;
  std::vector<Received> received;
  std::vector<TimePoint> received_at;
  std::vector<Event> events;  // views in them are dead
  std::vector<std::string> reasons;
  std::map<std::uint64_t, Reply> replies;
  std::vector<Notification> notifications;
  std::vector<Bytes> persisted;
  std::uint64_t last_persist = 0;
  unsigned cards_read = 0;
  std::uint64_t last_card = 0;
  std::vector<std::pair<SmartcardEnd, std::string>> card_ends;
  std::size_t bytes_up = 0;

 private:
  void note(const Event& event) {
    events.push_back(event);
    if (const auto* wanted = std::get_if<ConnectWanted>(&event)) {
      sessions.push_back({wanted->peer, wanted->server, std::string(wanted->uri), wanted->mode,
                          std::string(as_text(wanted->identity)), std::string(as_text(wanted->key))});
      const bool is_down = std::ranges::find(unreachable, wanted->server.value()) != unreachable.end();
      if (connecting == Connecting::succeeds && !is_down) client.connected(now, wanted->peer, kind);
      if (connecting == Connecting::fails || is_down) {
        sessions.back().is_open = false;
        client.connect_failed(now, wanted->peer, failure, alert);
      }
    } else if (const auto* gone = std::get_if<DisconnectWanted>(&event)) {
      for (auto& session : sessions)
        if (session.peer == gone->peer) session.is_open = false;
      servers.drop_peer(gone->peer);
    } else if (const auto* keep = std::get_if<PersistWanted>(&event)) {
      persisted.emplace_back(keep->snapshot.begin(), keep->snapshot.end());
      last_persist = keep->id;
      if (on_persist) on_persist(*keep);
      if (storage == Storage::durable) client.persisted(now, keep->id, Client::Persisted::durable);
      if (storage == Storage::fails) client.persisted(now, keep->id, Client::Persisted::failed);
    } else if (const auto* wanted_card = std::get_if<SmartcardWanted>(&event)) {
      read_card(wanted_card->id);
    } else if (const auto* read = std::get_if<SmartcardRead>(&event)) {
      card_ends.emplace_back(read->end, read->reason);
    } else if (const auto* ended = std::get_if<BootstrapEnded>(&event)) {
      reasons.emplace_back(ended->reason);
    } else if (const auto* failed = std::get_if<RegistrationFailed>(&event)) {
      reasons.emplace_back(failed->reason);
    } else if (const auto* pack = std::get_if<BootstrapPackFailed>(&event)) {
      reasons.emplace_back(pack->reason);
    }
  }

  void read_card(std::uint64_t id) {
    ++cards_read;
    last_card = id;
    if (reader == Reader::hangs) return;
    if (!card_problem.empty())
      client.smartcard(now, id, SmartcardUnreadable{card_problem});
    else if (card)
      client.smartcard(now, id, ByteView(*card));
    else
      client.smartcard(now, id, SmartcardAbsent{});
  }

  static Received read(const coap::Message& message) {
    Received request{.code = message.code,
                     .path = std::string(message.uri_path().view()),
                     .queries = {},
                     .format = message.content_format(),
                     .accept = message.accept(),
                     .payload = std::string(as_text(message.payload))};
    for (std::size_t i = 0; i < message.option_count(); ++i)
      if (const auto option = message.option(i); option.number == coap::OptionNumber::uri_query)
        request.queries.emplace_back(option.text());
    return request;
  }
  static Reply reply_of(const coap::Message& message) {
    Reply reply{.code = message.code,
                .format = message.content_format(),
                .payload = std::string(as_text(message.payload)),
                .location = {},
                .observe = message.observe()};
    for (std::size_t i = 0; i < message.option_count(); ++i)
      if (const auto option = message.option(i); option.number == coap::OptionNumber::location_path)
        reply.location += "/" + std::string(option.text());
    return reply;
  }

  void serve() {
    while (auto event = servers.poll_event()) {
      if (const auto* request = std::get_if<coap::RequestReceived>(&*event)) {
        received.push_back(read(request->message));
        received_at.push_back(now);
        const auto reply = answer(received.back());
        if (!reply.code) continue;
        coap::OutgoingResponse response{.code = *reply.code,
                                        .content_format = reply.format,
                                        .location_path = reply.location,
                                        .max_age = reply.max_age,
                                        .payload = as_bytes(reply.payload)};
        (void)servers.respond(now, request->id, response);
      } else if (const auto* response = std::get_if<coap::ResponseReceived>(&*event)) {
        replies[response->id.value()] = reply_of(response->message);
      } else if (const auto* notification = std::get_if<coap::NotificationReceived>(&*event)) {
        const auto reply = reply_of(notification->message);
        notifications.push_back({reply.payload, reply.format, notification->message.type, *reply.code, now});
      }
    }
  }
};

// --- Accounts --------------------------------------------------------------------------------------

/// A device that knows its bootstrap server only.
inline std::vector<Entry> factory_entries() {
  return {entry("/0/0/0", Value::string("coaps://bs.example:5784")),
          entry("/0/0/1", Value::boolean(true)),
          entry("/0/0/2", Value::integer(0)),
          entry("/0/0/3", Value::opaque(as_bytes("factory-identity"))),
          entry("/0/0/4", Value::opaque({})),
          entry("/0/0/5", Value::opaque(as_bytes("0123456789abcdef")))};
}
/// Another bootstrap account, complete.
inline std::vector<Entry> bootstrap_entries(std::string_view instance,
                                            std::string_view key = "a key of the device's own") {
  const std::string base(instance);
  return {entry(base + "/0", Value::string("coaps://bs2.example:5784")),
          entry(base + "/1", Value::boolean(true)),
          entry(base + "/2", Value::integer(0)),
          entry(base + "/3", Value::opaque(as_bytes("own-identity"))),
          entry(base + "/4", Value::opaque({})),
          entry(base + "/5", Value::opaque(as_bytes(key))),
          entry(base + "/11", Value::integer(0))};
}
inline std::vector<Entry> security_entries(std::string_view instance, std::int64_t ssid,
                                           std::string_view uri = "coaps://lwm2m.example:5684",
                                           std::string_view key = "fedcba9876543210") {
  const std::string base(instance);
  return {entry(base + "/0", Value::string(uri)),
          entry(base + "/1", Value::boolean(false)),
          entry(base + "/2", Value::integer(uri.starts_with("coaps") ? 0 : 3)),
          entry(base + "/3", Value::opaque(as_bytes("new-identity"))),
          entry(base + "/4", Value::opaque({})),
          entry(base + "/5", Value::opaque(as_bytes(key))),
          entry(base + "/10", Value::integer(ssid))};
}
inline std::vector<Entry> server_entries(std::string_view instance, std::int64_t ssid,
                                         std::int64_t lifetime = 300) {
  const std::string base(instance);
  return {entry(base + "/0", Value::integer(ssid)), entry(base + "/1", Value::integer(lifetime)),
          entry(base + "/6", Value::boolean(true)), entry(base + "/7", Value::string("U"))};
}
inline std::vector<Entry> operator+(std::vector<Entry> a, const std::vector<Entry>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// A model with a Device, a thermometer, and a creatable object.
struct Device {
  explicit Device(std::vector<Entry> factory = factory_entries()) {
    auto& device = model.object(ObjectId(3)).instance(InstanceId(0));
    device.value<std::string>(ResourceId(0), "Slipway");
    device.resource<void>(ResourceId(4)).executes([this](std::string_view arguments) {
      ++reboots;
      reboot_arguments = arguments;
    });
    device.resources<std::int64_t>(ResourceId(11)).reads([] { return std::vector<std::int64_t>{0}; });
    device.value<std::string>(ResourceId(14), "+00:00");
    device.value<std::string>(ResourceId(16), "U");
    auto& thermometer = model.object(ObjectId(3303)).instance(InstanceId(0));
    thermometer.resource<double>(ResourceId(5700)).reads([this] { return celsius; });
    thermometer.value<std::string>(ResourceId(5701), "Cel");
    thermometer.resource<double>(ResourceId(5821))
        .reads([this] { return offset; })
        .writes([this](double value) -> Result<void> {
          if (value > 10) return fail(ErrorCode::out_of_range, "an offset is at most 10");
          offset = value;
          return {};
        });
    model.object(ObjectId(1000)).creatable([](Instance& instance) -> Result<void> {
      instance.value<std::string>(ResourceId(0), "new").writable();
      instance.value<std::int64_t>(ResourceId(1), 0).writable();
      return {};
    });
    const auto loaded = model.load_factory(factory);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error());
    const auto verified = model.verify();
    EXPECT_TRUE(verified) << (verified ? "" : verified.error());
  }
  [[nodiscard]] std::string state() const {
    const auto bytes = model.snapshot();
    EXPECT_TRUE(bytes) << (bytes ? "" : bytes.error().detail);
    return bytes ? to_hex(*bytes) : "";
  }

  Model model;
  double celsius = 21.5;
  double offset = 0;
  int reboots = 0;
  std::string reboot_arguments;
};

}  // namespace slipway::client::test
