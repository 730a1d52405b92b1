// SPDX-License-Identifier: Apache-2.0
// What a client keeps over a sleep without memory, or a reboot.
#pragma once

#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/ids.hpp>
#include <slipway/base/secret.hpp>

namespace slipway::client {

/// Longest bytes of a hibernation.
inline constexpr std::size_t kHibernationBytesMax = 32 * 1024;

/// A session that may go on: its owner takes it out of memory as well, or closes it.
struct HibernatingSession {
  PeerId peer;
  ShortServerId server;
};

struct Hibernation {
  /// What `Client::start` takes back: registrations, observations and their attributes. To be kept as keys
  /// are. Empty where there is nothing to keep.
  Secret bytes;
  std::vector<HibernatingSession> sessions;
};

/// Whether a session that is open again is one of before the hibernation. A registration is kept with the
/// session that it was made in, or not at all.
enum class SessionKind : std::uint8_t { fresh, kept };

}  // namespace slipway::client
