// SPDX-License-Identifier: Apache-2.0
// Instructions and statuses of ISO 7816-4 and ETSI TS 102 221 that both the reading and the card use.
#pragma once

#include <cstdint>

namespace slipway::smartcard {

//  CLA INS P1 P2 [Lc data] [Le]   ->   [data] SW1 SW2

inline constexpr std::uint8_t kSelect = 0xA4, kReadBinary = 0xB0, kReadRecord = 0xB2, kVerify = 0x20,
                              kManageChannel = 0x70, kGetResponse = 0xC0;

inline constexpr std::uint16_t kStatusGood = 0x9000;
inline constexpr std::uint16_t kStatusEndOfFile = 0x6282;  ///< fewer bytes than were asked for
inline constexpr std::uint16_t kStatusPinTries = 0x63C0;   ///< its last digit: tries left
inline constexpr std::uint16_t kStatusWrongLength = 0x6700;
inline constexpr std::uint16_t kStatusNoChannels = 0x6881;
inline constexpr std::uint16_t kStatusNotAllowed = 0x6986;  ///< no current file
inline constexpr std::uint16_t kStatusSecurity = 0x6982;    ///< a PIN is wanted
inline constexpr std::uint16_t kStatusPinBlocked = 0x6983;
inline constexpr std::uint16_t kStatusPinUnusable = 0x6984;
inline constexpr std::uint16_t kStatusNoFunction = 0x6A81;
inline constexpr std::uint16_t kStatusNotFound = 0x6A82;
inline constexpr std::uint16_t kStatusNoRecord = 0x6A83;
inline constexpr std::uint16_t kStatusWrongParameters = 0x6A86;
inline constexpr std::uint16_t kStatusNoReference = 0x6A88;
inline constexpr std::uint16_t kStatusBeyondEnd = 0x6B00;      ///< an offset outside of the file
inline constexpr std::uint16_t kStatusCorrectLength = 0x6C00;  ///< its low byte: ask for so many
inline constexpr std::uint16_t kStatusNoInstruction = 0x6D00;
inline constexpr std::uint16_t kStatusNoClass = 0x6E00;

/// Highest logical channel. [ETSI TS 102 221 §10.1.1]
inline constexpr std::uint8_t kChannelMax = 19;

/// The class byte of a logical channel: 0..3 in two bits, 4..19 in four.
constexpr std::uint8_t class_of(std::uint8_t channel) {
  return channel < 4 ? channel : static_cast<std::uint8_t>(0x40 | (channel - 4));
}

}  // namespace slipway::smartcard
