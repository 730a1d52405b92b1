// SPDX-License-Identifier: Apache-2.0
// Time of encoding and decoding a Device instance, by format.
#include <benchmark/benchmark.h>

#include "../bench/device_payload.hpp"

namespace slipway {
namespace {

constexpr ContentFormat kFormats[] = {ContentFormat::tlv, ContentFormat::senml_cbor,
                                      ContentFormat::lwm2m_cbor, ContentFormat::senml_json};

void encode_device(benchmark::State& state) {
  const auto format = kFormats[state.range(0)];
  const auto entries = bench::device_entries();
  std::array<std::uint8_t, 1024> out;
  std::size_t size = 0;
  for (auto _ : state) {
    size = codec::encode(format, bench::kDevice, entries, out).value_or(0);
    benchmark::DoNotOptimize(out);
  }
  if (size == 0) state.SkipWithError("the payload was not encoded");
  state.SetLabel(to_string(format));
  state.counters["bytes"] = static_cast<double>(size);
}
BENCHMARK(encode_device)->DenseRange(0, 3);

void decode_device(benchmark::State& state) {
  const auto format = kFormats[state.range(0)];
  const auto entries = bench::device_entries();
  std::array<std::uint8_t, 1024> payload;
  std::array<std::uint8_t, 1024> scratch;
  std::array<Entry, 32> decoded;
  const auto size = codec::encode(format, bench::kDevice, entries, payload).value_or(0);
  const codec::DecodeOptions options{.catalog = &builtin_objects()};
  std::size_t count = 0;
  for (auto _ : state) {
    const auto read = codec::decode(format, bench::kDevice, ByteView(payload).first(size), options,
                                    {.entries = decoded, .scratch = scratch});
    count = read ? read->size() : 0;
    benchmark::DoNotOptimize(decoded);
  }
  if (count != entries.size()) state.SkipWithError("the payload was not decoded");
  state.SetLabel(to_string(format));
}
BENCHMARK(decode_device)->DenseRange(0, 3);

}  // namespace
}  // namespace slipway

BENCHMARK_MAIN();
