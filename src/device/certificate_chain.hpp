// SPDX-License-Identifier: Apache-2.0
// What /0/x/3 of an account with certificates may hold.
#pragma once

#include <slipway/base/bytes.hpp>
#include <vector>

namespace slipway::device {

/// The device's own certificate in front, DER: `text` is one in DER, or a chain in PEM. Empty when it is PEM
/// without a certificate. [LwM2M-TRANSPORT 1.2 §5.2.9.6]
[[nodiscard]] std::vector<Bytes> certificate_chain(ByteView text);

}  // namespace slipway::device
