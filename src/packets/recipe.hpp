// SPDX-License-Identifier: Apache-2.0
// What a message of the catalogue is made of. Bytes come from coap::MessageWriter and the codecs alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/codec/payload.hpp>
#include <slipway/lwm2m/queries.hpp>
#include <slipway/packets/catalogue.hpp>

namespace slipway::packets {

using coap::Code;
using coap::Type;
using trace::Direction;

/// Names of the examples.
inline constexpr std::string_view kEndpoint = "urn:dev:os:example-0001";
inline constexpr std::string_view kLocation = "/rd/5a3f";

struct Content {
  std::optional<ContentFormat> format{};
  Bytes bytes{};
};

struct Reply {
  Code code = Code::content;
  std::string when{};
  Content content{};
  std::string location{};
  std::optional<std::uint32_t> observe{};
  std::optional<std::uint32_t> max_age{};
  std::optional<coap::Block> block1{}, block2{};
  Type type = Type::acknowledgement;
  std::string name{};  ///< in the id, in place of the code
};

struct Recipe {
  std::string id;
  std::string title;
  std::string when;
  std::string since = "1.0";
  std::vector<std::string> sources{};  ///< beside those of the operation
  Type type = Type::confirmable;
  Code code = Code::get;
  std::string path = "/";
  std::vector<std::string> queries{};
  std::optional<std::uint32_t> observe{};
  std::optional<ContentFormat> accept{};
  std::optional<coap::Block> block1{}, block2{};
  std::optional<std::uint32_t> size1{};
  Content content{};
  std::vector<Reply> replies{};
};

/// An operation, and the answers that refuse it.
struct OperationRecipe {
  std::string name;  ///< in the specification's words
  Direction direction = Direction::down;
  std::vector<std::string> sources;
  std::vector<Recipe> examples;
  std::vector<Reply> errors{};  ///< shown with the first example
};

/// Adds packets, each with a message id and a token of its own.
class Catalogue {
 public:
  void add(Interface interface, const OperationRecipe& operation);
  [[nodiscard]] std::vector<Packet> take() && { return std::move(packets_); }

 private:
  std::vector<Packet> packets_;
  std::uint16_t requests_ = 0;
};

void add_bootstrap(Catalogue& catalogue);
void add_registration(Catalogue& catalogue);
void add_management(Catalogue& catalogue);
void add_reporting(Catalogue& catalogue);
void add_coap(Catalogue& catalogue);

// --- Contents ---------------------------------------------------------------------------------------

[[nodiscard]] Entry entry(std::string_view path, const Value& value);
/// Entries in a format, for a request to `base`.
[[nodiscard]] Content values(ContentFormat format, std::string_view base, std::vector<Entry> entries);
[[nodiscard]] Content text(std::string_view text);
/// A diagnostic payload. [RFC 7252 §5.5.2]
[[nodiscard]] Content diagnostic(std::string_view text);
/// Queries as lwm2m::QueryList has them.
[[nodiscard]] std::vector<std::string> strings(const lwm2m::QueryList& queries);

/// An account of a management server with a pre-shared key, /0/1 and /1/0, and a rule of access, /2/0.
[[nodiscard]] std::vector<Entry> security_account();
[[nodiscard]] std::vector<Entry> server_account();
[[nodiscard]] std::vector<Entry> access_rule();
[[nodiscard]] std::vector<Entry> device_object();

/// "senml-cbor", and what stands for it in an id: "senml-cbor".
[[nodiscard]] std::string in_format(ContentFormat format);

}  // namespace slipway::packets
