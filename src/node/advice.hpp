// SPDX-License-Identifier: Apache-2.0
// What a person may do about a device that was not served. Sentences without secrets.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <slipway/bootstrap/server.hpp>
#include <slipway/node/failures.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::node {

/// Empty when nothing needs to be done.
[[nodiscard]] std::string_view advice(bootstrap::Outcome outcome);
[[nodiscard]] std::string_view advice(security::dtls::FailureReason reason);
struct Explanation {
  std::string reason, remedy;
};
/// Whether the server has a key or certificate of its own, as all but pre-shared keys need.
enum class ServerKeysThere : std::uint8_t { no, yes };
/// Why a handshake failed whose identity opens something, or that came to none.
/// `suites`: that the server takes.
[[nodiscard]] Explanation explain(const FailedHandshake& failed, ServerKeysThere keys,
                                  std::span<const security::dtls::CipherSuite> suites);
/// The names of suites, with commas; of many only the first ones.
[[nodiscard]] std::string joined_suites(const std::vector<std::uint16_t>& suites);
/// The device says that it is `claimed`, and its credential says `owner`.
[[nodiscard]] std::string advice_on_names(std::string_view claimed, std::string_view owner);

}  // namespace slipway::node
