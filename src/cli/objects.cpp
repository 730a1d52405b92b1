// SPDX-License-Identifier: Apache-2.0
#include "objects.hpp"

#include <cstdio>

#include <slipway/model/ddf.hpp>

namespace slipway::cli {
namespace {

/// Keeps the registry, whose definitions the rest of the program points to.
class OwnedCatalog final : public ObjectCatalog {
 public:
  explicit OwnedCatalog(ObjectRegistry registry) : registry_(std::move(registry)) {}
  const ObjectDefinition* find(ObjectId id) const override { return registry_.find(id); }
  const ObjectDefinition* find(ObjectId id, Version version) const override {
    return registry_.find(id, version);
  }

 private:
  ObjectRegistry registry_;
};

}  // namespace

std::expected<std::unique_ptr<ObjectCatalog>, std::string> load_objects(const std::string& directory) {
  if (directory.empty()) return std::make_unique<OwnedCatalog>(ObjectRegistry());
  auto loaded = load_directory(directory);
  for (const auto& warning : loaded.warnings) std::fprintf(stderr, "warning: %s\n", warning.text().c_str());
  if (!loaded.errors.empty()) {
    std::string text;
    for (const auto& error : loaded.errors) text += (text.empty() ? "" : "\n") + error.text();
    return std::unexpected(text);
  }
  return std::make_unique<OwnedCatalog>(std::move(loaded.registry));
}

}  // namespace slipway::cli
