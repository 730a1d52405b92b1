// SPDX-License-Identifier: Apache-2.0
// What the files on the way to EF(LwM2M_Bootstrap) say. Every function takes hostile bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <slipway/smartcard/reading.hpp>

namespace slipway::smartcard {

/// The PKCS#15 application: a card may append its own bytes.
inline constexpr std::array<std::uint8_t, 12> kApplicationId{0xA0, 0x00, 0x00, 0x00, 0x63, 0x50,
                                                             0x4B, 0x43, 0x53, 0x2D, 0x31, 0x35};
/// 2.23.43.9.1, the content of its OBJECT IDENTIFIER.
inline constexpr std::array<std::uint8_t, 4> kBootstrapOid{0x67, 0x2B, 0x09, 0x01};
inline constexpr std::uint16_t kObjectDirectoryFile = 0x5031;

/// A record of EF(DIR), or its whole content: the PKCS#15 application's id. [ETSI TS 102 221 §13.1]
[[nodiscard]] std::optional<ByteView> find_application(ByteView directory);

/// What a SELECT answers with. [ETSI TS 102 221 §11.1.1.3]
struct FileControl {
  std::optional<std::size_t> size;            ///< of a transparent file, in bytes
  std::optional<std::uint8_t> record_bytes;   ///< of a file of records
  bool transparent = false;                   ///< told, and not a file of records
  std::optional<std::uint8_t> pin_reference;  ///< of the first PIN that is enabled
};
[[nodiscard]] FileControl read_file_control(ByteView fcp);

/// EF(ODF): the paths of its data object directories, in order. [PKCS #15 §6.2]
[[nodiscard]] BoundedVector<FilePath, kDataDirectoriesMax> find_data_directories(ByteView object_directory);

/// An entry of EF(DODF).
struct DataObject {
  FilePath path;
  bool is_private = false;  ///< CommonObjectFlags.private
};
/// EF(DODF): where the bootstrap file is. [PKCS #15 §6.8] [LwM2M-CORE 1.2 App. G.3.3]
[[nodiscard]] std::optional<DataObject> find_bootstrap_file(ByteView data_objects);

}  // namespace slipway::smartcard
