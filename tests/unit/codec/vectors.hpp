// SPDX-License-Identifier: Apache-2.0
// Reads tests/vectors/codec/*.txt; the format is described in tests/vectors/codec/README.md.
#pragma once

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <slipway/codec/payload.hpp>

namespace slipway::test {

struct Vector {
  std::string name;
  std::string origin;
  ContentFormat format{};
  Path base;
  Bytes payload;
  std::vector<Entry> entries;
  std::optional<std::string> error;  ///< to_string() of the expected ErrorCode
  bool canonical = false;            ///< encoding the entries gives these very bytes
  std::deque<Bytes> owned;           ///< what text and opaque values point into
};

inline std::string take_word(std::string& line) {
  const auto end = line.find(' ');
  std::string word = line.substr(0, end);
  line.erase(0, end == std::string::npos ? line.size() : end + 1);
  return word;
}

inline Value parse_value(Vector& vector, const std::string& type, const std::string& text) {
  const auto keep = [&](Bytes bytes) -> ByteView { return vector.owned.emplace_back(std::move(bytes)); };
  if (type == "string") return Value::string(as_text(keep(Bytes(text.begin(), text.end()))));
  if (type == "corelnk") return Value::corelnk(as_text(keep(Bytes(text.begin(), text.end()))));
  if (type == "opaque") return Value::opaque(keep(from_hex(text).value()));
  if (type == "integer") return Value::integer(std::stoll(text));
  if (type == "unsigned") return Value::unsigned_integer(std::stoull(text));
  if (type == "float") return Value::floating(std::stod(text));
  if (type == "time") return Value::time(std::stoll(text));
  if (type == "boolean") return Value::boolean(text == "true");
  if (type == "objlnk") {
    const auto colon = text.find(':');
    return Value::objlnk({static_cast<std::uint16_t>(std::stoul(text)),
                          static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))});
  }
  throw std::runtime_error("unknown type " + type);
}

/// "/3/0/9 integer 100", "/3/0 instance", "@12.5 /3/0/9 integer 100"
inline Entry parse_entry(Vector& vector, std::string line) {
  Entry entry;
  auto word = take_word(line);
  if (word.starts_with('@')) {
    entry.time = std::stod(word.substr(1));
    word = take_word(line);
  }
  entry.path = Path::parse(word).value();
  const auto type = take_word(line);
  if (type == "instance") {
    entry.kind = EntryKind::instance;
  } else if (type == "multiple") {
    entry.kind = EntryKind::multiple;
  } else if (type == "absent") {
    entry.kind = EntryKind::absent;
  } else {
    entry.value = parse_value(vector, type, line);
  }
  return entry;
}

inline void parse_line(Vector& vector, std::string line) {
  const auto word = take_word(line);
  if (word == "origin") vector.origin = line;
  if (word == "format") vector.format = parse_content_format(line).value();
  if (word == "base") vector.base = Path::parse(line).value();
  if (word == "text") vector.payload.insert(vector.payload.end(), line.begin(), line.end());
  if (word == "hex") {
    const auto bytes = from_hex(line).value();
    vector.payload.insert(vector.payload.end(), bytes.begin(), bytes.end());
  }
  if (word == "entry") vector.entries.push_back(parse_entry(vector, line));
  if (word == "error") vector.error = line;
  if (word == "canonical") vector.canonical = true;
}

/// Every vector of every file of a folder, in the order of their names.
inline std::deque<Vector> read_vectors(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().extension() == ".txt") files.push_back(file.path());
  std::sort(files.begin(), files.end());
  std::deque<Vector> read;
  for (const auto& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line.front() == '#') continue;
      if (line.starts_with("vector ")) {
        read.emplace_back().name = line.substr(7);
      } else {
        parse_line(read.back(), line);
      }
    }
  }
  return read;
}

/// Those of payloads.
inline const std::deque<Vector>& vectors() {
  static const auto all = read_vectors(SLIPWAY_VECTORS "/codec");
  return all;
}

}  // namespace slipway::test
