// SPDX-License-Identifier: Apache-2.0
// The content of EF(LwM2M_Bootstrap), the file of a smartcard that holds accounts. [LwM2M-CORE 1.2 App.
// G.3.4]
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <slipway/base/bytes.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/model/definition.hpp>
#include <slipway/model/path.hpp>

namespace slipway::lwm2m {

/// Largest content, header included: READ BINARY reaches no further. [LwM2M-CORE 1.2 App. G.3.4]
inline constexpr std::size_t kSmartcardFileMax = 32 * 1024;
/// Objects of one file; each stands in it once.
inline constexpr std::size_t kSmartcardObjectsMax = 64;
/// What tells the size of the whole: the first bytes of the file.
inline constexpr std::size_t kSmartcardHeaderBytes = 4;

/// One object of a file. `tlv` points into it.
struct SmartcardObject {
  ObjectId id;
  std::optional<Version> version;  ///< absent: the one that the enabler's version implies
  ByteView tlv;                    ///< its object instances
  std::size_t offset = 0;          ///< of `tlv` in the file
};

/// How many bytes of the file are content, of at least its first four bytes; a card's file may be larger.
/// Errors: truncated, not_found (blank: nobody has written it), limit (above kSmartcardFileMax).
[[nodiscard]] Result<std::size_t> smartcard_content_size(ByteView file);

/// Walks over the objects of a file without looking into their TLVs.
class SmartcardFileReader {
 public:
  /// Errors: as `smartcard_content_size`; truncated (the content is longer than `file`), limit (more objects
  /// than kSmartcardObjectsMax).
  [[nodiscard]] static Result<SmartcardFileReader> open(ByteView file);
  /// The next object; nothing after the last. Errors: truncated, malformed (bytes behind the last object).
  [[nodiscard]] Result<std::optional<SmartcardObject>> next();

 private:
  SmartcardFileReader(ByteView content, std::size_t objects) : content_(content), left_(objects) {}
  ByteView content_;
  std::size_t at_ = kSmartcardHeaderBytes;
  std::size_t left_;
};

/// Reads a whole file into `entries` and returns the used part, in the order of the file. Text and bytes
/// point into `file`. Whatever follows the content is padding of the card, and ignored. Errors: those of the
/// reader and of codec::decode with the offset in the file; duplicate (an object twice), unsupported (a
/// version of an object that `catalog` has in other major versions only), wrong_path (an instance without
/// id).
[[nodiscard]] Result<std::span<Entry>> decode_smartcard_file(ByteView file, const ObjectCatalog& catalog,
                                                             std::span<Entry> entries);

/// A version that is to stand in the file; objects without one get the implied version.
struct SmartcardObjectVersion {
  ObjectId id;
  Version version;
};

/// Writes `entries` (sorted by path, no path twice, each below an object) as a file. Returns its bytes.
/// Errors: no_space, limit (above kSmartcardFileMax, or more than kSmartcardObjectsMax objects), out_of_range
/// (a version with major 0), and those of codec::encode.
[[nodiscard]] Result<std::size_t> encode_smartcard_file(
    std::span<const Entry> entries, MutableBytes out, std::span<const SmartcardObjectVersion> versions = {});

}  // namespace slipway::lwm2m
