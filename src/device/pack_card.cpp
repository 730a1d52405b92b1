// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/secret.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/lwm2m/smartcard_file.hpp>

namespace slipway::device {

std::expected<Secret, std::string> smartcard_file_of(const Pack& pack) {
  Bytes file(lwm2m::kSmartcardFileMax);
  const auto size = lwm2m::encode_smartcard_file(pack.entries(), file);
  if (!size)
    return std::unexpected(pack.endpoint + ": a smartcard cannot hold this pack: " + size.error().detail +
                           "; a card takes 32 KiB of values, each path once");
  Secret content(ByteView(file).first(*size));
  wipe(file);
  return content;
}

}  // namespace slipway::device
