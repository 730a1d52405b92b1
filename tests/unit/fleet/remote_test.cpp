// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/fleet/remote.hpp>

#include "lint_case.hpp"

namespace slipway::fleet {
namespace {

TEST(RemoteUrl, IsReadWithItsDefaults) {
  const auto plain = parse_http_base("https://b.example.com");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->scheme, HttpScheme::https);
  EXPECT_EQ(plain->host, "b.example.com");
  EXPECT_EQ(plain->port, "443");
  const auto full = parse_http_base("https://[2001:db8::1]:8443/");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->host, "2001:db8::1");
  EXPECT_EQ(full->port, "8443");
}

TEST(RemoteUrl, WithoutTlsIsForThisMachineOnly) {
  for (const auto* url : {"http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"})
    EXPECT_TRUE(parse_http_base(url)) << url;
  for (const auto* url : {"http://192.0.2.1:8080", "http://b.example.com", "http://localhost.example.com",
                          "http://[2001:db8::1]:8080", "http://127.0.0.1.example.com"}) {
    const auto parsed = parse_http_base(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().code, ErrorCode::refused) << url;
  }
}

TEST(RemoteUrl, ThatIsNoneIsRefused) {
  for (const auto* url : {"", "https://", "https:///x", "https://a/b", "https://a:0", "https://a:65536",
                          "https://a:", "https://a:b", "https://[::1", "https://[::1]x", "https://user@a",
                          "https://a b", "ftp://a", "https://a?b", "https://a\r\nHost: b"})
    EXPECT_FALSE(parse_http_base(url)) << url;
}

const std::string kRemote = "[remote.b]\nurl = \"https://b.example.com\"\n";

TEST(RemoteReading, GivesAnAccountItsNode) {
  const test::KeyMaterial material;
  const auto read = parse_configuration(test::plan("remote = \"b\"\n") + kRemote +
                                            "ca_file = \"ca.pem\"\n[remote.c]\nurl = \"http://[::1]:8080\"\n",
                                        "f.toml", test::catalog(), material.options());
  ASSERT_TRUE(read) << read.error().front().text();
  EXPECT_EQ(read->plans.at("p")->servers.at(0).remote, "b");
  ASSERT_EQ(read->remotes.size(), 2u);
  EXPECT_EQ(read->remotes[0].name, "b");
  EXPECT_EQ(read->remotes[0].url, "https://b.example.com");
  EXPECT_EQ(read->remotes[0].ca_file, "ca.pem");
  EXPECT_EQ(read->remotes[1].name, "c");
}

TEST(RemoteReading, FindsWhatIsWrong) {
  const auto expect = [](const std::string& text, const char* finding) {
    const auto all = test::findings(text);
    ASSERT_EQ(all.size(), 1u) << text;
    EXPECT_THAT(all[0], ::testing::HasSubstr(finding));
  };
  expect(test::plan("remote = \"b\"\n"), "plan.p.server[0].remote: there is no remote \"b\"; add [remote.b]");
  expect(test::plan("remote = \"b\"\ncredential = \"own\"\nserver_public_key = \"server.pem\"\n") + kRemote,
         "warning: plan.p.server[0].remote: no credential is made for this account");
  expect(test::plan("") + "[remote.b]\n", "remote.b.url: this key is missing");
  expect(test::plan("") + "[remote.b]\nurl = \"http://b.example.com\"\n", "keys would travel in clear");
  expect(test::plan("") + kRemote + "token_file = \"none\"\n", "remote.b.token_file");
  expect(test::plan("") + kRemote + "port = 5\n", "remote.b.port");
  expect(test::plan("") + "[remote]\nb = 5\n", "a remote is a table; write [remote.b]");
  std::string many = test::plan("");
  for (std::size_t i = 0; i <= kRemotesMax; ++i)
    many += "[remote.r" + std::to_string(i) + "]\nurl = \"https://b\"\n";
  expect(many, "more than 64 remotes");
}

}  // namespace
}  // namespace slipway::fleet
