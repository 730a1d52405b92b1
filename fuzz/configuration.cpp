// SPDX-License-Identifier: Apache-2.0
// Configurations: any text gives settings or findings, each with a message and no control character.
#include <slipway/fleet/configuration.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  const auto read = fleet::parse_configuration(as_text({data, size}), "f.toml", builtin_objects());
  if (read) {
    (void)read->enrolments.find("urn:dev:os:1");
    return 0;
  }
  if (read.error().empty()) std::abort();
  for (const auto& finding : read.error()) {
    if (finding.message.empty()) std::abort();
    for (const char c : finding.text())
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
  }
  return 0;
}
