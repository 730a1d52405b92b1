// SPDX-License-Identifier: Apache-2.0
#include <slipway/smartcard/card.hpp>

#include <algorithm>

#include <slipway/lwm2m/smartcard_file.hpp>

#include "smartcard/apdu.hpp"
#include "smartcard/card_files.hpp"
#include "smartcard/directory.hpp"

namespace slipway::smartcard {
namespace {

constexpr std::size_t kShortRead = 16;
constexpr std::size_t kPadding = 64;

constexpr std::array<std::string_view, kQuirks> kQuirkNames{
    "oid-double",  "no-dir",        "no-fcp",   "get-response", "exact-length",
    "no-channels", "absolute-path", "two-dodf", "short-reads",  "padded"};

/// T=0 and T=1, then who it is; the last byte makes the exclusive or of all after the first zero.
constexpr auto kAnswerToReset = [] {
  std::array<std::uint8_t, 12> atr{0x3B, 0x87, 0x80, 0x01, 'S', 'l', 'i', 'p', 'w', 'a', 'y', 0};
  for (std::size_t i = 1; i + 1 < atr.size(); ++i) atr.back() ^= atr[i];
  return atr;
}();

}  // namespace

std::string_view to_string(Quirk quirk) {
  return kQuirkNames[static_cast<std::size_t>(quirk)];
}
std::optional<Quirk> parse_quirk(std::string_view name) {
  const auto found = std::ranges::find(kQuirkNames, name);
  if (found == kQuirkNames.end()) return std::nullopt;
  return static_cast<Quirk>(found - kQuirkNames.begin());
}

/// A command in its parts. `expected`: Le, with 256 for 0; nothing when there is none.
struct Card::Command {
  std::uint8_t channel = 0, instruction = 0, p1 = 0, p2 = 0;
  ByteView data{};
  std::optional<std::size_t> expected;

  /// The status to answer with when it is none.
  static std::expected<Command, std::uint16_t> parse(ByteView bytes) {
    if (bytes.size() < 4) return std::unexpected(kStatusWrongLength);
    Command command{.instruction = bytes[1], .p1 = bytes[2], .p2 = bytes[3]};
    const auto cla = bytes[0];
    if (cla < 4)
      command.channel = cla;
    else if ((cla & 0xF0) == 0x40)
      command.channel = static_cast<std::uint8_t>(4 + (cla & 0x0F));
    else
      return std::unexpected(kStatusNoClass);
    auto rest = bytes.subspan(4);
    if (rest.size() > 1) {
      const std::size_t size = rest[0];
      if (size == 0 || rest.size() < 1 + size || rest.size() > 2 + size)
        return std::unexpected(kStatusWrongLength);
      command.data = rest.subspan(1, size);
      rest = rest.subspan(1 + size);
    }
    if (!rest.empty()) command.expected = rest[0] == 0 ? 256 : rest[0];
    return command;
  }
};

Card::Card(CardConfig config, ByteView content) : config_(std::move(config)) {
  build_files();
  write(content);
  reset();
}

Card::~Card() {
  for (auto& file : files_) wipe(file.content);
  wipe(pending_);
  wipe(response_);
}

void Card::build_files() {
  const bool absolute = has(Quirk::absolute_path);
  if (!has(Quirk::no_dir)) {
    const auto records = directory_records();
    files_.push_back({.id = kDirectoryFile,
                      .content = records,
                      .record_bytes = kDirectoryRecordBytes,
                      .in_application = false});
  }
  files_.push_back(
      {.id = kObjectDirectoryFile, .content = object_directory({absolute, has(Quirk::two_dodf)})});
  if (has(Quirk::two_dodf)) files_.push_back({.id = kOtherDataObjectsFile, .content = other_data_objects()});
  const bool wrapped = has(Quirk::oid_double);
  files_.push_back({.id = kDataObjectsFile,
                    .content = data_objects(
                        {.absolute = absolute, .oid_double = wrapped, .is_private = !config_.pin.empty()})});
  files_.push_back({.id = kBootstrapFile, .needs_pin = !config_.pin.empty()});
}

void Card::write(ByteView content) {
  auto& file = files_.back();
  wipe(file.content);
  content = content.first(std::min(content.size(), lwm2m::kSmartcardFileMax));
  file.content.assign(content.begin(), content.end());
  if (has(Quirk::padded))
    file.content.resize(std::min(content.size() + kPadding, lwm2m::kSmartcardFileMax), 0xFF);
}

void Card::reset() {
  channels_ = {};
  channels_[0].open = true;
  pin_verified_ = false;
  pending_.clear();
}

ByteView Card::answer_to_reset() {
  return kAnswerToReset;
}

ByteView Card::process(ByteView bytes) {
  wipe(response_);
  response_.clear();
  const auto command = Command::parse(bytes);
  const auto status = command ? answer(*command) : command.error();
  if (!command || command->instruction != kSelect) pending_.clear();
  response_.push_back(static_cast<std::uint8_t>(status >> 8));
  response_.push_back(static_cast<std::uint8_t>(status));
  return response_;
}

std::uint16_t Card::answer(const Command& command) {
  if (command.channel >= channels_.size() || !channels_[command.channel].open) return kStatusNoChannels;
  auto& channel = channels_[command.channel];
  switch (command.instruction) {
    case kSelect:
      return select(command, channel);
    case kReadBinary:
      return read_binary(command, channel);
    case kReadRecord:
      return read_record(command, channel);
    case kManageChannel:
      return manage_channel(command);
    case kVerify:
      return verify(command);
    case kGetResponse:
      return pending_.empty() ? kStatusWrongParameters : give(command, pending_);
    default:
      return kStatusNoInstruction;
  }
}

/// Gives at most as many bytes as were asked for.
std::uint16_t Card::give(const Command& command, ByteView data) {
  data = data.first(std::min(data.size(), command.expected.value_or(0)));
  response_.assign(data.begin(), data.end());
  return kStatusGood;
}

std::uint16_t Card::selected(ByteView fcp) {
  if (has(Quirk::no_fcp)) return kStatusGood;
  if (has(Quirk::get_response)) {
    pending_.assign(fcp.begin(), fcp.end());
    return static_cast<std::uint16_t>(0x6100 | fcp.size());
  }
  response_.assign(fcp.begin(), fcp.end());
  return kStatusGood;
}

std::uint16_t Card::select(const Command& command, Channel& channel) {
  constexpr std::uint8_t kByName = 0x04, kByPath = 0x08;
  if (command.p1 == kByName) {
    if (!equal(command.data, kApplicationId)) return kStatusNotFound;
    channel = {.open = true, .application = true};
    return selected(application_control(config_.pin.empty()));
  }
  if (command.p1 != kByPath) return kStatusWrongParameters;
  return select_file(command.data, channel);
}

std::uint16_t Card::select_file(ByteView path, Channel& channel) {
  const auto at = [&](std::size_t i) {
    return static_cast<std::uint16_t>(path[2 * i] << 8 | path[2 * i + 1]);
  };
  if (path.size() % 2 != 0 || path.empty()) return kStatusNotFound;
  const auto levels = path.size() / 2;
  const bool here = levels == 2 && at(0) == kCurrentApplication && channel.application;
  const bool from_master = levels == 2 && at(0) == kApplicationFolder;
  if (levels != 1 && !here && !from_master) return kStatusNotFound;
  const auto found = std::ranges::find_if(files_, [&](const File& file) {
    return file.id == at(levels - 1) && file.in_application == (levels == 2);
  });
  if (found == files_.end()) return kStatusNotFound;
  channel.file = static_cast<int>(found - files_.begin());
  return selected(file_control(found->id, found->content.size(), found->record_bytes));
}

std::uint16_t Card::read_binary(const Command& command, const Channel& channel) {
  if (channel.file < 0) return kStatusNotAllowed;
  const auto& file = files_[static_cast<std::size_t>(channel.file)];
  if (file.record_bytes != 0) return kStatusNotAllowed;
  if (file.needs_pin && !pin_verified_) return kStatusSecurity;
  const auto offset = static_cast<std::size_t>(command.p1 << 8 | command.p2);
  if ((command.p1 & 0x80) != 0 || offset >= file.content.size()) return kStatusBeyondEnd;
  const auto asked = command.expected.value_or(0);
  const auto there =
      std::min({file.content.size() - offset, asked, has(Quirk::short_reads) ? kShortRead : asked});
  if (has(Quirk::exact_length) && there != asked)
    return static_cast<std::uint16_t>(kStatusCorrectLength | there);
  reads_ += file.id == kBootstrapFile && offset == 0 ? 1 : 0;
  const auto status = give(command, ByteView(file.content).subspan(offset, there));
  return there < asked && !has(Quirk::no_fcp) && !has(Quirk::short_reads) ? kStatusEndOfFile : status;
}

std::uint16_t Card::read_record(const Command& command, const Channel& channel) {
  constexpr std::uint8_t kAbsolute = 0x04;
  if (channel.file < 0) return kStatusNotAllowed;
  const auto& file = files_[static_cast<std::size_t>(channel.file)];
  if (file.record_bytes == 0) return kStatusNotAllowed;
  if (command.p2 != kAbsolute || command.p1 == 0) return kStatusWrongParameters;
  const auto offset = std::size_t{command.p1 - 1u} * file.record_bytes;
  if (offset >= file.content.size()) return kStatusNoRecord;
  if (has(Quirk::exact_length) && command.expected != file.record_bytes)
    return static_cast<std::uint16_t>(kStatusCorrectLength | file.record_bytes);
  return give(command, ByteView(file.content).subspan(offset, file.record_bytes));
}

std::uint16_t Card::manage_channel(const Command& command) {
  constexpr std::uint8_t kOpen = 0x00, kClose = 0x80;
  if (has(Quirk::no_channels)) return kStatusNoChannels;
  if (command.p1 == kOpen && command.p2 == 0) {
    const auto free = std::ranges::find(channels_, false, &Channel::open);
    if (free == channels_.end()) return kStatusNoFunction;
    *free = {.open = true};
    response_.push_back(static_cast<std::uint8_t>(free - channels_.begin()));
    return kStatusGood;
  }
  if (command.p1 != kClose || command.p2 == 0 || command.p2 >= channels_.size())
    return kStatusWrongParameters;
  channels_[command.p2] = {};
  return kStatusGood;
}

std::uint16_t Card::verify(const Command& command) {
  constexpr std::uint8_t kPin1 = 0x01;
  const auto tries = [&] { return static_cast<std::uint16_t>(kStatusPinTries | tries_left_); };
  if (command.p2 != kPin1) return kStatusNoReference;
  if (config_.pin.empty()) return kStatusPinUnusable;
  if (command.data.empty()) return pin_verified_ ? kStatusGood : tries();
  if (tries_left_ == 0) return kStatusPinBlocked;
  if (command.data.size() != 8) return kStatusWrongLength;
  const auto pin = config_.pin.reveal();
  const auto padding = command.data.subspan(pin.size());
  pin_verified_ = equal_constant_time(command.data.first(pin.size()), pin) &&
                  std::ranges::all_of(padding, [](std::uint8_t byte) { return byte == 0xFF; });
  tries_left_ = pin_verified_ ? kPinTries : static_cast<std::uint8_t>(tries_left_ - 1);
  return pin_verified_ ? kStatusGood : tries();
}

}  // namespace slipway::smartcard
