// SPDX-License-Identifier: Apache-2.0
// What a device keeps of sessions that are over, for the next ones with the same accounts.
#pragma once

#include <cstdint>
#include <vector>

#include <slipway/base/secret.hpp>
#include <slipway/client/client.hpp>

namespace slipway::device {

/// Sessions kept at most; those of the oldest servers make room.
inline constexpr std::size_t kKeptSessionsMax = 32;
/// Longest bytes of one. A session to resume holds the server's certificates: where they are longer, a whole
/// handshake is made.
inline constexpr std::size_t kKeptBytesMax = 4096;

struct KeptSession {
  enum class Kind : std::uint8_t {
    frozen,     ///< goes on as it was, once [DtlsClient::freeze]
    resumable,  ///< makes the next handshake shorter [DtlsClient::take_resumption]
  };
  ShortServerId server;
  std::uint64_t account = 0;  ///< digest of the account that it was made with
  Kind kind = Kind::frozen;
  Secret bytes;
};

class KeptSessions {
 public:
  /// Takes the place of what was kept of the same server.
  void put(KeptSession session);
  /// What is kept of the server, taken out; empty bytes where there is nothing.
  [[nodiscard]] KeptSession take(ShortServerId server);
  [[nodiscard]] bool empty() const { return sessions_.empty(); }
  [[nodiscard]] std::vector<KeptSession> take_all() { return std::exchange(sessions_, {}); }
  void put_all(std::vector<KeptSession> sessions);

 private:
  std::vector<KeptSession> sessions_;  // the oldest first
};

}  // namespace slipway::device
