// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/card_slot.hpp>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include <slipway/lwm2m/smartcard_file.hpp>
#include <slipway/net/smartcard_reader.hpp>
#include <slipway/smartcard/reading.hpp>

namespace slipway::device {
namespace {

using Outcome = std::expected<CardContent, CardTrouble>;

/// A buffer that is wiped: it has held keys.
struct FileBuffer {
  Bytes bytes = Bytes(lwm2m::kSmartcardFileMax);
  ~FileBuffer() { wipe(bytes); }
};

bool says_absent(smartcard::Problem problem) {
  return problem == smartcard::Problem::no_application || problem == smartcard::Problem::no_file;
}

Outcome outcome_of(const std::expected<ByteView, smartcard::Failure>& read, const std::string& reader) {
  if (read) return CardContent{.reader = reader, .file = Secret(*read)};
  const auto text = smartcard::text_of(read.error());
  if (says_absent(read.error().problem)) return CardContent{.reader = reader, .absence = text};
  return std::unexpected(CardTrouble{"smartcard reader \"" + reader + "\": " + text, read.error()});
}

}  // namespace

Outcome read_card(const std::string& reader, const Secret& pin) {
  auto readers = net::SmartcardReaders::open();
  if (!readers) return std::unexpected(CardTrouble{readers.error().message, {}});
  auto card = readers->connect(reader);
  if (!card) {
    if (card.error().kind == net::SmartcardError::Kind::no_card)
      return CardContent{.absence = card.error().message};
    return std::unexpected(CardTrouble{card.error().message, {}});
  }
  FileBuffer buffer;
  smartcard::CardReading reading({.pin = pin.clone()}, buffer.bytes);
  while (const auto command = reading.poll_command()) {
    if (reading.pin_presented()) card->reset_at_end();
    const auto answer = card->transmit(*command);
    if (!answer) {
      reading.card_lost();
      return std::unexpected(CardTrouble{answer.error().message, reading.outcome().error()});
    }
    reading.handle_response(*answer);
  }
  return outcome_of(reading.outcome(), card->reader());
}

/// What the thread of one reading shares with who waits for it, and outlives the wait.
struct CardSlot::Reading {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<Outcome> outcome;
};

CardSlot::CardSlot(CardSlotSettings settings) : settings_(std::move(settings)) {}
CardSlot::~CardSlot() = default;

Outcome CardSlot::read_details() {
  const auto trouble = [](const char* text) {
    return std::unexpected(CardTrouble{std::string("smartcard: ") + text, {}});
  };
  if (pin_refused_) return std::unexpected(*pin_refused_);
  if (reading_) {
    const std::lock_guard lock(reading_->mutex);
    if (!reading_->outcome)
      return trouble("the reader has not answered an earlier question yet; pull it and plug it in again");
  }
  reading_ = std::make_shared<Reading>();
  auto pin = std::make_shared<Secret>(settings_.pin.clone());
  try {
    std::thread([reading = reading_, reader = settings_.reader, pin] {
      auto outcome = read_card(reader, *pin);
      const std::lock_guard lock(reading->mutex);
      reading->outcome = std::move(outcome);
      reading->ended.notify_all();
    }).detach();
  } catch (const std::system_error&) {
    reading_.reset();
    return trouble("the system gives no thread to read it on; end other programs");
  }
  std::unique_lock lock(reading_->mutex);
  if (!reading_->ended.wait_for(lock, settings_.patience, [&] { return reading_->outcome.has_value(); }))
    return trouble("the reader or its card does not answer in time; insert the card again");
  auto outcome = std::move(*reading_->outcome);
  lock.unlock();
  reading_.reset();
  if (!outcome && outcome.error().failure &&
      outcome.error().failure->problem == smartcard::Problem::pin_wrong) {
    pin_refused_ = outcome.error();
  }
  return outcome;
}

std::expected<std::optional<Secret>, std::string> CardSlot::read() {
  auto outcome = read_details();
  if (!outcome) return std::unexpected(std::move(outcome.error().message));
  return std::move(outcome->file);
}

}  // namespace slipway::device
