// SPDX-License-Identifier: Apache-2.0
#include "device/state_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_folder.hpp"

namespace slipway::device {
namespace {

using ::testing::HasSubstr;

/// A state here is whole when it does not begin with 'x'; 'v' stands for one of a later version.
Result<void> check(ByteView bytes) {
  if (!bytes.empty() && bytes[0] == 'x') return fail(ErrorCode::malformed, "the snapshot is damaged");
  if (!bytes.empty() && bytes[0] == 'v') return fail(ErrorCode::unsupported, "of another version");
  return {};
}
Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

class StateFileOnDisk : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file() const { return folder_.file("state"); }
  [[nodiscard]] std::size_t files() const {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path())) ++n;
    return n;
  }
  [[nodiscard]] static unsigned mode(const std::string& of) {
    struct stat status{};
    EXPECT_EQ(::stat(of.c_str(), &status), 0);
    return status.st_mode & 0777;
  }
  [[nodiscard]] Bytes content() {
    const auto read = state_.read();
    EXPECT_TRUE(read) << (read ? "" : read.error());
    return read && read->bytes ? *read->bytes : Bytes{};
  }
  testing::TemporaryFolder folder_;
  SystemFiles disk_;
  StateFile state_{disk_, file(), check};
};

TEST_F(StateFileOnDisk, AMissingOneIsNoError) {
  const auto read = state_.read();
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->bytes.has_value());
}

TEST_F(StateFileOnDisk, ComesBackAsItWasWritten) {
  for (const Bytes& bytes : {Bytes{1, 2, 3}, Bytes{}, Bytes(kStateBytesMax, 0xA5)}) {
    ASSERT_TRUE(state_.write(bytes));
    EXPECT_EQ(content(), bytes);
  }
}

TEST_F(StateFileOnDisk, IsForItsOwnerOnlyWhateverStoodThere) {
  testing::write_file(file(), "old");
  testing::write_file(file() + ".new", "of a crash");
  ASSERT_EQ(::chmod(file().c_str(), 0666), 0);
  ASSERT_EQ(::chmod((file() + ".new").c_str(), 0666), 0);
  ASSERT_TRUE(state_.write(Bytes{1}));
  EXPECT_EQ(mode(file()), 0600u);
  EXPECT_EQ(files(), 2u) << "the state and the one before it";
}

TEST_F(StateFileOnDisk, WhoHasTheOldOneOpenKeepsIt) {
  ASSERT_TRUE(state_.write(Bytes{'o', 'l', 'd'}));
  std::ifstream reader(file(), std::ios::binary);
  ASSERT_TRUE(state_.write(Bytes{'n', 'e', 'w', '!'}));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old") << "replaced, not overwritten";
}

TEST_F(StateFileOnDisk, ALinkBesideItIsNotFollowed) {
  testing::write_file(folder_.file("victim"), "precious");
  std::filesystem::create_symlink(folder_.file("victim"), file() + ".new");
  ASSERT_TRUE(state_.write(Bytes{1}));
  EXPECT_EQ(testing::read_file(folder_.file("victim")), "precious");
}

TEST_F(StateFileOnDisk, AnOversizedOneIsNeitherWrittenNorRead) {
  EXPECT_THAT(state_.write(Bytes(kStateBytesMax + 1)).error(), HasSubstr("more than 1 MiB"));
  EXPECT_FALSE(std::filesystem::exists(file()));
  testing::write_file(file(), std::string(kStateBytesMax + 1, 'x'));
  const auto read = state_.read();
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error(), HasSubstr("--factory-reset"));
}

TEST_F(StateFileOnDisk, AFolderInItsPlaceIsNamed) {
  std::filesystem::create_directory(file());
  EXPECT_THAT(state_.read().error(), HasSubstr(file()));
  EXPECT_THAT(state_.write(Bytes{1}).error(), HasSubstr("cannot be replaced"));
  EXPECT_EQ(files(), 1u) << "no copy with keys is left";
}

TEST_F(StateFileOnDisk, AFolderThatCannotBeWrittenIsNamedAndTheOldOneStays) {
  StateFile elsewhere(disk_, folder_.file("no/such/state"), check);
  const auto written = elsewhere.write(Bytes{1});
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error(), HasSubstr("no/such/state.new: cannot be made: No such file"));
  EXPECT_THAT(written.error(), HasSubstr("check the folder"));
}

// --- The state before ---------------------------------------------------------------------------------

TEST_F(StateFileOnDisk, ADamagedOneIsReplacedByTheStateBeforeIt) {
  ASSERT_TRUE(state_.write(bytes_of("first")));
  ASSERT_TRUE(state_.write(bytes_of("second")));
  testing::write_file(file(), "xx");
  const auto read = state_.read();
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read->bytes, bytes_of("first"));
  EXPECT_THAT(read->damage, HasSubstr("state: damaged (the snapshot is damaged)"));
  ASSERT_TRUE(state_.write(bytes_of("third")));
  testing::write_file(file(), "xx");
  EXPECT_EQ(content(), bytes_of("first")) << "the damaged one never takes the place of the one before";
}

TEST_F(StateFileOnDisk, ADamagedOneAloneSaysWhatToDo) {
  testing::write_file(file(), "xx");
  const auto alone = state_.read();
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error(),
              HasSubstr("no previous state; begin again from the factory pack with --factory-reset"));
  testing::write_file(file() + ".previous", "xx too");
  EXPECT_FALSE(state_.read());
  EXPECT_EQ(testing::read_file(file()), "xx") << "kept for whoever looks into it";
}

TEST_F(StateFileOnDisk, OneOfALaterVersionIsNoDamage) {
  ASSERT_TRUE(state_.write(bytes_of("first")));
  ASSERT_TRUE(state_.write(bytes_of("version 9")));
  const auto read = state_.read();
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error(), HasSubstr("use the program that wrote it"));
}

TEST_F(StateFileOnDisk, DeletedByHandItBeginsAnewWhateverIsBesideIt) {
  ASSERT_TRUE(state_.write(bytes_of("first")));
  ASSERT_TRUE(state_.write(bytes_of("second")));
  std::filesystem::remove(file());
  const auto read = state_.read();
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->bytes.has_value());
}

TEST_F(StateFileOnDisk, WhatIsWrittenAsTheOnlyOneLeavesNoKeysOfBefore) {
  ASSERT_TRUE(state_.write(bytes_of("old key")));
  ASSERT_TRUE(state_.write(bytes_of("new key")));
  EXPECT_EQ(mode(file() + ".previous"), 0600u);
  ASSERT_TRUE(state_.write(bytes_of("factory"), StateFile::Keep::nothing));
  EXPECT_EQ(content(), bytes_of("factory"));
  EXPECT_EQ(files(), 1u);
}

}  // namespace
}  // namespace slipway::device
