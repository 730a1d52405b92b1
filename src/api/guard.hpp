// SPDX-License-Identifier: Apache-2.0
// Who may come in: the token, or on a loopback address without one, not a foreign web page.
#pragma once

#include <optional>

#include <slipway/api/http.hpp>
#include <slipway/base/secret.hpp>

namespace slipway::api {

/// Nothing when the request may pass; otherwise its answer (400, 401 or 403).
///
/// With a token: `Authorization: Bearer <token>` [RFC 6750 §2.1]. Without one the server listens on
/// loopback only, and what remains is the operator's own browser: a page of somebody else that names
/// us by a name of its own (DNS rebinding: Host is not loopback) or that calls across origins (Origin
/// is not us) is refused.
[[nodiscard]] std::optional<Response> check_access(const Request& request, const Secret& token);

}  // namespace slipway::api
