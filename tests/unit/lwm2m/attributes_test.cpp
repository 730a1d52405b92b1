// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include <slipway/lwm2m/attributes.hpp>

namespace slipway::lwm2m {
namespace {

Attributes from(std::initializer_list<std::string_view> queries) {
  AttributeChange change;
  for (const auto query : queries) EXPECT_TRUE(change.add(query)) << query;
  return change.apply_to({});
}
std::string text(const Attributes& attributes) {
  Bytes buffer(256);
  ByteWriter out(buffer);
  codec::LinkWriter links(out);
  links.link("/3");
  write(links, attributes);
  return std::string(as_text(out.written()));
}

TEST(Attributes, AreReadAndWritten) {
  const auto all = from({"pmin=1", "pmax=4294967295", "epmin=2", "epmax=3", "gt=1.5", "lt=-2", "st=0.25",
                         "edge=1", "con=0", "hqmax=4"});
  EXPECT_EQ(text(all),
            "</3>;pmin=1;pmax=4294967295;epmin=2;epmax=3;gt=1.5;lt=-2;st=0.25;edge=1;con=0;hqmax=4");
  EXPECT_EQ(text({}), "</3>");
}

TEST(Attributes, RubbishIsRefused) {
  for (const auto* query : {"pmin=", "pmin=-1", "pmin=4294967296", "pmin=1x", "gt=", "gt=inf", "gt=nan",
                            "gt=1,5", "edge=2", "con=yes", "hqmax=1.5"}) {
    AttributeChange change;
    EXPECT_EQ(change.add(query).error().code, ErrorCode::malformed) << query;
  }
  AttributeChange change;
  EXPECT_EQ(change.add("speed=1").error().code, ErrorCode::unsupported);
  EXPECT_TRUE(change.add("pmin=1"));
  EXPECT_EQ(change.add("pmin=2").error().code, ErrorCode::duplicate);
}

TEST(Attributes, ANameAloneUnsets) {
  AttributeChange change;
  EXPECT_TRUE(change.empty());
  ASSERT_TRUE(change.add("pmin"));
  EXPECT_FALSE(change.empty());
  EXPECT_EQ(change.apply_to(from({"pmin=1", "pmax=2"})), from({"pmax=2"}));
}

TEST(Attributes, MustAgreeWithEachOther) {
  EXPECT_TRUE(check(from({"gt=10", "lt=5", "st=2"})));
  EXPECT_FALSE(check(from({"gt=10", "lt=5", "st=2.5"})));
  EXPECT_FALSE(check(from({"gt=5", "lt=5"})));
  EXPECT_FALSE(check(from({"st=0"})));
  EXPECT_TRUE(check(from({"pmin=10", "pmax=5"}))) << "pmax is ignored then";
}

TEST(Attributes, TheNearerOneCounts) {
  EXPECT_EQ(merged(from({"pmin=1", "pmax=2"}), from({"pmin=5"})), from({"pmin=5", "pmax=2"}));
}

TEST(Attributes, NumbersAreReportedWhenTheyCross) {
  struct Case {
    std::initializer_list<std::string_view> queries;
    double before, now;
    bool reported;
  };
  for (const auto& [queries, before, now, reported] :
       std::initializer_list<Case>{{{}, 1, 1, false},
                                   {{}, 1, 2, true},
                                   {{"gt=10"}, 9, 10, false},
                                   {{"gt=10"}, 9, 10.1, true},
                                   {{"gt=10"}, 11, 12, false},
                                   {{"gt=10"}, 11, 10, true},
                                   {{"lt=5"}, 6, 5, false},
                                   {{"lt=5"}, 6, 4.9, true},
                                   {{"lt=5"}, 4, 3, false},
                                   {{"lt=5"}, 4, 5, true},
                                   {{"st=2"}, 1, 2.9, false},
                                   {{"st=2"}, 1, 3, true},
                                   {{"st=2"}, 1, -1, true},
                                   {{"gt=10", "st=2"}, 1, 3, true},
                                   {{"gt=10", "lt=5"}, 6, 9, false}})
    EXPECT_EQ(must_report(from(queries), before, now), reported) << before << " -> " << now;
}

TEST(Attributes, AnEdgeIsReportedInItsDirection) {
  EXPECT_TRUE(must_report(from({"edge=1"}), false, true));
  EXPECT_FALSE(must_report(from({"edge=1"}), true, false));
  EXPECT_TRUE(must_report(from({"edge=0"}), true, false));
  EXPECT_TRUE(must_report(Attributes{}, true, false));
  EXPECT_FALSE(must_report(Attributes{}, true, true));
}

}  // namespace
}  // namespace slipway::lwm2m
