// SPDX-License-Identifier: Apache-2.0
#include "packets/recipe.hpp"

#include <algorithm>
#include <stdexcept>

namespace slipway::packets {
namespace {

constexpr std::size_t kMessageMax = 2048;
constexpr std::uint16_t kFirstMessageId = 0x2f01;

/// A fault of the catalogue, which a test finds.
template <class T>
T sure(Result<T> result, const std::string& what) {
  if (!result) throw std::logic_error("catalogue of packets: " + what + ": " + result.error().detail);
  return *std::move(result);
}

struct Draft {
  Type type;
  Code code;
  std::uint16_t message_id;
  coap::Token token;
  std::optional<std::uint32_t> observe{};
  std::string_view location{};
  std::string_view path{};
  const Content* content = nullptr;
  std::optional<std::uint32_t> max_age{};
  const std::vector<std::string>* queries = nullptr;
  std::optional<ContentFormat> accept{};
  std::optional<coap::Block> block2{}, block1{};
  std::optional<std::uint32_t> size1{};
};

/// In ascending order of options, as the writer wants them.
Bytes written(const Draft& draft, const std::string& id) {
  using enum coap::OptionNumber;
  Bytes buffer(kMessageMax);
  coap::MessageWriter writer(buffer, draft.type, draft.code, coap::MessageId(draft.message_id), draft.token);
  const auto number = [&](coap::OptionNumber option, std::uint64_t value) { writer.option(option, value); };
  if (draft.observe) number(observe, *draft.observe);
  if (!draft.location.empty()) writer.path(location_path, draft.location);
  if (!draft.path.empty()) writer.path(uri_path, draft.path);
  if (draft.content != nullptr && draft.content->format)
    number(content_format, static_cast<std::uint64_t>(*draft.content->format));
  if (draft.max_age) number(max_age, *draft.max_age);
  if (draft.queries != nullptr)
    for (const auto& query : *draft.queries) writer.option(uri_query, query);
  if (draft.accept) number(accept, static_cast<std::uint64_t>(*draft.accept));
  if (draft.block2) writer.block(block2, *draft.block2);
  if (draft.block1) writer.block(block1, *draft.block1);
  if (draft.size1) number(size1, *draft.size1);
  if (draft.content != nullptr && !draft.content->bytes.empty()) writer.payload(draft.content->bytes);
  const auto message = sure(writer.finish(), id);
  return {message.begin(), message.end()};
}

Direction other(Direction direction) {
  return direction == Direction::up ? Direction::down : Direction::up;
}

/// Eight bytes, as coap::Endpoint makes them at random.
coap::Token token_of(std::uint16_t number) {
  const std::uint8_t bytes[] = {0x51,
                                0x1b,
                                0xa7,
                                0x0c,
                                0x9e,
                                0x64,
                                static_cast<std::uint8_t>(number >> 8),
                                static_cast<std::uint8_t>(number)};
  return coap::Token(bytes);
}

}  // namespace

void Catalogue::add(Interface interface, const OperationRecipe& operation) {
  bool first = true;
  for (const auto& recipe : operation.examples) {
    const auto message_id = static_cast<std::uint16_t>(kFirstMessageId + requests_++);
    // An empty message has no token.
    const auto token = recipe.code == Code::empty ? coap::Token() : token_of(requests_);
    Packet packet{.id = recipe.id,
                  .interface = interface,
                  .operation = operation.name,
                  .direction = operation.direction,
                  .role = Role::request,
                  .title = recipe.title,
                  .when = recipe.when,
                  .since = recipe.since,
                  .sources = operation.sources,
                  .path = recipe.path};
    packet.sources.insert(packet.sources.end(), recipe.sources.begin(), recipe.sources.end());
    packet.bytes = written({.type = recipe.type,
                            .code = recipe.code,
                            .message_id = message_id,
                            .token = token,
                            .observe = recipe.observe,
                            .path = recipe.path,
                            .content = &recipe.content,
                            .queries = &recipe.queries,
                            .accept = recipe.accept,
                            .block2 = recipe.block2,
                            .block1 = recipe.block1,
                            .size1 = recipe.size1},
                           recipe.id);
    packets_.push_back(packet);
    auto replies = recipe.replies;
    if (first) replies.insert(replies.end(), operation.errors.begin(), operation.errors.end());
    first = false;
    std::uint16_t own_ids = 0;
    for (const auto& reply : replies) {
      const bool piggybacked = reply.type == Type::acknowledgement || reply.type == Type::reset;
      auto answer = packet;
      answer.id = recipe.id + "/" +
                  (reply.name.empty() ? std::string(coap::to_string(reply.code).view()) : reply.name);
      answer.direction = other(operation.direction);
      answer.role = coap::class_of(reply.code) >= 4 ? Role::error : Role::answer;
      answer.title = std::string(coap::describe(reply.code).view()) + " to " + recipe.title;
      answer.when = reply.when;
      // What is no acknowledgement counts in the sender's own message ids.
      answer.bytes =
          written({.type = reply.type,
                   .code = reply.code,
                   .message_id = piggybacked ? message_id
                                             : static_cast<std::uint16_t>(0x7a01 + requests_ * 8 + own_ids++),
                   .token = reply.code == Code::empty ? coap::Token() : token,
                   .observe = reply.observe,
                   .location = reply.location,
                   .content = &reply.content,
                   .max_age = reply.max_age,
                   .block2 = reply.block2,
                   .block1 = reply.block1},
                  answer.id);
      packets_.push_back(std::move(answer));
    }
  }
}

std::vector<Packet> catalogue() {
  Catalogue catalogue;
  add_bootstrap(catalogue);
  add_registration(catalogue);
  add_management(catalogue);
  add_reporting(catalogue);
  add_coap(catalogue);
  return std::move(catalogue).take();
}

Entry entry(std::string_view path, const Value& value) {
  return {.path = sure(Path::parse(path), std::string(path)), .value = value};
}

Content values(ContentFormat format, std::string_view base, std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::path);
  Bytes buffer(kMessageMax);
  const auto path = sure(Path::parse(base), std::string(base));
  buffer.resize(
      sure(codec::encode(format, path, entries, buffer), std::string(base) + " in " + to_string(format)));
  return {format, std::move(buffer)};
}

Content text(std::string_view text) {
  return {ContentFormat::text, {text.begin(), text.end()}};
}

Content diagnostic(std::string_view text) {
  return {std::nullopt, {text.begin(), text.end()}};
}

std::vector<std::string> strings(const lwm2m::QueryList& queries) {
  return {queries.view().begin(), queries.view().end()};
}

std::vector<Entry> security_account() {
  return {entry("/0/1/0", Value::string("coaps://lwm2m.example.com:5684")),
          entry("/0/1/1", Value::boolean(false)),
          entry("/0/1/2", Value::integer(0)),
          entry("/0/1/3", Value::opaque(as_bytes("example-identity"))),
          entry("/0/1/4", Value::opaque({})),
          entry("/0/1/5", Value::opaque(as_bytes("AN-EXAMPLE-KEY-0"))),
          entry("/0/1/10", Value::integer(101))};
}

std::vector<Entry> server_account() {
  return {entry("/1/0/0", Value::integer(101)), entry("/1/0/1", Value::integer(86400)),
          entry("/1/0/6", Value::boolean(true)), entry("/1/0/7", Value::string("U"))};
}

std::vector<Entry> access_rule() {
  return {entry("/2/0/0", Value::integer(3)), entry("/2/0/1", Value::integer(0)),
          entry("/2/0/2/101", Value::integer(7)), entry("/2/0/3", Value::integer(101))};
}

std::vector<Entry> device_object() {
  return {entry("/3/0/0", Value::string("Slipway")),    entry("/3/0/1", Value::string("Thermometer")),
          entry("/3/0/9", Value::integer(87)),          entry("/3/0/11/0", Value::integer(0)),
          entry("/3/0/13", Value::time(1'735'689'600)), entry("/3/0/16", Value::string("U"))};
}

std::string in_format(ContentFormat format) {
  return to_string(format);
}

}  // namespace slipway::packets
