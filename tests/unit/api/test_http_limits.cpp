// SPDX-License-Identifier: Apache-2.0
// What a hostile client can do to the server: each bound with its answer.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include <slipway/api/http_server.hpp>
#include <slipway/base/random.hpp>

#include "unit/api/http_client.hpp"

namespace slipway::api {
namespace {

using test::Client;
using namespace std::chrono_literals;

std::unique_ptr<HttpServer> start(HttpLimits limits = {}) {
  Router router;
  const auto length = [](Request request, Responder responder) {
    responder.answer(Response::json({{"length", request.body.size()}}));
  };
  router.add(Method::get, "/{name}", length);
  router.add(Method::post, "/{name}", length);
  auto server = HttpServer::start(
      {.address = *Address::parse("127.0.0.1:0"), .token = {}, .limits = limits, .metrics = nullptr},
      std::move(router));
  if (!server) throw std::runtime_error(server.error().message());
  return std::move(*server);
}

/// After whatever a test did, others are served.
void expect_alive(const HttpServer& server) {
  EXPECT_EQ(Client(server.local_address()).get("/a").status, 200);
}

TEST(HttpLimits, LongHeaderIs431) {
  const auto server = start({.header_bytes = 1024});
  const auto reply = Client(server->local_address()).get("/a", "X: " + std::string(1024, 'x') + "\r\n");
  EXPECT_EQ(reply.status, 431);
  EXPECT_EQ(reply.error_code(), "too_large");
  EXPECT_EQ(Client(server->local_address()).get("/a", "X: " + std::string(800, 'x') + "\r\n").status, 200);
}

TEST(HttpLimits, EndlessHeaderIs431) {
  const auto server = start({.header_bytes = 1024});
  Client client(server->local_address());
  client.send("GET /a HTTP/1.1\r\n");
  for (int i = 0; i < 10'000; ++i)
    if (!client.send("X-" + std::to_string(i) + ": y\r\n")) break;
  EXPECT_EQ(client.reply().status, 431);
  expect_alive(*server);
}

TEST(HttpLimits, LongUrlIs414) {
  const auto server = start({.target_bytes = 100});
  EXPECT_EQ(Client(server->local_address()).get("/" + std::string(99, 'a')).status, 200);
  EXPECT_EQ(Client(server->local_address()).get("/" + std::string(100, 'a')).status, 414);
}

TEST(HttpLimits, LongBodyIs413BeforeItIsRead) {
  const auto server = start();
  Client client(server->local_address());
  client.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n");
  const auto reply = client.reply();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.error_code(), "too_large");
}

TEST(HttpLimits, LongestBodyPassesAndOneByteMoreIsToldToAClientThatSendsItAll) {
  const auto server = start();
  const std::string longest(1024 * 1024, 'x');
  EXPECT_EQ(Client(server->local_address()).request("POST", "/a", "", longest).json()["length"],
            longest.size());
  EXPECT_EQ(Client(server->local_address()).request("POST", "/a", "", longest + "x").status, 413);
}

TEST(HttpLimits, LongChunkedBodyIs413) {
  const auto server = start({.body_bytes = 1000});
  Client client(server->local_address());
  client.send("POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "100\r\n" + std::string(256, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i) client.send(chunk);
  EXPECT_EQ(client.reply().status, 413);
}

TEST(HttpLimits, HugeOrBadContentLengthIsRefused) {
  const auto server = start();
  for (const char* length : {"18446744073709551616", "99999999999999999999999", "-1", "1x", "0x10", ""}) {
    Client client(server->local_address());
    client.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::string(length) + "\r\n\r\n");
    const auto status = client.reply().status;
    EXPECT_TRUE(status == 400 || status == 413) << length << " gave " << status;
  }
  Client twice(server->local_address());
  twice.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_EQ(twice.reply().status, 400);
}

TEST(HttpLimits, BadPercentEncodingIs400) {
  const auto server = start();
  for (const char* target :
       {"/%", "/%4", "/%zz", "/a%", "/%00", "/%0a", "/a%7F", "/a?x=%", "/a?%g1=1", "/a?x=%00"}) {
    EXPECT_EQ(Client(server->local_address()).get(target).status, 400) << target;
  }
}

TEST(HttpLimits, MalformedRequestsAre400) {
  const auto server = start();
  for (const char* text : {"\r\n\r\nx\r\n\r\n", "GET\r\n\r\n", "GET /a\r\n\r\n", "GET /a HTTP/3.7\r\n\r\n",
                           "GET  /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\nNo colon\r\n\r\n",
                           "GET /a HTTP/1.1\r\n: v\r\n\r\n", "GET a HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"}) {
    Client client(server->local_address());
    client.send(text);
    EXPECT_EQ(client.reply().status, 400) << text;
    EXPECT_TRUE(client.closed());
  }
  expect_alive(*server);
}

TEST(HttpLimits, RandomBytesNeverStopTheServer) {
  const auto server = start({.header_time = 20ms, .idle_time = 20ms});
  SeededRandom random(1);
  for (int i = 0; i < 50; ++i) {
    Bytes bytes(random.below(300));
    random.fill(bytes);
    Client client(server->local_address());
    client.send(as_text(bytes));
    EXPECT_TRUE(client.closed());
  }
  expect_alive(*server);
}

TEST(HttpLimits, SilentConnectionIsClosed) {
  const auto server = start({.header_time = 5ms});
  EXPECT_TRUE(Client(server->local_address()).closed());
}

TEST(HttpLimits, HeaderThatKeepsDrippingIsClosedAllTheSame) {
  // Byte after byte, each well within the time; the limit is for the whole header.
  const auto server = start({.header_bytes = 16 * 1024 * 1024, .header_time = 20ms});
  Client client(server->local_address());
  ASSERT_TRUE(client.send("GET /a HTTP/1.1\r\nX: "));
  while (client.send("x")) {
  }
  EXPECT_EQ(client.reply().status, 0);
  expect_alive(*server);
}

TEST(HttpLimits, SlowBodyIsClosed) {
  const auto server = start({.body_time = 5ms});
  Client client(server->local_address());
  client.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(client.closed());
}

TEST(HttpLimits, IdleConnectionIsClosed) {
  const auto server = start({.idle_time = 5ms});
  Client client(server->local_address());
  EXPECT_EQ(client.get("/a").status, 200);
  EXPECT_TRUE(client.closed());
}

TEST(HttpLimits, ConnectionTooManyIs503AndAFreedPlaceIsUsed) {
  const auto server = start({.connections = 2});
  auto first = std::make_unique<Client>(server->local_address());
  Client second(server->local_address());
  EXPECT_EQ(first->get("/a").status, 200);
  EXPECT_EQ(second.get("/a").status, 200);
  {
    Client third(server->local_address());
    const auto reply = third.reply();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.error_code(), "too_many_connections");
    EXPECT_TRUE(third.closed());
  }
  EXPECT_EQ(first->get("/a", "Connection: close\r\n").status, 200);
  EXPECT_TRUE(first->closed());
  EXPECT_EQ(Client(server->local_address()).get("/a").status, 200);
}

}  // namespace
}  // namespace slipway::api
