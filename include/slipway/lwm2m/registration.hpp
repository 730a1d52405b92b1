// SPDX-License-Identifier: Apache-2.0
// What both ends of the registration interface share: its parameters and the object list.
// [LwM2M-CORE 1.2 §6.2] [LwM2M-TRANSPORT 1.2 §6.4.3]
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include <slipway/base/bounded.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/time.hpp>
#include <slipway/coap/message.hpp>
#include <slipway/codec/content_format.hpp>
#include <slipway/codec/link_format.hpp>
#include <slipway/lwm2m/codes.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/lwm2m/queries.hpp>
#include <slipway/lwm2m/version.hpp>
#include <slipway/model/path.hpp>

namespace slipway::lwm2m {

inline constexpr std::size_t kBindingMax = 8;         ///< letters of `b`
inline constexpr std::size_t kSmsMax = 128;           ///< bytes of `sms`: an MSISDN or an external identifier
inline constexpr std::size_t kAlternatePathMax = 64;  ///< bytes of an alternate path with its slash
inline constexpr std::size_t kLinksBytesMax = 16 * 1024;  ///< bytes of an object list that a server keeps
/// Lifetime of a 1.0 device that names none; later versions must name it.
inline constexpr seconds kDefaultLifetime{86400};

/// Parameters of a Register or an Update; what was absent is empty. Views point into the message.
struct RegisterParameters {
  std::optional<std::string_view> endpoint;  ///< `ep`
  std::optional<seconds> lifetime;           ///< `lt`, 0..4294967295; 0 is for ever
  std::optional<Version> enabler;            ///< `lwm2m`
  std::optional<std::string_view> binding;   ///< `b` as sent, 1..kBindingMax letters
  bool queue_mode = false;                   ///< `Q`, or a Q inside `b` (1.0)
  std::optional<std::string_view> sms;       ///< `sms`
  std::optional<std::string_view> profile;   ///< `pid` (1.2)
};

enum class RegistrationKind : std::uint8_t { initial, update };

/// Reads the queries of a Register (`initial`) or an Update, in any order. Unknown parameters are
/// ignored: deployed devices add their own. Refused: 4.00 for a parameter that stands twice, is malformed or
/// out of bounds; for `initial` also 4.00 without `lwm2m`, or without `lt` above version 1.0, and 4.12 for a
/// version that is not spoken here. The endpoint name is neither required nor compared here.
[[nodiscard]] std::expected<RegisterParameters, Refusal> parse_register(const coap::Message& message,
                                                                        RegistrationKind kind);

/// True for a name of 1..kEndpointMax bytes without control characters.
[[nodiscard]] bool valid_endpoint(std::string_view name);

/// Adds the queries of a Register in the order that the strictest servers want: lwm2m, ep, lt, b, Q, sms.
/// A parameter that is absent is left out; with version 1.0 the Q goes into `b`. The same function writes an
/// Update from what has changed. False when there is no room.
[[nodiscard]] bool add_register_queries(QueryList& queries, const RegisterParameters& parameters);

/// A set of the content formats of LwM2M.
class FormatSet {
 public:
  void add(ContentFormat format) { bits_ = static_cast<std::uint16_t>(bits_ | bit(format)); }
  [[nodiscard]] bool contains(ContentFormat format) const { return (bits_ & bit(format)) != 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  bool operator==(const FormatSet&) const = default;

 private:
  static std::uint16_t bit(ContentFormat format);
  std::uint16_t bits_ = 0;
};

/// One object or object instance that a device has.
struct ObjectLink {
  Path path;  ///< object or instance level
  std::optional<Version> version;
};

struct ObjectList {
  std::string_view alternate_path;    ///< "" or "/lwm2m"; a view into the payload
  FormatSet formats;                  ///< `ct` of the root link
  std::span<const ObjectLink> links;  ///< in the order of the payload
};

/// Reads the payload of a Register or an Update. Ignored: unknown parameters, targets that are not numeric or
/// are deeper than instances, links outside the alternate path, and /0, /21, /23, which do not belong there.
/// Errors: malformed (link format, an alternate path with a numeric segment, `ver`), out_of_range (an id
/// above 65534), limit (more links than `buffer`, text above kLinksBytesMax, an alternate path above
/// kAlternatePathMax): a server answers 4.13 to the last, 4.00 to the others.
[[nodiscard]] Result<ObjectList> parse_object_list(std::string_view text, std::span<ObjectLink> buffer);

/// Writes an object list: first the root, then objects in ascending order.
class ObjectListWriter {
 public:
  explicit ObjectListWriter(ByteWriter& out) : links_(out) {}
  /// `</>;rt="oma.lwm2m";ct="112 110"`. Without formats there is no `ct`.
  void root(std::span<const ContentFormat> formats);
  /// `</5>`, or `</5>;ver=1.1` where the version is not the one that the enabler implies.
  void object(ObjectId object, std::optional<Version> version = {});
  void instance(ObjectId object, InstanceId instance);

 private:
  codec::LinkWriter links_;
};

/// "/rd/5a3f" from the Location-Path options of an answer; cut at 128 bytes.
[[nodiscard]] BoundedString<128> location_of(const coap::Message& message);

}  // namespace slipway::lwm2m
