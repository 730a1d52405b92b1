// SPDX-License-Identifier: Apache-2.0
// A bootstrap without a network: the real server engine against a device that takes everything. What goes
// over the wire then is what a real device would get, but for the credentials, which are made anew in each
// session.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/bootstrap/server.hpp>
#include <slipway/codec/content_format.hpp>
#include <slipway/fleet/credential_maker.hpp>
#include <slipway/fleet/plan.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::cli {

enum class Begin : std::uint8_t { request, pack };

/// The device that is played.
struct PlayedDevice {
  std::string endpoint;
  Version enabler{1, 2};
  std::optional<ContentFormat> preferred;  ///< its pct; of a Pack, what it accepts
  Begin begin = Begin::request;            ///< POST /bs, or GET /bspack
  std::string discover;                    ///< its answer to Bootstrap-Discover
};

/// What a device out of the factory answers to Bootstrap-Discover: its bootstrap account, /3/0, and the
/// objects that the plan is about.
[[nodiscard]] std::string factory_fresh(const fleet::Plan& plan, Version enabler);

/// One datagram to the device. In `secret` each byte that belongs to a key is marked.
struct RehearsedMessage {
  Bytes bytes;
  std::vector<bool> secret;
};

/// One operation with all its blocks, or the answer to the device's request.
struct RehearsedOperation {
  std::string name;  ///< "Bootstrap-Write"
  coap::Code code;   ///< method of a request, code of an answer
  std::string path;
  std::optional<ContentFormat> format;
  std::size_t payload_size = 0;
  std::vector<std::string> values;  ///< one line each, keys masked
  std::vector<RehearsedMessage> messages;

  [[nodiscard]] std::size_t wire_size() const;  ///< bytes of CoAP, of all messages
};

struct Rehearsal {
  std::vector<RehearsedOperation> operations;  ///< in the order in which they are sent
  bootstrap::Outcome outcome = bootstrap::Outcome::timeout;
  std::string reason;  ///< why it did not succeed
};

/// Nothing of it is kept: the credentials are gone when this returns.
[[nodiscard]] Rehearsal rehearse(std::shared_ptr<const fleet::Plan> plan, const PlayedDevice& device,
                                 const ObjectCatalog& catalog);

}  // namespace slipway::cli
