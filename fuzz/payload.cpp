// SPDX-License-Identifier: Apache-2.0
// Whatever decodes can be encoded again, and reads back as the same entries.
//
// The first byte picks format (low nibble) and target (high nibble); the rest is the payload.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

#include <slipway/codec/payload.hpp>

namespace {

using namespace slipway;

constexpr ContentFormat kFormats[] = {ContentFormat::tlv,
                                      ContentFormat::senml_cbor,
                                      ContentFormat::senml_json,
                                      ContentFormat::lwm2m_cbor,
                                      ContentFormat::text,
                                      ContentFormat::opaque,
                                      ContentFormat::cbor,
                                      ContentFormat::oma_json,
                                      ContentFormat::senml_etch_json,
                                      ContentFormat::senml_etch_cbor};

const Path kTargets[] = {Path(),
                         Path(ObjectId(3)),
                         Path(ObjectId(3), InstanceId(0)),
                         Path(ObjectId(3), InstanceId(0), ResourceId(9)),
                         Path(ObjectId(3), InstanceId(0), ResourceId(6)),
                         Path(ObjectId(3), InstanceId(0), ResourceId(6), ResourceInstanceId(0)),
                         Path(ObjectId(0), InstanceId(1)),
                         Path(ObjectId(2)),
                         Path(ObjectId(6), InstanceId(0), ResourceId(0)),
                         Path(ObjectId(9999), InstanceId(0)),
                         Path(ObjectId(9999), InstanceId(0), ResourceId(0)),
                         Path(ObjectId(5), InstanceId(0), ResourceId(0))};

bool is_number(const Value& value) {
  return value.type() == DataType::integer || value.type() == DataType::floating ||
         value.type() == DataType::time || value.type() == DataType::unsigned_integer;
}
double as_number(const Value& value) {
  if (value.type() == DataType::floating) return value.as_floating();
  return value.type() == DataType::unsigned_integer ? static_cast<double>(value.as_unsigned())
                                                    : static_cast<double>(value.as_integer());
}

/// Without a definition a number is only a number: 5.0 is written as 5, and a tagged time untagged.
bool same(const Value& a, const Value& b) {
  if (a.type() == DataType::floating && std::isnan(a.as_floating()))
    return b.type() == DataType::floating && std::isnan(b.as_floating());
  if (a.type() != b.type() && is_number(a) && is_number(b)) return as_number(a) == as_number(b);
  return a == b;
}

bool same(std::span<const Entry> a, std::span<const Entry> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Entry& x, const Entry& y) {
    return x.path == y.path && x.kind == y.kind && x.time == y.time && same(x.value, y.value);
  });
}

/// Not every decoded list can be encoded in the same format, and these are the reasons.
bool may_refuse(ContentFormat format, const Error& error) {
  if (format == ContentFormat::oma_json) return true;  // never written
  return error.code == ErrorCode::unsupported || error.code == ErrorCode::duplicate;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto format = kFormats[(data[0] & 15) % std::size(kFormats)];
  const Path& target = kTargets[(data[0] >> 4) % std::size(kTargets)];
  const ByteView payload(data + 1, size - 1);
  const codec::DecodeOptions options{.catalog = &builtin_objects()};

  std::array<Entry, 128> entries;
  std::vector<std::uint8_t> scratch(payload.size());
  const auto first = codec::decode(format, target, payload, options, {entries, scratch});
  if (!first) {
    if (first.error().offset > payload.size() || *first.error().detail == '\0') std::abort();
    // With the largest scratch that can be needed, only entries and nesting have a limit.
    return 0;
  }
  std::sort(first->begin(), first->end(), [](const Entry& a, const Entry& b) {
    return a.path != b.path ? a.path < b.path : a.time < b.time;
  });
  std::array<std::uint8_t, 65536> encoded;
  const auto written = codec::encode(format, target, *first, encoded);
  if (!written) {
    if (!may_refuse(format, written.error())) std::abort();
    return 0;
  }
  // An exact buffer is enough, and one byte less is not.
  std::vector<std::uint8_t> exact(*written);
  if (!codec::encode(format, target, *first, exact)) std::abort();
  if (!exact.empty()) {
    exact.pop_back();
    if (codec::encode(format, target, *first, exact)) std::abort();
  }
  std::array<Entry, 128> again;
  std::vector<std::uint8_t> more(*written);
  const auto second =
      codec::decode(format, target, ByteView(encoded).first(*written), options, {again, more});
  if (!second || !same(*first, *second)) std::abort();
  return 0;
}
