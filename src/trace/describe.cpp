// SPDX-License-Identifier: Apache-2.0
#include <slipway/trace/describe.hpp>

#include <algorithm>

#include <slipway/base/secret.hpp>
#include <slipway/codec/link_format.hpp>

namespace slipway::trace {
namespace {

const char* type_name(coap::Type type) {
  switch (type) {
    case coap::Type::confirmable: return "CON";
    case coap::Type::non_confirmable: return "NON";
    case coap::Type::acknowledgement: return "ACK";
    case coap::Type::reset: return "RST";
  }
  return "?";
}

/// Text of a peer, made fit for a terminal and a page: control characters never pass.
std::string printable(std::string_view text, std::size_t max = 512) {
  std::string out;
  for (const char c : text.substr(0, max)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) out += '.';
    else out += c;
  }
  if (text.size() > max) out += "...";
  return out;
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
    out += printable(option.text());
  }
  return out;
}

void append_block(Row& row, const coap::Message& message, coap::OptionNumber number, std::string_view name) {
  const auto option = message.find(number);
  if (!option) return;
  const auto block = coap::Block::decode(*option);
  if (!block) return append_detail(row, std::string(name) + ":malformed");
  append_detail(row, std::string(name) + ":" + std::to_string(block->number) + "/" + (block->more ? "1" : "0") + "/" +
                         std::to_string(block->size()));
}

bool is_partial(const coap::Message& message) {
  for (const auto number : {coap::OptionNumber::block1, coap::OptionNumber::block2}) {
    const auto option = message.find(number);
    if (!option) continue;
    const auto block = coap::Block::decode(*option);
    if (!block || block->number != 0 || block->more) return true;
  }
  return false;
}

bool has_query(const coap::Message& message, std::string_view prefix) {
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    if (option.number == coap::OptionNumber::uri_query && option.text().starts_with(prefix)) return true;
  }
  return false;
}

/// The operation's name, from method, path and direction. [LwM2M-TRANSPORT 1.2 §6.4.2 - §6.4.5]
std::string operation_of(const coap::Message& message, Direction direction, std::string_view path_text,
                         const std::optional<Path>& path, Interface interface) {
  using enum coap::Code;
  const auto code = message.code;
  if (path_text == "/bs" && code == post) return direction == Direction::up ? "Bootstrap-Request" : "Bootstrap-Finish";
  if (path_text == "/bspack") return "Bootstrap-Pack-Request";
  if (path_text == "/dp" && code == post) return "Send";
  if (direction == Direction::up) {
    if (path_text == "/rd" && code == post) return "Register";
    if (path_text.starts_with("/rd/")) return code == post ? "Update" : code == del ? "De-register" : "";
    return "";
  }
  const std::string prefix = interface == Interface::bootstrap ? "Bootstrap-" : "";
  const bool wants_links = message.accept() == static_cast<std::uint16_t>(ContentFormat::link_format);
  switch (code) {
    case get:
      if (const auto observe = message.observe()) return *observe == 0 ? "Observe" : "Cancel Observation";
      return prefix + (wants_links ? "Discover" : "Read");
    case put:
      return message.payload.empty() && (has_query(message, "p") || has_query(message, "g") || has_query(message, "l"))
                 ? "Write-Attributes"
                 : prefix + "Write";
    case post:
      if (!path) return "";
      if (path->level() == PathLevel::resource && !message.content_format()) return "Execute";
      if (path->level() == PathLevel::resource &&
          message.content_format() == static_cast<std::uint16_t>(ContentFormat::text))
        return "Execute";
      return path->level() == PathLevel::object ? "Create" : "Write (partial)";
    case del: return prefix + "Delete";
    case fetch: return message.observe() ? "Observe-Composite" : "Read-Composite";
    case ipatch: return "Write-Composite";
    default: return "";
  }
}

/// Whether anything at or below `path` is secret: then bytes that do not decode are not shown.
bool may_hold_secrets(const std::optional<Path>& path, const ObjectCatalog& catalog) {
  if (!path || path->is_root()) return true;
  const auto* object = catalog.find(path->object());
  if (object == nullptr) return false;
  return std::ranges::any_of(object->resources, [&](const ResourceDefinition& resource) {
    return resource.confidentiality == Confidentiality::secret &&
           (!path->has_resource() || path->resource() == resource.id);
  });
}

}  // namespace

std::string describe_entry(const Entry& entry, const ObjectCatalog& catalog) {
  std::string line(entry.path.text().view());
  const auto* object = entry.path.has_object() ? catalog.find(entry.path.object()) : nullptr;
  const auto* resource = object != nullptr && entry.path.has_resource() ? object->find(entry.path.resource()) : nullptr;
  if (resource != nullptr) line += " " + std::string(resource->name);
  switch (entry.kind) {
    case EntryKind::instance: return line + " (no resources)";
    case EntryKind::multiple: return line + " (no instances)";
    case EntryKind::absent: return line + " (no value)";
    case EntryKind::value: break;
  }
  line += " = ";
  if (resource != nullptr && resource->confidentiality == Confidentiality::secret)
    return line + "(" + std::to_string(entry.value.as_opaque().size()) + " bytes, secret)";
  return line + printable(entry.value.to_display(32));
}

Row Conversation::describe(Direction direction, ByteView datagram, std::size_t wire_size) {
  Row row;
  row.direction = direction;
  row.wire_size = wire_size;
  const auto message = coap::Message::parse(datagram);
  if (!message) {
    row.type = "?";
    row.code = "not CoAP";
    row.detail = std::string(message.error().detail) + " (byte " + std::to_string(message.error().offset) + ")";
    return row;
  }
  row.type = type_name(message->type);
  row.code = coap::describe(message->code).view();
  if (message->code == coap::Code::empty) {
    row.code = message->type == coap::Type::confirmable ? "Ping" : "";
    return row;
  }
  if (coap::is_request(message->code)) describe_request(row, *message);
  else describe_response(row, *message);
  append_block(row, *message, coap::OptionNumber::block1, "Block1");
  append_block(row, *message, coap::OptionNumber::block2, "Block2");
  return row;
}

void Conversation::describe_request(Row& row, const coap::Message& message) {
  const auto text = message.uri_path();
  std::optional<Path> path;
  if (const auto parsed = Path::parse(text.view())) path = *parsed;
  if (text == "/bs" || text == "/bspack") interface_ = Interface::bootstrap;
  else if (text.view().starts_with("/rd")) interface_ = Interface::management;
  row.path = printable(text.view());
  row.operation = operation_of(message, row.direction, text.view(), path, interface_);
  row.detail = queries_of(message);
  if (const auto accept = message.accept())
    append_detail(row, std::string("Accept:") + to_string(ContentFormat{*accept}));
  const bool execute = row.operation == "Execute";
  if (execute && !message.payload.empty()) append_detail(row, "arguments:" + printable(as_text(message.payload)));
  else describe_payload(row, message, path);
  if (outstanding_.size() >= kOutstandingMax) outstanding_.pop_front();
  outstanding_.push_back({message.token, row.direction, message.code, path.value_or(Path()), row.path,
                          message.observe() == std::optional<std::uint32_t>(0)});
}

const Conversation::Outstanding* Conversation::find(const coap::Token& token, Direction answer) const {
  const auto found = std::find_if(outstanding_.rbegin(), outstanding_.rend(), [&](const Outstanding& request) {
    return request.token == token && request.direction != answer;
  });
  return found == outstanding_.rend() ? nullptr : &*found;
}

void Conversation::describe_response(Row& row, const coap::Message& message) {
  const auto* request = find(message.token, row.direction);
  std::optional<Path> base;
  if (request != nullptr) {
    row.path = request->path_text;
    if (const auto path = Path::parse(request->path_text)) base = *path;
    if (request->observing && message.observe() && message.type != coap::Type::acknowledgement) row.operation = "Notify";
  }
  std::string location;
  for (std::size_t i = 0; i < message.option_count(); ++i)
    if (const auto option = message.option(i); option.number == coap::OptionNumber::location_path)
      location += "/" + printable(option.text());
  if (!location.empty()) append_detail(row, "Location:" + location);
  if (coap::is_success(message.code)) {
    describe_payload(row, message, base);
  } else if (!message.payload.empty()) {
    append_detail(row, "\"" + printable(as_text(message.payload)) + "\"");
  }
}

void Conversation::describe_payload(Row& row, const coap::Message& message, const std::optional<Path>& base) const {
  const auto number = message.content_format();
  if (number) append_detail(row, to_string(ContentFormat{*number}));
  if (message.payload.empty()) return;
  const auto size = std::to_string(message.payload.size()) + " bytes";
  if (is_partial(message)) return append_detail(row, "(" + size + " of a larger body)");
  if (number == static_cast<std::uint16_t>(ContentFormat::link_format)) {
    codec::LinkReader links(as_text(message.payload));
    for (;;) {
      const auto link = links.next();
      if (!link) return append_detail(row, std::string("(broken links: ") + link.error().detail + ")");
      if (!*link) return;
      if (row.values.size() >= kValueLinesMax) {
        row.values.back() = "...";
        return;
      }
      row.values.push_back("<" + printable((*link)->target) + ">" + printable((*link)->attributes));
    }
  }
  if (number && base) return describe_values(row, ContentFormat{*number}, *base, message.payload);
  append_detail(row, may_hold_secrets(base, *catalog_) ? "(" + size + ", not shown)" : "(" + size + ")");
}

void Conversation::describe_values(Row& row, ContentFormat format, const Path& base, ByteView payload) const {
  std::vector<Entry> entries(256);
  std::vector<std::uint8_t> scratch(payload.size() + 64);
  const auto decoded = codec::decode(format, base, payload, {.catalog = catalog_}, {entries, scratch});
  if (!decoded) {
    append_detail(row, "(" + std::to_string(payload.size()) + " bytes that do not decode: " + decoded.error().detail +
                           " at byte " + std::to_string(decoded.error().offset) + ")");
  } else {
    for (const auto& entry : *decoded) {
      if (row.values.size() >= kValueLinesMax) {
        row.values.push_back("... " + std::to_string(decoded->size() - kValueLinesMax) + " more");
        break;
      }
      row.values.push_back(describe_entry(entry, *catalog_));
    }
  }
  wipe(scratch);
}

}  // namespace slipway::trace
