// SPDX-License-Identifier: Apache-2.0
#include <slipway/smartcard/failure.hpp>

#include <array>

namespace slipway::smartcard {
namespace {

const char* name_of(Step step) {
  switch (step) {
    case Step::directory:
      return "EF(DIR)";
    case Step::channel:
      return "MANAGE CHANNEL";
    case Step::application:
      return "the PKCS#15 application";
    case Step::object_directory:
      return "EF(ODF)";
    case Step::data_objects:
      return "EF(DODF-bootstrap)";
    case Step::pin:
      return "VERIFY PIN";
    case Step::file:
      return "EF(LwM2M_Bootstrap)";
  }
  return "";
}

std::string status_text(std::uint16_t status) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text = "status ";
  for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[status >> shift & 0xF];
  return text;
}

std::string tries_text(const Failure& failure) {
  if (!failure.tries_left) return "the card does not say how many tries are left";
  const auto tries = *failure.tries_left;
  return tries == 1 ? "1 try is left" : std::to_string(tries) + " tries are left";
}

}  // namespace

std::string text_of(const Failure& failure) {
  switch (failure.problem) {
    case Problem::no_application:
      return "the card has no PKCS#15 application, so it holds no bootstrap information; insert one that "
             "does";
    case Problem::no_file:
      return std::string(name_of(failure.step)) +
             ": the card names no EF(LwM2M_Bootstrap), so it holds no bootstrap information; have the card's "
             "issuer add it";
    case Problem::pin_wanted:
      return "the card asks for a PIN and none was given; give it, 4 to 8 digits";
    case Problem::pin_wrong:
      return "the card refused the PIN, and " + tries_text(failure) +
             "; correct the PIN before anything else is tried";
    case Problem::pin_last_try:
      return "the PIN was not presented, because only 1 try is left before the card blocks; present it once "
             "by "
             "hand, for example in a telephone";
    case Problem::pin_blocked:
      return "the card's PIN is blocked; unblock it with the PUK of its issuer";
    case Problem::refused:
      return std::string(name_of(failure.step)) + ": the card refuses it (" + status_text(failure.status) +
             "); have the card's issuer look at its access conditions";
    case Problem::malformed:
      return std::string(name_of(failure.step)) +
             ": the card's answer cannot be understood; insert another card, or clean its contacts";
    case Problem::limit:
      return std::string(name_of(failure.step)) +
             ": the card says more than any card with bootstrap information has to say; insert another card";
    case Problem::card_lost:
      return std::string(name_of(failure.step)) +
             ": the card or its reader went away while it was read; insert it again";
  }
  return {};
}

}  // namespace slipway::smartcard
