// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/pack.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <slipway/base/secret.hpp>

namespace slipway::device {

using nlohmann::json;

namespace {

constexpr const char* kVersionKey = "slipway_pack";

/// Levels of JSON in a pack: the document, the list, a record. Deeper ones are refused before anything
/// recursive sees them.
constexpr int kDepthMax = 4;

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

/// A JSON document whose texts are wiped at its end: some of them are keys.
class Document {
 public:
  Document() = default;
  explicit Document(json content) : content_(std::move(content)) {}
  ~Document() { wipe_texts(content_); }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  [[nodiscard]] json& operator*() { return content_; }

 private:
  static void wipe_texts(json& node) {
    if (node.is_string())
      wipe_text(node.get_ref<std::string&>());
    else if (node.is_structured())
      for (auto& child : node) wipe_texts(child);
  }
  json content_;
};

std::string joined(const std::string& name, const std::vector<std::string>& problems) {
  std::string out;
  for (const auto& problem : problems) out += (out.empty() ? "" : "\n") + name + ": " + problem;
  return out;
}

/// Parses bounded JSON; an error is a sentence.
std::expected<json, std::string> parse_document(std::string_view text) {
  bool too_deep = false;
  const auto guard = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kDepthMax;
    return !too_deep;
  };
  try {
    auto content = json::parse(text, guard);
    if (too_deep) return std::unexpected("nested too deeply; a pack is made by `slipway factory`");
    return content;
  } catch (const json::parse_error& error) {
    return std::unexpected("not JSON, at byte " + std::to_string(error.byte) +
                           "; a pack is made by `slipway factory`");
  } catch (const json::exception&) {
    return std::unexpected("a number in it is beyond every range; a pack is made by `slipway factory`");
  }
}

/// What is wrong with the frame around the values; empty when nothing is.
std::string frame_problem(const json& document) {
  if (!document.is_object() || !document.contains(kVersionKey))
    return "not a factory pack: \"slipway_pack\" is missing; packs are made by `slipway factory`";
  const auto& version = document[kVersionKey];
  if (!version.is_number_integer())
    return "\"slipway_pack\" is not a version number; packs are made by `slipway factory`";
  if (version != kPackVersion)
    return "pack version " + version.dump() + " is not known here: this program reads version " +
           std::to_string(kPackVersion) + "; make the pack anew, or use the program that it was made for";
  if (!document.contains("endpoint") || !document["endpoint"].is_string())
    return "\"endpoint\" is missing; write the device's name as a text";
  if (!document.contains("objects") || !document["objects"].is_array())
    return "\"objects\" is missing; it is the list of the device's first values, as SenML";
  if (document.size() != 3)
    return "there is more in it than \"slipway_pack\", \"endpoint\" and \"objects\"; remove the rest";
  return {};
}

}  // namespace

Pack::~Pack() {
  wipe_values();
}

Pack& Pack::operator=(Pack&& other) noexcept {
  if (this != &other) {
    wipe_values();
    endpoint = std::move(other.endpoint);
    values = std::move(other.values);
  }
  return *this;
}

void Pack::wipe_values() {
  for (auto& [path, value] : values) value.wipe();
}

std::vector<Entry> Pack::entries() const {
  std::vector<Entry> out;
  out.reserve(values.size());
  for (const auto& [path, value] : values) out.push_back({.path = path, .value = value.view()});
  return out;
}

namespace {

/// A pack before it is checked; an error is without the file's name.
std::expected<Pack, std::string> parse_json(std::string_view text, const ObjectCatalog& catalog) {
  auto parsed = parse_document(text);
  if (!parsed) return std::unexpected(parsed.error());
  Document document(std::move(*parsed));
  if (const auto problem = frame_problem(*document); !problem.empty()) return std::unexpected(problem);

  Pack pack;
  pack.endpoint = (*document)["endpoint"].get<std::string>();
  std::string senml = (*document)["objects"].dump();
  std::vector<Entry> entries(kPackValuesMax);
  std::vector<std::uint8_t> scratch(senml.size() + 64);
  const auto decoded = codec::decode(ContentFormat::senml_json, Path(), as_bytes(senml),
                                     {.catalog = &catalog}, {entries, scratch});
  pack.values.reserve(decoded ? decoded->size() : 0);
  bool all_values = true;
  if (decoded)
    for (const auto& entry : *decoded) {
      all_values = all_values && entry.kind == EntryKind::value;
      pack.add(entry.path, entry.value);
    }
  wipe(scratch);
  wipe_text(senml);
  if (!decoded)
    return std::unexpected("\"objects\" does not decode: " + std::string(decoded.error().detail) + " (byte " +
                           std::to_string(decoded.error().offset) +
                           " of it); packs are made by `slipway factory`");
  if (!all_values) return std::unexpected("\"objects\" has a record without a value; remove it");
  std::ranges::sort(pack.values, {}, [](const auto& item) { return item.first; });
  return pack;
}

std::expected<Pack, std::string> parse_cbor(ByteView bytes, const ObjectCatalog& catalog) {
  std::vector<Entry> entries(kPackValuesMax);
  std::vector<std::uint8_t> scratch(bytes.size() + 64);
  const auto read = client::read_factory_pack(bytes, catalog, {entries, scratch});
  Pack pack;
  if (read) {
    pack.endpoint = read->endpoint;
    pack.values.reserve(read->entries.size());
    for (const auto& entry : read->entries) pack.add(entry.path, entry.value);
  }
  wipe(scratch);
  if (read) return pack;
  return std::unexpected(std::string(read.error().detail) + " (byte " + std::to_string(read.error().offset) +
                         "); make the pack anew with `slipway factory --format cbor`");
}

std::expected<std::string, std::string> write_cbor(const Pack& pack) {
  Bytes bytes(kPackBytesMax);
  const auto size = client::write_factory_pack({.endpoint = pack.endpoint, .entries = pack.entries()}, bytes);
  if (!size)
    return std::unexpected(std::string("the pack cannot be written: ") + size.error().detail +
                           "; give each path once, in ascending order");
  std::string out(as_text(ByteView(bytes).first(*size)));
  wipe(bytes);
  return out;
}

}  // namespace

namespace {

std::expected<Pack, std::string> parse_unchecked(std::string_view text, const std::string& name,
                                                 const ObjectCatalog& catalog) {
  const auto refuse = [&](const std::string& what) { return std::unexpected(name + ": " + what); };
  if (text.size() > kPackBytesMax) return refuse("larger than 256 KiB; this is not a factory pack");
  const auto bytes = as_bytes(text);
  auto pack = client::is_factory_pack(bytes) ? parse_cbor(bytes, catalog) : parse_json(text, catalog);
  if (!pack) return refuse(pack.error());
  return pack;
}

/// Hands the text of a file to `parse`, and wipes it.
template <class Parse>
std::expected<Pack, std::string> with_text_of(const std::string& file, const Parse& parse) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return std::unexpected(file + ": cannot be read: " + std::strerror(errno) +
                           "; check its name and its rights");
  std::string text(kPackBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return std::unexpected(file + ": cannot be read; it must be a regular file");
  auto pack = parse(std::string_view(text).substr(0, static_cast<std::size_t>(stream.gcount())));
  wipe_text(text);
  return pack;
}

}  // namespace

std::expected<Pack, std::string> parse_pack(std::string_view text, const std::string& name,
                                            const ObjectCatalog& catalog) {
  auto pack = parse_unchecked(text, name, catalog);
  if (!pack) return pack;
  if (const auto problems = problems_of(*pack, catalog); !problems.empty())
    return std::unexpected(joined(name, problems));
  return pack;
}

std::expected<Pack, std::string> load_pack(const std::string& file, const ObjectCatalog& catalog) {
  return with_text_of(file, [&](std::string_view text) { return parse_pack(text, file, catalog); });
}

std::expected<Pack, std::string> load_pack_template(const std::string& file, const ObjectCatalog& catalog) {
  return with_text_of(file, [&](std::string_view text) { return parse_unchecked(text, file, catalog); });
}

std::expected<std::string, std::string> write_pack(const Pack& pack, PackForm form) {
  if (form == PackForm::cbor) return write_cbor(pack);
  std::vector<std::uint8_t> senml(kPackBytesMax);
  const auto size = codec::encode(ContentFormat::senml_json, Path(), pack.entries(), senml);
  if (!size)
    return std::unexpected(std::string("the pack cannot be written: ") + size.error().detail +
                           "; give each path once, in ascending order");
  try {
    Document document(json{{kVersionKey, kPackVersion},
                           {"endpoint", pack.endpoint},
                           {"objects", json::parse(as_text(ByteView(senml).first(*size)))}});
    wipe(senml);
    return (*document).dump(1) + "\n";
  } catch (const json::exception&) {
    wipe(senml);
    return std::unexpected(
        "the pack cannot be written: a text in it is not UTF-8; write the endpoint's name in UTF-8");
  }
}

}  // namespace slipway::device
