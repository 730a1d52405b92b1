// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/path.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace slipway {
namespace {

Path path(std::string_view text) {
  const auto parsed = Path::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().detail;
  return parsed.value_or(Path());
}

ErrorCode error_of(std::string_view text) {
  const auto parsed = Path::parse(text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? ErrorCode::not_found : parsed.error().code;
}

TEST(Path, IsSmallAndTriviallyCopyable) {
  static_assert(sizeof(Path) == 10);
  static_assert(std::is_trivially_copyable_v<Path>);
}

TEST(Path, ReadsEveryLevel) {
  EXPECT_EQ(path("/"), Path());
  EXPECT_EQ(path(""), Path());
  EXPECT_EQ(path("/3"), Path(ObjectId(3)));
  EXPECT_EQ(path("/3/0"), Path(ObjectId(3), InstanceId(0)));
  EXPECT_EQ(path("/3/0/11"), Path(ObjectId(3), InstanceId(0), ResourceId(11)));
  EXPECT_EQ(path("/3/0/11/2"), Path(ObjectId(3), InstanceId(0), ResourceId(11), ResourceInstanceId(2)));
  EXPECT_EQ(path("/3/0/11/2").level(), PathLevel::resource_instance);
}

TEST(Path, ToleratesOneTrailingSlash) {
  EXPECT_EQ(path("/3/"), path("/3"));
  EXPECT_EQ(path("/3/0/11/2/"), path("/3/0/11/2"));
  EXPECT_EQ(error_of("/3//"), ErrorCode::malformed);
}

TEST(Path, KeepsTheReservedId) {
  EXPECT_EQ(path("/2/65535").instance().value(), kReservedId);
}

TEST(Path, RefusesWhatIsNotDecimal) {
  for (const std::string text : {"3", "//", "//3", "/x", "/3/0x1", "/-1", "/+1", "/ 3", "/3 ", "/3?a", "/3.0",
                                 "/%33", "/\xd9\xa3", "/3\\0"})
    EXPECT_EQ(error_of(text), ErrorCode::malformed) << text;
  EXPECT_EQ(error_of(std::string_view("/3\0", 3)), ErrorCode::malformed);
}

TEST(Path, RefusesLeadingZeros) {
  EXPECT_EQ(error_of("/00"), ErrorCode::malformed);
  EXPECT_EQ(error_of("/3/01"), ErrorCode::malformed);
}

TEST(Path, RefusesIdsAbove65535WithoutWrapping) {
  EXPECT_EQ(error_of("/65536"), ErrorCode::out_of_range);
  EXPECT_EQ(error_of("/3/4294967296"), ErrorCode::out_of_range);
  EXPECT_EQ(error_of("/" + std::string(100'000, '9')), ErrorCode::out_of_range);
}

TEST(Path, RefusesFiveIds) {
  EXPECT_EQ(error_of("/1/2/3/4/5"), ErrorCode::limit);
}

TEST(Path, NamesThePlaceOfTheError) {
  EXPECT_EQ(Path::parse("/3/0/x").error().offset, 5u);
}

TEST(Path, PrintsWhatItReads) {
  for (const std::string text : {"/", "/0", "/3/0", "/3/0/11/2", "/65535/65535/65535/65535"})
    EXPECT_EQ(path(text).text().view(), text);
}

TEST(Path, SortsAParentBeforeItsChildrenAndIdsByNumber) {
  std::vector<Path> paths = {path("/10"), path("/3/0/11"), path("/3/0"), path("/3/0/9"),
                             path("/"),   path("/3"),      path("/3/1")};
  std::ranges::sort(paths);
  const std::vector<Path> expected = {path("/"),       path("/3"),   path("/3/0"), path("/3/0/9"),
                                      path("/3/0/11"), path("/3/1"), path("/10")};
  EXPECT_EQ(paths, expected);
}

TEST(Path, ContainsItselfAndWhatLiesBelow) {
  EXPECT_TRUE(path("/").contains(path("/3/0")));
  EXPECT_TRUE(path("/3/0").contains(path("/3/0")));
  EXPECT_TRUE(path("/3/0").contains(path("/3/0/11/2")));
  EXPECT_FALSE(path("/3/0").contains(path("/3")));
  EXPECT_FALSE(path("/3/0").contains(path("/3/1/0")));
}

TEST(Path, GoesDownAndUp) {
  EXPECT_EQ(path("/3").child(0).child(9), path("/3/0/9"));
  EXPECT_EQ(path("/1/2/3/4").child(5), path("/1/2/3/4"));
  EXPECT_EQ(path("/3/0/9").parent(), path("/3/0"));
  EXPECT_EQ(path("/").parent(), path("/"));
  EXPECT_EQ(path("/1/2/3/4").prefix(1), path("/1"));
}

}  // namespace
}  // namespace slipway
