// SPDX-License-Identifier: Apache-2.0
// Any bytes as EF(LwM2M_Bootstrap): refused with a reason, or read; what was read is written and reads the
// same.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <slipway/lwm2m/smartcard_file.hpp>

#include "support/vector_bytes.hpp"

using namespace slipway;

namespace {

std::array<Entry, 256> entries, again;
std::array<std::uint8_t, lwm2m::kSmartcardFileMax> written;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

bool same(const Entry& a, const Entry& b) {
  const bool both_nan = a.value.type() == DataType::floating && b.value.type() == DataType::floating &&
                        std::isnan(a.value.as_floating()) && std::isnan(b.value.as_floating());
  return a.path == b.path && a.kind == b.kind && (both_nan || a.value == b.value);
}

std::vector<lwm2m::SmartcardObjectVersion> versions_of(ByteView file) {
  std::vector<lwm2m::SmartcardObjectVersion> versions;
  auto reader = lwm2m::SmartcardFileReader::open(file);
  for (auto object = reader->next(); *object; object = reader->next())
    if ((*object)->version) versions.push_back({(*object)->id, *(*object)->version});
  return versions;
}

void check_file(ByteView file) {
  const auto first = lwm2m::decode_smartcard_file(file, builtin_objects(), entries);
  if (!first)
    return require(first.error().offset <= file.size() && *first.error().detail != '\0', "an error's offset");
  std::ranges::sort(*first, {}, &Entry::path);
  const auto size = lwm2m::encode_smartcard_file(*first, written, versions_of(file));
  if (!size)  // what a TLV may hold and no list of entries: the same thing twice in several forms
    return require(size.error().code == ErrorCode::unsupported || size.error().code == ErrorCode::duplicate,
                   size.error().detail);
  const auto second = lwm2m::decode_smartcard_file(ByteView(written).first(*size), builtin_objects(), again);
  require(second && std::ranges::equal(*first, *second, same), "it reads back differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::for_each_vector({data, size}, check_file);
  return 0;
}
