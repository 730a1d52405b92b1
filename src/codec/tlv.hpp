// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace slipway::codec {

/// The two top bits of a TLV's first byte. [LwM2M-CORE 1.2 §7.5.5]
enum class TlvKind : std::uint8_t {
  instance = 0x00,
  resource_instance = 0x40,
  multiple = 0x80,
  resource = 0xc0,
};

}  // namespace slipway::codec
