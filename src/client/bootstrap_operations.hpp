// SPDX-License-Identifier: Apache-2.0
// What a bootstrap server may do to the model: Discover, Read, Write, Delete. [LwM2M-CORE 1.2 §6.1.7]
#pragma once

#include "client/services.hpp"

namespace slipway::client {

/// Carries out one operation within the model's transaction and says what to answer. A refused one has
/// changed nothing. `enabler`: the version that the session speaks.
[[nodiscard]] Answer bootstrap_operation(Services& services, Version enabler, const coap::Message& request);

/// What a write at any level shall hold, decoded; the views point into the request and into `scratch`.
struct DecodedPayload {
  std::vector<Entry> entries;
  Bytes scratch;
  /// Keys may be among the values.
  ~DecodedPayload() { wipe(scratch); }
};
/// Reads the payload of a request for `base`. Errors: as codec::decode; unsupported without a format.
[[nodiscard]] Result<void> decode_payload(const Model& model, const Path& base, ContentFormat format,
                                          ByteView payload, DecodedPayload& out);

/// Writes entries in a format; grows up to `body_max`. Errors: as codec::encode.
[[nodiscard]] Result<Bytes> encode_payload(ContentFormat format, const Path& base,
                                           std::span<const Entry> entries, std::size_t body_max);

}  // namespace slipway::client
