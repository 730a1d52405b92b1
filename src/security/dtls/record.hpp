// SPDX-License-Identifier: Apache-2.0
// Protected records of an established session: seal, open, replay. [RFC 6347 §4.1] [RFC 9146]
#pragma once

#include <array>
#include <cstdint>
#include <expected>

#include <slipway/base/secret.hpp>

#include "security/dtls/aead.hpp"
#include "security/dtls/wire.hpp"

namespace slipway::security::dtls {

/// The epoch after the one handshake of a session; there is no renegotiation.
inline constexpr std::uint16_t kSessionEpoch = 1;
inline constexpr std::uint64_t kSequenceMax = (std::uint64_t{1} << 48) - 1;
inline constexpr std::size_t kExplicitNonceSize = 8;
inline constexpr std::size_t kCidMax = 8;

/// A Connection ID; empty means that records go without.
struct Cid {
  std::array<std::uint8_t, kCidMax> bytes{};
  std::uint8_t size = 0;
  [[nodiscard]] ByteView view() const { return {bytes.data(), size}; }
};

/// Which of the newest 64 sequence numbers were seen. [RFC 6347 §4.1.2.6]
class ReplayWindow {
 public:
  [[nodiscard]] bool fresh(std::uint64_t sequence) const;
  /// Only for the sequence number of an authenticated record.
  void mark(std::uint64_t sequence);
  /// Everything below is refused from now on.
  void refuse_below(std::uint64_t sequence);
  /// One above the highest sequence number seen.
  [[nodiscard]] std::uint64_t next() const { return next_; }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t seen_ = 0;  ///< bit i: next_ - 1 - i was seen
};

/// One direction's key and the implicit part of its nonces.
struct RecordKey {
  AeadKey key{};
  std::array<std::uint8_t, 4> salt{};
};

/// All that an established session needs to go on; wiped when it goes.
struct RecordState {
  RecordKey write, read;
  std::uint64_t next_sequence = 0;
  ReplayWindow window;
  Cid cid_out;  ///< the peer's, sent with each record
  Cid cid_in;   ///< ours, received with each record
  Aead aead = Aead::aes_128_ccm_8;

  RecordState() = default;
  RecordState(const RecordState&) = default;
  RecordState& operator=(const RecordState&) = default;
  ~RecordState();
};

/// Bytes that one record adds to its plaintext.
[[nodiscard]] constexpr std::size_t record_overhead(Aead aead, const Cid& cid) {
  return kRecordHeaderSize + kExplicitNonceSize + tag_size(aead) + (cid.size == 0 ? 0 : cid.size + 1u);
}

/// Writes one record under a sequence number that was never used with this key. `plaintext` at
/// most kRecordPlaintextMax. Errors: no_space.
[[nodiscard]] Result<std::size_t> seal_record(AeadEngine& engine, Aead aead, const RecordKey& key,
                                              const Cid& cid, std::uint64_t sequence, ContentType type,
                                              ByteView plaintext, MutableBytes out);
/// The same with the session's next sequence number. Errors: no_space, exhausted (2^48 records).
[[nodiscard]] Result<std::size_t> seal_record(AeadEngine& engine, RecordState& state, ContentType type,
                                              ByteView plaintext, MutableBytes out);

struct OpenedRecord {
  ContentType type;  ///< the inner one of a CID record
  ByteView plaintext;
};
/// Decrypts without regard to replay. `out` takes the fragment's size. Errors: malformed, refused (tag).
[[nodiscard]] Result<OpenedRecord> open_record(AeadEngine& engine, Aead aead, const RecordKey& key,
                                               const RecordHeader& record, MutableBytes out);

enum class RecordDrop : std::uint8_t { malformed, unexpected, unauthenticated, replayed };
struct DroppedRecord {
  RecordDrop why;
  ContentType type = ContentType::application_data;  ///< of a replayed one: it is authentic
};
/// Decrypts a record of the session, checks it against the replay window and moves that on.
[[nodiscard]] std::expected<OpenedRecord, DroppedRecord> open_record(AeadEngine& engine, RecordState& state,
                                                                     const RecordHeader& record,
                                                                     MutableBytes out);

}  // namespace slipway::security::dtls
