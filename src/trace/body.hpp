// SPDX-License-Identifier: Apache-2.0
// What the body of a message is about, for whoever shows it to people.
#pragma once

#include <optional>
#include <string_view>

#include <slipway/coap/message.hpp>
#include <slipway/codec/payload.hpp>

namespace slipway::trace {

/// Whether the payload is a part of a larger body. [RFC 7959 §2.2]
[[nodiscard]] bool is_partial(const coap::Message& message);

/// The path that payloads at `path_text` are relative to; composites, Send and packs name whole paths.
[[nodiscard]] std::optional<Path> base_of(std::string_view path_text);

/// Whether anything at or below `path` is secret: then bytes that do not decode are not shown.
[[nodiscard]] bool may_hold_secrets(const std::optional<Path>& path, const ObjectCatalog& catalog);

/// codec::decode, and for an object once more as a Create that leaves the instance's id to the device: its
/// payload is that of an instance. Errors: those of the first attempt.
[[nodiscard]] Result<std::span<Entry>> decode_body(ContentFormat format, const Path& base, ByteView payload,
                                                   const ObjectCatalog& catalog,
                                                   const codec::DecodeBuffers& buffers);

}  // namespace slipway::trace
