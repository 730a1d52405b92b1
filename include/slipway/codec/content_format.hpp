// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway {

/// CoAP Content-Format numbers that LwM2M uses. [LwM2M-CORE 1.2 §7.5]
enum class ContentFormat : std::uint16_t {
  text = 0,
  link_format = 40,
  opaque = 42,
  cbor = 60,
  senml_json = 110,
  senml_cbor = 112,
  senml_etch_json = 320,
  senml_etch_cbor = 322,
  tlv = 11542,
  oma_json = 11543,
  lwm2m_cbor = 11544,
};

/// The name a person uses: `text`, `tlv`, `senml-cbor`, `lwm2m-cbor` ...; "unknown" for others.
[[nodiscard]] const char* to_string(ContentFormat format);
/// Reads such a name, or a decimal number of the list. Errors: unsupported.
[[nodiscard]] Result<ContentFormat> parse_content_format(std::string_view text);
/// Whether a payload of this format can hold more than one value.
[[nodiscard]] bool holds_many(ContentFormat format);

}  // namespace slipway
