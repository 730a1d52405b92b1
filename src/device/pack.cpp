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

std::expected<Pack, std::string> parse_pack(std::string_view text, const std::string& name,
                                            const ObjectCatalog& catalog) {
  const auto refuse = [&](const std::string& what) { return std::unexpected(name + ": " + what); };
  if (text.size() > kPackBytesMax) return refuse("larger than 256 KiB; this is not a factory pack");
  auto parsed = parse_document(text);
  if (!parsed) return refuse(parsed.error());
  Document document(std::move(*parsed));
  if (const auto problem = frame_problem(*document); !problem.empty()) return refuse(problem);

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
    return refuse("\"objects\" does not decode: " + std::string(decoded.error().detail) + " (byte " +
                  std::to_string(decoded.error().offset) + " of it); packs are made by `slipway factory`");
  if (!all_values) return refuse("\"objects\" has a record without a value; remove it");
  std::ranges::sort(pack.values, {}, [](const auto& item) { return item.first; });
  if (const auto problems = problems_of(pack, catalog); !problems.empty())
    return std::unexpected(joined(name, problems));
  return pack;
}

std::expected<Pack, std::string> load_pack(const std::string& file, const ObjectCatalog& catalog) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return std::unexpected(file + ": cannot be read: " + std::strerror(errno) +
                           "; check its name and its rights");
  std::string text(kPackBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return std::unexpected(file + ": cannot be read; it must be a regular file");
  const auto size = static_cast<std::size_t>(stream.gcount());
  auto pack = parse_pack(std::string_view(text).substr(0, size), file, catalog);
  wipe_text(text);
  return pack;
}

std::expected<std::string, std::string> write_pack(const Pack& pack) {
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
