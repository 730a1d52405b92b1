// SPDX-License-Identifier: Apache-2.0
// The protocol between a virtual card and the virtual reader of vsmartcard (vpcd): how our card gets into
// pcscd.
#pragma once

#include <cstddef>
#include <cstdint>

#include <slipway/base/bytes.hpp>
#include <slipway/smartcard/card.hpp>

namespace slipway::smartcard {

/// TCP port of the virtual reader as Debian's vsmartcard-vpcd sets it up.
inline constexpr std::uint16_t kVpcdPort = 0x8C7B;
/// Largest command that the card is given; a short APDU has at most 261 bytes.
inline constexpr std::size_t kVpcdMessageMax = 1024;

/// The card's end of one connection.
class VpcdSession {
 public:
  /// Both outlive this object.
  explicit VpcdSession(Card& card) : card_(card) {}
  ~VpcdSession();
  VpcdSession(const VpcdSession&) = delete;
  VpcdSession& operator=(const VpcdSession&) = delete;

  /// Takes what has arrived, in pieces of any size, and returns what is to be sent; the view lives until the
  /// next call. Errors: limit (a message above kVpcdMessageMax: whoever talks is no virtual reader; close).
  [[nodiscard]] Result<ByteView> handle_bytes(ByteView bytes);

 private:
  void handle_message(ByteView message);
  void answer(ByteView bytes);

  Card& card_;
  Bytes received_;
  Bytes to_send_;
};

}  // namespace slipway::smartcard
