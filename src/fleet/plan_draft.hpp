// SPDX-License-Identifier: Apache-2.0
// A plan while its configuration is read: its parts, and where each of them stands in the file.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/fleet/plan.hpp>
#include <slipway/fleet/remote.hpp>

#include "device_model.hpp"
#include "key_files.hpp"
#include "toml_reader.hpp"

namespace slipway::fleet {

using Authorities = std::map<std::string, std::shared_ptr<const Authority>, std::less<>>;

/// What plans are read with.
struct PlanContext {
  const ObjectCatalog& catalog;
  KeyFiles& files;
  UnixTime now;
  const Authorities& authorities;
  const std::vector<Remote>& remotes;
};

/// Where a part with values stands; `values` beside those of the part.
struct PlacedPart {
  TableReader table;
  std::vector<const toml::node*> values;
};

/// Which devices a plan is for.
enum class Audience : std::uint8_t { nobody, one, many };

/// The vectors of places run beside those of the plan.
struct PlanDraft {
  PlanDraft(const toml::table& found, std::string name, Findings& findings, const ObjectCatalog& catalog)
      : table(found, std::move(name), findings), model(catalog) {}

  std::shared_ptr<Plan> plan;
  TableReader table;
  DeviceModel model;
  std::vector<TableReader> servers, access;
  std::optional<TableReader> bootstrap;
  std::vector<PlacedPart> instances, before, after;
  Audience audience = Audience::nobody;
};

}  // namespace slipway::fleet
