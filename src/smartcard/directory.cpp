// SPDX-License-Identifier: Apache-2.0
#include "smartcard/directory.hpp"

#include "smartcard/ber.hpp"

namespace slipway::smartcard {
namespace {

constexpr std::uint8_t kOctetString = 0x04, kBitString = 0x03, kOid = 0x06, kSequence = 0x30;
constexpr std::uint8_t kTypeAttributes = 0xA1;  // [1] of a PKCS15Object
constexpr std::uint8_t kOidObject = 0xA1;       // [1] of a DODF entry: oidDO

bool starts_with(ByteView bytes, ByteView prefix) {
  return bytes.size() >= prefix.size() && equal(bytes.first(prefix.size()), prefix);
}

/// The specification's example wraps the OID twice, and cards have copied it.
bool is_bootstrap_oid(ByteView content) {
  constexpr std::array<std::uint8_t, 2> kWrapped{kOid, kBootstrapOid.size()};
  if (starts_with(content, kWrapped)) content = content.subspan(kWrapped.size());
  return equal(content, kBootstrapOid);
}

/// 3F00... is from the master file, everything else is below the application.
std::optional<FilePath> read_path(ByteView bytes) {
  constexpr std::array<std::uint8_t, 2> kMasterFile{0x3F, 0x00}, kThisApplication{0x7F, 0xFF};
  FilePath path;
  path.absolute = starts_with(bytes, kMasterFile);
  if (path.absolute || starts_with(bytes, kThisApplication)) bytes = bytes.subspan(2);
  if (bytes.empty() || bytes.size() % 2 != 0) return std::nullopt;
  for (const auto byte : bytes)
    if (!path.ids.push_back(byte)) return std::nullopt;
  return path;
}

/// Path ::= SEQUENCE { efidOrPath OCTET STRING, ... }, possibly within another sequence.
std::optional<FilePath> find_path(ByteView bytes) {
  if (const auto direct = find_tag(bytes, kOctetString)) return read_path(*direct);
  BerReader reader(bytes);
  for (auto tlv = reader.next(); tlv && *tlv; tlv = reader.next())
    if ((*tlv)->tag == kSequence)
      if (const auto inner = find_tag((*tlv)->value, kOctetString)) return read_path(*inner);
  return std::nullopt;
}

bool has_bootstrap_oid(ByteView bytes) {
  const auto oid = find_tag(bytes, kOid);
  return oid && is_bootstrap_oid(*oid);
}

/// CommonObjectFlags: a count of unused bits, then private (the highest bit) and modifiable.
bool is_private(ByteView common_attributes) {
  const auto flags = find_tag(common_attributes, kBitString);
  return flags && flags->size() >= 2 && ((*flags)[1] & 0x80) != 0;
}

//  entry ::= [1] or SEQUENCE {
//    SEQUENCE { label, flags, ... }            CommonObjectAttributes
//    SEQUENCE { applicationName, OID, ... }    CommonDataObjectAttributes
//    [1] { SEQUENCE { OID, Path } or Path }    what kind it is decides
//  }
std::optional<DataObject> read_entry(ByteView entry) {
  BerReader reader(entry);
  const auto common = reader.next();
  const auto data = reader.next();
  if (!common || !*common || !data || !*data) return std::nullopt;
  const auto type = find_tag(entry, kTypeAttributes);
  if (!type) return std::nullopt;
  const auto inner = find_tag(*type, kSequence).value_or(*type);
  if (!has_bootstrap_oid((*data)->value) && !has_bootstrap_oid(inner)) return std::nullopt;
  const auto path = find_path(inner);
  if (!path) return std::nullopt;
  return DataObject{*path, is_private((*common)->value)};
}

/// PIN Status Template: 90 tells by a bit each which PINs are enabled, 83 names them in this order.
std::optional<std::uint8_t> read_pin_status(ByteView status) {
  const auto enabled = find_tag(status, 0x90);
  std::size_t index = 0;
  BerReader reader(status);
  for (auto tlv = reader.next(); tlv && *tlv; tlv = reader.next()) {
    if ((*tlv)->tag != 0x83 || (*tlv)->value.size() != 1) continue;
    const bool is_enabled =
        !enabled || (index / 8 < enabled->size() && ((*enabled)[index / 8] & (0x80u >> index % 8)) != 0);
    ++index;
    if (is_enabled) return (*tlv)->value[0];
  }
  return std::nullopt;
}

}  // namespace

std::optional<ByteView> find_application(ByteView directory) {
  BerReader reader(directory);
  for (auto tlv = reader.next(); tlv && *tlv; tlv = reader.next()) {
    if ((*tlv)->tag != 0x61) continue;
    const auto id = find_tag((*tlv)->value, 0x4F);
    if (id && id->size() <= 16 && starts_with(*id, kApplicationId)) return id;
  }
  return std::nullopt;
}

FileControl read_file_control(ByteView fcp) {
  FileControl control;
  const auto parameters = find_tag(fcp, 0x62);
  if (!parameters) return control;
  if (const auto size = find_tag(*parameters, 0x80); size && !size->empty() && size->size() <= 4)
    control.size = static_cast<std::size_t>(ByteReader(*size).unsigned_of(size->size()).value_or(0));
  if (const auto descriptor = find_tag(*parameters, 0x82); descriptor && !descriptor->empty()) {
    control.transparent = ((*descriptor)[0] & 0x07) == 0x01;
    if (descriptor->size() >= 4 && (*descriptor)[2] == 0) control.record_bytes = (*descriptor)[3];
  }
  if (const auto pins = find_tag(*parameters, 0xC6)) control.pin_reference = read_pin_status(*pins);
  return control;
}

BoundedVector<FilePath, kDataDirectoriesMax> find_data_directories(ByteView object_directory) {
  constexpr std::uint8_t kDataObjects = 0xA7;  // [7]
  BoundedVector<FilePath, kDataDirectoriesMax> paths;
  BerReader reader(object_directory);
  for (auto tlv = reader.next(); tlv && *tlv; tlv = reader.next())
    if ((*tlv)->tag == kDataObjects)
      if (const auto path = find_path((*tlv)->value))
        if (!paths.push_back(*path)) break;
  return paths;
}

std::optional<DataObject> find_bootstrap_file(ByteView data_objects) {
  BerReader reader(data_objects);
  for (auto tlv = reader.next(); tlv && *tlv; tlv = reader.next()) {
    if ((*tlv)->tag != kSequence && (*tlv)->tag != kOidObject) continue;
    if (const auto object = read_entry((*tlv)->value)) return object;
  }
  return std::nullopt;
}

}  // namespace slipway::smartcard
