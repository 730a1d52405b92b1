// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <slipway/coap/message.hpp>
#include <slipway/model/path.hpp>
#include <slipway/trace/describe.hpp>

namespace slipway::trace {

/// What a request is called in LwM2M, from method, path and direction; empty when it is none of LwM2M's.
/// `path` is there when `path_text` is one of the data model.
[[nodiscard]] std::string operation_of(const coap::Message& request, Direction direction,
                                       std::string_view path_text, const std::optional<Path>& path,
                                       Interface interface);

}  // namespace slipway::trace
