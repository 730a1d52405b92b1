// SPDX-License-Identifier: Apache-2.0
// Any bytes as a factory pack in CBOR: refused with a reason, or read; what was read is written and reads the
// same.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <slipway/client/factory_pack.hpp>

#include "support/vector_bytes.hpp"

using namespace slipway;

namespace {

std::array<Entry, 512> entries, again;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// 5.0 is written as 5 where nobody says that it is a Float.
bool same(const Entry& a, const Entry& b) {
  if (a.path != b.path) return false;
  if (a.value.type() == DataType::floating || b.value.type() == DataType::floating) return true;
  return a.value == b.value || a.value.type() != b.value.type();
}

void read_pack(ByteView bytes) {
  Bytes scratch(bytes.size() + 64);
  const auto pack = client::read_factory_pack(bytes, builtin_objects(), {entries, scratch});
  if (!pack)
    return require(pack.error().offset <= bytes.size() && *pack.error().detail != '\0', "an error's offset");
  Bytes written(2 * bytes.size() + 64 * pack->entries.size() + 1024);
  const auto size = client::write_factory_pack(*pack, written);
  if (!size) return require(size.error().code != ErrorCode::no_space, "it does not fit");
  Bytes more(*size + 64);
  const auto second =
      client::read_factory_pack(ByteView(written).first(*size), builtin_objects(), {again, more});
  require(second.has_value(), "it cannot be read again");
  require(second->endpoint == pack->endpoint && std::ranges::equal(pack->entries, second->entries, same),
          "it reads back differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::for_each_vector({data, size}, read_pack);
  return 0;
}
