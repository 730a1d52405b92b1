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
  const bool is_cbor = client::is_factory_pack({data, size});
  const auto written = device::write_pack(*pack, is_cbor ? device::PackForm::cbor : device::PackForm::json);
  if (!written) return 0;  // a value that JSON cannot hold, such as an infinite number
  const auto again = device::parse_pack(*written, "again", catalog);
  if (!again || again->endpoint != pack->endpoint) std::abort();
  // fuzz/factory_pack.cpp compares those in CBOR, where a number may be none.
  if (!is_cbor && again->values != pack->values) std::abort();
  return 0;
}
