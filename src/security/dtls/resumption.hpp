// SPDX-License-Identifier: Apache-2.0
// Sessions without a Connection ID that their clients may resume: a handshake by what both ends still know,
// without a key exchange. [RFC 5246 §7.3]
#pragma once

#include <gnutls/gnutls.h>

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include <slipway/base/random.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>
#include <slipway/security/dtls/types.hpp>

namespace slipway::security::dtls {

/// [RFC 5246 §7.4.1.2]
inline constexpr std::size_t kSessionIdMax = 32;
/// Longest that the library may want to know of a session; one that takes more is not resumed.
inline constexpr std::size_t kResumableSizeMax = 8 * 1024;

/// A session id as the server gave it: random bytes.
struct SessionId {
  std::uint8_t size = 0;
  std::array<std::uint8_t, kSessionIdMax> bytes{};
  [[nodiscard]] static std::optional<SessionId> from(ByteView bytes);
  [[nodiscard]] ByteView view() const { return ByteView(bytes).first(size); }
  friend bool operator==(const SessionId& a, const SessionId& b) { return equal(a.view(), b.view()); }
};

/// Of a pre-shared key, to know it again without keeping it. It tells nothing outside of this process.
using KeyMark = std::array<std::uint8_t, 32>;

/// What a completed handshake leaves for the next one.
struct Resumable {
  SessionId id;
  PeerIdentity identity;
  KeyMark key_mark{};  ///< of a pre-shared key; else unused
  Secret data;         ///< as GnuTLS packs it: it holds the master secret
};

/// The sessions that a server would resume: one for each identity, the newest; within a number of bytes, the
/// oldest make room. None is younger than `life`. A restart forgets them, and costs their clients a
/// handshake.
class ResumableSessions {
 public:
  ResumableSessions(Random& random, std::size_t bytes_max, Duration life);
  ~ResumableSessions() { wipe(mark_key_); }
  ResumableSessions(const ResumableSessions&) = delete;
  ResumableSessions& operator=(const ResumableSessions&) = delete;

  [[nodiscard]] bool enabled() const { return bytes_max_ != 0; }
  /// Valid until the next call that is not const.
  [[nodiscard]] const Resumable* find(TimePoint now, const SessionId& id) const;
  void keep(TimePoint now, std::uint64_t identity_mark, Resumable&& session);
  /// The session of an identity is not resumed: it ended by a fatal alert. [RFC 5246 §7.2.2]
  void forget(std::uint64_t identity_mark);
  [[nodiscard]] KeyMark mark_of(const Secret& key) const;
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  /// All that they take, about; never above `bytes_max`.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    Resumable session;
    TimePoint made;
    std::uint64_t identity_mark;
    std::size_t bytes;
  };
  using Place = std::list<Kept>::iterator;
  struct IdHash {
    std::size_t operator()(const SessionId& id) const {
      return std::hash<std::string_view>{}(as_text(id.view()));
    }
  };
  void drop(Place place);

  std::size_t bytes_max_;
  Duration life_;
  std::array<std::uint8_t, 32> mark_key_{};
  std::list<Kept> sessions_;  // the oldest first
  std::unordered_map<SessionId, Place, IdHash> by_id_;
  std::unordered_map<std::uint64_t, Place> by_identity_;
  std::size_t bytes_ = 0;
};

/// The session id in the body of a ClientHello; nothing where the client offers none. [RFC 5246 §7.4.1.2]
[[nodiscard]] std::optional<SessionId> session_id_of(ByteView hello_body);

// What a client keeps (`DtlsClient::take_resumption`):
//
//   0           32        33      35              43
//  +- ... -----+---------+-------+---------------+- ... -------------------+
//  | HMAC      | version | suite | made at, s 64 | as GnuTLS packs it      |
//  +- ... -----+---------+-------+---------------+- ... -------------------+
//
// `made at` is 0 where the device did not know the time of day. The HMAC (SHA-256) is by the credential's
// key: GnuTLS reads nothing that was damaged, and no session of another credential.

/// Of a completed handshake of a client; empty where the server gave nothing to resume by.
[[nodiscard]] Secret resumption_of(gnutls_session_t session, CipherSuite suite, const Credential& credential,
                                   std::optional<UnixTime> wall);
/// What a client has kept, once it was read.
struct Resumption {
  CipherSuite suite;
  ByteView data;
};
/// Nothing where it is damaged, of another credential, or older than a day by two clocks that are right.
[[nodiscard]] std::optional<Resumption> read_resumption(ByteView kept, const Credential& credential,
                                                        std::optional<UnixTime> wall);

}  // namespace slipway::security::dtls
