// SPDX-License-Identifier: Apache-2.0
// Object definitions from XML files in the format of the OMA LwM2M registry (DDF).
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/model/registry.hpp>

namespace slipway {

inline constexpr std::size_t kDdfFileSizeMax = 1024 * 1024;  ///< bytes
inline constexpr std::size_t kDdfResourcesMax = 1024;        ///< resources of one object
inline constexpr std::size_t kDdfNameMax = 256;              ///< bytes of a name, and of units
inline constexpr std::size_t kDdfFilesMax = 4096;            ///< .xml files of one directory

/// What is wrong with a file, for the person who wrote it. Text of the file in it is escaped.
struct DdfError {
  std::string file;
  std::size_t line = 0;  ///< from 1; 0 where the file as a whole is meant
  std::string message;
  std::string remedy;

  /// "sensors/3303.xml:12: resource 5700 has no name: add a Name element"
  [[nodiscard]] std::string text() const;
};

struct ParsedDdf {
  ObjectDescription object;
  std::size_t line = 0;  ///< where the object stands, for what is found out about it later
  std::vector<DdfError> warnings;
};

/// Reads one object. Pure: `file` only names the source in errors. A range that cannot be understood
/// is left out and a value without a type is taken as opaque; both give a warning.
/// Safe for any bytes: entities are not expanded, document types are refused, sizes are bounded.
[[nodiscard]] std::expected<ParsedDdf, DdfError> parse_ddf(ByteView bytes, std::string_view file = "");

struct LoadedObjects {
  ObjectRegistry registry;
  std::vector<DdfError> errors;    ///< each: a file that is not in use
  std::vector<DdfError> warnings;  ///< each: something in a file that is in use
};

/// Loads every `*.xml` of a directory (not of those below it) by ascending name. A broken file is
/// reported and does not keep the others out; a directory that cannot be read, or that has more than
/// kDdfFilesMax of them, is reported and nothing is loaded.
[[nodiscard]] LoadedObjects load_directory(const std::filesystem::path& directory,
                                           const ObjectCatalog& core = builtin_objects());

}  // namespace slipway
