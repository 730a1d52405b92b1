// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/frozen.hpp"

#include <gtest/gtest.h>

namespace slipway::security::dtls {
namespace {

class DtlsFrozen : public testing::Test {
 protected:
  DtlsFrozen() {
    server.write.key = client.read.key = {1, 2, 3};
    server.read.key = client.write.key = {4, 5, 6};
    server.write.salt = client.read.salt = {7};
    server.cid_in = client.cid_out = {.bytes = {'c', 'i', 'd'}, .size = 3};
  }
  Bytes seal(RecordState& state) {
    Bytes bytes(1 + record_overhead(state.aead, state.cid_out));
    EXPECT_TRUE(seal_record(engine, state, ContentType::application_data, Bytes{'x'}, bytes));
    return bytes;
  }
  bool open(RecordState& state, ByteView bytes) {
    ByteReader reader(bytes);
    Bytes room(bytes.size());
    const auto record = read_record(reader, state.cid_in.size);
    return record && open_record(engine, state, *record, room).has_value();
  }
  AeadEngine engine;
  RecordState server, client;
};

TEST_F(DtlsFrozen, ThawedSessionGoesOnBothWays) {
  EXPECT_TRUE(open(server, seal(client)));
  const auto frozen = freeze(server, 100).value();
  EXPECT_LE(frozen.size(), 88u);
  auto thawed = thaw(frozen.reveal(), 1).value().records;
  EXPECT_TRUE(open(thawed, seal(client)));
  EXPECT_TRUE(open(client, seal(thawed)));
}

TEST_F(DtlsFrozen, SequenceNumbersOfTheReserveAreNeverUsedAgain) {
  const auto frozen = freeze(server, 100).value();
  std::uint64_t last = 0;
  for (int i = 0; i < 100; ++i) {
    last = server.next_sequence;
    (void)seal(server);
  }
  auto thawed = thaw(frozen.reveal(), 1).value().records;
  EXPECT_GT(thawed.next_sequence, last);
}

/// Restarts in a row, with nothing written in between: each life has numbers of its own.
TEST_F(DtlsFrozen, EveryLifeHasItsOwnSequenceNumbers) {
  const auto frozen = freeze(server, 100).value();
  auto last = server.next_sequence + 100;
  for (std::uint64_t life = 1; life <= 5; ++life) {
    const auto thawed = thaw(frozen.reveal(), life).value();
    EXPECT_EQ(thawed.records.next_sequence, last);
    EXPECT_EQ(thawed.sequence_limit, last + 100);
    last = thawed.sequence_limit;
  }
  EXPECT_EQ(thaw(frozen.reveal(), 0).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(thaw(frozen.reveal(), ~std::uint64_t{0}).error().code, ErrorCode::exhausted);
}

TEST_F(DtlsFrozen, WhatWasReceivedBeforeIsRefusedAfterwards) {
  std::vector<Bytes> records;
  for (int i = 0; i < 5; ++i) records.push_back(seal(client));
  EXPECT_TRUE(open(server, records[3]));
  auto thawed = thaw(freeze(server, 1).value().reveal(), 1).value().records;
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FALSE(open(thawed, records[i])) << i;
  EXPECT_TRUE(open(thawed, records[4]));
  EXPECT_FALSE(open(thawed, records[4]));
}

TEST_F(DtlsFrozen, BrokenOnesAreRefused) {
  const auto frozen = freeze(server, 1).value();
  for (std::size_t size = 0; size < frozen.size(); ++size)
    EXPECT_FALSE(thaw(frozen.reveal().first(size), 1)) << size;
  Bytes longer(frozen.reveal().begin(), frozen.reveal().end());
  longer.push_back(0);
  EXPECT_EQ(thaw(longer, 1).error().code, ErrorCode::malformed);
  longer[0] = 2;
  EXPECT_EQ(thaw(longer, 1).error().code, ErrorCode::unsupported);
  server.next_sequence = kSequenceMax;
  EXPECT_EQ(freeze(server, 1).error().code, ErrorCode::exhausted);
}

}  // namespace
}  // namespace slipway::security::dtls
