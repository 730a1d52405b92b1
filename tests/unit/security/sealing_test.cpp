// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <slipway/security/random.hpp>
#include <slipway/security/sealing.hpp>

namespace slipway::security {
namespace {

using Place = std::array<std::string_view, 3>;
constexpr Place kPlace{"tenant", "urn:imei:1", "/0/1/5"};

class Sealing : public testing::Test {
 protected:
  SeededRandom random{1};
  SealingKey key = SealingKey::generate(random);
  Secret secret{as_bytes("a pre-shared key")};
  Bytes sealed = seal(key, secret, kPlace, random).value();

  std::optional<SealingError> refusal(ByteView bytes, std::span<const std::string_view> place = kPlace) {
    const auto opened = unseal(key, bytes, place);
    return opened ? std::optional<SealingError>() : opened.error();
  }
};

TEST_F(Sealing, OpensWhatItSealed) {
  EXPECT_TRUE(unseal(key, sealed, kPlace).value().same_as(secret));
  EXPECT_EQ(sealed.size(), secret.size() + kSealingOverhead);
  const auto empty = seal(key, Secret(), kPlace, random).value();
  EXPECT_TRUE(unseal(key, empty, kPlace).value().empty());
}

TEST_F(Sealing, NeverSealsTwiceTheSameWay) {
  EXPECT_NE(seal(key, secret, kPlace, random).value(), sealed);
}

TEST_F(Sealing, NamesItsKey) {
  EXPECT_EQ(sealed_key_id(sealed).value(), key.id());
  const auto again = SealingKey::from_bytes(key.reveal()).value();
  EXPECT_EQ(again.id(), key.id());
}

TEST_F(Sealing, EveryFlippedBitIsNoticed) {
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const auto expected = bit < 8    ? SealingError::wrong_version
                          : bit < 40 ? SealingError::wrong_key_id
                                     : SealingError::tampered;
    EXPECT_EQ(refusal(changed), expected) << "bit " << bit;
  }
}

TEST_F(Sealing, EveryTruncationIsNoticed) {
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const auto expected = size < kSealingOverhead ? SealingError::truncated : SealingError::tampered;
    EXPECT_EQ(refusal(ByteView(sealed).first(size)), expected) << size;
  }
}

TEST_F(Sealing, DoesNotOpenInAnotherPlace) {
  EXPECT_EQ(refusal(sealed, Place{"tenant", "/0/1/5", "urn:imei:1"}), SealingError::tampered);
  EXPECT_EQ(refusal(sealed, Place{"tenant", "urn:imei:1", "/0/2/5"}), SealingError::tampered);
  EXPECT_EQ(refusal(sealed, Place{"tenan", "turn:imei:1", "/0/1/5"}), SealingError::tampered);
  EXPECT_EQ(refusal(sealed, std::span(kPlace).first(2)), SealingError::tampered);
}

TEST_F(Sealing, DoesNotOpenWithAnotherKey) {
  const auto other = SealingKey::generate(random);
  EXPECT_EQ(unseal(other, sealed, kPlace).error(), SealingError::wrong_key_id);
}

TEST_F(Sealing, RefusesWhatIsTooLong) {
  const Secret huge{Bytes(kSealedSecretMax + 1)};
  EXPECT_EQ(seal(key, huge, kPlace, random).error(), SealingError::too_long);
  const std::string part(65536, 'x');
  EXPECT_EQ(seal(key, secret, std::array<std::string_view, 1>{part}, random).error(), SealingError::too_long);
}

class SealingKeyFile : public testing::Test {
 protected:
  SealingKeyFile() {
    std::string pattern = testing::TempDir() + "slipway-sealing-XXXXXX";
    folder = mkdtemp(pattern.data());
    path = folder + "/sealing.key";
  }
  ~SealingKeyFile() override { std::filesystem::remove_all(folder); }
  void write(std::size_t size, mode_t mode) const {
    std::ofstream(path) << std::string(size, 'k');
    chmod(path.c_str(), mode);
  }
  std::string folder, path;
  SystemRandom random;
};

TEST_F(SealingKeyFile, IsMadeOnceForItsOwnerOnly) {
  const auto made = SealingKey::load_or_create(path, random);
  ASSERT_TRUE(made) << made.error();
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(status.st_size, 32);
  EXPECT_EQ(SealingKey::load_or_create(path, random).value().id(), made->id());
  EXPECT_EQ(SealingKey::load(path).value().id(), made->id());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(SealingKeyFile, IsRefusedWhenOthersMayOpenIt) {
  for (const mode_t mode : {0640, 0604, 0644, 0660}) {
    write(32, mode);
    const auto loaded = SealingKey::load_or_create(path, random);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().find("chmod 600 " + path), std::string::npos) << loaded.error();
  }
  write(32, 0400);
  EXPECT_TRUE(SealingKey::load(path));
}

TEST_F(SealingKeyFile, IsRefusedInAnyOtherLength) {
  for (const std::size_t size : {0, 31, 33}) {
    write(size, 0600);
    ASSERT_FALSE(SealingKey::load(path));
  }
  EXPECT_FALSE(SealingKey::load(folder));
}

TEST_F(SealingKeyFile, WhereNoneCanBeMadeThePlaceIsNamed) {
  const auto made = SealingKey::load_or_create(folder + "/nowhere/sealing.key", random);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().find("/nowhere/sealing.key"), std::string::npos);
  EXPECT_FALSE(SealingKey::load(path));
}

TEST(SystemRandom, FillsAnyLengthAndDoesNotRepeat) {
  SystemRandom random;
  Bytes one(10'000), other(10'000);
  random.fill(one);
  random.fill(other);
  EXPECT_NE(one, other);
  std::array<int, 256> counts{};
  for (const auto byte : one) ++counts[byte];
  for (const auto count : counts) EXPECT_GT(count, 0);
  random.fill({});
}

}  // namespace
}  // namespace slipway::security
