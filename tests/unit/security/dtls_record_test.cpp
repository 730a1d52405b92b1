// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/record.hpp"

#include <gtest/gtest.h>

#include <string>

namespace slipway::security::dtls {
namespace {

RecordState state_of(Aead aead, bool client, Cid out = {}, Cid in = {}) {
  RecordState state;
  state.aead = aead;
  const RecordKey up{{1, 1, 2, 3, 5, 8}, {1, 2, 3, 4}}, down{{2, 7, 1, 8}, {5, 6, 7, 8}};
  state.write = client ? up : down;
  state.read = client ? down : up;
  state.cid_out = out;
  state.cid_in = in;
  return state;
}
Cid cid_of(std::string_view text) {
  Cid cid;
  cid.size = static_cast<std::uint8_t>(text.size());
  std::copy(text.begin(), text.end(), cid.bytes.begin());
  return cid;
}

class DtlsRecord : public testing::Test {
 protected:
  Bytes seal(RecordState& state, std::string_view text, ContentType type = ContentType::application_data) {
    Bytes bytes(text.size() + record_overhead(state.aead, state.cid_out));
    EXPECT_EQ(seal_record(engine, state, type, as_bytes(text), bytes).value(), bytes.size());
    return bytes;
  }
  std::expected<std::string, RecordDrop> open(RecordState& state, ByteView bytes) {
    ByteReader reader(bytes);
    const auto record = read_record(reader, state.cid_in.size);
    if (!record) return std::unexpected(RecordDrop::malformed);
    room.assign(bytes.size(), 0);
    const auto opened = open_record(engine, state, *record, room);
    if (!opened) return std::unexpected(opened.error().why);
    last_type = opened->type;
    return std::string(as_text(opened->plaintext));
  }
  AeadEngine engine;
  Bytes room;
  ContentType last_type{};
};

TEST_F(DtlsRecord, HasTheFormOfTheStandard) {
  auto client = state_of(Aead::aes_128_ccm_8, true);
  client.next_sequence = 0x0102'0304'0506;
  const auto record = seal(client, "abc");
  EXPECT_EQ(to_hex(ByteView(record).first(21)),
            "17fefd0001010203040506"
            "0013"
            "0001010203040506");
  EXPECT_EQ(record.size(), 13u + 8 + 3 + 8);
  EXPECT_EQ(client.next_sequence, 0x0102'0304'0507u);
}

TEST_F(DtlsRecord, OpensOnTheOtherSideWithAndWithoutCid) {
  for (const auto aead : {Aead::aes_128_ccm_8, Aead::aes_128_ccm, Aead::aes_128_gcm}) {
    for (const auto* cid : {"", "c", "12345678"}) {
      auto client = state_of(aead, true, cid_of(cid));
      auto server = state_of(aead, false, {}, cid_of(cid));
      for (const auto* text : {"", "x", "a longer text that fills more than one block of AES"}) {
        EXPECT_EQ(open(server, seal(client, text)).value(), text);
        EXPECT_EQ(last_type, ContentType::application_data);
        EXPECT_EQ(open(client, seal(server, text)).value(), text);
      }
      EXPECT_EQ(open(server, seal(client, "\x01\x00", ContentType::alert)).value().size(), 1u);
      EXPECT_EQ(last_type, ContentType::alert);
    }
  }
}

TEST_F(DtlsRecord, CidRecordHidesItsTypeAndNamesItsReceiver) {
  auto client = state_of(Aead::aes_128_ccm_8, true, cid_of("cid!"));
  const auto record = seal(client, "abc");
  EXPECT_EQ(to_hex(ByteView(record).first(17)),
            "19fefd0001000000000000"
            "63696421"
            "0014");
  auto other = state_of(Aead::aes_128_ccm_8, false, {}, cid_of("cid?"));
  EXPECT_EQ(open(other, record).error(), RecordDrop::unexpected);
  auto without = state_of(Aead::aes_128_ccm_8, false);
  EXPECT_FALSE(open(without, record));
}

TEST_F(DtlsRecord, PlainFormIsRefusedWhereACidWasAgreed) {
  auto client = state_of(Aead::aes_128_ccm_8, true);
  auto server = state_of(Aead::aes_128_ccm_8, false, {}, cid_of("cid!"));
  EXPECT_EQ(open(server, seal(client, "abc")).error(), RecordDrop::unexpected);
}

TEST_F(DtlsRecord, EveryFlippedBitIsNoticed) {
  for (const auto* cid : {"", "cid!"}) {
    auto client = state_of(Aead::aes_128_ccm_8, true, cid_of(cid));
    const auto record = seal(client, "hello");
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
      auto server = state_of(Aead::aes_128_ccm_8, false, {}, cid_of(cid));
      auto changed = record;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      EXPECT_FALSE(open(server, changed)) << "bit " << bit;
    }
  }
}

TEST_F(DtlsRecord, ReplayIsRefusedAndReorderingWithinSixtyFourIsNot) {
  auto client = state_of(Aead::aes_128_ccm_8, true);
  auto server = state_of(Aead::aes_128_ccm_8, false);
  std::vector<Bytes> records;
  for (int i = 0; i < 130; ++i) records.push_back(seal(client, std::to_string(i)));
  EXPECT_TRUE(open(server, records[70]));
  EXPECT_EQ(open(server, records[70]).error(), RecordDrop::replayed);
  EXPECT_EQ(open(server, records[6]).error(),
            RecordDrop::replayed);  // 64 behind: cannot be told from a replay
  for (std::size_t i = 7; i < 70; ++i) EXPECT_TRUE(open(server, records[i])) << i;
  for (std::size_t i = 0; i <= 70; ++i)
    EXPECT_EQ(open(server, records[i]).error(), RecordDrop::replayed) << i;
  EXPECT_TRUE(open(server, records[129]));
  EXPECT_FALSE(open(server, records[65]));
  EXPECT_TRUE(open(server, records[71]));
  EXPECT_TRUE(open(server, records[128]));
}

TEST_F(DtlsRecord, ForgedRecordDoesNotMoveTheWindow) {
  auto client = state_of(Aead::aes_128_ccm_8, true);
  auto server = state_of(Aead::aes_128_ccm_8, false);
  auto forged = seal(client, "x");
  forged[8] = 0x7F;  // a sequence number far ahead
  EXPECT_EQ(open(server, forged).error(), RecordDrop::unauthenticated);
  EXPECT_TRUE(open(server, seal(client, "y")));
}

TEST_F(DtlsRecord, OtherEpochsAreUnexpected) {
  auto client = state_of(Aead::aes_128_ccm_8, true);
  auto server = state_of(Aead::aes_128_ccm_8, false);
  for (const int epoch : {0, 2}) {
    auto record = seal(client, "x");
    record[4] = static_cast<std::uint8_t>(epoch);
    EXPECT_EQ(open(server, record).error(), RecordDrop::unexpected);
  }
}

TEST_F(DtlsRecord, SequenceNumbersRunOutInsteadOfRepeating) {
  auto client = state_of(Aead::aes_128_ccm_8, true);
  client.next_sequence = kSequenceMax;
  (void)seal(client, "last");
  Bytes out(100);
  EXPECT_EQ(seal_record(engine, client, ContentType::application_data, {}, out).error().code,
            ErrorCode::exhausted);
}

TEST_F(DtlsRecord, WindowCanBeMovedAheadOfAllThatMayHaveBeenSeen) {
  ReplayWindow window;
  window.mark(5);
  window.refuse_below(1000);
  EXPECT_FALSE(window.fresh(999));
  EXPECT_FALSE(window.fresh(6));
  EXPECT_TRUE(window.fresh(1000));
}

TEST(DtlsWire, TruncatedRecordsAreErrorsAtEveryLength) {
  const auto bytes = from_hex(
                         "16fefd0000000000000000"
                         "000d"
                         "0e000000000000000000000000")
                         .value();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(ByteView(bytes).first(size));
    EXPECT_FALSE(read_record(reader, 0)) << size;
  }
  ByteReader reader(bytes);
  const auto record = read_record(reader, 0);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->fragment.size(), 13u);
}

TEST(DtlsWire, HandshakeFragmentsMayNotLeaveTheirMessageNorBeHuge) {
  const auto code = [](const char* hex) {
    const auto bytes = from_hex(hex).value();
    ByteReader reader(bytes);
    const auto fragment = read_handshake_fragment(reader);
    return fragment ? std::optional<ErrorCode>() : fragment.error().code;
  };
  EXPECT_EQ(code("100000020002000000000002"
                 "abcd"),
            std::nullopt);
  EXPECT_EQ(code("100000020002000001000002"
                 "abcd"),
            ErrorCode::malformed);
  EXPECT_EQ(code("10ffffff0002000000000002"
                 "abcd"),
            ErrorCode::limit);
  EXPECT_EQ(code("100000020002000000000002"
                 "ab"),
            ErrorCode::truncated);
}

}  // namespace
}  // namespace slipway::security::dtls
