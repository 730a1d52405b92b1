// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/record.hpp"

namespace slipway::security::dtls {

bool ReplayWindow::fresh(std::uint64_t sequence) const {
  if (sequence >= next_) return true;
  const auto age = next_ - 1 - sequence;
  return age < 64 && (seen_ >> age & 1) == 0;
}

void ReplayWindow::mark(std::uint64_t sequence) {
  if (sequence < next_) {
    seen_ |= std::uint64_t{1} << (next_ - 1 - sequence);
    return;
  }
  const auto shift = sequence + 1 - next_;
  seen_ = (shift >= 64 ? 0 : seen_ << shift) | 1;
  next_ = sequence + 1;
}

void ReplayWindow::refuse_below(std::uint64_t sequence) {
  next_ = sequence;
  seen_ = ~std::uint64_t{0};
}

RecordState::~RecordState() {
  wipe(write.key);
  wipe(read.key);
}

namespace {

AeadNonce nonce_of(const RecordKey& key, ByteView explicit_part) {
  AeadNonce nonce;
  std::memcpy(nonce.data(), key.salt.data(), key.salt.size());
  std::memcpy(nonce.data() + key.salt.size(), explicit_part.data(), kExplicitNonceSize);
  return nonce;
}

struct Associated {
  std::array<std::uint8_t, kAssociatedDataMax> bytes;
  std::size_t size;
  [[nodiscard]] ByteView view() const { return {bytes.data(), size}; }
};

// What the tag covers beside the text [RFC 6347 §4.1.2.1], [RFC 5246 §6.2.3.3]:
//
//     epoch and sequence number (8) | type (1) | version (2) | length of the plaintext (2)
//
// and with a Connection ID [RFC 9146 §5.3]:
//
//     0xFF x 8 | 25 | cid length (1) | 25 | version (2) | epoch and sequence number (8) | cid | length of
//     the inner plaintext (2)
Associated associated_data(ContentType type, ByteView epoch_and_sequence, ByteView cid, std::size_t length) {
  Associated data;
  ByteWriter writer(data.bytes);
  if (type == ContentType::tls12_cid) {
    constexpr auto kCidType = static_cast<std::uint8_t>(ContentType::tls12_cid);
    writer.u64(~std::uint64_t{0});
    writer.u8(kCidType);
    writer.u8(static_cast<std::uint8_t>(cid.size()));
    writer.u8(kCidType);
    writer.u16(kDtls12);
    writer.bytes(epoch_and_sequence);
    writer.bytes(cid);
  } else {
    writer.bytes(epoch_and_sequence);
    writer.u8(static_cast<std::uint8_t>(type));
    writer.u16(kDtls12);
  }
  writer.u16(static_cast<std::uint16_t>(length));
  data.size = writer.size();
  return data;
}

/// The inner plaintext of a CID record is text, true type, zeros. [RFC 9146 §5]
Result<OpenedRecord> unwrap(ByteView inner) {
  while (!inner.empty() && inner.back() == 0) inner = inner.first(inner.size() - 1);
  if (inner.empty()) return fail(ErrorCode::malformed, "a CID record without a type");
  return OpenedRecord{static_cast<ContentType>(inner.back()), inner.first(inner.size() - 1)};
}

}  // namespace

Result<std::size_t> seal_record(AeadEngine& engine, Aead aead, const RecordKey& key, const Cid& cid,
                                std::uint64_t sequence, ContentType type, ByteView plaintext,
                                MutableBytes out) {
  const bool with_cid = cid.size != 0;
  if (out.size() < plaintext.size() + record_overhead(aead, cid))
    return fail(ErrorCode::no_space, "no room for the record");
  const auto outer = with_cid ? ContentType::tls12_cid : type;
  const auto inner_size = plaintext.size() + (with_cid ? 1 : 0);
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(outer));
  writer.u16(kDtls12);
  const auto numbers_at = writer.size();
  writer.u16(kSessionEpoch);
  writer.unsigned_of(sequence, 6);
  if (with_cid) writer.bytes(cid.view());
  writer.u16(static_cast<std::uint16_t>(kExplicitNonceSize + inner_size + tag_size(aead)));
  const ByteView numbers = out.subspan(numbers_at, kExplicitNonceSize);
  writer.bytes(numbers);  // the explicit nonce: unique under the key, as the sequence number is
  const auto associated = associated_data(outer, numbers, cid.view(), inner_size);

  auto* const text = out.data() + writer.size();
  if (!plaintext.empty()) std::memcpy(text, plaintext.data(), plaintext.size());
  if (with_cid) text[plaintext.size()] = static_cast<std::uint8_t>(type);
  if (!engine.seal(aead, key.key, nonce_of(key, numbers), associated.view(), {text, inner_size}, text))
    return fail(ErrorCode::unsupported, "libcrypto refused to seal");
  return writer.size() + inner_size + tag_size(aead);
}

Result<std::size_t> seal_record(AeadEngine& engine, RecordState& state, ContentType type, ByteView plaintext,
                                MutableBytes out) {
  if (state.next_sequence > kSequenceMax) return fail(ErrorCode::exhausted, "2^48 records were sent");
  const auto size =
      seal_record(engine, state.aead, state.write, state.cid_out, state.next_sequence, type, plaintext, out);
  if (size) ++state.next_sequence;
  return size;
}

Result<OpenedRecord> open_record(AeadEngine& engine, Aead aead, const RecordKey& key,
                                 const RecordHeader& record, MutableBytes out) {
  const auto fragment = record.fragment;
  if (record.version != kDtls12 || fragment.size() < kExplicitNonceSize + tag_size(aead))
    return fail(ErrorCode::malformed, "too short for a protected record");
  const auto size = fragment.size() - kExplicitNonceSize - tag_size(aead);
  if (out.size() < size) return fail(ErrorCode::no_space, "no room for the plaintext");
  const auto associated = associated_data(record.type, record.header.subspan(3, 8), record.cid, size);
  if (!engine.open(aead, key.key, nonce_of(key, fragment), associated.view(),
                   fragment.subspan(kExplicitNonceSize), out.data()))
    return fail(ErrorCode::refused, "the tag does not match");
  const ByteView text{out.data(), size};
  return record.type == ContentType::tls12_cid ? unwrap(text) : OpenedRecord{record.type, text};
}

std::expected<OpenedRecord, DroppedRecord> open_record(AeadEngine& engine, RecordState& state,
                                                       const RecordHeader& record, MutableBytes out) {
  const bool with_cid = record.type == ContentType::tls12_cid;
  if (record.epoch != kSessionEpoch || with_cid != (state.cid_in.size != 0) ||
      !equal(record.cid, state.cid_in.view()))
    return std::unexpected(DroppedRecord{RecordDrop::unexpected});
  const auto opened = open_record(engine, state.aead, state.read, record, out);
  if (!opened)
    return std::unexpected(DroppedRecord{
        opened.error().code == ErrorCode::refused ? RecordDrop::unauthenticated : RecordDrop::malformed});
  if (!state.window.fresh(record.sequence))
    return std::unexpected(DroppedRecord{RecordDrop::replayed, opened->type});
  state.window.mark(record.sequence);
  return *opened;
}

}  // namespace slipway::security::dtls
