// SPDX-License-Identifier: Apache-2.0
// What a server may see of the model, as a payload in the format it asked for. [LwM2M-CORE 1.2 §6.3.1]
#pragma once

#include "client/registration.hpp"

namespace slipway::client {

/// Objects that no management server ever sees. [LwM2M-CORE 1.2 §7.4, §8]
[[nodiscard]] constexpr bool is_hidden(ObjectId id) {
  return id == kSecurity || id == kOscore || id == kCose;
}

/// The format of an answer: what was asked for, or the default of the server's version.
[[nodiscard]] Result<ContentFormat> answer_format(const ClientConfig& config, Version enabler,
                                                  std::optional<std::uint16_t> accept);

/// Collects what `server` may read at `path`; an object gives its readable instances. Errors: wrong_path,
/// unknown_object, not_found, refused (no right), and the maker's.
Result<void> collect_for(const Model& model, ShortServerId server, const Path& path, Collector& out);

/// Reads and encodes; the answer is 2.05 or an error.
[[nodiscard]] Answer read_for(Services& services, const Server& server, const Path& path,
                              std::optional<std::uint16_t> accept, lwm2m::Operation operation);

}  // namespace slipway::client
