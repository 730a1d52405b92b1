// SPDX-License-Identifier: Apache-2.0
#include <slipway/smartcard/vpcd.hpp>

#include <slipway/base/secret.hpp>

namespace slipway::smartcard {
namespace {

//   0       2
//  +-------+---------------------+
//  | length| command APDU        |   answered in the same frame
//  +-------+---------------------+
//  length 1: one byte of control. Only the question for the ATR is answered.

constexpr std::uint8_t kPowerOff = 0, kPowerOn = 1, kReset = 2, kAnswerToResetWanted = 4;
constexpr std::size_t kHeaderBytes = 2;

}  // namespace

VpcdSession::~VpcdSession() {
  wipe(received_);
  wipe(to_send_);
}

Result<ByteView> VpcdSession::handle_bytes(ByteView bytes) {
  to_send_.clear();
  for (const auto byte : bytes) {  // never more than one message waits here
    received_.push_back(byte);
    if (received_.size() < kHeaderBytes) continue;
    const auto size = static_cast<std::size_t>(received_[0] << 8 | received_[1]);
    if (size > kVpcdMessageMax) return fail(ErrorCode::limit, "a message that is longer than any command");
    if (received_.size() < kHeaderBytes + size) continue;
    handle_message(ByteView(received_).subspan(kHeaderBytes));
    wipe(received_);
    received_.clear();
  }
  return ByteView(to_send_);
}

void VpcdSession::handle_message(ByteView message) {
  if (message.size() != 1) return answer(card_.process(message));
  switch (message[0]) {
    case kPowerOff:
    case kPowerOn:
    case kReset:
      return card_.reset();
    case kAnswerToResetWanted:
      return answer(Card::answer_to_reset());
    default:
      return;
  }
}

void VpcdSession::answer(ByteView bytes) {
  to_send_.push_back(static_cast<std::uint8_t>(bytes.size() >> 8));
  to_send_.push_back(static_cast<std::uint8_t>(bytes.size()));
  to_send_.insert(to_send_.end(), bytes.begin(), bytes.end());
}

}  // namespace slipway::smartcard
