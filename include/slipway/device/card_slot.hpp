// SPDX-License-Identifier: Apache-2.0
// A smartcard in a reader of this machine: PC/SC and the command sequence together.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include <slipway/base/secret.hpp>
#include <slipway/device/smartcard_source.hpp>
#include <slipway/smartcard/failure.hpp>

namespace slipway::device {

/// What a card had.
struct CardContent {
  std::string reader;          ///< the one it was found in; empty when there is no card
  std::optional<Secret> file;  ///< EF(LwM2M_Bootstrap)
  std::string absence;         ///< without a file: why, for a person
};

struct CardTrouble {
  std::string message;                        ///< for a person; names the reader
  std::optional<smartcard::Failure> failure;  ///< where the card was reached
};

/// Reads the card once. `reader` is a name or a part of one; empty: the first reader with a card. `pin` may
/// be empty. Blocks as long as reader and card do.
[[nodiscard]] std::expected<CardContent, CardTrouble> read_card(const std::string& reader, const Secret& pin);

struct CardSlotSettings {
  std::string reader;  ///< a name or a part of one; empty: the first reader with a card
  Secret pin;          ///< empty: none
  /// After which a reading counts as failed. It goes on behind our back until the reader lets go of it, and
  /// until then no other one begins.
  std::chrono::milliseconds patience = std::chrono::seconds(20);
};

/// The source of a device: no card, and a card without the file, are "nothing"; a reader or a service that
/// is not there is an error, since it says nothing about the card. A PIN that a card has refused is never
/// presented again by this object.
class CardSlot final : public SmartcardSource {
 public:
  explicit CardSlot(CardSlotSettings settings);
  ~CardSlot() override;
  CardSlot(const CardSlot&) = delete;
  CardSlot& operator=(const CardSlot&) = delete;

  [[nodiscard]] std::expected<std::optional<Secret>, std::string> read() override;
  /// As `read`, with the details.
  [[nodiscard]] std::expected<CardContent, CardTrouble> read_details();

 private:
  struct Reading;
  CardSlotSettings settings_;
  std::shared_ptr<Reading> reading_;
  std::optional<CardTrouble> pin_refused_;
};

}  // namespace slipway::device
