// SPDX-License-Identifier: Apache-2.0
// What both ends of the bootstrap interface share. [LwM2M-CORE 1.2 §6.1] [LwM2M-TRANSPORT 1.2 §6.4.2]
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include <slipway/base/bounded.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/coap/message.hpp>
#include <slipway/codec/content_format.hpp>
#include <slipway/codec/link_format.hpp>
#include <slipway/lwm2m/codes.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/lwm2m/queries.hpp>
#include <slipway/lwm2m/version.hpp>
#include <slipway/model/path.hpp>

namespace slipway::lwm2m {

inline constexpr std::string_view kBootstrapPath = "/bs";
inline constexpr std::string_view kBootstrapPackPath = "/bspack";

/// Views point into the message.
struct BootstrapRequest {
  std::optional<std::string_view> endpoint;  ///< `ep`
  std::optional<ContentFormat> preferred;    ///< `pct`: 110, 112, 11542 or 11544
};

/// Reads the queries of a Bootstrap-Request in any order; unknown ones are ignored. Refused: 4.00 for a
/// parameter that stands twice or is malformed, 4.15 for a `pct` that no bootstrap server may use.
/// [LwM2M-CORE 1.2 §6.1.7.1]
[[nodiscard]] std::expected<BootstrapRequest, Refusal> parse_bootstrap_request(const coap::Message& message);

/// Adds `ep` and `pct`, in this order; an absent one is left out. False when there is no room.
[[nodiscard]] bool add_bootstrap_queries(QueryList& queries, const BootstrapRequest& request);

/// Whether `format` may be used for what a bootstrap server writes.
[[nodiscard]] bool is_bootstrap_format(ContentFormat format);

/// Instances that one account may have: /0, and /21, /23, /24 linked from it.
inline constexpr std::size_t kAccountInstancesMax = 8;
using AccountInstances = BoundedVector<Path, kAccountInstancesMax>;

/// Views point into the message.
struct PackRequest {
  std::optional<std::string_view> endpoint;          ///< `ep`
  AccountInstances account;                          ///< `acc`: those of the device's bootstrap account
  ContentFormat format = ContentFormat::senml_cbor;  ///< what the device accepts
};

/// Reads a Bootstrap-Pack-Request; unknown queries are ignored. `acc` is a list of links such as
/// `</0/2>,</21/0>`; links to other objects are ignored. Refused: 4.00 for a parameter that stands twice or
/// is malformed, or more instances than kAccountInstancesMax; 4.06 for an Accept other than 110, 112, 11544.
/// [LwM2M-CORE 1.2 §6.1.7.7]
[[nodiscard]] std::expected<PackRequest, Refusal> parse_pack_request(const coap::Message& message);

/// One object or object instance, as Bootstrap-Discover lists it.
struct DiscoveredLink {
  Path path;                       ///< object or instance level
  ShortServerId server{};          ///< `ssid`; 0 when absent
  std::string_view uri{};          ///< `uri` of a /0 instance; a view into the payload
  std::optional<Version> version;  ///< `ver`
};

struct Discovered {
  Version enabler{1, 0};                    ///< `lwm2m` of the root; 1.0 when absent
  std::span<const DiscoveredLink> links{};  ///< in the order of the payload

  /// The first /0 instance without a short server id: the bootstrap-server account. Nobody may write
  /// over it or delete it. [LwM2M-CORE 1.2 §6.1.7.3]
  [[nodiscard]] std::optional<InstanceId> bootstrap_account() const;
  [[nodiscard]] bool has(const Path& path) const;
};

/// Reads the payload of a Bootstrap-Discover. Tolerated: the 1.0 form without a root link, a quoted version,
/// trailing slashes, blanks after commas, `ssid=0` (as absent), unknown attributes, targets that are not
/// paths. Errors: malformed, out_of_range (`ssid` above 65535, an id above 65534), limit (more links than
/// `buffer`).
[[nodiscard]] Result<Discovered> parse_bootstrap_discover(std::string_view text,
                                                          std::span<DiscoveredLink> buffer);

/// Writes the payload of a Bootstrap-Discover: the root first, then ascending paths.
class BootstrapDiscoverWriter {
 public:
  /// Writes `</>;lwm2m=1.2`.
  BootstrapDiscoverWriter(ByteWriter& out, Version enabler);
  /// `</5>`, with `ver` where it is not the implied one.
  void object(ObjectId object, std::optional<Version> version = {});
  /// `</0/1>;ssid=101;uri="coaps://..."`; the account of the bootstrap server has neither. `uri` is for /0.
  void instance(const Path& instance, ShortServerId server = {}, std::string_view uri = {});

 private:
  codec::LinkWriter links_;
};

}  // namespace slipway::lwm2m
