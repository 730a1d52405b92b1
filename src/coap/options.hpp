// SPDX-License-Identifier: Apache-2.0
// What an endpoint must know of a message's options as a whole.
#pragma once

#include <slipway/coap/message.hpp>

namespace slipway::coap {

/// What stands in the way of handling a message.
enum class OptionVerdict : std::uint8_t {
  fine,
  bad_option,  ///< an unknown, malformed or repeated critical option [RFC 7252 §5.4]
  proxying,    ///< the peer wants a proxy [RFC 7252 §5.10.2]
};
/// What one look at all options of a message tells.
struct OptionCheck {
  OptionVerdict verdict = OptionVerdict::fine;
  bool blocks_readable = true;  ///< false for a reserved block size: 4.00 [RFC 7959 §2.2]
  std::optional<Block> block1{};
  std::optional<Block> block2{};
};
[[nodiscard]] OptionCheck check_options(const Message& message, Bert bert = Bert::refused);

/// The Block option of that number; absent is fine, broken is an error [RFC 7959 §2.2].
[[nodiscard]] Result<std::optional<Block>> find_block(const Message& message, OptionNumber number,
                                                      Bert bert = Bert::refused);

/// A hash of what makes two requests ask for the same thing: code and options, without those of the
/// block-wise transfer itself, Observe and Content-Format (its change within a transfer is an error of its
/// own).
[[nodiscard]] std::uint64_t request_key(const Message& request, std::uint64_t seed);

/// The next message of a block-wise transfer: an earlier request with other block options and payload.
struct FollowUp {
  std::optional<Block> block1{};
  std::optional<Block> block2{};
  std::optional<std::uint32_t> size1{};
  ByteView payload{};
  bool keep_observe = false;
  std::optional<std::uint32_t> observe{};  ///< in place of the earlier one
};
/// The writer has its header already.
void write_follow_up(MessageWriter& writer, const Message& earlier, const FollowUp& next);

}  // namespace slipway::coap
