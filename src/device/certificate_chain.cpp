// SPDX-License-Identifier: Apache-2.0
#include "certificate_chain.hpp"

#include <slipway/security/keys.hpp>

namespace slipway::device {

std::vector<Bytes> certificate_chain(ByteView text) {
  constexpr std::string_view kPem = "-----BEGIN";
  if (!as_text(text).starts_with(kPem)) return {Bytes(text.begin(), text.end())};
  std::vector<Bytes> chain;
  const auto blocks = security::read_pem(as_text(text));
  if (!blocks) return chain;
  for (const auto& block : *blocks)
    if (block.label == "CERTIFICATE")
      chain.emplace_back(block.der.reveal().begin(), block.der.reveal().end());
  return chain;
}

}  // namespace slipway::device
