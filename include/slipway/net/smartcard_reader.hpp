// SPDX-License-Identifier: Apache-2.0
// Smartcard readers over PC/SC: a daemon (pcscd) has the readers, and this asks it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/bytes.hpp>

namespace slipway::net {

/// Readers that are listed; more than these are no desk.
inline constexpr std::size_t kReadersMax = 16;
/// Largest answer of a card: 256 bytes and a status.
inline constexpr std::size_t kCardAnswerMax = 258;

struct SmartcardError {
  enum class Kind : std::uint8_t {
    no_service,    ///< pcscd does not run
    no_reader,     ///< there is none, or none of this name; also when it is unplugged
    no_card,       ///< the reader is empty
    card_gone,     ///< it was removed, or reset by another program, since it was connected
    busy,          ///< another program has the card for itself
    unresponsive,  ///< the card does not answer, or its reader does not understand it
    other,
  };
  Kind kind = Kind::other;
  std::string message;  ///< for a person: the thing, the reason, the remedy
};

template <class T>
using SmartcardResult = std::expected<T, SmartcardError>;

struct SmartcardReader {
  std::string name;
  bool has_card = false;
  Bytes answer_to_reset;  ///< of the card
};

class SmartcardConnection;

/// All readers of this machine. Every call may block, as long as a card takes: use it on a thread of its own,
/// and one object on one thread at a time.
class SmartcardReaders {
 public:
  /// Errors: no_service.
  [[nodiscard]] static SmartcardResult<SmartcardReaders> open();
  SmartcardReaders(SmartcardReaders&& other) noexcept;
  SmartcardReaders& operator=(SmartcardReaders&&) = delete;
  ~SmartcardReaders();

  /// In the daemon's order, at most kReadersMax. None is an empty list. Errors: no_service, other.
  [[nodiscard]] SmartcardResult<std::vector<SmartcardReader>> list();
  /// Powers the card and keeps other programs from it until the connection ends. `reader` is a name, or a
  /// part of one name only; empty: the first reader that has a card. Errors: no_service, no_reader, no_card,
  /// busy, unresponsive, other.
  [[nodiscard]] SmartcardResult<SmartcardConnection> connect(std::string_view reader);

 private:
  explicit SmartcardReaders(std::intptr_t context) : context_(context) {}
  std::intptr_t context_;  // 0: moved from
};

/// A card that is powered.
class SmartcardConnection {
 public:
  SmartcardConnection(SmartcardConnection&& other) noexcept;
  SmartcardConnection& operator=(SmartcardConnection&&) = delete;
  ~SmartcardConnection();

  [[nodiscard]] const std::string& reader() const { return reader_; }
  /// Resets the card at the end, so that nobody else profits from a PIN that was presented. Otherwise it
  /// stays as it is.
  void reset_at_end() { reset_at_end_ = true; }
  /// Carries one command APDU to the card; the answer lives until the next call. Errors: card_gone,
  /// no_reader, no_service, unresponsive, other.
  [[nodiscard]] SmartcardResult<ByteView> transmit(ByteView command);

 private:
  friend class SmartcardReaders;
  enum class Protocol : std::uint8_t { t0, t1 };
  SmartcardConnection(std::intptr_t card, Protocol protocol, std::string reader);
  std::intptr_t card_;  // 0: moved from
  Protocol protocol_;
  std::string reader_;
  bool reset_at_end_ = false;
  Bytes answer_;
};

}  // namespace slipway::net
