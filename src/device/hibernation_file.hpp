// SPDX-License-Identifier: Apache-2.0
// Where a device keeps its sessions and registrations over a sleep without memory: for one awakening.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/client/client.hpp>

#include "files.hpp"
#include "kept_sessions.hpp"

namespace slipway::device {

struct HibernationContent {
  Secret client;  ///< what `Client::start` takes
  std::vector<KeptSession> sessions;
};

/// Of what a session depends on, for `KeptSession::account`. Made of keys: kept as keys are. The device's
/// trust store counts where the account needs it: who is no longer trusted goes on with no session.
[[nodiscard]] std::uint64_t account_digest(const client::ConnectWanted& account,
                                           std::span<const Bytes> trust_store = {});

/// Two files, as no session may go on twice: a nonce that is used twice gives the keys of a session away.
///
///     FILE           the content, and a random number
///     FILE.ticket    the same number: the right to use the content, once
///
///     put:   write FILE, durably; write FILE.ticket, durably
///     take:  read both; remove FILE.ticket, durably; remove FILE
///
/// So a copy of FILE that comes back later finds no ticket of its number, and after a power cut there is
/// either the whole right or none. Who copies both files copies the device: nothing on the device can tell.
class HibernationFile {
 public:
  HibernationFile(Files& files, std::string file, Random& random)
      : files_(files), file_(std::move(file)), random_(random) {}

  /// When it returns without an error, the next `take` gives the content. The error is for a person; then
  /// there is nothing to take.
  [[nodiscard]] std::expected<void, std::string> put(const HibernationContent& content);

  struct Taken {
    std::optional<HibernationContent> content;
    std::string trouble;  ///< for a person: there is something, and why it is not used
  };
  /// The content is on disk no more when this returns: its sessions may speak.
  [[nodiscard]] Taken take();
  /// Removes what is there. The error is for a person.
  [[nodiscard]] std::expected<void, std::string> discard();

 private:
  static constexpr std::size_t kNumberSize = 16;
  using Number = std::array<std::uint8_t, kNumberSize>;
  [[nodiscard]] std::string ticket() const { return file_ + ".ticket"; }
  std::expected<void, std::string> remove(const std::string& name);

  Files& files_;
  std::string file_;
  Random& random_;
};

}  // namespace slipway::device
