// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/ddf.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <pugixml.hpp>

#include "model/ddf/range.hpp"
#include "model/text.hpp"

namespace slipway {

namespace {

using pugi::xml_node;

template <class T>
using Read = std::expected<T, DdfError>;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// With every run of blanks as one: names are wrapped over lines in many files.
std::string collapsed(std::string_view text) {
  std::string result;
  for (const char c : trimmed(text))
    if (!is_blank(c))
      result += c;
    else if (result.back() != ' ')
      result += ' ';
  return result;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// What a message shows of the file's text.
std::string excerpt(std::string_view text) {
  constexpr std::size_t kShownMax = 40;
  return quoted(as_bytes(text.substr(0, kShownMax))) + (text.size() > kShownMax ? "..." : "");
}

bool is_printable(std::string_view text) {
  for (auto bytes = as_bytes(text); !bytes.empty();) {
    const auto length = printable_length(bytes);
    if (length == 0) return false;
    bytes = bytes.subspan(length);
  }
  return true;
}

template <class T>
struct Word {
  std::string_view text;
  T value;
};

template <class T, std::size_t Size>
std::optional<T> find_word(const std::array<Word<T>, Size>& words, std::string_view text) {
  for (const auto& word : words)
    if (equal_ignoring_case(word.text, text)) return word.value;
  return std::nullopt;
}

constexpr std::array<Word<Multiplicity>, 2> kMultiplicities{{
    {"Single", Multiplicity::single},
    {"Multiple", Multiplicity::multiple},
}};
constexpr std::array<Word<Presence>, 2> kPresences{{
    {"Optional", Presence::optional},
    {"Mandatory", Presence::mandatory},
}};
constexpr std::array<Word<Operations>, 5> kOperations{{
    {"", Operations::none},
    {"R", Operations::read},
    {"W", Operations::write},
    {"RW", Operations::read_write},
    {"E", Operations::execute},
}};
constexpr std::array<Word<DataType>, 10> kTypes{{
    {"", DataType::none},
    {"String", DataType::string},
    {"Integer", DataType::integer},
    {"Unsigned Integer", DataType::unsigned_integer},
    {"Float", DataType::floating},
    {"Boolean", DataType::boolean},
    {"Opaque", DataType::opaque},
    {"Time", DataType::time},
    {"Objlnk", DataType::objlnk},
    {"Corelnk", DataType::corelnk},
}};

/// Reads one file; a member function fails with the first thing that is wrong in its part.
class Reader {
 public:
  Reader(ByteView bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  Read<ParsedDdf> file() {
    SLIPWAY_TRY(parse_xml());
    SLIPWAY_ASSIGN(const auto root, only_child(document_, "LWM2M"));
    SLIPWAY_ASSIGN(const auto node, only_child(root, "Object"));
    SLIPWAY_ASSIGN(auto described, object(node));
    return ParsedDdf{.object = std::move(described), .line = line_of(node), .warnings = std::move(warnings_)};
  }

 private:
  DdfError error_at(std::size_t line, std::string message, std::string remedy) const {
    return {
        .file = std::string(file_), .line = line, .message = std::move(message), .remedy = std::move(remedy)};
  }
  std::unexpected<DdfError> wrong(xml_node where, std::string message, std::string remedy) {
    return std::unexpected(error_at(line_of(where), std::move(message), std::move(remedy)));
  }

  /// Goes on from the last answer, so that many questions do not read a large file many times.
  std::size_t line_at(std::ptrdiff_t offset) {
    if (offset < 0) return 0;
    const auto end = std::min(static_cast<std::size_t>(offset), bytes_.size());
    if (end < counted_to_) counted_to_ = 0, counted_line_ = 1;
    counted_line_ += static_cast<std::size_t>(
        std::count(bytes_.begin() + static_cast<std::ptrdiff_t>(counted_to_),
                   bytes_.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{'\n'}));
    counted_to_ = end;
    return counted_line_;
  }
  std::size_t line_of(xml_node node) { return line_at(node.offset_debug()); }

  Read<void> parse_xml() {
    if (bytes_.size() > kDdfFileSizeMax)
      return std::unexpected(error_at(0,
                                      "the file is larger than " + std::to_string(kDdfFileSizeMax) + " bytes",
                                      "give each object a file of its own"));
    // The library would take a NUL as the end of the file and believe what stands before it.
    if (std::ranges::find(bytes_, 0) != bytes_.end())
      return std::unexpected(error_at(0, "the file is not text in UTF-8", "save it as UTF-8 XML"));
    const auto parsed =
        document_.load_buffer(bytes_.data(), bytes_.size(), pugi::parse_default | pugi::parse_doctype);
    if (!parsed)
      return std::unexpected(error_at(line_at(parsed.offset),
                                      std::string("not well-formed XML: ") + parsed.description(),
                                      "correct the XML, or download the file again"));
    for (const auto node : document_.children())
      if (node.type() == pugi::node_doctype)
        return std::unexpected(error_at(0, "the file has a DOCTYPE, and document types are not read",
                                        "remove the DOCTYPE line"));
    return {};
  }

  Read<xml_node> only_child(xml_node parent, const char* name) {
    const auto child = parent.child(name);
    const auto element = std::string("<") + name + ">";
    if (!child)
      return wrong(parent, "there is no " + element + " element",
                   "use a file in the format of the OMA LwM2M registry");
    if (const auto second = child.next_sibling(name))
      return wrong(second, "there is a second " + element + " element", "give each object a file of its own");
    return child;
  }

  Read<ObjectDescription> object(xml_node node) {
    ObjectDescription object;
    SLIPWAY_ASSIGN(const auto id, identifier(node, "ObjectID", node.child_value("ObjectID")));
    object.id = ObjectId(id);
    const auto place = "object /" + std::to_string(id);
    SLIPWAY_ASSIGN(object.name, name(node, place));
    SLIPWAY_ASSIGN(object.version, version(node, place));
    SLIPWAY_ASSIGN(object.multiplicity,
                   word(node, "MultipleInstances", kMultiplicities, place, "Single or Multiple"));
    SLIPWAY_ASSIGN(object.presence, word(node, "Mandatory", kPresences, place, "Mandatory or Optional"));
    SLIPWAY_ASSIGN(const auto list, only_child(node, "Resources"));
    SLIPWAY_ASSIGN(object.resources, resources(list, place));
    return object;
  }

  Read<std::vector<ResourceDescription>> resources(xml_node list, const std::string& place) {
    struct Item {
      ResourceDescription resource;
      xml_node node;
    };
    std::vector<Item> items;
    for (const auto node : list.children("Item")) {
      if (items.size() == kDdfResourcesMax)
        return wrong(node, place + " has more than " + std::to_string(kDdfResourcesMax) + " resources",
                     "split the object");
      SLIPWAY_ASSIGN(auto read, resource(node, place));
      items.push_back({std::move(read), node});
    }
    const auto id_of = [](const Item& item) { return item.resource.id; };
    std::ranges::sort(items, {},
                      [&](const Item& item) { return std::pair(id_of(item), item.node.offset_debug()); });
    const auto twice = std::ranges::adjacent_find(items, {}, id_of);
    if (twice != items.end())
      return wrong(std::next(twice)->node,
                   "resource " + std::to_string(twice->resource.id.value()) + " of " + place +
                       " stands twice, first in line " + std::to_string(line_of(twice->node)),
                   "remove one, or give it an ID of its own");
    std::vector<ResourceDescription> result;
    result.reserve(items.size());
    for (auto& item : items) result.push_back(std::move(item.resource));
    return result;
  }

  Read<ResourceDescription> resource(xml_node node, const std::string& object_place) {
    ResourceDescription resource;
    SLIPWAY_ASSIGN(const auto id,
                   identifier(node, "ID attribute of a resource", node.attribute("ID").value()));
    resource.id = ResourceId(id);
    const auto place = "resource " + std::to_string(id) + " of " + object_place;
    SLIPWAY_ASSIGN(resource.name, name(node, place));
    SLIPWAY_ASSIGN(resource.operations,
                   word(node, "Operations", kOperations, place, "R, W, RW, E or nothing"));
    SLIPWAY_ASSIGN(resource.multiplicity,
                   word(node, "MultipleInstances", kMultiplicities, place, "Single or Multiple"));
    SLIPWAY_ASSIGN(resource.presence, word(node, "Mandatory", kPresences, place, "Mandatory or Optional"));
    SLIPWAY_ASSIGN(resource.type, type(node, resource.operations, place));
    SLIPWAY_ASSIGN(resource.units, units(node, place));
    resource.range = range(node, resource.type, place);
    return resource;
  }

  Read<std::uint16_t> identifier(xml_node node, const std::string& what, std::string_view value) {
    const auto text = trimmed(value);
    std::uint16_t id = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (text.empty()) return wrong(node, "the " + what + " is missing", "give it, from 0 to 65534");
    if (problem != std::errc{} || end != text.data() + text.size() || id == kReservedId)
      return wrong(node, "the " + what + " is " + excerpt(text), "use a number from 0 to 65534");
    return id;
  }

  Read<std::string> name(xml_node node, const std::string& place) {
    SLIPWAY_ASSIGN(auto name, label(node, "Name", place));
    if (name.empty()) return wrong(node, place + " has no name", "add a Name element with text");
    return name;
  }

  Read<std::string> units(xml_node node, const std::string& place) { return label(node, "Units", place); }

  /// Text that people will see: bounded, without controls.
  Read<std::string> label(xml_node node, const char* element, const std::string& place) {
    auto text = collapsed(node.child_value(element));
    if (text.size() > kDdfNameMax)
      return wrong(node,
                   place + " has a " + element + " of more than " + std::to_string(kDdfNameMax) + " bytes",
                   "shorten it");
    if (!is_printable(text))
      return wrong(node, place + " has control characters, or bytes that are not UTF-8, in its " + element,
                   "remove them");
    return text;
  }

  Read<Version> version(xml_node node, const std::string& place) {
    const auto text = trimmed(node.child_value("ObjectVersion"));
    if (text.empty()) return Version{};  // [LwM2M-CORE 1.2 §7.2.2]: none means 1.0
    const auto version = Version::parse(text);
    if (!version)
      return wrong(node, place + " has the ObjectVersion " + excerpt(text),
                   "write it as two numbers, like 1.1");
    return *version;
  }

  template <class T, std::size_t Size>
  Read<T> word(xml_node node, const char* element, const std::array<Word<T>, Size>& words,
               const std::string& place, const char* choices) {
    const auto text = trimmed(node.child_value(element));
    if (const auto value = find_word(words, text)) return *value;
    return wrong(node, place + " has the " + element + " " + excerpt(text), std::string("use ") + choices);
  }

  Read<DataType> type(xml_node node, Operations operations, const std::string& place) {
    SLIPWAY_ASSIGN(
        const auto type,
        word(node, "Type", kTypes, place,
             "String, Integer, Unsigned Integer, Float, Boolean, Opaque, Time, Objlnk or Corelnk"));
    if (can_execute(operations)) return DataType::none;  // some files give the type of the arguments
    if (type != DataType::none) return type;
    warnings_.push_back(
        error_at(line_of(node), place + " has a value but no Type; it is taken as Opaque", "add its Type"));
    return DataType::opaque;
  }

  Range range(xml_node node, DataType type, const std::string& place) {
    const auto text = trimmed(node.child_value("RangeEnumeration"));
    if (const auto range = parse_range(text, type)) return *range;
    warnings_.push_back(error_at(
        line_of(node), place + " has the RangeEnumeration " + excerpt(text) + ", which is not checked",
        "write 0..255 or 0,1,2 if values are to be checked"));
    return {};
  }

  ByteView bytes_;
  std::string_view file_;
  pugi::xml_document document_;
  std::vector<DdfError> warnings_;
  std::size_t counted_to_ = 0;
  std::size_t counted_line_ = 1;
};

}  // namespace

std::string DdfError::text() const {
  auto result = file;
  if (line != 0) result += (result.empty() ? "line " : ":") + std::to_string(line);
  if (!result.empty()) result += ": ";
  return result + message + ": " + remedy;
}

std::expected<ParsedDdf, DdfError> parse_ddf(ByteView bytes, std::string_view file) {
  return Reader(bytes, file).file();
}

}  // namespace slipway
