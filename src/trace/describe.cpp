// SPDX-License-Identifier: Apache-2.0
#include <slipway/trace/describe.hpp>

#include <algorithm>

#include <slipway/base/secret.hpp>
#include <slipway/codec/link_format.hpp>

#include "body.hpp"
#include "operations.hpp"
#include "signals.hpp"
#include "text.hpp"

namespace slipway::trace {
namespace {

const char* type_name(coap::Type type) {
  switch (type) {
    case coap::Type::confirmable:
      return "CON";
    case coap::Type::non_confirmable:
      return "NON";
    case coap::Type::acknowledgement:
      return "ACK";
    case coap::Type::reset:
      return "RST";
  }
  return "?";
}

void append_detail(Row& row, std::string_view text) {
  if (!row.detail.empty()) row.detail += ' ';
  row.detail += text;
}

std::string queries_of(const coap::Message& message) {
  std::string out;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    if (option.number != coap::OptionNumber::uri_query) continue;
    out += out.empty() ? '?' : '&';
    out += option.text();
  }
  return printable(out, kLineMax);
}

std::string location_of(const coap::Message& message) {
  std::string out;
  for (std::size_t i = 0; i < message.option_count(); ++i)
    if (const auto option = message.option(i); option.number == coap::OptionNumber::location_path)
      out += "/" + std::string(option.text());
  return printable(out, kLineMax);
}

std::string name_of(std::uint16_t format) {
  const std::string name = to_string(ContentFormat{format});
  return name == "unknown" ? "format " + std::to_string(format) : name;
}

std::string size_of(const coap::Message& message) {
  return std::to_string(message.payload.size()) + " bytes";
}

void append_block(Row& row, const coap::Message& message, coap::OptionNumber number, std::string_view name) {
  const auto option = message.find(number);
  if (!option) return;
  const auto block = coap::Block::decode(*option, coap::Bert::accepted);
  if (!block) return append_detail(row, std::string(name) + ":malformed");
  append_detail(row, std::string(name) + ":" + std::to_string(block->number) + "/" +
                         (block->more ? "1" : "0") + "/" + std::to_string(block->size()));
}

/// Text is shown, and not some bytes that the peer sent back.
void append_text(Row& row, const coap::Message& message) {
  if (message.payload.empty()) return;
  const auto text = as_text(message.payload.first(std::min(message.payload.size(), kLineMax)));
  const auto shown = printable(text, kLineMax);
  append_detail(row, shown == text ? "\"" + shown + "\"" : "(" + size_of(message) + ", not shown)");
}

void describe_signal(Row& row, const coap::Message& message) {
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = signal_option(message.code, message.option(i));
    append_detail(row, option.value.empty() ? option.name : option.name + " " + option.value);
  }
  append_text(row, message);
}

/// Appends up to kValueLinesMax lines and counts the rest.
class Lines {
 public:
  explicit Lines(Row& row) : row_(row) {}
  ~Lines() {
    if (more_ != 0) row_.values.push_back("… " + std::to_string(more_) + " more");
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  template <class Line>
  void add(const Line& line) {
    if (row_.values.size() < kValueLinesMax)
      row_.values.push_back(line());
    else
      ++more_;
  }

 private:
  Row& row_;
  std::size_t more_ = 0;
};

void describe_links(Row& row, std::string_view text) {
  codec::LinkReader links(text);
  Lines lines(row);
  for (;;) {
    const auto link = links.next();
    if (!link) return append_detail(row, std::string("(broken links: ") + link.error().detail + ")");
    if (!*link) return;
    lines.add([&] {
      return printable("<" + std::string((*link)->target) + ">" + std::string((*link)->attributes), kLineMax);
    });
  }
}

}  // namespace

std::string describe_entry(const Entry& entry, const ObjectCatalog& catalog) {
  std::string line(entry.path.text().view());
  const auto* object = entry.path.has_object() ? catalog.find(entry.path.object()) : nullptr;
  const auto* resource =
      object != nullptr && entry.path.has_resource() ? object->find(entry.path.resource()) : nullptr;
  if (resource != nullptr) line += " " + std::string(resource->name);
  switch (entry.kind) {
    case EntryKind::instance:
      return line + " (no resources)";
    case EntryKind::multiple:
      return line + " (no instances)";
    case EntryKind::absent:
      return line + " (no value)";
    case EntryKind::value:
      break;
  }
  line += " = ";
  if (resource != nullptr && resource->confidentiality == Confidentiality::secret)
    return printable(line, kLineMax) + "(" + std::to_string(entry.value.as_opaque().size()) +
           " bytes, secret)";
  return printable(line + entry.value.to_display(32), kLineMax);
}

Row Conversation::describe(Direction direction, ByteView datagram, std::size_t wire_size,
                           coap::Framing framing) {
  Row row;
  row.direction = direction;
  row.wire_size = wire_size;
  const auto message = coap::parse_message(datagram, framing);
  if (!message) {
    row.type = "?";
    row.code = "not CoAP";
    row.detail =
        std::string(message.error().detail) + " (byte " + std::to_string(message.error().offset) + ")";
    return row;
  }
  const bool framed = framing == coap::Framing::stream;
  row.type = framed ? "TCP" : type_name(message->type);
  row.code = coap::describe(message->code).view();
  if (framed && coap::is_signal(message->code)) {
    describe_signal(row, *message);
    return row;
  }
  if (message->code == coap::Code::empty && !framed) {
    row.code = message->type == coap::Type::confirmable ? "Ping" : "";
    return row;
  }
  if (coap::is_request(message->code))
    describe_request(row, *message);
  else if (message->code != coap::Code::empty)
    describe_response(row, *message);
  append_block(row, *message, coap::OptionNumber::block1, "Block1");
  append_block(row, *message, coap::OptionNumber::block2, "Block2");
  return row;
}

void Conversation::describe_request(Row& row, const coap::Message& message) {
  const auto text = message.uri_path();
  const auto parsed = Path::parse(text.view());
  const auto path = parsed ? std::optional(*parsed) : std::nullopt;
  const auto base = base_of(text.view());
  if (text == "/bs" || text == "/bspack")
    interface_ = Interface::bootstrap;
  else if (text == "/rd")
    interface_ = Interface::management;
  row.path = printable(text.view(), kLineMax);
  row.operation = operation_of(message, row.direction, text.view(), path, interface_);
  if (const auto queries = queries_of(message); !queries.empty()) append_detail(row, queries);
  if (const auto accept = message.accept()) append_detail(row, "accept " + name_of(*accept));
  if (row.operation != "Execute")
    describe_payload(row, message, base);
  else if (!message.payload.empty())
    append_detail(row, may_hold_secrets(path, *catalog_)
                           ? "(" + size_of(message) + ", not shown)"
                           : "arguments " + printable(as_text(message.payload), kLineMax));
  remember({message.token, row.direction, row.path, base,
            message.observe() == std::optional<std::uint32_t>(0), false});
}

void Conversation::remember(Outstanding request) {
  // A token in use again, or a retransmission, takes the place of what it was.
  std::erase_if(outstanding_, [&](const Outstanding& other) {
    return other.token == request.token && other.direction == request.direction;
  });
  if (outstanding_.size() >= kOutstandingMax) {
    const auto first = std::ranges::find(outstanding_, false, &Outstanding::observing);
    outstanding_.erase(first == outstanding_.end() ? outstanding_.begin() : first);
  }
  outstanding_.push_back(std::move(request));
}

Conversation::Outstanding* Conversation::find(const coap::Token& token, Direction answer) {
  const auto found = std::ranges::find_if(outstanding_, [&](const Outstanding& request) {
    return request.token == token && request.direction != answer;
  });
  return found == outstanding_.end() ? nullptr : &*found;
}

void Conversation::describe_response(Row& row, const coap::Message& message) {
  auto* request = find(message.token, row.direction);
  std::optional<Path> base;
  if (request != nullptr) {
    row.path = request->path_text;
    base = request->base;
    const bool piggybacked = message.type == coap::Type::acknowledgement;
    if (request->observing && request->answered && !piggybacked && message.observe())
      row.operation = "Notify";
    request->answered = true;
  }
  if (const auto location = location_of(message); !location.empty())
    append_detail(row, "location " + location);
  const bool is_error = coap::class_of(message.code) == 4 || coap::class_of(message.code) == 5;
  const auto format = message.content_format();
  const bool is_diagnostic =
      is_error && (!format || *format == static_cast<std::uint16_t>(ContentFormat::text));
  if (!is_diagnostic)
    return describe_payload(row, message, coap::is_success(message.code) ? base : std::nullopt);
  append_text(row, message);
}

void Conversation::describe_payload(Row& row, const coap::Message& message,
                                    const std::optional<Path>& base) const {
  const auto format = message.content_format();
  if (format) append_detail(row, name_of(*format));
  if (message.payload.empty()) return;
  if (is_partial(message)) return append_detail(row, "(" + size_of(message) + " of a larger body)");
  // Links are what Register, Update and Discover carry; elsewhere these bytes may be anything.
  const bool lists_links = coap::is_request(message.code)
                               ? row.path == "/rd" || row.path.starts_with("/rd/")
                               : base && (!base->has_resource() || !may_hold_secrets(base, *catalog_));
  if (lists_links && format == static_cast<std::uint16_t>(ContentFormat::link_format))
    return describe_links(row, as_text(message.payload));
  if (format && base) return describe_values(row, ContentFormat{*format}, *base, message.payload);
  append_detail(row, "(" + size_of(message) + (may_hold_secrets(base, *catalog_) ? ", not shown)" : ")"));
}

void Conversation::describe_values(Row& row, ContentFormat format, const Path& base, ByteView payload) const {
  std::vector<Entry> entries(std::min(payload.size() + 1, codec::kEntriesMax));
  std::vector<std::uint8_t> scratch(payload.size() + 64);
  const auto decoded = decode_body(format, base, payload, *catalog_, {entries, scratch});
  if (decoded) {
    Lines lines(row);
    for (const auto& entry : *decoded) lines.add([&] { return describe_entry(entry, *catalog_); });
  } else {
    append_detail(row, "(" + std::to_string(payload.size()) +
                           " bytes that do not decode: " + decoded.error().detail + " at byte " +
                           std::to_string(decoded.error().offset) + ")");
  }
  wipe(scratch);
}

}  // namespace slipway::trace
