// SPDX-License-Identifier: Apache-2.0
// Factory packs: any text is refused with a reason, or read, and then written and read again the same.
#include <slipway/device/pack.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  const auto& catalog = builtin_objects();
  const auto pack = device::parse_pack(as_text({data, size}), "pack", catalog);
  if (!pack) {
    if (pack.error().empty()) std::abort();
    return 0;
  }
  const auto written = device::write_pack(*pack);
  if (!written) return 0;  // a value that JSON cannot hold, such as an infinite number
  const auto again = device::parse_pack(*written, "again", catalog);
  if (!again || again->endpoint != pack->endpoint || again->values != pack->values) std::abort();
  return 0;
}
