// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <ostream>

#include <gtest/gtest.h>

#include "test_objects.hpp"
#include "vectors.hpp"

namespace slipway {

inline void PrintTo(const Entry& entry, std::ostream* out) {
  *out << entry.path.text().view() << " " << entry.value.to_display() << " kind " << int(entry.kind) << " @"
       << entry.time;
}
inline void PrintTo(const Error& error, std::ostream* out) {
  *out << to_string(error.code) << " at " << error.offset << ": " << error.detail;
}

}  // namespace slipway

namespace slipway::test {

/// Same content; NaN equals NaN.
inline bool same(const Value& a, const Value& b) {
  if (a.type() == DataType::floating && b.type() == DataType::floating)
    return a.as_floating() == b.as_floating() || (std::isnan(a.as_floating()) && std::isnan(b.as_floating()));
  return a == b;
}
inline bool same(const Entry& a, const Entry& b) {
  return a.path == b.path && a.kind == b.kind && a.time == b.time && same(a.value, b.value);
}

/// A decoding with buffers of its own; `payload` has to outlive it.
struct Decoded {
  std::vector<Entry> room;
  Bytes scratch;
  Result<std::span<Entry>> entries = fail(ErrorCode::not_found, "not decoded");

  [[nodiscard]] bool ok() const { return entries.has_value(); }
};

inline Decoded decode(ContentFormat format, std::string_view base, ByteView payload,
                      const ObjectCatalog* catalog = &test_catalog(), std::size_t entries_max = 256) {
  Decoded decoded;
  decoded.room.resize(entries_max);
  decoded.scratch.resize(payload.size());
  decoded.entries = codec::decode(format, Path::parse(base).value(), payload, {.catalog = catalog},
                                  {.entries = decoded.room, .scratch = decoded.scratch});
  return decoded;
}

inline Result<Bytes> encode(ContentFormat format, std::string_view base, std::span<const Entry> entries,
                            std::size_t room = 65536) {
  Bytes out(room);
  const auto size = codec::encode(format, Path::parse(base).value(), entries, out);
  if (!size) return std::unexpected(size.error());
  out.resize(*size);
  return out;
}

inline void expect_same(std::span<const Entry> expected, std::span<const Entry> actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(same(expected[i], actual[i])) << "expected " << ::testing::PrintToString(expected[i])
                                              << "\n     got " << ::testing::PrintToString(actual[i]);
}

inline std::string_view reason(const Error& error) {
  return to_string(error.code);
}

}  // namespace slipway::test
