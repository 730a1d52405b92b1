// SPDX-License-Identifier: Apache-2.0
#include <slipway/smartcard/reading.hpp>

#include <algorithm>

#include <slipway/lwm2m/smartcard_file.hpp>

#include "smartcard/apdu.hpp"
#include "smartcard/ber.hpp"
#include "smartcard/directory.hpp"

namespace slipway::smartcard {
namespace {

/// The PIN that protects files by default: PIN 1. [ETSI TS 102 221 §9.5.1]
constexpr std::uint8_t kPin1 = 0x01;
constexpr std::size_t kPinField = 8;
/// READ BINARY with a two-byte offset reaches no further.
constexpr std::size_t kOffsetMax = 0x7FFF;

/// 9000, or 91xx: done, and the card has a proactive command waiting, which is not for us.
bool is_good(std::uint16_t status) {
  return status == kStatusGood || status >> 8 == 0x91;
}
/// 62xx: done, with a warning.
bool is_selected(std::uint16_t status) {
  return is_good(status) || status >> 8 == 0x62;
}

}  // namespace

bool valid_pin(ByteView pin) {
  return pin.size() >= 4 && pin.size() <= kPinField &&
         std::ranges::all_of(pin, [](std::uint8_t digit) { return digit >= '0' && digit <= '9'; });
}

CardReading::CardReading(ReadingConfig config, MutableBytes file)
    : config_(std::move(config)), pin_reference_(kPin1), file_(file) {
  for (const auto byte : kApplicationId) (void)application_.push_back(byte);  // 12 of 16
  enter(config_.directory == ReadingConfig::Directory::evaluate ? State::select_directory
                                                                : State::open_channel);
}

CardReading::~CardReading() {
  wipe(command_);
  wipe(response_);
}

std::optional<ByteView> CardReading::poll_command() {
  if (done() || awaiting_) return std::nullopt;
  awaiting_ = true;
  return ByteView(command_).first(command_size_);
}

void CardReading::card_lost() {
  if (done()) return;
  if (!failure_) failure_ = Failure{Problem::card_lost, step()};
  state_ = State::done;
}

std::expected<ByteView, Failure> CardReading::outcome() const {
  if (failure_) return std::unexpected(*failure_);
  return ByteView(file_).first(read_);
}

void CardReading::command(std::uint8_t instruction, std::uint8_t p1, std::uint8_t p2, ByteView data,
                          int expected) {
  ByteWriter out(command_);
  out.u8(class_of(channel_));
  out.u8(instruction);
  out.u8(p1);
  out.u8(p2);
  if (!data.empty()) out.u8(static_cast<std::uint8_t>(data.size()));
  out.bytes(data);
  if (expected >= 0) out.u8(static_cast<std::uint8_t>(expected));
  command_size_ = out.size();
  response_size_ = 0;
  may_correct_ = expected >= 0;
  awaiting_ = false;
  if (++commands_ > kCommandsMax && state_ != State::close_channel) fail(Problem::limit);
}

/// SELECT by path, with the file's control parameters as the answer.
void CardReading::select_path(const FilePath& path) {
  std::array<std::uint8_t, 18> buffer{};
  ByteWriter ids(buffer);
  if (!path.absolute) ids.u16(0x7FFF);
  ids.bytes({path.ids.data(), path.ids.size()});
  command(kSelect, 0x08, 0x04, ids.written(), 0);
}

/// Writes the command of a state.
void CardReading::enter(State state) {
  state_ = state;
  switch (state) {
    case State::select_directory: {
      constexpr std::array<std::uint8_t, 2> kDirectoryFile{0x2F, 0x00};
      return command(kSelect, 0x08, 0x04, kDirectoryFile, 0);
    }
    case State::read_directory:
      return command(kReadRecord, ++record_, 0x04, {}, static_cast<int>(asked_));
    case State::open_channel:
      return command(kManageChannel, 0x00, 0x00, {}, 1);
    case State::select_application:
      return command(kSelect, 0x04, 0x04, {application_.data(), application_.size()}, 0);
    case State::select_object_directory: {
      FilePath path;
      (void)path.ids.push_back(kObjectDirectoryFile >> 8);
      (void)path.ids.push_back(kObjectDirectoryFile & 0xFF);
      return select_path(path);
    }
    case State::select_data_objects:
      return select_path(data_directories_[data_directory_]);
    case State::select_file:
      return select_path(file_path_);
    case State::read_object_directory:
    case State::read_data_objects:
    case State::read_file:
      return read_piece();
    case State::ask_pin:
      return command(kVerify, 0x00, pin_reference_, {}, -1);
    case State::verify_pin: {
      std::array<std::uint8_t, kPinField> field;
      field.fill(0xFF);
      std::ranges::copy(config_.pin.reveal(), field.begin());
      pin_presented_ = true;
      command(kVerify, 0x00, pin_reference_, field, -1);
      return wipe(field);
    }
    case State::close_channel:
      return command(kManageChannel, 0x80, channel_, {}, -1);
    case State::done:
      return;
  }
}

void CardReading::fail(Problem problem, std::uint16_t status, std::optional<std::uint8_t> tries_left) {
  if (!failure_) failure_ = Failure{problem, step(), status, tries_left};
  enter(channel_ != 0 ? State::close_channel : State::done);
}

void CardReading::handle_response(ByteView response) {
  if (done() || !awaiting_) return;
  awaiting_ = false;
  if (state_ == State::verify_pin) wipe(command_);
  if (state_ == State::close_channel) {  // whatever the card says to it
    state_ = State::done;
    return;
  }
  if (response.size() < 2 || response.size() > kResponseMax) return fail(Problem::malformed);
  const auto data = response.first(response.size() - 2);
  const auto status = static_cast<std::uint16_t>(response[data.size()] << 8 | response.back());
  if (data.size() > response_.size() - response_size_) return fail(Problem::limit);
  std::ranges::copy(data, response_.begin() + response_size_);
  response_size_ += data.size();

  const auto low = static_cast<std::uint8_t>(status);
  if (status >> 8 == 0x61) {  // there is more: fetch it
    const auto so_far = response_size_;
    command(kGetResponse, 0x00, 0x00, {}, low);
    response_size_ = so_far;
    return;
  }
  if (status >> 8 == 0x6C && may_correct_ && low != 0) {
    if (++commands_ > kCommandsMax) return fail(Problem::limit);
    command_[command_size_ - 1] = low;  // the length that the card wants to be asked for
    may_correct_ = false;
    asked_ = low;
    response_size_ = 0;
    return;
  }
  handle_status(status, ByteView(response_).first(response_size_));
}

void CardReading::handle_status(std::uint16_t status, ByteView data) {
  switch (state_) {
    case State::select_directory:
    case State::select_application:
    case State::select_object_directory:
    case State::select_data_objects:
    case State::select_file:
      return select_answered(status, data);
    case State::read_directory:
      return record_answered(status, data);
    case State::open_channel:
      return channel_answered(status, data);
    case State::read_object_directory:
    case State::read_data_objects:
    case State::read_file:
      return piece_answered(status, data);
    case State::ask_pin:
      return pin_asked(status);
    case State::verify_pin:
      return pin_answered(status);
    case State::close_channel:
    case State::done:
      return;
  }
}

void CardReading::select_answered(std::uint16_t status, ByteView data) {
  const bool found = is_selected(status);
  const auto control = found ? read_file_control(data) : FileControl{};
  if (state_ == State::select_directory) {  // without one the application may be there all the same
    if (!found || control.transparent) return enter(State::open_channel);
    asked_ = control.record_bytes.value_or(0);
    return enter(State::read_directory);
  }
  if (status == kStatusSecurity && !pin_presented_) return want_pin();
  if (control.pin_reference) pin_reference_ = *control.pin_reference;
  if (state_ == State::select_application) {
    if (found) return enter(State::select_object_directory);
    return fail(status == kStatusNotFound ? Problem::no_application : Problem::refused, status);
  }
  if (!found && state_ == State::select_data_objects && status == kStatusNotFound)
    return next_data_directory();
  if (!found) return fail(status == kStatusNotFound ? Problem::no_file : Problem::refused, status);

  const bool is_file = state_ == State::select_file;
  start_file(is_file ? file_ : MutableBytes(directory_));
  size_is_known_ = control.size.has_value();
  if (control.size) wanted_ = std::min(wanted_, *control.size);
  if (is_file && file_is_private_ && !pin_presented_) {
    state_ = State::read_file;
    return want_pin();
  }
  enter(is_file                                ? State::read_file
        : state_ == State::select_data_objects ? State::read_data_objects
                                               : State::read_object_directory);
}

/// A record of EF(DIR). Any error is its end; the application is then looked for under its known id.
void CardReading::record_answered(std::uint16_t status, ByteView data) {
  if (!is_good(status)) return enter(State::open_channel);
  if (const auto id = find_application(data)) {
    application_.clear();
    for (const auto byte : *id) (void)application_.push_back(byte);  // at most 16
    return enter(State::open_channel);
  }
  enter(record_ < kDirectoryRecordsMax ? State::read_directory : State::open_channel);
}

void CardReading::channel_answered(std::uint16_t status, ByteView data) {
  // A card without further channels is read on its only one.
  if (status == kStatusNoChannels || status == kStatusNoFunction || status == kStatusNoInstruction ||
      status == kStatusNoClass)
    return enter(State::select_application);
  if (!is_good(status)) return fail(Problem::refused, status);
  if (data.size() != 1 || data[0] == 0 || data[0] > kChannelMax) return fail(Problem::malformed, status);
  channel_ = data[0];
  enter(State::select_application);
}

void CardReading::start_file(MutableBytes into) {
  reading_ = into;
  wanted_ = into.size();
  read_ = 0;
}

void CardReading::read_piece() {
  asked_ = std::min(wanted_ - read_, kPieceBytes);
  if (asked_ == 0 || read_ > kOffsetMax) return file_read();
  command(kReadBinary, static_cast<std::uint8_t>(read_ >> 8), static_cast<std::uint8_t>(read_), {},
          static_cast<int>(asked_));
}

void CardReading::piece_answered(std::uint16_t status, ByteView data) {
  if (status == kStatusSecurity && !pin_presented_) return want_pin();
  if (status == kStatusBeyondEnd) return file_read();
  const bool at_end = status == kStatusEndOfFile;
  if (!is_good(status) && !at_end) return fail(Problem::refused, status);
  if (data.size() > asked_ || data.size() > wanted_ - read_) return fail(Problem::malformed, status);
  std::ranges::copy(data, reading_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ += data.size();
  if (state_ == State::read_file && read_ >= lwm2m::kSmartcardHeaderBytes) {
    const auto content = lwm2m::smartcard_content_size(reading_.first(read_));
    if (!content) return file_read();  // the decoder says what is wrong with it
    if (*content > reading_.size()) return fail(Problem::limit, status);
    wanted_ = std::min(wanted_, *content);
    read_ = std::min(read_, wanted_);
  }
  if (at_end || data.empty() || (data.size() < asked_ && !more_is_there())) return file_read();
  read_piece();
}

/// Whether there is more of a file than a card gave in a piece that is too short.
bool CardReading::more_is_there() const {
  if (size_is_known_ || state_ == State::read_file) return read_ < wanted_;
  return !is_complete(ByteView(reading_).first(read_));
}

void CardReading::file_read() {
  const auto content = ByteView(reading_).first(read_);
  if (state_ == State::read_object_directory) {
    data_directories_ = find_data_directories(content);
    if (data_directories_.empty()) return fail(Problem::no_file);
    return enter(State::select_data_objects);
  }
  if (state_ == State::read_data_objects) {
    const auto object = find_bootstrap_file(content);
    if (!object) return next_data_directory();
    file_path_ = object->path;
    file_is_private_ = object->is_private;
    return enter(State::select_file);
  }
  enter(channel_ != 0 ? State::close_channel : State::done);
}

void CardReading::next_data_directory() {
  if (++data_directory_ == data_directories_.size()) return fail(Problem::no_file);
  enter(State::select_data_objects);
}

/// Asks how many tries are left before it presents the PIN, and comes back to where it was.
void CardReading::want_pin() {
  resume_ = state_;
  state_ = State::ask_pin;
  if (!valid_pin(config_.pin.reveal())) return fail(Problem::pin_wanted);
  enter(State::ask_pin);
}

void CardReading::pin_asked(std::uint16_t status) {
  if (is_good(status) || status == kStatusPinUnusable) {  // presented before, or switched off
    pin_presented_ = true;
    return enter(resume_);
  }
  if (status == kStatusPinBlocked || status == kStatusPinTries) return fail(Problem::pin_blocked, status, 0);
  if (status == kStatusPinTries + 1) return fail(Problem::pin_last_try, status, 1);
  if (status == kStatusNoReference) return fail(Problem::refused, status);
  enter(State::verify_pin);  // with tries left, or from a card that does not tell
}

void CardReading::pin_answered(std::uint16_t status) {
  if (is_good(status)) return enter(resume_);
  if (status == kStatusPinBlocked || status == kStatusPinTries) return fail(Problem::pin_blocked, status, 0);
  if ((status & 0xFFF0) == kStatusPinTries)
    return fail(Problem::pin_wrong, status, static_cast<std::uint8_t>(status & 0x0F));
  fail(status >> 8 == 0x63 ? Problem::pin_wrong : Problem::refused, status);
}

Step CardReading::step() const {
  switch (state_) {
    case State::select_directory:
    case State::read_directory:
      return Step::directory;
    case State::open_channel:
      return Step::channel;
    case State::select_application:
      return Step::application;
    case State::select_object_directory:
    case State::read_object_directory:
      return Step::object_directory;
    case State::select_data_objects:
    case State::read_data_objects:
      return Step::data_objects;
    case State::ask_pin:
    case State::verify_pin:
      return Step::pin;
    default:
      return Step::file;
  }
}

}  // namespace slipway::smartcard
