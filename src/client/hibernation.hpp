// SPDX-License-Identifier: Apache-2.0
// Registrations and observations as bytes, for a sleep without memory. docs/decisions.toml says what is kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <slipway/client/hibernation.hpp>
#include <slipway/client/tree.hpp>
#include <slipway/coap/endpoint.hpp>
#include <slipway/codec/content_format.hpp>
#include <slipway/lwm2m/attributes.hpp>
#include <slipway/lwm2m/registration.hpp>

namespace slipway::client {

struct KeptObservation {
  coap::Token token;
  Path path;
  ContentFormat format = ContentFormat::text;
  std::uint32_t number = 0;  ///< of the last notification
  lwm2m::Attributes own;     ///< from the Observe request
};

/// What one server has asked to be told.
struct KeptWatch {
  std::vector<std::pair<Path, lwm2m::Attributes>> attributes;
  std::vector<KeptObservation> observations;
  [[nodiscard]] bool is_empty() const { return attributes.empty() && observations.empty(); }
};

struct KeptServer {
  ShortServerId id;
  std::uint64_t account = 0;  ///< digest of its /0 instance
  Version enabler;
  std::string location;
  std::int64_t lifetime = 0;    ///< that the server knows, seconds; -1: told in an Update without an answer
  std::uint64_t objects = 0;    ///< digest of the list that the server knows; 0 as above
  std::string binding;          ///< /1/x/7 when the server was last told something
  std::optional<seconds> left;  ///< of the lifetime; nothing where it is endless
  KeptWatch watch;
  std::vector<coap::AnsweredRequest> answered;  ///< its requests, which it may repeat
};

struct Hibernated {
  std::optional<std::int64_t> since;  ///< Unix seconds, where the device knew the time
  std::vector<KeptServer> servers;
};

/// Errors: limit (kHibernationBytesMax, or a list above 255).
[[nodiscard]] Result<Secret> write_hibernation(const Hibernated& kept);
/// Errors: malformed, truncated (damaged); unsupported (of another version).
[[nodiscard]] Result<Hibernated> read_hibernation(ByteView bytes);

/// Of everything that a session with this account depends on. Finds a change, protects against nobody; made
/// of keys, so it is kept as keys are.
[[nodiscard]] std::uint64_t account_digest(const Tree& tree, InstanceId account);

}  // namespace slipway::client
