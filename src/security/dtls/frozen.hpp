// SPDX-License-Identifier: Apache-2.0
// A session's records as bytes, so that it survives a restart or moves to another server.
#pragma once

#include <slipway/base/secret.hpp>

#include "security/dtls/record.hpp"

namespace slipway::security::dtls {

/// Freezes a session. From now on the sender uses at most the next `reserve` sequence numbers, up to
/// `limit_of` the result, before it freezes the session again. Holds keys: seal it before it is stored.
/// Errors: exhausted (sequence numbers).
[[nodiscard]] Result<Secret> freeze(const RecordState& state, std::uint32_t reserve);

struct Thawed {
  RecordState records;
  std::uint64_t sequence_limit = 0;  ///< sequence numbers from here on are for the next life
};

/// Goes on where `freeze` says, in the `life`-th life after it: 1 for the first restart, 2 for the second
/// without a freeze between. Each life has a block of `reserve` sequence numbers of its own, so that none,
/// and with it no nonce, is ever used twice, though nothing is written in between. What was received before
/// the freeze is refused; so is what lies below it and was not. Errors: truncated, malformed, unsupported
/// (another version), exhausted (sequence numbers), out_of_range (life 0).
[[nodiscard]] Result<Thawed> thaw(ByteView frozen, std::uint64_t life);

}  // namespace slipway::security::dtls
