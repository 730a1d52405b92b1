// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <optional>
#include <system_error>

#include <slipway/model/ddf.hpp>

namespace slipway {

namespace {

namespace fs = std::filesystem;

DdfError directory_error(const fs::path& directory, std::string message, std::string remedy) {
  return {.file = directory.string(), .message = std::move(message), .remedy = std::move(remedy)};
}

std::expected<std::vector<fs::path>, DdfError> xml_files(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code problem;
  for (fs::directory_iterator at(directory, problem), end; !problem && at != end; at.increment(problem)) {
    if (at->path().extension() != ".xml") continue;
    if (files.size() == kDdfFilesMax)
      return std::unexpected(
          directory_error(directory, "there are more than " + std::to_string(kDdfFilesMax) + " .xml files",
                          "keep only the objects that your devices have"));
    files.push_back(at->path());
  }
  if (problem)
    return std::unexpected(directory_error(directory, "the directory cannot be read: " + problem.message(),
                                           "check its name and its permissions"));
  std::ranges::sort(files);
  return files;
}

/// At most one byte more than a file may have, so that a larger one is noticed and not read.
std::optional<Bytes> read_file(const fs::path& file) {
  std::error_code problem;
  if (!fs::is_regular_file(file, problem) || problem) return std::nullopt;  // a pipe would block
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  const auto size = fs::file_size(file, problem);
  if (problem) return std::nullopt;
  Bytes bytes(std::min<std::uintmax_t>(size, kDdfFileSizeMax + 1));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (stream.bad()) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  return bytes;
}

void load_file(const fs::path& file, LoadedObjects& loaded) {
  const auto bytes = read_file(file);
  if (!bytes) {
    loaded.errors.push_back(
        {.file = file.string(), .message = "the file cannot be read", .remedy = "check its permissions"});
    return;
  }
  auto parsed = parse_ddf(*bytes, file.string());
  if (!parsed) {
    loaded.errors.push_back(std::move(parsed.error()));
    return;
  }
  auto addition = loaded.registry.add(parsed->object);
  if (!addition) {
    loaded.errors.push_back({.file = file.string(),
                             .line = parsed->line,
                             .message = std::move(addition.error().message),
                             .remedy = std::move(addition.error().remedy)});
    return;
  }
  if (*addition == RegistryAddition::added)
    std::ranges::move(parsed->warnings, std::back_inserter(loaded.warnings));
}

}  // namespace

LoadedObjects load_directory(const fs::path& directory, const ObjectCatalog& core) {
  LoadedObjects loaded{.registry = ObjectRegistry(core), .errors = {}, .warnings = {}};
  const auto files = xml_files(directory);
  if (!files) {
    loaded.errors.push_back(files.error());
    return loaded;
  }
  if (files->empty())
    loaded.warnings.push_back(
        directory_error(directory, "there is no .xml file", "put files of the OMA LwM2M registry there"));
  for (const auto& file : *files) load_file(file, loaded);
  return loaded;
}

}  // namespace slipway
