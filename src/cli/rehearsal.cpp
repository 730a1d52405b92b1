// SPDX-License-Identifier: Apache-2.0
#include "rehearsal.hpp"

#include <algorithm>
#include <set>

#include <slipway/base/random.hpp>
#include <slipway/coap/endpoint.hpp>
#include <slipway/lwm2m/bootstrap.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/trace/describe.hpp>

#include "codec/base64.hpp"

namespace slipway::cli {
namespace {

constexpr PeerId kPeer{1};
/// More rounds than any plan needs; whatever would not end does.
constexpr std::size_t kRoundsMax = 200'000;

/// Answers as a device that takes everything.
class Device {
 public:
  explicit Device(const PlayedDevice& played) : played_(played), coap_({}, random_) {}

  void begin(TimePoint now) {
    const auto endpoint = "ep=" + played_.endpoint;
    const auto format = static_cast<std::uint16_t>(played_.preferred.value_or(ContentFormat::senml_cbor));
    if (played_.begin == Begin::pack) {
      const std::string_view queries[] = {endpoint};
      (void)coap_.request(now, kPeer,
                          {.path = lwm2m::kBootstrapPackPath, .queries = queries, .accept = format});
      return;
    }
    std::vector<std::string_view> queries{endpoint};
    const auto preferred = "pct=" + std::to_string(format);
    if (played_.preferred) queries.push_back(preferred);
    (void)coap_.request(now, kPeer,
                        {.code = coap::Code::post, .path = lwm2m::kBootstrapPath, .queries = queries});
  }

  std::optional<Bytes> poll() {
    const auto transmit = coap_.poll_transmit();
    if (!transmit) return std::nullopt;
    return Bytes(transmit->bytes.begin(), transmit->bytes.end());
  }

  void receive(TimePoint now, ByteView datagram) {
    coap_.handle_datagram(now, kPeer, datagram);
    while (const auto event = coap_.poll_event())
      if (const auto* request = std::get_if<coap::RequestReceived>(&*event)) answer(now, *request);
  }

 private:
  void answer(TimePoint now, const coap::RequestReceived& request) {
    coap::OutgoingResponse response{.code = coap::Code::changed};
    const auto& message = request.message;
    const auto path = message.uri_path();
    const auto object = "<" + std::string(path.view()) + ">";
    if (message.code == coap::Code::del) {
      response.code = coap::Code::deleted;
    } else if (message.code == coap::Code::get &&
               message.accept() == static_cast<std::uint16_t>(ContentFormat::link_format)) {
      response.code = coap::Code::content;
      response.content_format = static_cast<std::uint16_t>(ContentFormat::link_format);
      response.payload =
          as_bytes(path == "/" ? std::string_view(played_.discover) : std::string_view(object));
    } else if (message.code == coap::Code::get) {
      response.code = coap::Code::method_not_allowed;  // what it holds is not known: let it be written
    }
    (void)coap_.respond(now, request.id, response);
  }

  const PlayedDevice& played_;
  SeededRandom random_{1};
  coap::Endpoint coap_;
};

/// The server, whose every wish is granted.
class Server {
 public:
  Server(std::shared_ptr<const fleet::Plan> plan, const ObjectCatalog& catalog)
      : plan_(std::move(plan)),
        maker_(fleet::make_credential_maker([] { return net::unix_now(); }, random_)),
        engine_({}, catalog, random_, random_, maker_.get()) {}

  std::optional<Bytes> poll() {
    const auto transmit = engine_.poll_transmit();
    if (!transmit) return std::nullopt;
    return Bytes(transmit->bytes.begin(), transmit->bytes.end());
  }

  void receive(TimePoint now, ByteView datagram) {
    engine_.handle_datagram(now, {.id = kPeer, .security = SecurityMode::psk}, datagram);
  }

  /// True once the session is over.
  bool serve(TimePoint now, Rehearsal& out) {
    while (const auto event = engine_.poll_event()) {
      if (const auto* wanted = std::get_if<bootstrap::EnrolmentWanted>(&*event)) {
        engine_.enrolment(now, wanted->session, plan_);
      } else if (const auto* keep = std::get_if<bootstrap::CredentialsToKeep>(&*event)) {
        engine_.credentials_kept(now, keep->session, bootstrap::Server::Kept::durable);
      } else if (const auto* ended = std::get_if<bootstrap::SessionEnded>(&*event)) {
        out.outcome = ended->outcome;
        out.reason = ended->reason;
        return true;
      }
    }
    return false;
  }

 private:
  std::shared_ptr<const fleet::Plan> plan_;
  SeededRandom random_{2};  // the same bytes in each rehearsal: nobody uses these keys
  std::unique_ptr<fleet::CredentialMaker> maker_;
  bootstrap::Server engine_;
};

std::string operation_name(const coap::Message& message, std::string_view path, Begin begin) {
  switch (message.code) {
    case coap::Code::get:
      return message.accept() == static_cast<std::uint16_t>(ContentFormat::link_format) ? "Bootstrap-Discover"
                                                                                        : "Bootstrap-Read";
    case coap::Code::put:
      return "Bootstrap-Write";
    case coap::Code::del:
      return "Bootstrap-Delete";
    case coap::Code::post:
      return path == lwm2m::kBootstrapPath ? "Bootstrap-Finish" : "";
    default:
      return begin == Begin::pack ? "Bootstrap-Pack" : "answer to the Bootstrap-Request";
  }
}

/// Collects datagrams into operations, and the bodies that came in blocks.
class Collector {
 public:
  Collector(Begin begin, const ObjectCatalog& catalog) : begin_(begin), catalog_(catalog) {}

  void take(ByteView datagram) {
    const auto message = coap::Message::parse(datagram);
    if (!message || message->code == coap::Code::empty) return;
    // The server asks for the next block: nothing that it sends of its own accord.
    if (message->code == coap::Code::continue_) return;
    const bool request = static_cast<unsigned>(message->code) < 0x40;
    const auto block = block_of(*message, request ? coap::OptionNumber::block1 : coap::OptionNumber::block2);
    if (!block || block->number == 0) start(*message, request);
    if (parts_.empty()) return;
    auto& part = parts_.back();
    part.payload_at.push_back(datagram.size() - message->payload.size());
    part.body.insert(part.body.end(), message->payload.begin(), message->payload.end());
    part.operation.messages.push_back({.bytes = Bytes(datagram.begin(), datagram.end()), .secret = {}});
  }

  std::vector<RehearsedOperation> finish() {
    std::vector<RehearsedOperation> all;
    for (auto& part : parts_) {
      complete(part);
      wipe(part.body);
      all.push_back(std::move(part.operation));
    }
    return all;
  }

 private:
  struct Part {
    RehearsedOperation operation;
    Bytes body;
    std::vector<std::size_t> payload_at;  ///< of each message
  };

  static std::optional<coap::Block> block_of(const coap::Message& message, coap::OptionNumber number) {
    const auto option = message.find(number);
    if (!option) return std::nullopt;
    const auto block = coap::Block::decode(*option);
    return block ? std::optional(*block) : std::nullopt;
  }

  void start(const coap::Message& message, bool request) {
    RehearsedOperation operation{.name = "", .code = message.code, .path = ""};
    if (request) operation.path = message.uri_path().view();
    operation.name = operation_name(message, operation.path, begin_);
    if (const auto format = message.content_format()) operation.format = static_cast<ContentFormat>(*format);
    parts_.push_back({.operation = std::move(operation), .body = {}, .payload_at = {}});
  }

  /// Decodes the body, and marks what of it is a key, in whichever way the format writes it.
  void complete(Part& part) const {
    auto& operation = part.operation;
    operation.payload_size = part.body.size();
    std::vector<bool> secret(part.body.size());
    std::vector<Entry> entries(codec::kEntriesMax);
    Bytes scratch(part.body.size());
    const auto base = Path::parse(operation.path);
    if (operation.format && base) {
      const auto read = codec::decode(*operation.format, *base, part.body, {.catalog = &catalog_},
                                      {.entries = entries, .scratch = scratch});
      if (read)
        for (const auto& entry : *read) {
          operation.values.push_back(trace::describe_entry(entry, catalog_));
          if (is_secret(entry)) mark(part.body, entry.value.as_opaque(), secret);
        }
      else if (!part.body.empty())
        secret.assign(part.body.size(), true);  // nobody can tell where a key lies
    }
    wipe(scratch);
    spread(part, secret);
  }

  [[nodiscard]] bool is_secret(const Entry& entry) const {
    if (entry.kind != EntryKind::value || !entry.path.has_resource()) return false;
    const auto* object = catalog_.find(entry.path.object());
    const auto* resource = object != nullptr ? object->find(entry.path.resource()) : nullptr;
    return resource != nullptr && resource->confidentiality == Confidentiality::secret;
  }

  static void mark(const Bytes& body, ByteView key, std::vector<bool>& secret) {
    for (const auto& form : {Bytes(key.begin(), key.end()), base64(key)}) {
      if (form.empty()) continue;
      for (auto at = body.begin();;) {
        at = std::search(at, body.end(), form.begin(), form.end());
        if (at == body.end()) break;
        std::fill_n(secret.begin() + (at - body.begin()), form.size(), true);
        at += static_cast<std::ptrdiff_t>(form.size());
      }
    }
  }

  /// As SenML JSON has it. [RFC 8428 §4.3]
  static Bytes base64(ByteView bytes) {
    Bytes out(codec::base64_size(bytes.size(), codec::Base64::url));
    ByteWriter writer(out);
    codec::put_base64(bytes, codec::Base64::url, writer);
    return out;
  }

  static void spread(Part& part, const std::vector<bool>& secret) {
    auto next = secret.begin();
    for (std::size_t i = 0; i < part.operation.messages.size(); ++i) {
      auto& message = part.operation.messages[i];
      message.secret.assign(message.bytes.size(), false);
      const auto size = static_cast<std::ptrdiff_t>(message.bytes.size() - part.payload_at[i]);
      std::copy(next, next + size, message.secret.begin() + static_cast<std::ptrdiff_t>(part.payload_at[i]));
      next += size;
    }
  }

  Begin begin_;
  const ObjectCatalog& catalog_;
  std::vector<Part> parts_;
};

}  // namespace

std::size_t RehearsedOperation::wire_size() const {
  std::size_t size = 0;
  for (const auto& message : messages) size += message.bytes.size();
  return size;
}

std::string factory_fresh(const fleet::Plan& plan, Version enabler) {
  std::set<ObjectId> objects{ObjectId(1), ObjectId(2)};
  for (const auto& instance : plan.instances) objects.insert(instance.instance.object());
  std::string text(64 * (objects.size() + 4), '\0');
  ByteWriter out({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  lwm2m::BootstrapDiscoverWriter writer(out, enabler);
  writer.instance(Path(ObjectId(0), InstanceId(0)));
  bool device_told = false;
  for (const auto object : objects) {
    if (object > ObjectId(3) && !device_told) {
      writer.instance(Path(ObjectId(3), InstanceId(0)));
      device_told = true;
    }
    if (object != ObjectId(3)) writer.object(object);
  }
  if (!device_told) writer.instance(Path(ObjectId(3), InstanceId(0)));
  text.resize(out.size());
  return text;
}

Rehearsal rehearse(std::shared_ptr<const fleet::Plan> plan, const PlayedDevice& played,
                   const ObjectCatalog& catalog) {
  Rehearsal rehearsal;
  Collector collector(played.begin, catalog);
  Device device(played);
  Server server(std::move(plan), catalog);
  const TimePoint now{};
  device.begin(now);
  bool over = false;
  for (std::size_t round = 0; round < kRoundsMax; ++round) {
    bool moved = false;
    while (const auto up = device.poll()) {
      server.receive(now, *up);
      over = server.serve(now, rehearsal) || over;
      moved = true;
    }
    while (auto down = server.poll()) {
      collector.take(*down);
      device.receive(now, *down);
      wipe(*down);
      moved = true;
    }
    over = server.serve(now, rehearsal) || over;
    if (over && !moved) break;
    if (!moved) break;
  }
  rehearsal.operations = collector.finish();
  return rehearsal;
}

}  // namespace slipway::cli
