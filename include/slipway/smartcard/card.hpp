// SPDX-License-Identifier: Apache-2.0
// A UICC with a PKCS#15 application and EF(LwM2M_Bootstrap), as far as reading it goes: what devices are
// tried with. Sans-I/O: commands in, answers out. [LwM2M-CORE 1.2 App. G] [ETSI TS 102 221]
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/smartcard/reading.hpp>

namespace slipway::smartcard {

/// What cards in the field do differently from the plain reading of the specifications.
enum class Quirk : std::uint8_t {
  oid_double,     ///< the application's OID is wrapped twice, as in the specification's example
  no_dir,         ///< there is no EF(DIR)
  no_fcp,         ///< SELECT answers without file control parameters
  get_response,   ///< SELECT answers 61xx: its data has to be fetched
  exact_length,   ///< READ BINARY and READ RECORD answer 6Cxx to any other length
  no_channels,    ///< MANAGE CHANNEL is refused
  absolute_path,  ///< EF(ODF) and EF(DODF) name files from the master file on
  two_dodf,       ///< EF(ODF) names a directory of other things first
  short_reads,    ///< READ BINARY gives at most 16 bytes
  padded,         ///< the file is larger than its content, and filled with FF
};
inline constexpr std::size_t kQuirks = 10;
[[nodiscard]] std::string_view to_string(Quirk quirk);
[[nodiscard]] std::optional<Quirk> parse_quirk(std::string_view name);

class Quirks {
 public:
  Quirks() = default;
  Quirks(std::initializer_list<Quirk> quirks) {
    for (const auto quirk : quirks) add(quirk);
  }
  void add(Quirk quirk) { bits_ = static_cast<std::uint16_t>(bits_ | 1u << static_cast<unsigned>(quirk)); }
  [[nodiscard]] bool has(Quirk quirk) const { return (bits_ >> static_cast<unsigned>(quirk) & 1) != 0; }

 private:
  std::uint16_t bits_ = 0;
};

inline constexpr std::uint8_t kPinTries = 3;

struct CardConfig {
  Secret pin;  ///< a `valid_pin`: the file is private and wants it; empty: free for all
  Quirks quirks{};
};

class Card {
 public:
  /// `content` of EF(LwM2M_Bootstrap), at most 32 KiB of it are taken. Wiped at the end.
  Card(CardConfig config, ByteView content);
  ~Card();
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  /// Another content, as an issuer writes it over the air; channels and the PIN stay as they are.
  void write(ByteView content);
  /// Power: all channels but the basic one are closed, the PIN has to be presented again.
  void reset();
  [[nodiscard]] static ByteView answer_to_reset();
  /// Answers one command APDU; the view lives until the next call. Any bytes are taken.
  [[nodiscard]] ByteView process(ByteView command);

  [[nodiscard]] std::uint8_t tries_left() const { return tries_left_; }
  /// How often EF(LwM2M_Bootstrap) was read from its beginning, since the start.
  [[nodiscard]] std::uint64_t reads() const { return reads_; }

 private:
  struct File {
    std::uint16_t id = 0;
    Bytes content;
    std::uint8_t record_bytes = 0;  // 0: transparent
    bool in_application = true;
    bool needs_pin = false;
  };
  struct Channel {
    bool open = false;
    bool application = false;  // selected
    int file = -1;             // index, or none
  };
  struct Command;

  void build_files();
  [[nodiscard]] std::uint16_t answer(const Command& command);
  [[nodiscard]] std::uint16_t select(const Command& command, Channel& channel);
  [[nodiscard]] std::uint16_t select_file(ByteView path, Channel& channel);
  [[nodiscard]] std::uint16_t read_binary(const Command& command, const Channel& channel);
  [[nodiscard]] std::uint16_t read_record(const Command& command, const Channel& channel);
  [[nodiscard]] std::uint16_t manage_channel(const Command& command);
  [[nodiscard]] std::uint16_t verify(const Command& command);
  [[nodiscard]] std::uint16_t give(const Command& command, ByteView data);
  [[nodiscard]] std::uint16_t selected(ByteView fcp);
  [[nodiscard]] bool has(Quirk quirk) const { return config_.quirks.has(quirk); }

  CardConfig config_;
  std::vector<File> files_;
  std::array<Channel, 4> channels_;
  std::uint8_t tries_left_ = kPinTries;
  bool pin_verified_ = false;
  std::uint64_t reads_ = 0;
  Bytes pending_;  // for GET RESPONSE
  Bytes response_;
};

}  // namespace slipway::smartcard
