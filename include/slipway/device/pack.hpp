// SPDX-License-Identifier: Apache-2.0
// A factory pack: what a device is born with. docs/reference/pack.md describes the file.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/secret.hpp>
#include <slipway/client/factory_pack.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

namespace slipway::device {

/// Version of the file format that is written, of both forms.
inline constexpr int kPackVersion = 1;
inline constexpr std::size_t kPackBytesMax = client::kFactoryPackBytesMax;
inline constexpr std::size_t kPackValuesMax = 512;

/// The endpoint name, and values of /0, /1, /2 and others. Holds secrets: wiped at its end.
class Pack {
 public:
  Pack() = default;
  Pack(Pack&&) noexcept = default;
  Pack& operator=(Pack&& other) noexcept;
  ~Pack();

  std::string endpoint;
  std::vector<std::pair<Path, OwnedValue>> values;  ///< ascending paths

  void add(const Path& path, const Value& value) { values.emplace_back(path, OwnedValue(value)); }
  /// Views of all values, for codecs and Model::load_factory.
  [[nodiscard]] std::vector<Entry> entries() const;

 private:
  void wipe_values();
};

/// What makes a pack useless to a device. Each text names the thing, the place and the remedy.
/// Checked: an endpoint name; at least one account; at most one bootstrap account; unique short
/// server ids; a /1 for each management account and a /0 for each /1; uri, scheme against mode; identity
/// and key present, a key of 16 to 64 bytes, and not one key for two servers; types and ranges by the
/// object model; no path twice; keys and certificates that fit (device/credentials.hpp). That two devices do
/// not share a key only the maker of both packs can see.
[[nodiscard]] std::vector<std::string> problems_of(const Pack& pack, const ObjectCatalog& catalog);

/// Reads what `write_pack` wrote, in either form, and checks it; the error lists everything that is wrong,
/// one a line. `name` is the file's.
[[nodiscard]] std::expected<Pack, std::string> parse_pack(std::string_view text, const std::string& name,
                                                          const ObjectCatalog& catalog);
[[nodiscard]] std::expected<Pack, std::string> load_pack(const std::string& file,
                                                         const ObjectCatalog& catalog);

/// Reads a file of either form without checking what its values say: what packs are made from.
[[nodiscard]] std::expected<Pack, std::string> load_pack_template(const std::string& file,
                                                                  const ObjectCatalog& catalog);

enum class PackForm : std::uint8_t {
  json,  ///< for people and Linux: a version, the endpoint and the values as SenML
  cbor,  ///< for microcontrollers: client/factory_pack.hpp
};

/// The bytes of a pack; they hold secrets, wipe them after use.
[[nodiscard]] std::expected<std::string, std::string> write_pack(const Pack& pack,
                                                                 PackForm form = PackForm::json);

/// The values of a pack as the content of EF(LwM2M_Bootstrap). The error names the thing and the remedy.
[[nodiscard]] std::expected<Secret, std::string> smartcard_file_of(const Pack& pack);

}  // namespace slipway::device
