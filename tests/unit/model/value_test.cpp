// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/value.hpp>

#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace slipway {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<Value> one_of_each_type() {
  return {Value(),
          Value::string("1"),
          Value::corelnk("1"),
          Value::opaque(as_bytes("1")),
          Value::integer(1),
          Value::unsigned_integer(1),
          Value::floating(1),
          Value::boolean(true),
          Value::time(1),
          Value::objlnk({.object = 1, .instance = 0})};
}

TEST(Value, IsSmallAndTriviallyCopyable) {
  static_assert(sizeof(Value) == 16);
  static_assert(std::is_trivially_copyable_v<Value>);
  EXPECT_TRUE(Value().empty());
}

TEST(Value, DiffersFromEveryOtherTypeAndEqualsItself) {
  const auto values = one_of_each_type();
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < values.size(); ++j)
      EXPECT_EQ(values[i] == values[j], i == j) << i << ' ' << j;
}

TEST(Value, ComparesTextByContentNotByPlace) {
  const std::string a = "same", b = "same";
  EXPECT_EQ(Value::string(a), Value::string(b));
  EXPECT_NE(Value::string("same"), Value::string("sam"));
  EXPECT_NE(Value::opaque(as_bytes("ab")), Value::opaque(as_bytes("ac")));
  EXPECT_EQ(Value::opaque({}), Value::opaque({}));
}

TEST(Value, ComparesFloatsByValueAndNanWithItself) {
  EXPECT_EQ(Value::floating(0.0), Value::floating(-0.0));
  EXPECT_EQ(Value::floating(kNan), Value::floating(kNan));
  EXPECT_NE(Value::floating(kNan), Value::floating(0));
  EXPECT_NE(Value::floating(1.5), Value::floating(1.25));
}

TEST(Value, ComparesTheRestByContent) {
  EXPECT_NE(Value::integer(-1), Value::integer(1));
  EXPECT_NE(Value::time(0), Value::time(1));
  EXPECT_NE(Value::boolean(true), Value::boolean(false));
  EXPECT_NE(Value::unsigned_integer(1), Value::unsigned_integer(2));
  EXPECT_NE(Value::objlnk({3, 0}), Value::objlnk({3, 1}));
}

TEST(Value, ShowsNumbersPlainly) {
  EXPECT_EQ(Value::integer(std::numeric_limits<std::int64_t>::min()).to_display(), "-9223372036854775808");
  EXPECT_EQ(Value::unsigned_integer(std::numeric_limits<std::uint64_t>::max()).to_display(),
            "18446744073709551615");
  EXPECT_EQ(Value::floating(21.5).to_display(), "21.5");
  EXPECT_EQ(Value::floating(0.1).to_display(), "0.1");
  EXPECT_EQ(Value::floating(-std::numeric_limits<double>::min()).to_display(), "-2.2250738585072014e-308");
  EXPECT_EQ(Value::boolean(true).to_display(), "true");
  EXPECT_EQ(Value::boolean(false).to_display(), "false");
  EXPECT_EQ(Value::time(-5).to_display(), "-5");
  EXPECT_EQ(Value::objlnk({}).to_display(), "65535:65535");
  EXPECT_EQ(Value().to_display(), "(none)");
}

TEST(Value, ShowsTextInQuotes) {
  EXPECT_EQ(Value::string("").to_display(), "\"\"");
  EXPECT_EQ(Value::string("21 \xc2\xb0"
                          "C \xe2\x82\xac \xf0\x9f\x8c\xa1")
                .to_display(),
            "\"21 \xc2\xb0"
            "C \xe2\x82\xac \xf0\x9f\x8c\xa1\"");
  EXPECT_EQ(Value::string(R"(a"b\c)").to_display(), R"("a\"b\\c")");
}

TEST(Value, NeverGivesATerminalControlsOrBrokenUtf8) {
  EXPECT_EQ(Value::string("\x1b[2J\n\x7f").to_display(), R"("\x1b[2J\x0a\x7f")");
  EXPECT_EQ(Value::string("\xc2\x9b").to_display(), R"("\xc2\x9b")");                  // C1
  EXPECT_EQ(Value::string("\xc0\xaf").to_display(), R"("\xc0\xaf")");                  // overlong
  EXPECT_EQ(Value::string("\xe0\x80\xaf").to_display(), R"("\xe0\x80\xaf")");          // overlong
  EXPECT_EQ(Value::string("\xf0\x80\x80\xaf").to_display(), R"("\xf0\x80\x80\xaf")");  // overlong
  EXPECT_EQ(Value::string("\xed\xa0\x80").to_display(), R"("\xed\xa0\x80")");          // surrogate
  EXPECT_EQ(Value::string("\xf4\x90\x80\x80").to_display(), R"("\xf4\x90\x80\x80")");  // above U+10FFFF
  EXPECT_EQ(Value::string("\xf8\xff\x80").to_display(), R"("\xf8\xff\x80")");
  EXPECT_EQ(Value::string("a\xe2\x82").to_display(), R"("a\xe2\x82")");  // cut off
  EXPECT_EQ(Value::string(std::string_view("\0", 1)).to_display(), R"("\x00")");
}

TEST(Value, ShowsBytesAsHexUpToABound) {
  EXPECT_EQ(Value::opaque(as_bytes("\x01\xff")).to_display(), "01ff");
  EXPECT_EQ(Value::opaque({}).to_display(), "");
  EXPECT_EQ(Value::opaque(as_bytes("0123456789abcdef")).to_display(), "30313233343536373839616263646566");
  EXPECT_EQ(Value::opaque(as_bytes("abcde")).to_display(2), "6162... (5 bytes)");
}

TEST(DataType, HasANameForEachType) {
  for (const auto& value : one_of_each_type()) EXPECT_STRNE(to_string(value.type()), "unknown");
  EXPECT_STREQ(to_string(DataType::floating), "float");
}

TEST(OwnedValue, OutlivesWhatItWasMadeOf) {
  for (const auto& value : one_of_each_type()) EXPECT_EQ(OwnedValue(value).view(), value);
  std::optional<std::string> text = "a text that is longer than a small string buffer";
  const OwnedValue owned(Value::string(*text));
  const std::string expected = *text;
  text->assign(text->size(), '!');
  text.reset();
  EXPECT_EQ(owned.view(), Value::string(expected));
}

TEST(OwnedValue, CopiesAreIndependent) {
  OwnedValue a(Value::opaque(as_bytes("abc")));
  const OwnedValue b = a;
  a = OwnedValue(Value::integer(7));
  EXPECT_EQ(b.view(), Value::opaque(as_bytes("abc")));
  EXPECT_EQ(a.view(), Value::integer(7));
  EXPECT_FALSE(a == b);
  EXPECT_TRUE(b == OwnedValue(Value::opaque(as_bytes("abc"))));
}

}  // namespace
}  // namespace slipway
