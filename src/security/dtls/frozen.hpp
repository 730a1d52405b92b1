// SPDX-License-Identifier: Apache-2.0
// A session's records as bytes, so that it survives a restart or moves to another server.
#pragma once

#include <slipway/base/secret.hpp>

#include "security/dtls/record.hpp"

namespace slipway::security::dtls {

/// Freezes a session. The sender may send at most `reserve` more records before it freezes the session
/// again: the thawed one goes on behind them, so that no sequence number, and with it no nonce, is
/// ever used twice. Holds keys: seal it before it is stored. Errors: exhausted (sequence numbers).
[[nodiscard]] Result<Secret> freeze(const RecordState& state, std::uint64_t reserve);

/// Goes on where `freeze` says. What was received before the freeze is refused; so is what lies below
/// it and was not. Errors: truncated, malformed, unsupported (another version).
[[nodiscard]] Result<RecordState> thaw(ByteView frozen);

}  // namespace slipway::security::dtls
