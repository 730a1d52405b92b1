// SPDX-License-Identifier: Apache-2.0
// Payloads of every format as one thing: a list of (path, typed value). No allocation anywhere.
#pragma once

#include <cstdint>
#include <span>

#include <slipway/base/bytes.hpp>
#include <slipway/codec/content_format.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/model/path.hpp>
#include <slipway/model/value.hpp>

namespace slipway {

/// One line of a payload.
///  - `value`: `path` is a resource or a resource instance, `value` is its content;
///  - `instance`: an object instance without any resource (`path` is the instance);
///  - `multiple`: a multiple-instance resource without any instance (`path` is the resource);
///  - `absent`: a record without a value (Read-Composite bodies), or a null (removal in an iPATCH).
enum class EntryKind : std::uint8_t { value, instance, multiple, absent };

struct Entry {
  Path path;
  Value value;
  EntryKind kind = EntryKind::value;
  double time = 0;  ///< SenML time in seconds, base time added; 0 when the record gives none
};

namespace codec {

/// Most entries that servers and devices take from one payload, unless configured otherwise.
inline constexpr std::size_t kEntriesMax = 1024;

/// Writes `entries` in `format`, relative to `base`.
///
/// `base` is the request's path, and decides nesting: TLV of base "/3/0" is a list of resources, of
/// base "/3" a list of object instances. `entries` lie at or below `base`, sorted by path, without
/// duplicates. Resource instances (depth 4) form multiple-instance resources. Plain text, opaque
/// and CBOR take exactly one entry. Returns the number of bytes written.
/// What formats cannot say: SenML leaves out `instance` and `multiple` entries; an `absent` one is a
/// record without a value in SenML (110, 112), a null in SenML-ETCH (320, 322) and LwM2M CBOR, and
/// unsupported elsewhere. NaN and infinities pass in binary formats and are out_of_range in text and
/// JSON. One path may stand at several times in SenML. Instance 65535 is a Create without an id: TLV
/// and LwM2M CBOR have it, SenML does not. OMA JSON and link format are not written.
/// Errors: no_space, wrong_path (outside base, unsorted), duplicate, unsupported (a type or level
/// that the format cannot carry: say 4.06 to a peer), out_of_range.
[[nodiscard]] Result<std::size_t> encode(ContentFormat format, const Path& base,
                                         std::span<const Entry> entries, MutableBytes out);

/// What decode may use and fill. `scratch` holds text that has to be rebuilt (JSON escapes, base64,
/// chunked CBOR strings); payload size is always enough.
struct DecodeBuffers {
  std::span<Entry> entries;
  MutableBytes scratch;
};

/// How to read a payload whose keys may be relative or absolute (LwM2M CBOR, facts G.2 item 8).
struct DecodeOptions {
  /// Types of the objects; an undefined object or resource decodes by the format's own types (TLV:
  /// opaque bytes). With a definition, a value of a different type is `wrong_type`, after the
  /// conversions each format permits (App. C: CBOR integer for a Float, text for Objlnk, ...).
  const ObjectCatalog* catalog = nullptr;
  /// Version of the object under `base`, where the registration named one. Without: the newest.
  const Version* object_version = nullptr;
};

/// Reads a payload into `buffers.entries`, in the order of the payload, and returns the used part.
///
/// Paths are absolute. Text and bytes point into `payload` or into `buffers.scratch`. An entry that
/// lies outside `base` is an error, except in composites, which use the root as base. All vectors
/// of the specification decode; broken ones fail. An object instance TLV in a payload for an
/// instance is accepted if it names that instance; bare resources for an object are those of instance
/// 65535, a Create without an id. Text is taken as it comes; only JSON is checked to be UTF-8. Entries
/// that are not in ascending order are compared with each other, at most kEntriesMax of them.
/// Errors: truncated, malformed, limit (more entries than the buffer, or text than the scratch, or
/// nesting), wrong_type, out_of_range, wrong_path, duplicate, unsupported (no such format here: say
/// 4.15 to a peer).
[[nodiscard]] Result<std::span<Entry>> decode(ContentFormat format, const Path& base, ByteView payload,
                                              const DecodeOptions& options, const DecodeBuffers& buffers);

}  // namespace codec
}  // namespace slipway
