// SPDX-License-Identifier: Apache-2.0
// Reads EF(LwM2M_Bootstrap) from a UICC, command by command. Sans-I/O: whoever has the card carries the
// commands to it. [LwM2M-CORE 1.2 App. G.2] [ETSI TS 102 221] [PKCS #15]
//
//   smartcard::CardReading reading({.pin = std::move(pin)}, buffer);
//   while (auto command = reading.poll_command()) reading.handle_response(transmit(*command));
//   if (reading.outcome()) lwm2m::decode_smartcard_file(*reading.outcome(), ...);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include <slipway/base/bounded.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/smartcard/failure.hpp>

namespace slipway::smartcard {

/// Commands that one reading sends at most; the largest file needs 256 pieces, the way to it about thirty.
inline constexpr std::size_t kCommandsMax = 512;
/// Largest of a directory (EF(ODF), EF(DODF)) that is looked at.
inline constexpr std::size_t kDirectoryBytesMax = 512;
/// Records of EF(DIR), and DODFs, that are looked at.
inline constexpr std::size_t kDirectoryRecordsMax = 16;
inline constexpr std::size_t kDataDirectoriesMax = 4;
/// Bytes asked for by one READ BINARY.
inline constexpr std::size_t kPieceBytes = 0x80;
/// Data and status of one answer.
inline constexpr std::size_t kResponseMax = 256 + 2;

/// Whether this can be a PIN of a UICC: 4 to 8 decimal digits. [ETSI TS 102 221 §9.5.1]
[[nodiscard]] bool valid_pin(ByteView pin);

struct ReadingConfig {
  Secret pin;  ///< empty: none. One that is no `valid_pin` counts as none.
  enum class Directory : std::uint8_t { evaluate, skip } directory = Directory::evaluate;  ///< EF(DIR)
};

/// A path of file ids below the application (7FFF) or, when `absolute`, below the master file.
struct FilePath {
  BoundedVector<std::uint8_t, 16> ids;
  bool absolute = false;
};

/// One reading of one card. The channel that it opens is closed at its end, also after an error.
///
///   EF(DIR) -> MANAGE CHANNEL -> SELECT PKCS#15 -> EF(ODF) -> EF(DODF) -> EF(LwM2M_Bootstrap) -> close
///                                                      `---------`-----------`--> VERIFY PIN and back,
///                                                                 once, where the card wants it
///
/// The PIN is presented at most once, and never for the last try: a wrong one in a configuration that is
/// read again and again would block the card. What the card answers is bounded by the constants above.
class CardReading {
 public:
  /// `file` takes the content and outlives this object; kSmartcardFileMax bytes take every file.
  CardReading(ReadingConfig config, MutableBytes file);
  ~CardReading();
  CardReading(const CardReading&) = delete;
  CardReading& operator=(const CardReading&) = delete;

  /// The next command APDU; nothing while an answer is awaited, and at the end. Valid until the next call of
  /// this object. It may hold the PIN: it goes to no log.
  [[nodiscard]] std::optional<ByteView> poll_command();
  /// The answer to the last command: data, SW1, SW2. Without an awaited one it is ignored.
  void handle_response(ByteView response);
  /// The card or its reader is gone: the end, without further commands.
  void card_lost();

  /// Whether the card may now give to others what it gives for the PIN only: reset it.
  [[nodiscard]] bool pin_presented() const { return pin_presented_; }

  [[nodiscard]] bool done() const { return state_ == State::done; }
  /// Once `done`: the bytes of the file that are content (or all that the card has of it; the decoder tells).
  [[nodiscard]] std::expected<ByteView, Failure> outcome() const;

 private:
  enum class State : std::uint8_t {
    select_directory,
    read_directory,
    open_channel,
    select_application,
    select_object_directory,
    read_object_directory,
    select_data_objects,
    read_data_objects,
    ask_pin,
    verify_pin,
    select_file,
    read_file,
    close_channel,
    done,
  };

  void enter(State state);
  void command(std::uint8_t instruction, std::uint8_t p1, std::uint8_t p2, ByteView data, int expected);
  void select_path(const FilePath& path);
  void start_file(MutableBytes into);
  void read_piece();
  void handle_status(std::uint16_t status, ByteView data);
  void select_answered(std::uint16_t status, ByteView data);
  void record_answered(std::uint16_t status, ByteView data);
  void piece_answered(std::uint16_t status, ByteView data);
  void channel_answered(std::uint16_t status, ByteView data);
  void pin_asked(std::uint16_t status);
  void pin_answered(std::uint16_t status);
  [[nodiscard]] bool more_is_there() const;
  void file_read();
  void next_data_directory();
  void want_pin();
  void fail(Problem problem, std::uint16_t status = 0, std::optional<std::uint8_t> tries_left = {});
  [[nodiscard]] Step step() const;

  ReadingConfig config_;
  State state_ = State::select_directory;
  State resume_ = State::done;  // where to go on after the PIN
  bool pin_presented_ = false;
  bool awaiting_ = false;
  bool may_correct_ = false;  // the card may ask for another length, once
  std::size_t commands_ = 0;
  std::uint8_t channel_ = 0;
  std::uint8_t record_ = 0;
  std::uint8_t pin_reference_;

  std::array<std::uint8_t, 32> command_{};
  std::size_t command_size_ = 0;
  std::array<std::uint8_t, kDirectoryBytesMax> response_{};
  std::size_t response_size_ = 0;

  BoundedVector<std::uint8_t, 16> application_;
  BoundedVector<FilePath, kDataDirectoriesMax> data_directories_;
  std::size_t data_directory_ = 0;
  FilePath file_path_;
  bool file_is_private_ = false;

  std::array<std::uint8_t, kDirectoryBytesMax> directory_{};
  MutableBytes file_;
  MutableBytes reading_;  // what the current file is read into: directory_ or file_
  std::size_t wanted_ = 0;
  bool size_is_known_ = false;
  std::size_t read_ = 0;
  std::size_t asked_ = 0;
  std::optional<Failure> failure_;
};

}  // namespace slipway::smartcard
