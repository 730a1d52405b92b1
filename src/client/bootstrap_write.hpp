// SPDX-License-Identifier: Apache-2.0
// What a bootstrap server writes, into the model: by Bootstrap-Write, or all at once by a pack.
// [LwM2M-CORE 1.2 §6.1.7.5, §6.1.7.7]
#pragma once

#include <span>

#include <slipway/client/model.hpp>

namespace slipway::client {

/// Writes entries at or below `base`, whatever access the resources have. An instance that is named as a
/// whole holds what was written and nothing else; unknown resources inside one are passed over. Within a
/// transaction; on an error the model may be half written, and the caller takes it back. Errors:
/// unknown_object, unknown_resource, not_found, wrong_type, out_of_range, malformed, limit.
Result<void> write_bootstrap(Model& model, const Path& base, std::span<const Entry> entries);

/// Replaces all instances of the objects that `entries` name, but for the bootstrap account (unless they
/// bring another) and /3/0; servers whose account is gone take their rights with them. As above otherwise.
Result<void> write_pack(Model& model, std::span<const Entry> entries);

}  // namespace slipway::client
