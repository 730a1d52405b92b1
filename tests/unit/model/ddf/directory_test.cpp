// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/model/ddf.hpp>

#include "unit/model/ddf/ddf_text.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::ItemText;
using testing::ObjectText;

/// A directory of its own that goes with the test.
class DdfDirectory : public ::testing::Test {
 protected:
  DdfDirectory() {
    auto pattern = (fs::temp_directory_path() / "slipway-ddf-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~DdfDirectory() override { fs::remove_all(path_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] LoadedObjects load() const { return load_directory(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST_F(DdfDirectory, LoadsEveryXmlFile) {
  write("a.xml", ObjectText{.id = "10300"}.text());
  write("b.xml", ObjectText{.id = "10301", .name = "Other"}.text());
  write("readme.txt", "not an object");
  fs::create_directory(path() / "below");
  write("below/c.xml", ObjectText{.id = "10302"}.text());
  const auto loaded = load();
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_TRUE(loaded.warnings.empty());
  EXPECT_EQ(loaded.registry.added().size(), 2u);
  EXPECT_EQ(loaded.registry.find(ObjectId(10301))->name, "Other");
  EXPECT_NE(loaded.registry.find(ObjectId(3)), nullptr);
}

TEST_F(DdfDirectory, LoadsTheExamples) {
  const auto loaded = load_directory(SLIPWAY_SOURCE "/examples/objects");
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_TRUE(loaded.warnings.empty());
  ASSERT_NE(loaded.registry.find(ObjectId(3303)), nullptr);
  EXPECT_EQ(loaded.registry.find(ObjectId(3303))->find(ResourceId(5700))->name, "Sensor Value");
}

TEST_F(DdfDirectory, ReportsBrokenFilesAndLoadsTheOthers) {
  write("1-broken.xml", "<LWM2M>\n<Object></LWM2M>");
  write("2-good.xml", ObjectText{}.text());
  write("3-no-id.xml", ObjectText{.id = ""}.text());
  write("4-empty.xml", "");
  write("5-large.xml", std::string(kDdfFileSizeMax + 1, ' '));
  const auto loaded = load();
  EXPECT_NE(loaded.registry.find(ObjectId(10300)), nullptr);
  ASSERT_EQ(loaded.errors.size(), 4u);
  EXPECT_THAT(loaded.errors[0].text(), HasSubstr("1-broken.xml:2: not well-formed XML"));
  EXPECT_THAT(loaded.errors[1].text(), HasSubstr("3-no-id.xml:2: the ObjectID is missing"));
  EXPECT_THAT(loaded.errors[2].file, HasSubstr("4-empty.xml"));
  EXPECT_THAT(loaded.errors[3].text(), HasSubstr("5-large.xml: the file is larger"));
}

TEST_F(DdfDirectory, TakesTheFirstOfTwoFilesByNameAndReportsTheSecond) {
  write("b.xml", ObjectText{.name = "Second"}.text());
  write("a.xml", ObjectText{.name = "First"}.text());
  const auto loaded = load();
  EXPECT_EQ(loaded.registry.find(ObjectId(10300))->name, "First");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_THAT(loaded.errors[0].text(), HasSubstr("b.xml:2: object /10300 version 1.0 is defined twice"));
}

TEST_F(DdfDirectory, ReportsAContradictionToACoreObject) {
  write(
      "3.xml",
      ObjectText{.id = "3", .version = "1.2", .items = ItemText{.id = "9", .type = "String"}.text()}.text());
  const auto loaded = load();
  EXPECT_EQ(loaded.registry.find(ObjectId(3)), builtin_objects().find(ObjectId(3)));
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_THAT(loaded.errors[0].text(), HasSubstr("another type than in the built-in object"));
}

TEST_F(DdfDirectory, PassesWarningsOn) {
  write("a.xml", ObjectText{.items = ItemText{.range = "junk"}.text()}.text());
  const auto loaded = load();
  EXPECT_TRUE(loaded.errors.empty());
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_THAT(loaded.warnings[0].text(),
              HasSubstr("a.xml:5: resource 0 of object /10300 has the RangeEnumeration"));
}

TEST_F(DdfDirectory, WarnsWhenThereIsNothing) {
  const auto loaded = load();
  EXPECT_TRUE(loaded.errors.empty());
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_THAT(loaded.warnings[0].text(), HasSubstr("there is no .xml file"));
}

TEST_F(DdfDirectory, ReportsADirectoryThatIsNotThere) {
  const auto loaded = load_directory(path() / "absent");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_THAT(loaded.errors[0].text(), HasSubstr("absent: the directory cannot be read"));
  EXPECT_NE(loaded.registry.find(ObjectId(3)), nullptr);
}

TEST_F(DdfDirectory, DoesNotWaitForAPipeOrReadADirectory) {
  ASSERT_EQ(mkfifo((path() / "pipe.xml").c_str(), 0600), 0);
  fs::create_directory(path() / "folder.xml");
  fs::create_symlink("nowhere", path() / "link.xml");
  write("good.xml", ObjectText{}.text());
  const auto loaded = load();
  EXPECT_NE(loaded.registry.find(ObjectId(10300)), nullptr);
  ASSERT_EQ(loaded.errors.size(), 3u);
  for (const auto& error : loaded.errors) EXPECT_EQ(error.message, "the file cannot be read");
}

TEST_F(DdfDirectory, BoundsTheNumberOfFiles) {
  for (std::size_t i = 0; i < kDdfFilesMax; ++i)
    write(std::to_string(i) + ".xml", ObjectText{.id = std::to_string(10'000 + i)}.text());
  const auto full = load();
  EXPECT_TRUE(full.errors.empty());
  EXPECT_EQ(full.registry.added().size(), kDdfFilesMax);
  write("one-more.xml", ObjectText{.id = "3303"}.text());
  const auto loaded = load();
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_THAT(loaded.errors[0].text(), HasSubstr("there are more than 4096 .xml files"));
  EXPECT_TRUE(loaded.registry.added().empty());
}

}  // namespace
}  // namespace slipway
