// SPDX-License-Identifier: Apache-2.0
// Somebody on the way changes, cuts, repeats, reorders or makes up what a handshake says. Whatever it is: the
// two come together, or each is told why not; nobody believes anything false, and nothing is left behind.
#include <algorithm>

#include "dtls_link.hpp"
#include "pki.hpp"

namespace slipway::security::dtls::test {
namespace {

using security::test::keys_of;
using security::test::kToday;
using security::test::raw_credential;
using security::test::world;

enum class Kind { psk, raw_key, certificate };

ServerConfig any_server() {
  ServerConfig config;
  config.keys = keys_of(world().server);
  config.client_authorities = {world().authority.certificate};
  config.wall = [](TimePoint) { return kToday; };
  return config;
}

ClientConfig client_of(Kind kind) {
  if (kind == Kind::psk) return client_config();
  if (kind == Kind::raw_key) return {.credential = raw_credential(world().device, world().server)};
  ServerTrust trust{.server_key = world().authority.certificate,
                    .usage = CertificateUsage::trust_anchor,
                    .anchors = {},
                    .name = "server.example"};
  ClientConfig config{.credential = security::test::certificate_credential(world().device, std::move(trust))};
  config.wall = kToday;
  return config;
}

/// One of the first datagrams of a handshake, from either end.
struct Victim {
  std::size_t number;
  std::size_t size;
};

std::vector<Victim> datagrams_of(Kind kind) {
  Link link(1, {}, any_server());
  link.connect(client_of(kind));
  EXPECT_EQ(link.seen.established.size(), 1u);
  std::vector<Victim> all;
  for (std::size_t i = 0; i < link.sent.size(); ++i) all.push_back({i, link.sent[i].second.size()});
  return all;
}

/// Does something to one datagram, once. Nothing (of the client's) is kept when all is over.
void expect_sound_end(Kind kind, std::size_t number, const std::function<void(Bytes&)>& attack) {
  Link link(1, {}, any_server());
  std::size_t seen = 0;
  link.tamper = [&](bool, Bytes& bytes) {
    if (seen++ == number) attack(bytes);
    return true;
  };
  auto& host = link.add(client_of(kind));
  ASSERT_TRUE(host.client->start(link.now));
  link.run(seconds(200));
  EXPECT_EQ(link.server->handshake_count(), 0u);
  if (host.seen.connected) {
    ASSERT_EQ(link.seen.established.size(), 1u);
    ASSERT_TRUE(link.send(host, "sound"));
    link.run(seconds(2));
    ASSERT_EQ(link.seen.received.size(), 1u);
    EXPECT_EQ(link.seen.received[0].second, "sound");
  } else {
    EXPECT_TRUE(host.seen.failed) << "the device is told";
    EXPECT_FALSE(host.client->next_timeout());
  }
}

class DtlsAttack : public testing::TestWithParam<Kind> {
 protected:
  /// Signatures take their time, so of public keys only a sample is tried.
  [[nodiscard]] std::size_t stride() const { return GetParam() == Kind::psk ? 3 : 29; }
};

TEST_P(DtlsAttack, AFlippedBitNeverLeadsToAFalseSession) {
  for (const auto& [number, size] : datagrams_of(GetParam()))
    for (std::size_t at = number % stride(); at < size; at += stride()) {
      SCOPED_TRACE(testing::Message() << "byte " << at << " of datagram " << number);
      expect_sound_end(GetParam(), number,
                       [at = at](Bytes& bytes) { bytes[at] ^= static_cast<std::uint8_t>(1u << at % 8); });
    }
}

TEST_P(DtlsAttack, ACutDatagramDelaysAndNoMore) {
  for (const auto& [number, size] : datagrams_of(GetParam()))
    for (std::size_t left = number % stride(); left < size; left += stride()) {
      SCOPED_TRACE(testing::Message() << left << " bytes of datagram " << number);
      expect_sound_end(GetParam(), number, [left = left](Bytes& bytes) { bytes.resize(left); });
    }
}

/// Records of a flight in one datagram, last first.
TEST_P(DtlsAttack, AReorderedFlightIsPutInOrder) {
  for (const auto& [number, size] : datagrams_of(GetParam())) {
    SCOPED_TRACE(number);
    Link link(1, {}, any_server());
    std::size_t seen = 0;
    link.tamper = [&, which = number](bool, Bytes& bytes) {
      if (seen++ != which) return true;
      std::vector<Bytes> records;
      for (std::size_t at = 0; at + 13 <= bytes.size();) {
        const bool has_cid = bytes[at] == 25;
        const auto length_at = at + 11 + (has_cid ? 6 : 0);
        const auto end = length_at + 2 + (bytes[length_at] << 8 | bytes[length_at + 1]);
        records.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                             bytes.begin() + static_cast<std::ptrdiff_t>(std::min(end, bytes.size())));
        at = end;
      }
      bytes.clear();
      for (auto record = records.rbegin(); record != records.rend(); ++record)
        bytes.insert(bytes.end(), record->begin(), record->end());
      return true;
    };
    auto& host = link.connect(client_of(GetParam()));
    EXPECT_TRUE(host.seen.connected);
    EXPECT_EQ(link.server->handshake_count(), 0u);
  }
}

/// All that the client has said is said again, from its address, in any order and often.
TEST_P(DtlsAttack, ARepeatedHandshakeMakesNoSecondSession) {
  Link link(1, {}, any_server());
  auto& host = link.connect(client_of(GetParam()));
  ASSERT_TRUE(host.seen.connected);
  const auto before = link.sent;
  for (int round = 0; round < 3; ++round)
    for (auto sent = before.rbegin(); sent != before.rend(); ++sent)
      if (sent->first) link.inject(host.address, sent->second);
  link.run(seconds(100));
  EXPECT_EQ(link.server->session_count(), 1u);
  EXPECT_EQ(link.server->handshake_count(), 0u);
  EXPECT_EQ(link.seen.established.size(), 1u);
  ASSERT_TRUE(link.send(host, "still here"));
  link.run(seconds(2));
  EXPECT_EQ(link.seen.received.size(), 1u);
}

/// From another address they are worth nothing: the cookie is not of that one.
TEST_P(DtlsAttack, AHandshakeRepeatedFromElsewhereKeepsNothing) {
  Link link(1, {}, any_server());
  auto& host = link.connect(client_of(GetParam()));
  const auto before = link.sent;
  for (const auto& [to_server, bytes] : before)
    if (to_server) link.inject(Address::v4(203, 0, 113, 5, 7), bytes);
  EXPECT_EQ(link.server->handshake_count(), 0u);
  EXPECT_EQ(link.server->session_count(), 1u);
  EXPECT_TRUE(link.seen.moved.empty());
  EXPECT_TRUE(host.seen.connected);
}

std::string name_of(const testing::TestParamInfo<Kind>& kind) {
  return kind.param == Kind::psk ? "Psk" : kind.param == Kind::raw_key ? "RawKey" : "Certificate";
}
INSTANTIATE_TEST_SUITE_P(All, DtlsAttack, testing::Values(Kind::psk, Kind::raw_key, Kind::certificate),
                         name_of);

// --- Messages made up ----------------------------------------------------------------------------------

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kCertificate = 11, kClientKeyExchange = 16;

struct Fragment {
  std::uint8_t message;
  std::size_t length, offset;
  Bytes body;
  std::uint64_t record_number;
};

Bytes record_of(const Fragment& fragment, std::uint16_t message_number) {
  Bytes out(13 + 12);
  const auto put = [&](std::size_t at, std::size_t bytes, std::uint64_t value) {
    for (std::size_t i = 0; i < bytes; ++i)
      out[at + i] = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
  };
  put(0, 1, kHandshakeRecord);
  put(1, 2, 0xFEFD);
  put(3, 8, fragment.record_number);
  put(11, 2, 12 + fragment.body.size());
  put(13, 1, fragment.message);
  put(14, 3, fragment.length);
  put(17, 2, message_number);
  put(19, 3, fragment.offset);
  put(22, 3, fragment.body.size());
  out.insert(out.end(), fragment.body.begin(), fragment.body.end());
  return out;
}

/// A handshake whose client falls silent after its hello with the cookie, so that somebody else can go on for
/// it.
class Usurped {
 public:
  explicit Usurped(Kind kind) {
    std::size_t from_client = 0;
    link.tamper = [from_client](bool to_server, Bytes&) mutable { return !to_server || ++from_client <= 2; };
    auto& host = link.add(client_of(kind), address);
    EXPECT_TRUE(host.client->start(link.now));
    link.run(milliseconds(200));
    EXPECT_EQ(link.server->handshake_count(), 1u);
  }
  void say(const Fragment& fragment) { link.inject(address, record_of(fragment, 2)); }

  const Address address = Address::v4(10, 0, 0, 1, 40000);
  Link link{1, {}, any_server()};
};

/// Lengths that contradict each other, overlap, leave their message, or are huge. None is put together to
/// something.
TEST(DtlsFragments, ThatContradictEachOtherComeToNothing) {
  const Fragment kCases[][3] = {
      {{kClientKeyExchange, 20, 0, Bytes(10, 1), 5}, {kClientKeyExchange, 30, 10, Bytes(10, 2), 6}},
      {{kClientKeyExchange, 20, 5, Bytes(10, 1), 5}, {kClientKeyExchange, 20, 0, Bytes(10, 2), 6}},
      {{kClientKeyExchange, 20, 15, Bytes(10, 1), 5}},
      {{kClientKeyExchange, 0xFFFFFF, 0, Bytes(10, 1), 5},
       {kClientKeyExchange, 0xFFFFFF, 0xFFFF00, Bytes(10, 1), 6}},
      {{kClientKeyExchange, 0, 0, {}, 5}, {kClientKeyExchange, 0, 0xFFFFFF, {}, 6}},
      {{99, 10, 0, Bytes(10, 1), 5}},
  };
  for (const auto& fragments : kCases) {
    Usurped usurped(Kind::psk);
    for (const auto& fragment : fragments)
      if (fragment.record_number != 0) usurped.say(fragment);
    usurped.link.run(seconds(200));
    EXPECT_EQ(usurped.link.server->handshake_count(), 0u);
    EXPECT_EQ(usurped.link.server->session_count(), 0u);
    EXPECT_TRUE(usurped.link.seen.established.empty());
  }
}

/// A chain of a hundred certificates, and a message that never ends: a bound on both, and an answer.
TEST(DtlsFragments, ThatNeverEndAreBounded) {
  Usurped usurped(Kind::certificate);
  constexpr std::size_t kLength = 100'000, kPiece = 1000;
  std::uint64_t number = 5;
  for (std::size_t at = 0; at < kLength; at += kPiece)
    usurped.say({kCertificate, kLength, at, Bytes(kPiece, 0x30), number++});
  usurped.link.run(seconds(200));
  EXPECT_EQ(usurped.link.server->handshake_count(), 0u);
  EXPECT_TRUE(usurped.link.seen.lookups.empty()) << "nothing was looked up for it";
  ASSERT_EQ(usurped.link.seen.failed.size(), 1u);
}

TEST(DtlsFragments, CertificatesThatAreNoneAreRefused) {
  const std::vector<Bytes> kBodies = {
      {},
      {0, 0, 0},                        // no certificate at all
      {0, 0, 3, 0, 0, 0},               // one of no length
      {0, 0, 10, 0, 0, 7, 0x30, 0x80},  // it ends before its length
      {0, 0, 5, 0, 0, 2, 0x30, 0x00},   // an empty sequence
      {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
  };
  for (const auto& body : kBodies) {
    Usurped usurped(Kind::certificate);
    usurped.say({kCertificate, body.size(), 0, body, 5});
    usurped.link.run(seconds(200));
    EXPECT_EQ(usurped.link.server->handshake_count(), 0u);
    EXPECT_TRUE(usurped.link.seen.lookups.empty());
    EXPECT_EQ(usurped.link.seen.failed.size(), 1u);
  }
}

// --- Older versions --------------------------------------------------------------------------------------

/// Byte by byte: the hello's version becomes DTLS 1.0's, and the list of suites one that has only the empty
/// one.
TEST(DtlsDowngrade, AnOlderVersionIsRefused) {
  Link link;
  link.tamper = [](bool to_server, Bytes& bytes) {
    if (to_server && bytes.size() > 27 && bytes[0] == kHandshakeRecord && bytes[13] == 1)
      bytes[25] = 0xFE, bytes[26] = 0xFF;
    return true;
  };
  auto& host = link.connect();
  EXPECT_FALSE(host.seen.connected);
  EXPECT_TRUE(host.seen.failed);
  EXPECT_TRUE(link.seen.established.empty());
  EXPECT_EQ(link.server->handshake_count(), 0u);
}

}  // namespace
}  // namespace slipway::security::dtls::test
