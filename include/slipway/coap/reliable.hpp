// SPDX-License-Identifier: Apache-2.0
// What an endpoint knows of a peer that it reaches over a stream.
#pragma once

#include <cstddef>

namespace slipway::coap {

/// What a peer takes that has not said otherwise. [RFC 8323 §5.3.1]
inline constexpr std::size_t kStreamMessageDefault = 1152;

/// A peer over TCP or TLS, as its CSM describes it. [RFC 8323 §5.3]
struct Reliable {
  std::size_t message_max = kStreamMessageDefault;  ///< bytes of the largest message that it takes
  bool blockwise = false;                           ///< it takes bodies in blocks
  bool operator==(const Reliable&) const = default;
};

}  // namespace slipway::coap
