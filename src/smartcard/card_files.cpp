// SPDX-License-Identifier: Apache-2.0
#include "smartcard/card_files.hpp"

#include <initializer_list>

#include "smartcard/directory.hpp"

namespace slipway::smartcard {
namespace {

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes all;
  for (const auto part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// A TLV of at most 127 bytes: nothing here is longer.
Bytes tlv(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  auto value = joined(parts);
  value.insert(value.begin(), {tag, static_cast<std::uint8_t>(value.size())});
  return value;
}
Bytes two_bytes(std::uint16_t number) {
  return {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
}

Bytes path_of(std::uint16_t file, bool absolute) {
  const Bytes master{0x3F, 0x00, kApplicationFolder >> 8, kApplicationFolder & 0xFF};
  return tlv(0x30, {tlv(0x04, {absolute ? master : Bytes(), two_bytes(file)})});
}

}  // namespace

Bytes directory_records() {
  constexpr std::string_view kNetwork = "USIM", kOurs = "PKCS-15";
  const Bytes network{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
  const Bytes folder{0x3F, 0x00, kApplicationFolder >> 8, kApplicationFolder & 0xFF};
  auto first = tlv(0x61, {tlv(0x4F, {network}), tlv(0x50, {as_bytes(kNetwork)})});
  auto second = tlv(0x61, {tlv(0x4F, {kApplicationId}), tlv(0x50, {as_bytes(kOurs)}), tlv(0x51, {folder})});
  first.resize(kDirectoryRecordBytes, 0xFF);
  second.resize(kDirectoryRecordBytes, 0xFF);
  return joined({first, second});
}

Bytes object_directory(ObjectDirectoryStyle style) {
  Bytes other;
  if (style.two) other = tlv(0xA7, {path_of(kOtherDataObjectsFile, style.absolute)});
  return joined({other, tlv(0xA7, {path_of(kDataObjectsFile, style.absolute)})});
}

Bytes data_objects(DataObjectsStyle style) {
  constexpr std::string_view kName = "LwM2M Bootstrap";
  const Bytes flags{0x03, 0x02, 0x07, 0x80};  // private
  const auto oid = tlv(0x06, {kBootstrapOid});
  const auto common = tlv(0x30, {style.is_private ? flags : Bytes()});
  const auto data = tlv(0x30, {tlv(0x0C, {as_bytes(kName)})});
  const auto type =
      tlv(0xA1,
          {tlv(0x30, {style.oid_double ? tlv(0x06, {oid}) : oid, path_of(kBootstrapFile, style.absolute)})});
  return tlv(0xA1, {common, data, type});
}

Bytes other_data_objects() {
  constexpr std::string_view kName = "other";
  const Bytes oid{0x67, 0x2B, 0x09, 0x02};
  return tlv(0xA1, {tlv(0x30, {}), tlv(0x30, {tlv(0x0C, {as_bytes(kName)})}),
                    tlv(0xA1, {tlv(0x30, {tlv(0x06, {oid}), path_of(0x6433, false)})})});
}

Bytes file_control(std::uint16_t id, std::size_t size, std::uint8_t record_bytes) {
  Bytes descriptor{0x41, 0x21};
  if (record_bytes != 0)
    descriptor = {0x42, 0x21, 0x00, record_bytes, static_cast<std::uint8_t>(size / record_bytes)};
  return tlv(0x62, {tlv(0x82, {descriptor}), tlv(0x83, {two_bytes(id)}), Bytes{0x8A, 0x01, 0x05},
                    tlv(0x80, {two_bytes(static_cast<std::uint16_t>(size))})});
}

Bytes application_control(bool free) {
  const Bytes pin{0x90, 0x01, free ? std::uint8_t{0x00} : std::uint8_t{0x80}, 0x83, 0x01, 0x01};
  return tlv(0x62, {tlv(0x82, {Bytes{0x78, 0x21}}), tlv(0x84, {kApplicationId}), Bytes{0x8A, 0x01, 0x05},
                    tlv(0xC6, {pin})});
}

}  // namespace slipway::smartcard
