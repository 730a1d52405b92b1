// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <memory>
#include <string>

#include <slipway/model/definition.hpp>

namespace slipway::cli {

/// The built-in objects and those of a folder of XML files ("" for none). Warnings go to standard error; a
/// file that cannot be used is an error.
[[nodiscard]] std::expected<std::unique_ptr<ObjectCatalog>, std::string> load_objects(
    const std::string& directory);

}  // namespace slipway::cli
