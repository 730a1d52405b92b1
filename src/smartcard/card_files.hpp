// SPDX-License-Identifier: Apache-2.0
// What stands in the files of our card, and what SELECT says of them.
//
//   MF 3F00
//    |-- EF(DIR) 2F00              records: the PKCS#15 application and its folder
//    `-- DF 7F50 = ADF PKCS#15
//         |-- EF(ODF) 5031         names EF(DODF-bootstrap)
//         |-- EF(DODF) 6430        names EF(LwM2M_Bootstrap) by its OID
//         `-- EF 6432              EF(LwM2M_Bootstrap)
#pragma once

#include <cstdint>

#include <slipway/base/bytes.hpp>

namespace slipway::smartcard {

inline constexpr std::uint16_t kDirectoryFile = 0x2F00;
inline constexpr std::uint16_t kApplicationFolder = 0x7F50;
inline constexpr std::uint16_t kCurrentApplication = 0x7FFF;
inline constexpr std::uint16_t kDataObjectsFile = 0x6430;
inline constexpr std::uint16_t kOtherDataObjectsFile = 0x6431;
inline constexpr std::uint16_t kBootstrapFile = 0x6432;
inline constexpr std::uint8_t kDirectoryRecordBytes = 40;

/// EF(DIR): a network's application first, then PKCS#15.
[[nodiscard]] Bytes directory_records();

struct ObjectDirectoryStyle {
  bool absolute = false;  ///< paths from the master file on
  bool two = false;       ///< another directory first
};
[[nodiscard]] Bytes object_directory(ObjectDirectoryStyle style);

struct DataObjectsStyle {
  bool absolute = false;
  bool oid_double = false;
  bool is_private = false;
};
[[nodiscard]] Bytes data_objects(DataObjectsStyle style);
/// A directory of something else.
[[nodiscard]] Bytes other_data_objects();

/// File control parameters. `record_bytes` 0: transparent.
[[nodiscard]] Bytes file_control(std::uint16_t id, std::size_t size, std::uint8_t record_bytes);
[[nodiscard]] Bytes application_control(bool free);

}  // namespace slipway::smartcard
