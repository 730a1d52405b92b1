// SPDX-License-Identifier: Apache-2.0
// Payloads taken apart. The codec has read them before, so that values are those that an engine sees; here
// only the places of their bytes are looked for.
#pragma once

#include <optional>
#include <span>

#include <slipway/coap/message.hpp>
#include <slipway/codec/payload.hpp>

#include "packets/sheet.hpp"

namespace slipway::packets {

/// A payload that decodes, and what it says.
class Body {
 public:
  Body(Sheet& into, const Reading& reading, const Path& target, std::span<const Entry> entries)
      : sheet(into), base(target), reading_(reading), entries_(entries) {}

  /// The field for a value at `path`: the next entry that lies there.
  [[nodiscard]] Words value_at(const Path& path, std::string meaning);
  /// Whether values at `path` are to be masked.
  [[nodiscard]] bool masks(const Path& path) const;
  /// "/0/1/5 Secret Key"; the path alone where it has no name.
  [[nodiscard]] std::string name_of(const Path& path) const;
  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }

  Sheet& sheet;
  const Path base;

 private:
  const Entry* take(const Path& path);

  const Reading& reading_;
  std::span<const Entry> entries_;
  std::size_t next_ = 0;
};

void annotate_tlv(Body& body);
void annotate_senml_cbor(Body& body);
void annotate_lwm2m_cbor(Body& body);
void annotate_cbor(Body& body);
void annotate_senml_json(Body& body);
void annotate_links(Sheet& sheet);

/// The payload of a message, all of it. `path` is that of the request.
void annotate_payload(Sheet& sheet, const coap::Message& message, std::string_view path,
                      const Reading& reading);

}  // namespace slipway::packets
