// SPDX-License-Identifier: Apache-2.0
#include "device/state_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_folder.hpp"

namespace slipway::device {
namespace {

using ::testing::HasSubstr;

class StateFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file() const { return folder_.file("state"); }
  [[nodiscard]] std::size_t files() const {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path())) ++n;
    return n;
  }
  [[nodiscard]] unsigned mode() const {
    struct stat status{};
    EXPECT_EQ(::stat(file().c_str(), &status), 0);
    return status.st_mode & 0777;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(StateFile, AMissingOneIsNoError) {
  const auto read = read_state(file());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->has_value());
}

TEST_F(StateFile, ComesBackAsItWasWritten) {
  for (const Bytes& bytes : {Bytes{1, 2, 3}, Bytes{}, Bytes(kStateBytesMax, 0xA5)}) {
    ASSERT_TRUE(write_state(file(), bytes));
    EXPECT_EQ(**read_state(file()), bytes);
  }
}

TEST_F(StateFile, IsForItsOwnerOnlyWhateverStoodThere) {
  testing::write_file(file(), "old");
  testing::write_file(file() + ".new", "of a crash");
  ASSERT_EQ(::chmod(file().c_str(), 0666), 0);
  ASSERT_EQ(::chmod((file() + ".new").c_str(), 0666), 0);
  ASSERT_TRUE(write_state(file(), Bytes{1}));
  EXPECT_EQ(mode(), 0600u);
  EXPECT_EQ(files(), 1u) << "nothing is left beside it";
}

TEST_F(StateFile, WhoHasTheOldOneOpenKeepsIt) {
  ASSERT_TRUE(write_state(file(), Bytes{'o', 'l', 'd'}));
  std::ifstream reader(file(), std::ios::binary);
  ASSERT_TRUE(write_state(file(), Bytes{'n', 'e', 'w', '!'}));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old") << "replaced, not overwritten";
}

TEST_F(StateFile, ALinkBesideItIsNotFollowed) {
  testing::write_file(folder_.file("victim"), "precious");
  std::filesystem::create_symlink(folder_.file("victim"), file() + ".new");
  ASSERT_TRUE(write_state(file(), Bytes{1}));
  EXPECT_EQ(testing::read_file(folder_.file("victim")), "precious");
}

TEST_F(StateFile, AnOversizedOneIsNeitherWrittenNorRead) {
  EXPECT_THAT(write_state(file(), Bytes(kStateBytesMax + 1)).error(), HasSubstr("more than 1 MiB"));
  EXPECT_FALSE(std::filesystem::exists(file()));
  testing::write_file(file(), std::string(kStateBytesMax + 1, 'x'));
  const auto read = read_state(file());
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error(), HasSubstr("delete it to begin again"));
}

TEST_F(StateFile, AFolderInItsPlaceIsNamed) {
  std::filesystem::create_directory(file());
  EXPECT_THAT(read_state(file()).error(), HasSubstr(file()));
  EXPECT_THAT(write_state(file(), Bytes{1}).error(), HasSubstr("cannot be replaced"));
  EXPECT_EQ(files(), 1u) << "no copy with keys is left";
}

TEST_F(StateFile, AFolderThatCannotBeWrittenIsNamedAndTheOldOneStays) {
  const auto written = write_state(folder_.file("no/such/state"), Bytes{1});
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error(), HasSubstr("no/such/state.new: cannot be made: No such file"));
  EXPECT_THAT(written.error(), HasSubstr("check the folder"));
}

}  // namespace
}  // namespace slipway::device
