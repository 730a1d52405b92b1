// SPDX-License-Identifier: Apache-2.0
// Why a smartcard could not be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slipway::smartcard {

enum class Problem : std::uint8_t {
  no_application,  ///< no PKCS#15 application: not a card with bootstrap information
  no_file,         ///< the application names no EF(LwM2M_Bootstrap)
  pin_wanted,      ///< the card asks for a PIN and there is none
  pin_wrong,       ///< the card refused the PIN: `tries_left`. Do not try this PIN on this card again.
  pin_last_try,    ///< the PIN was not presented, because only one try is left
  pin_blocked,     ///< the card takes no PIN any more until it is unblocked
  refused,         ///< any other status that is an error: `status`
  malformed,       ///< what the card said cannot be understood
  limit,           ///< the card said more than any good card has to say
  card_lost,       ///< the card went away, or the reader
};

/// The command that it happened at, in the order of the sequence.
enum class Step : std::uint8_t {
  directory,         ///< EF(DIR)
  channel,           ///< MANAGE CHANNEL
  application,       ///< SELECT of PKCS#15
  object_directory,  ///< EF(ODF)
  data_objects,      ///< EF(DODF-bootstrap)
  pin,               ///< VERIFY PIN
  file,              ///< EF(LwM2M_Bootstrap)
};

struct Failure {
  Problem problem = Problem::refused;
  Step step = Step::directory;
  std::uint16_t status = 0;                ///< SW1 SW2; 0 where there was none
  std::optional<std::uint8_t> tries_left;  ///< of the PIN, where the card told
  bool operator==(const Failure&) const = default;
};

/// A sentence for a person: what, at which file, and what to do. Holds nothing from the card.
[[nodiscard]] std::string text_of(const Failure& failure);

}  // namespace slipway::smartcard
