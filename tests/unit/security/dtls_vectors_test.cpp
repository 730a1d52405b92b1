// SPDX-License-Identifier: Apache-2.0
// Records byte by byte, and the keys that a handshake derives, against vectors and another library's PRF.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <fstream>
#include <slipway/security/key_log.hpp>
#include <sstream>

#include "dtls_link.hpp"
#include "security/dtls/record.hpp"

namespace slipway::security::dtls::test {
namespace {

/// The lines of a file of vectors, each in its words; "-" is an empty one.
std::vector<std::vector<std::string>> lines_of(const std::string& name) {
  std::ifstream file(std::string(SLIPWAY_VECTORS) + "/security/" + name);
  EXPECT_TRUE(file) << name;
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream text(line);
    auto& words = lines.emplace_back();
    for (std::string word; text >> word;) words.push_back(word == "-" ? "" : word);
  }
  return lines;
}

template <class Array>
Array array_of(ByteView bytes) {
  Array array{};
  EXPECT_LE(bytes.size(), array.size());
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return array;
}

struct RecordVector {
  explicit RecordVector(const std::vector<std::string>& words)
      : aead(words[0] == "ccm_8" ? Aead::aes_128_ccm_8
             : words[0] == "ccm" ? Aead::aes_128_ccm
                                 : Aead::aes_128_gcm),
        key{array_of<AeadKey>(from_hex(words[1]).value()),
            array_of<std::array<std::uint8_t, 4>>(from_hex(words[2]).value())},
        sequence(std::stoull(words[4], nullptr, 16)),
        type(static_cast<ContentType>(std::stoi(words[5]))),
        plaintext(from_hex(words[6]).value()),
        zeros(std::stoi(words[7])),
        record(from_hex(words[8]).value()) {
    const auto bytes = from_hex(words[3]).value();
    cid.bytes = array_of<decltype(cid.bytes)>(bytes);
    cid.size = static_cast<std::uint8_t>(bytes.size());
  }
  Aead aead;
  RecordKey key;
  Cid cid;
  std::uint64_t sequence;
  ContentType type;
  Bytes plaintext;
  int zeros;
  Bytes record;
};

class DtlsRecordVectors : public testing::TestWithParam<AeadEngine::Implementation> {};

// [RFC 6655 §3] [RFC 5288 §3] [RFC 9146 §5.3]
TEST_P(DtlsRecordVectors, AreSealedAndOpenedByteByByte) {
  AeadEngine engine(GetParam());
  const auto lines = lines_of("records.txt");
  ASSERT_EQ(lines.size(), 30u);
  for (const auto& line : lines) {
    const RecordVector v(line);
    Bytes sealed(v.record.size());
    if (v.zeros == 0) {  // we add none
      const auto size = seal_record(engine, v.aead, v.key, v.cid, v.sequence, v.type, v.plaintext, sealed);
      EXPECT_EQ(size.value(), v.record.size());
      EXPECT_EQ(to_hex(sealed), to_hex(v.record));
    }
    ByteReader reader(v.record);
    const auto record = read_record(reader, v.cid.size);
    ASSERT_TRUE(record);
    EXPECT_TRUE(reader.empty());
    EXPECT_EQ(record->sequence, v.sequence);
    Bytes room(v.record.size());
    const auto opened = open_record(engine, v.aead, v.key, *record, room);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->type, v.type);
    EXPECT_EQ(to_hex(opened->plaintext), to_hex(v.plaintext));
  }
}

INSTANTIATE_TEST_SUITE_P(Both, DtlsRecordVectors,
                         testing::Values(AeadEngine::Implementation::fastest,
                                         AeadEngine::Implementation::portable));

/// The pseudorandom function of TLS 1.2 as OpenSSL has it: nothing that our handshakes use.
Bytes prf(ByteView secret, std::string_view label, ByteView seed, std::size_t size) {
  auto* kdf = EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr);
  auto* context = EVP_KDF_CTX_new(kdf);
  char digest[] = "SHA256";
  const auto octets = [](const char* name, ByteView bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
  };
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                   octets(OSSL_KDF_PARAM_SECRET, secret),
                                   octets(OSSL_KDF_PARAM_SEED, as_bytes(label)),
                                   octets(OSSL_KDF_PARAM_SEED, seed), OSSL_PARAM_construct_end()};
  Bytes out(size);
  EXPECT_EQ(EVP_KDF_derive(context, out.data(), out.size(), parameters), 1);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  return out;
}

TEST(Tls12Prf, ThatWeMeasureByGivesThePublishedResult) {
  const auto lines = lines_of("tls12_prf.txt");
  ASSERT_EQ(lines.size(), 1u);
  const auto label = from_hex(lines[0][1]).value(), wanted = from_hex(lines[0][3]).value();
  const auto got =
      prf(from_hex(lines[0][0]).value(), as_text(label), from_hex(lines[0][2]).value(), wanted.size());
  EXPECT_EQ(to_hex(got), to_hex(wanted));
}

/// The random of a hello, which goes in clear; the first handshake message of that type.
Bytes random_of(const Link& link, std::uint8_t message) {
  constexpr std::size_t kTypeAt = 13, kRandomAt = 13 + 12 + 2;
  for (const auto& [to_server, bytes] : link.sent)
    if (bytes.size() > kRandomAt + 32 && bytes[0] == 22 && bytes[kTypeAt] == message)
      return Bytes(bytes.begin() + kRandomAt, bytes.begin() + kRandomAt + 32);
  ADD_FAILURE() << "no such hello";
  return {};
}

class DtlsKeys : public testing::TestWithParam<CipherSuite> {};

// The master secret is the one of the key log; what follows from it is computed here. [RFC 5246 §6.3]
TEST_P(DtlsKeys, AreThoseOfThePrf) {
  std::string line;
  set_key_log([&line](const Secret& text) { line = as_text(text.reveal()); });
  Link link;
  auto config = client_config();
  config.suites = {GetParam()};
  config.cid = ClientConfig::ConnectionId::off;
  auto& host = link.connect(std::move(config));
  set_key_log({});
  ASSERT_TRUE(host.seen.connected);
  const auto master = from_hex(std::string_view(line).substr(line.rfind(' ') + 1)).value();
  ASSERT_EQ(master.size(), 48u);
  constexpr std::uint8_t kClientHello = 1, kServerHello = 2;
  auto seed = random_of(link, kServerHello);
  const auto client_random = random_of(link, kClientHello);
  seed.insert(seed.end(), client_random.begin(), client_random.end());
  const auto block = prf(master, "key expansion", seed, 2 * 16 + 2 * 4);
  // Keys of client and server, then the implicit parts of their nonces.
  const ByteView keys(block);
  const RecordKey up{array_of<AeadKey>(keys.first(16)),
                     array_of<std::array<std::uint8_t, 4>>(keys.subspan(32, 4))};
  const RecordKey down{array_of<AeadKey>(keys.subspan(16, 16)),
                       array_of<std::array<std::uint8_t, 4>>(keys.subspan(36, 4))};
  const auto aead = GetParam() == CipherSuite::psk_aes_128_ccm_8 ? Aead::aes_128_ccm_8
                    : GetParam() == CipherSuite::psk_aes_128_ccm ? Aead::aes_128_ccm
                                                                 : Aead::aes_128_gcm;
  ASSERT_TRUE(link.send(host, "up"));
  ASSERT_TRUE(link.send(link.seen.established[0].peer, "down"));
  link.run(seconds(1));
  AeadEngine engine;
  std::vector<std::string> read_up, read_down;
  for (const auto& [to_server, bytes] : link.sent) {
    ByteReader reader(bytes);
    const auto record = read_record(reader, 0);
    if (!record || record->epoch != kSessionEpoch) continue;
    Bytes room(bytes.size());
    const auto opened = open_record(engine, aead, to_server ? up : down, *record, room);
    ASSERT_TRUE(opened);
    if (opened->type == ContentType::application_data)
      (to_server ? read_up : read_down).emplace_back(as_text(opened->plaintext));
  }
  EXPECT_EQ(read_up, std::vector<std::string>{"up"});
  EXPECT_EQ(read_down, std::vector<std::string>{"down"});
}

INSTANTIATE_TEST_SUITE_P(EachCipher, DtlsKeys,
                         testing::Values(CipherSuite::psk_aes_128_ccm_8, CipherSuite::psk_aes_128_ccm,
                                         CipherSuite::psk_aes_128_gcm_sha256));

}  // namespace
}  // namespace slipway::security::dtls::test
