// SPDX-License-Identifier: Apache-2.0
// The object list of a registration, and which version an object is said to have.
#pragma once

#include <string>

#include <slipway/client/model.hpp>

namespace slipway::client {

/// The `ver` of an object, where it must be said. Core objects are presented as what the enabler version
/// implies (a later minor version only adds optional resources), so only an older one is named.
/// [LwM2M-CORE 1.2 §7.2.3]
[[nodiscard]] std::optional<Version> presented_version(const Object& object, Version enabler);

/// The payload of a Register: the root with the formats that the device reads and writes (1.1+), objects and
/// instances without /0, /21 and /23. Empty when it would exceed `bytes_max`.
[[nodiscard]] std::string object_list(const Model& model, Version enabler, std::size_t bytes_max);

}  // namespace slipway::client
