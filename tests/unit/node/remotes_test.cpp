// SPDX-License-Identifier: Apache-2.0
// Credentials on their way to another node.
#include "node/remotes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include <nlohmann/json.hpp>

#include <slipway/api/http_server.hpp>

#include "support/temporary_folder.hpp"
#include "unit/node/tls_acceptor.hpp"

namespace slipway::node {
namespace {

using slipway::testing::TemporaryFolder;
using slipway::testing::write_file;
using ::testing::HasSubstr;
using ::testing::Not;
using Outcome = std::expected<void, std::string>;

constexpr auto kPatience = std::chrono::seconds(60);
const std::string kToken = "0123456789abcdef-token";
const std::string kKeyHex = "00ff00ff00ff00ff00ff00ff00ff00ff";

fleet::Credential psk() {
  fleet::Credential credential;
  credential.endpoint = "urn:dev:\"1\"";
  credential.role = fleet::ServerRole::management;
  credential.server = ShortServerId(102);
  credential.identity = {'i', 'd'};
  credential.key = Secret(*from_hex(kKeyHex));
  return credential;
}

/// Another node's API, as far as it takes credentials.
class OtherNode {
 public:
  api::Response answer = api::Response::json({{"kept", 1}});
  std::vector<api::Request> requests;
  bool silent = false;

  explicit OtherNode(Secret token = {}) {
    api::Router router;
    router.add(api::Method::put, "/api/v1/credentials",
               [this](const api::Request& request, const api::Responder& responder) {
                 requests.push_back(request);
                 if (silent)
                   held_.push_back(responder);
                 else
                   responder.answer(answer);
               });
    auto started = api::HttpServer::start(
        {.address = *Address::parse("127.0.0.1:0"), .token = std::move(token)}, std::move(router));
    if (started) server_ = std::move(*started);
  }
  [[nodiscard]] std::string url() const { return "http://" + server_->local_address().to_string(); }

 private:
  std::vector<api::Responder> held_;
  std::unique_ptr<api::HttpServer> server_;
};

class RemotesTest : public ::testing::Test {
 protected:
  static std::vector<fleet::Credential> one() {
    std::vector<fleet::Credential> list;
    list.push_back(psk());
    return list;
  }
  /// Pushes and waits for the end.
  static Outcome push(Remotes& remotes, std::string_view name = "b",
                      const std::vector<fleet::Credential>& credentials = one()) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    remotes.push(name, credentials, [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    if (future.wait_for(kPatience) != std::future_status::ready) return std::unexpected("it never ended");
    return future.get();
  }
  static Remotes::Post at_once() {
    return [](const std::function<void()>& work) { work(); };
  }
  std::string token_file() {
    write_file(folder_.file("token"), kToken + "\n");
    return folder_.file("token");
  }
  TemporaryFolder folder_;
};

TEST_F(RemotesTest, HandOverWhatTheOtherNodeNeeds) {
  OtherNode other(Secret(as_bytes(kToken)));
  other.answer = api::Response::json({{"kept", 2}});
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = other.url(), .token_file = token_file()}}));
  auto both = one();
  both.push_back(psk());
  both[1].mode = SecurityMode::rpk;
  both[1].public_part = {0x30, 0x59};
  const auto outcome = push(remotes, "b", both);
  ASSERT_TRUE(outcome) << outcome.error();
  ASSERT_EQ(other.requests.size(), 1u);
  const auto body = nlohmann::json::parse(other.requests[0].body);
  EXPECT_EQ(body["credentials"][0], (nlohmann::json{{"endpoint", "urn:dev:\"1\""},
                                                    {"server", 102},
                                                    {"mode", "psk"},
                                                    {"identity", "6964"},
                                                    {"key", kKeyHex}}));
  EXPECT_EQ(body["credentials"][1],
            (nlohmann::json{
                {"endpoint", "urn:dev:\"1\""}, {"server", 102}, {"mode", "rpk"}, {"public_part", "3059"}}))
      << "the private key stays here";
}

TEST_F(RemotesTest, SayWhyTheOtherNodeRefused) {
  OtherNode other;
  other.answer =
      api::Response::error({.status = 409, .code = "conflict", .message = "that identity is known"});
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = other.url()}}));
  const auto outcome = push(remotes);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error(), HasSubstr("management server \"b\""));
  EXPECT_THAT(outcome.error(), HasSubstr(other.url()));
  EXPECT_THAT(outcome.error(), HasSubstr("409, that identity is known"));
  EXPECT_THAT(outcome.error(), Not(HasSubstr(kKeyHex)));
}

TEST_F(RemotesTest, SayThatTheTokenIsWrong) {
  OtherNode other(Secret(as_bytes("another token of 16")));
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = other.url(), .token_file = token_file()}}));
  const auto outcome = push(remotes);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error(), HasSubstr("token_file of [remote.b]"));
  EXPECT_THAT(outcome.error(), Not(HasSubstr(kToken)));
}

TEST_F(RemotesTest, TakeAnythingButAnAcknowledgementForARefusal) {
  OtherNode other;
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = other.url()}}));
  other.answer = api::Response::no_content();
  EXPECT_FALSE(push(remotes)) << "204 is not what a node of ours says";
  other.answer = api::Response::text("<html>", "text/html");
  other.answer.status = 302;
  EXPECT_FALSE(push(remotes));
  other.answer = api::Response::text("<html>", "text/html");
  EXPECT_FALSE(push(remotes)) << "200 of something else than a node";
  other.answer = api::Response::json({{"kept", 0}});
  EXPECT_FALSE(push(remotes)) << "not all of them";
  other.answer = api::Response::text(std::string(1 << 20, 'x'));
  EXPECT_FALSE(push(remotes)) << "too much";
}

TEST_F(RemotesTest, SayThatNobodyIsThere) {
  std::string url;
  {
    const OtherNode gone;
    url = gone.url();
  }
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = url}}));
  const auto outcome = push(remotes);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error(), HasSubstr("is `slipway serve` running there?"));
}

TEST_F(RemotesTest, GiveUpOnANodeThatIsSilent) {
  OtherNode other;
  other.silent = true;
  Remotes remotes(at_once(), {.time_max = std::chrono::milliseconds(50)});
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = other.url()}}));
  const auto outcome = push(remotes);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error(), HasSubstr("no answer in time"));
}

TEST_F(RemotesTest, RefuseMoreThanTheirBound) {
  OtherNode other;
  other.silent = true;
  Remotes remotes(at_once(), {.pushes_max = 1});
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = other.url()}}));
  remotes.push("b", one(), [](const Outcome&) {});
  const auto outcome = push(remotes);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error(), HasSubstr("too many others"));
}

TEST_F(RemotesTest, SayThatARemoteIsNotConfigured) {
  Remotes remotes(at_once());
  const auto outcome = push(remotes, "nowhere");
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error(), HasSubstr("[remote.nowhere]"));
}

TEST_F(RemotesTest, KeepTheOldOnesWhenNewOnesAreWrong) {
  OtherNode other;
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure({{.name = "b", .url = other.url()}}));
  const auto no_token =
      remotes.configure({{.name = "c", .url = other.url(), .token_file = folder_.file("none")}});
  ASSERT_FALSE(no_token);
  EXPECT_THAT(no_token.error(), HasSubstr(folder_.file("none")));
  EXPECT_FALSE(remotes.configure({{.name = "c", .url = "http://192.0.2.1"}}));
  EXPECT_FALSE(remotes.configure({{.name = "c", .url = "https://b", .ca_file = folder_.file("none")}}));
  EXPECT_TRUE(push(remotes));
}

TEST_F(RemotesTest, TrustTheConfiguredAuthorityByTheNameInTheUrl) {
  const auto issued = test::issue_for("localhost");
  write_file(folder_.file("ca.pem"), issued.authority_pem);
  test::TlsAcceptor server(issued);
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure({{.name = "b",
                                  .url = "https://localhost:" + server.port(),
                                  .token_file = token_file(),
                                  .ca_file = folder_.file("ca.pem")}}));
  const auto outcome = push(remotes);
  EXPECT_TRUE(outcome) << outcome.error();
  EXPECT_THAT(server.request(), HasSubstr("Authorization: Bearer " + kToken));
}

TEST_F(RemotesTest, GiveNothingToACertificateOfSomebodyElse) {
  const auto theirs = test::issue_for("localhost");
  const auto ours = test::issue_for("localhost");
  write_file(folder_.file("ca.pem"), ours.authority_pem);
  test::TlsAcceptor server(theirs);
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure(
      {{.name = "b", .url = "https://localhost:" + server.port(), .ca_file = folder_.file("ca.pem")}}));
  EXPECT_FALSE(push(remotes));
  EXPECT_EQ(server.request(), "");
}

TEST_F(RemotesTest, GiveNothingToAnotherNameThanTheUrls) {
  const auto issued = test::issue_for("other.example.com");
  write_file(folder_.file("ca.pem"), issued.authority_pem);
  test::TlsAcceptor server(issued);
  Remotes remotes(at_once());
  ASSERT_TRUE(remotes.configure(
      {{.name = "b", .url = "https://localhost:" + server.port(), .ca_file = folder_.file("ca.pem")}}));
  EXPECT_FALSE(push(remotes));
  EXPECT_EQ(server.request(), "");
}

}  // namespace
}  // namespace slipway::node
