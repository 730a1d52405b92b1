// SPDX-License-Identifier: Apache-2.0
// Instructions of one encode and one decode of a Device instance, repeatable to the instruction:
//
//   valgrind --tool=callgrind --collect-atstart=no --toggle-collect=measure_tlv_round_trip
//   ./bench_count_codec
//
// and the same with the other measure_ functions. Under callgrind each runs often enough first that
// lazy binding is over; its counts are then zeroed. The program checks what it measures.
#include <valgrind/callgrind.h>

#include <cstdio>

#include "../bench/device_payload.hpp"

namespace {

using slipway::ByteView;
using slipway::ContentFormat;
using slipway::Entry;

struct Fixture {
  std::array<Entry, 11> entries = slipway::bench::device_entries();
  std::array<std::uint8_t, 1024> payload{};
  std::array<std::uint8_t, 1024> scratch{};
  std::array<Entry, 32> decoded{};
  slipway::codec::DecodeOptions options{.catalog = &slipway::builtin_objects()};
};

/// Entries read back, 0 on failure.
inline std::size_t round_trip(ContentFormat format, Fixture& fixture) {
  const auto size = slipway::codec::encode(format, slipway::bench::kDevice, fixture.entries, fixture.payload);
  if (!size) return 0;
  const auto read =
      slipway::codec::decode(format, slipway::bench::kDevice, ByteView(fixture.payload).first(*size),
                             fixture.options, {.entries = fixture.decoded, .scratch = fixture.scratch});
  return read ? read->size() : 0;
}

}  // namespace

extern "C" {
[[gnu::noinline]] std::size_t measure_tlv_round_trip(Fixture& fixture) {
  return round_trip(ContentFormat::tlv, fixture);
}
[[gnu::noinline]] std::size_t measure_senml_cbor_round_trip(Fixture& fixture) {
  return round_trip(ContentFormat::senml_cbor, fixture);
}
[[gnu::noinline]] std::size_t measure_lwm2m_cbor_round_trip(Fixture& fixture) {
  return round_trip(ContentFormat::lwm2m_cbor, fixture);
}
[[gnu::noinline]] std::size_t measure_senml_json_round_trip(Fixture& fixture) {
  return round_trip(ContentFormat::senml_json, fixture);
}
}

int main() {
  Fixture fixture;
  for (const auto measure : {measure_tlv_round_trip, measure_senml_cbor_round_trip,
                             measure_lwm2m_cbor_round_trip, measure_senml_json_round_trip}) {
    if (measure(fixture) != fixture.entries.size()) {
      std::fputs("a round trip lost entries\n", stderr);
      return 1;
    }
    for (std::size_t i = 0; i < fixture.entries.size(); ++i) {
      if (fixture.decoded[i].path != fixture.entries[i].path ||
          !(fixture.decoded[i].value == fixture.entries[i].value)) {
        std::fputs("a round trip changed a value\n", stderr);
        return 1;
      }
    }
    CALLGRIND_ZERO_STATS;
    if (measure(fixture) == 0) return 1;
    CALLGRIND_DUMP_STATS;
  }
  return 0;
}
