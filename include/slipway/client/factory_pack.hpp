// SPDX-License-Identifier: Apache-2.0
// The factory pack of a microcontroller: CBOR that is read where it lies. docs/reference/pack.md describes
// it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <slipway/base/bytes.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::client {

/// Version of the format that is written; no other one is read.
inline constexpr std::uint64_t kFactoryPackVersion = 1;
/// Largest pack, in any form.
inline constexpr std::size_t kFactoryPackBytesMax = 256 * 1024;

/// What a device is born with. Text and bytes point into what was read, or into the scratch.
struct FactoryPack {
  std::string_view endpoint;
  std::span<const Entry> entries{};  ///< for Model::load_factory: ascending paths, each with a value
};

/// Whether these bytes begin as a factory pack of any version does.
[[nodiscard]] bool is_factory_pack(ByteView bytes);

/// Reads a whole pack, without a heap. Errors: truncated, malformed (another frame, bytes behind it, a name
/// that is none), unsupported (another version), limit (larger than kFactoryPackBytesMax, or more values than
/// the buffer), wrong_path (values that do not ascend), and those of codec::decode.
[[nodiscard]] Result<FactoryPack> read_factory_pack(ByteView bytes, const ObjectCatalog& catalog,
                                                    const codec::DecodeBuffers& buffers);

/// Writes a pack and returns its bytes; wants room for 300 bytes beside the values. Errors: no_space,
/// malformed (a name that is none, a record without a value), wrong_path (paths that do not ascend), and
/// those of codec::encode.
[[nodiscard]] Result<std::size_t> write_factory_pack(const FactoryPack& pack, MutableBytes out);

}  // namespace slipway::client
