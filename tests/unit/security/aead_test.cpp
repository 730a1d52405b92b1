// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/aead.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <slipway/base/random.hpp>
#include <sstream>
#include <string>

#include "security/dtls/ccm_x86.hpp"

namespace slipway::security::dtls {
namespace {

struct Vector {
  std::size_t tag_size;
  AeadKey key;
  Bytes nonce, associated, plaintext, sealed;
};

std::vector<Vector> vectors_of(const std::string& name) {
  std::ifstream file(std::string(SLIPWAY_VECTORS) + "/security/" + name);
  EXPECT_TRUE(file) << name;
  std::vector<Vector> vectors;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    Vector vector{};
    fields >> vector.tag_size;
    const auto next = [&fields] {
      std::string text;
      fields >> text;
      return text == "-" ? Bytes{} : from_hex(text).value();
    };
    const auto key = next();
    std::copy(key.begin(), key.end(), vector.key.begin());
    vector.nonce = next();
    vector.associated = next();
    vector.plaintext = next();
    vector.sealed = next();
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

AeadNonce nonce_of(const Bytes& bytes) {
  AeadNonce nonce{};
  std::copy_n(bytes.begin(), nonce.size(), nonce.begin());
  return nonce;
}

TEST(AesCcm, InstructionsGiveThePublishedResults) {
  if (!x86::has_aes()) GTEST_SKIP() << "no AES instructions here";
  const auto vectors = vectors_of("aes_128_ccm.txt");
  ASSERT_EQ(vectors.size(), 37u);
  for (const auto& v : vectors) {
    Bytes sealed(v.sealed.size()), opened(v.plaintext.size());
    x86::ccm_seal(v.tag_size, v.key, v.nonce, v.associated, v.plaintext, sealed.data());
    EXPECT_EQ(to_hex(sealed), to_hex(v.sealed));
    EXPECT_TRUE(x86::ccm_open(v.tag_size, v.key, v.nonce, v.associated, v.sealed, opened.data()));
    EXPECT_EQ(to_hex(opened), to_hex(v.plaintext));
  }
}

class AeadEngines : public testing::TestWithParam<AeadEngine::Implementation> {};

TEST_P(AeadEngines, GiveThePublishedResults) {
  AeadEngine engine(GetParam());
  int used = 0;
  for (const auto* name : {"aes_128_ccm.txt", "aes_128_gcm.txt"}) {
    const bool gcm = std::string_view(name) == "aes_128_gcm.txt";
    for (const auto& v : vectors_of(name)) {
      const auto aead = gcm ? Aead::aes_128_gcm : v.tag_size == 8 ? Aead::aes_128_ccm_8 : Aead::aes_128_ccm;
      if (v.nonce.size() != 12 || v.tag_size != tag_size(aead)) continue;
      ++used;
      Bytes sealed(v.sealed.size()), opened(v.plaintext.size() + 1);
      ASSERT_TRUE(engine.seal(aead, v.key, nonce_of(v.nonce), v.associated, v.plaintext, sealed.data()));
      EXPECT_EQ(to_hex(sealed), to_hex(v.sealed));
      ASSERT_TRUE(engine.open(aead, v.key, nonce_of(v.nonce), v.associated, v.sealed, opened.data()));
      opened.pop_back();
      EXPECT_EQ(to_hex(opened), to_hex(v.plaintext));
    }
  }
  EXPECT_EQ(used, 75);
}

TEST_P(AeadEngines, AgreeWithEachOtherAtEveryLengthAndInPlace) {
  AeadEngine engine(GetParam()), portable(AeadEngine::Implementation::portable);
  SeededRandom random(3);
  for (const auto aead : {Aead::aes_128_ccm_8, Aead::aes_128_ccm, Aead::aes_128_gcm}) {
    // The longest record, and some where the number of blocks needs a second byte.
    auto sizes = std::vector<std::size_t>{4079, 4080, 4081, 4096, 4113, 16384};
    for (std::size_t size = 0; size < 100; ++size) sizes.push_back(size);
    for (const auto size : sizes) {
      AeadKey key;
      AeadNonce nonce;
      Bytes associated(size % (kAssociatedDataMax + 1)), text(size);
      random.fill(key);
      random.fill(nonce);
      random.fill(associated);
      random.fill(text);
      Bytes one(size + tag_size(aead)), other(size + tag_size(aead));
      std::copy(text.begin(), text.end(), one.begin());
      ASSERT_TRUE(engine.seal(aead, key, nonce, associated, ByteView(one).first(size), one.data()));
      ASSERT_TRUE(portable.seal(aead, key, nonce, associated, text, other.data()));
      ASSERT_EQ(one, other) << size;
      Bytes opened(size + 1);
      ASSERT_TRUE(engine.open(aead, key, nonce, associated, other, opened.data()));
      opened.resize(size);
      ASSERT_EQ(opened, text);
      ASSERT_TRUE(engine.open(aead, key, nonce, associated, one, one.data()));
      one.resize(size);
      ASSERT_EQ(one, text);
    }
  }
}

TEST_P(AeadEngines, RefuseEveryFlippedBitAndGiveNoPlaintext) {
  AeadEngine engine(GetParam());
  const AeadKey key{1, 2, 3};
  const AeadNonce nonce{4, 5, 6};
  const Bytes text(37, 0xA5), associated(13, 7);
  for (const auto aead : {Aead::aes_128_ccm_8, Aead::aes_128_ccm, Aead::aes_128_gcm}) {
    Bytes sealed(text.size() + tag_size(aead));
    ASSERT_TRUE(engine.seal(aead, key, nonce, associated, text, sealed.data()));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      auto changed = sealed;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      Bytes opened(text.size(), 0xEE);
      EXPECT_FALSE(engine.open(aead, key, nonce, associated, changed, opened.data()));
      EXPECT_EQ(opened, Bytes(text.size(), 0));
    }
    Bytes opened(text.size());
    EXPECT_FALSE(engine.open(aead, key, nonce, Bytes(12, 7), sealed, opened.data()));
    EXPECT_FALSE(engine.open(aead, key, AeadNonce{4, 5, 7}, associated, sealed, opened.data()));
    EXPECT_FALSE(engine.open(aead, AeadKey{1, 2, 4}, nonce, associated, sealed, opened.data()));
    for (std::size_t size = 0; size < tag_size(aead); ++size)
      EXPECT_FALSE(engine.open(aead, key, nonce, associated, ByteView(sealed).first(size), opened.data()));
  }
}

INSTANTIATE_TEST_SUITE_P(Both, AeadEngines,
                         testing::Values(AeadEngine::Implementation::fastest,
                                         AeadEngine::Implementation::portable));

}  // namespace
}  // namespace slipway::security::dtls
