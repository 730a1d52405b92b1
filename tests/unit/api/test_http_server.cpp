// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include <slipway/api/http_server.hpp>
#include <slipway/api/standard_routes.hpp>

#include "unit/api/http_client.hpp"

namespace slipway::api {
namespace {

using test::Client;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::string_view kToken = "0123456789abcdef0123456789abcdef";

HttpOptions loopback(HttpLimits limits = {}) {
  return {.address = *Address::parse("127.0.0.1:0"), .token = {}, .limits = limits, .metrics = nullptr};
}

std::unique_ptr<HttpServer> start(HttpOptions options, Router router) {
  auto server = HttpServer::start(std::move(options), std::move(router));
  if (!server) throw std::runtime_error(server.error().message());
  return std::move(*server);
}

/// Answers with what arrived, so that a test sees what a handler sees.
void echo(Request request, Responder responder) {
  nlohmann::json seen{{"method", to_string(request.method)}, {"body", request.body}};
  for (const auto& [name, value] : request.parameters) seen["parameters"][name] = value;
  for (const auto& [name, value] : request.query) seen["query"][name] = value;
  for (const auto& [name, value] : request.headers) seen["headers"][name] = value;
  responder.answer(Response::json(seen));
}

Router echo_router() {
  Router router;
  router.add(Method::get, "/echo", echo);
  router.add(Method::post, "/echo", echo);
  router.add(Method::get, "/devices/{endpoint}/read/{path...}", echo);
  router.add(Method::del, "/devices/{endpoint}",
             [](Request, Responder r) { r.answer(Response::no_content()); });
  router.add(Method::get, "/open", echo, Access::open);
  return router;
}

TEST(HttpServer, HandlerSeesParametersQueryHeadersAndBody) {
  const auto server = start(loopback(), echo_router());
  Client client(server->local_address());
  const auto read =
      client.get("/devices/urn:dev:a%2Fb%20c/read/3/0/1?format=json&x=1+%2B2&flag", "X-Own: Yes\r\n");
  EXPECT_EQ(read.status, 200);
  EXPECT_TRUE(read.has("Content-Type: application/json\r\n"));
  EXPECT_TRUE(read.has("X-Content-Type-Options: nosniff\r\n"));
  const auto seen = read.json();
  EXPECT_EQ(seen["parameters"], (nlohmann::json{{"endpoint", "urn:dev:a/b c"}, {"path", "3/0/1"}}));
  EXPECT_EQ(seen["query"], (nlohmann::json{{"format", "json"}, {"x", "1 +2"}, {"flag", ""}}));
  EXPECT_EQ(seen["headers"]["x-own"], "Yes");
  EXPECT_EQ(client.request("POST", "/echo", "", "{\"a\":1}").json()["body"], "{\"a\":1}");
}

TEST(HttpServer, ConnectionServesRequestAfterRequest) {
  const auto server = start(loopback(), echo_router());
  Client client(server->local_address());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/echo").status, 200);
  EXPECT_EQ(client.get("/echo", "Connection: close\r\n").status, 200);
  EXPECT_TRUE(client.closed());
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = start(loopback(), echo_router());
  Client client(server->local_address());
  client.send(
      "GET /echo?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /echo?n=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /echo?n=3 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (const char* n : {"1", "2", "3"}) EXPECT_EQ(client.reply().json()["query"]["n"], n);
}

TEST(HttpServer, HeadHasTheHeaderOfGetWithoutItsBody) {
  const auto server = start(loopback(), echo_router());
  Client client(server->local_address());
  const auto head = client.request("HEAD", "/open");
  EXPECT_EQ(head.status, 200);
  EXPECT_FALSE(head.has("Content-Length: 0"));
  EXPECT_EQ(client.get("/open").status, 200) << "no body came in between";
}

TEST(HttpServer, NoContentHasNoLength) {
  const auto server = start(loopback(), echo_router());
  Client client(server->local_address());
  const auto reply = client.request("DELETE", "/devices/a");
  EXPECT_EQ(reply.status, 204);
  EXPECT_FALSE(reply.has("Content-Length"));
  EXPECT_EQ(client.get("/echo").status, 200);
}

TEST(HttpServer, ChunkedBodyIsPutTogether) {
  const auto server = start(loopback(), echo_router());
  Client client(server->local_address());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.reply().json()["body"], "abcde");
}

TEST(HttpServer, ClientThatAsksFirstIsToldToContinue) {
  const auto server = start(loopback(), echo_router());
  Client client(server->local_address());
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100);
  client.send("hi");
  EXPECT_EQ(client.reply().json()["body"], "hi");
}

TEST(HttpServer, UnknownPathIs404AndWrongMethodIs405WithAllow) {
  const auto server = start(loopback(), echo_router());
  for (const char* path : {"/", "/nothing", "/echo/", "/echo/x", "//echo", "/devices//read/3",
                           "/devices/a/read/", "/devices/a/read", "/ECHO"}) {
    const auto reply = Client(server->local_address()).get(path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(reply.error_code(), "unknown_path");
  }
  const auto wrong = Client(server->local_address()).request("PUT", "/echo");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_TRUE(wrong.has("Allow: GET, POST\r\n"));
  EXPECT_EQ(Client(server->local_address()).request("OPTIONS", "/echo").status, 405);
  EXPECT_EQ(Client(server->local_address()).request("BREW", "/echo").status, 405);
}

TEST(HttpServer, ErrorsHaveOneShape) {
  const auto server = start(loopback(), echo_router());
  const auto error = Client(server->local_address()).get("/nothing").json().at("error");
  EXPECT_TRUE(error.at("code").is_string());
  EXPECT_TRUE(error.at("message").is_string());
  EXPECT_TRUE(error.at("remedy").is_string());
}

TEST(HttpServer, AnswersFromAnyThreadAndTheFirstCounts) {
  Router router;
  std::vector<std::thread> threads;
  router.add(Method::get, "/later", [&](Request, Responder responder) {
    threads.emplace_back([responder] {
      responder.answer(Response::text("first"));
      responder.answer(Response::text("second"));
    });
  });
  const auto server = start(loopback(), std::move(router));
  Client client(server->local_address());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/later").body, "first");
  server->stop();
  for (auto& thread : threads) thread.join();
}

TEST(HttpServer, SlowHandlerHoldsUpNobodyElse) {
  std::promise<Responder> held;
  Router router = echo_router();
  router.add(Method::get, "/slow", [&](Request, Responder responder) { held.set_value(responder); });
  const auto server = start(loopback(), std::move(router));
  Client slow(server->local_address());
  slow.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto responder = held.get_future().get();
  EXPECT_EQ(Client(server->local_address()).get("/echo").status, 200);
  responder.answer(Response::text("done"));
  EXPECT_EQ(slow.reply().body, "done");
}

TEST(HttpServer, HandlerThatNeverAnswersIs504AndALateAnswerIsIgnored) {
  std::optional<Responder> kept;
  Router router = echo_router();
  router.add(Method::get, "/never", [&](Request, Responder responder) { kept = std::move(responder); });
  const auto server = start(loopback({.handler_time = 5ms}), std::move(router));
  Client client(server->local_address());
  const auto reply = client.get("/never");
  EXPECT_EQ(reply.status, 504);
  EXPECT_EQ(reply.error_code(), "timeout");
  kept->answer(Response::text("late"));
  EXPECT_NE(client.get("/echo").body, "late");
}

TEST(HttpServer, HandlerThatDropsItsResponderIs500AtOnce) {
  Router router;
  router.add(Method::get, "/drop", [](Request, Responder) {});
  router.add(Method::get, "/throw", [](Request, Responder) { throw std::runtime_error("secret detail"); });
  const auto server = start(loopback(), std::move(router));
  Client client(server->local_address());
  EXPECT_EQ(client.get("/drop").error_code(), "no_answer");
  const auto thrown = client.get("/throw");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_THAT(thrown.body, testing::Not(HasSubstr("secret detail")));
}

TEST(HttpServer, StopClosesConnectionsAndAnswersAfterItAreIgnored) {
  std::promise<Responder> held;
  Router router = echo_router();
  router.add(Method::get, "/slow", [&](Request, Responder responder) { held.set_value(responder); });
  auto server = start(loopback(), std::move(router));
  Client idle(server->local_address()), waiting(server->local_address());
  EXPECT_EQ(idle.get("/echo").status, 200);
  waiting.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto responder = held.get_future().get();
  server->stop();
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(waiting.closed());
  responder.answer(Response::text("late"));
  server.reset();
  responder.answer(Response::text("later"));
}

TEST(HttpServer, PortInUseIsToldWithPlaceReasonAndRemedy) {
  const auto first = start(loopback(), Router());
  auto options = loopback();
  options.address = first->local_address();
  const auto second = HttpServer::start(std::move(options), Router());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(), "cannot listen on " + first->local_address().to_string() +
                                          " (http): address already in use; stop the other program or choose "
                                          "another port");
}

TEST(HttpServer, RequestsAreCounted) {
  Metrics metrics;
  auto options = loopback();
  options.metrics = &metrics;
  const auto server = start(std::move(options), echo_router());
  Client client(server->local_address());
  client.get("/echo");
  client.get("/echo");
  client.request("BREW", "/echo");
  EXPECT_THAT(metrics.text(), HasSubstr("slipway_http_requests_total{method=\"GET\",status=\"200\"} 2"));
  EXPECT_THAT(metrics.text(), HasSubstr("slipway_http_requests_total{method=\"other\",status=\"405\"} 1"));
}

TEST(StandardRoutes, HealthMetricsAndOpenApi) {
  Metrics metrics;
  metrics.counter("slipway_things_total", "Things.").increment();
  bool healthy = true;
  Router router;
  add_standard_routes(
      router, {.openapi_yaml = "openapi: 3.1.0\n", .metrics = metrics, .healthy = [&] { return healthy; }});
  const auto server = start(loopback(), std::move(router));
  Client client(server->local_address());
  EXPECT_EQ(client.get("/healthz").json(), (nlohmann::json{{"status", "ok"}}));
  const auto text = client.get("/metrics");
  EXPECT_TRUE(text.has("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(text.body, HasSubstr("slipway_things_total 1"));
  const auto yaml = client.get("/api/v1/openapi.yaml");
  EXPECT_TRUE(yaml.has("Content-Type: application/yaml\r\n"));
  EXPECT_EQ(yaml.body, "openapi: 3.1.0\n");
  healthy = false;
  EXPECT_EQ(client.get("/healthz").status, 503);
}

// --- who may come in ---

TEST(HttpAccess, ForeignAddressWithoutTokenIsRefusedAtStart) {
  for (const char* address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"}) {
    auto options = loopback();
    options.address = *Address::parse(address);
    const auto server = HttpServer::start(std::move(options), Router());
    ASSERT_FALSE(server) << address;
    EXPECT_THAT(server.error().message(), HasSubstr(address));
    EXPECT_THAT(server.error().message(), HasSubstr("configure a token"));
  }
}

TEST(HttpAccess, WeakTokenIsRefusedAtStart) {
  auto options = loopback();
  options.token = Secret(as_bytes(kToken.substr(0, HttpServer::kTokenBytesMin - 1)));
  const auto server = HttpServer::start(std::move(options), Router());
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message(), HasSubstr("shorter than 16"));
  EXPECT_THAT(server.error().message(), testing::Not(HasSubstr("0123")));
}

TEST(HttpAccess, TokenOpensEveryAddress) {
  auto options = loopback();
  options.address = *Address::parse("0.0.0.0:0");
  options.token = Secret(as_bytes(kToken));
  const auto server = start(std::move(options), echo_router());
  auto address = server->local_address();
  address.ip = Address::v4(127, 0, 0, 1, 0).ip;
  const std::string good = "Authorization: Bearer " + std::string(kToken) + "\r\n";
  const auto reply = Client(address).get("/echo", good);
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.json()["headers"].contains("authorization")) << "a handler does not see the token";
  EXPECT_EQ(Client(address).get("/echo", "authorization: bearer " + std::string(kToken) + "\r\n").status,
            200);
}

TEST(HttpAccess, MissingOrWrongTokenIs401WithChallenge) {
  auto options = loopback();
  options.token = Secret(as_bytes(kToken));
  const auto server = start(std::move(options), echo_router());
  const auto missing = Client(server->local_address()).get("/echo");
  EXPECT_EQ(missing.status, 401);
  EXPECT_TRUE(missing.has("WWW-Authenticate: Bearer realm=\"slipway\"\r\n"));
  const std::string token(kToken);
  const std::vector<std::string> values{"Bearer",
                                        "Bearer ",
                                        "Basic " + token,
                                        token,
                                        "Bearer " + token + "x",
                                        "Bearer " + token.substr(1),
                                        "Bearer x" + token.substr(1),
                                        "Bearer " + token + " " + token};
  for (const auto& value : values) {
    const auto wrong = Client(server->local_address()).get("/echo", "Authorization: " + value + "\r\n");
    EXPECT_EQ(wrong.status, 401) << value;
    EXPECT_TRUE(wrong.has("WWW-Authenticate: Bearer realm=\"slipway\"")) << value;
  }
  EXPECT_EQ(Client(server->local_address()).get("/nothing").status, 401) << "paths are not told to strangers";
  EXPECT_EQ(Client(server->local_address()).get("/open").status, 200);
}

TEST(HttpAccess, UnauthorizedBodyIsNotRead) {
  auto options = loopback();
  options.token = Secret(as_bytes(kToken));
  const auto server = start(std::move(options), echo_router());
  Client client(server->local_address());
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(client.reply().status, 401);
}

TEST(HttpAccess, WithoutTokenTheHostMustBeLoopback) {
  const auto server = start(loopback(), echo_router());
  const auto get = [&](std::string_view hosts) {
    Client client(server->local_address());
    client.send("GET /echo HTTP/1.1\r\n" + std::string(hosts) + "\r\n");
    return client.reply();
  };
  for (const char* host :
       {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "127.1.2.3", "[::1]", "[::1]:9"})
    EXPECT_EQ(get("Host: " + std::string(host) + "\r\n").status, 200) << host;
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "192.0.2.1",
                           "[::2]", "localhost@evil.example"})
    EXPECT_EQ(get("Host: " + std::string(host) + "\r\n").status, 403) << host;
  EXPECT_EQ(get("").status, 400);
  EXPECT_EQ(get("Host: localhost\r\nHost: localhost\r\n").status, 400);
}

TEST(HttpAccess, WithoutTokenForeignOriginsAreRefused) {
  const auto server = start(loopback(), echo_router());
  const auto with_origin = [&](std::string_view origin) {
    return Client(server->local_address())
        .request("POST", "/echo", "Origin: " + std::string(origin) + "\r\n", "x");
  };
  EXPECT_EQ(with_origin("http://localhost").status, 200);
  for (const char* origin : {"http://evil.example", "null", "http://localhost:8081", "https://localhost",
                             "http://localhost.evil.example", ""})
    EXPECT_EQ(with_origin(origin).status, 403) << origin;
}

}  // namespace
}  // namespace slipway::api
