// SPDX-License-Identifier: Apache-2.0
// CoRE link format, read link by link without allocation. [RFC 6690]
#pragma once

#include <optional>
#include <string_view>

#include <slipway/base/bytes.hpp>
#include <slipway/base/result.hpp>

namespace slipway::codec {

/// One attribute of a link. `value` is without its quotes and with escapes still in it;
/// `has_value` is false for a bare name such as `obs`.
struct LinkAttribute {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
  bool quoted = false;
};

/// One link; the views point into the parsed text.
struct Link {
  std::string_view target;      ///< between < and >
  std::string_view attributes;  ///< what follows, from its first `;`
  std::size_t offset = 0;       ///< of the `<` in the text
};

/// Walks over the attributes of one link.
class LinkAttributes {
 public:
  explicit LinkAttributes(const Link& link) : rest_(link.attributes), offset_(link.offset) {}
  /// The next attribute, nothing at the end, or malformed.
  [[nodiscard]] Result<std::optional<LinkAttribute>> next();

 private:
  std::string_view rest_;
  std::size_t offset_;
};

/// Walks over the links of a payload. Tolerates what devices send: blanks after commas, a trailing
/// comma, and the 1.0 form of Discover that starts with bare attributes (`lwm2m="1.0",</0/0>...`),
/// which comes out as a link with an empty target. Strings end at their closing quote only.
class LinkReader {
 public:
  explicit LinkReader(std::string_view text) : text_(text) {}
  /// The next link, nothing at the end, or an error (malformed, truncated) with its offset.
  [[nodiscard]] Result<std::optional<Link>> next();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// Finds an attribute by name; nothing when it is not there. Errors: malformed.
[[nodiscard]] Result<std::optional<LinkAttribute>> find_attribute(const Link& link, std::string_view name);

/// Appends links to a fixed buffer: `link("/0/0")`, then its attributes.
class LinkWriter {
 public:
  explicit LinkWriter(ByteWriter& out) : out_(out) {}
  void link(std::string_view target);
  void attribute(std::string_view name);
  void attribute(std::string_view name, std::uint64_t value);
  void attribute_token(std::string_view name, std::string_view value);   ///< name=value
  void attribute_quoted(std::string_view name, std::string_view value);  ///< name="value", escaped

 private:
  ByteWriter& out_;
  bool first_ = true;
};

}  // namespace slipway::codec
