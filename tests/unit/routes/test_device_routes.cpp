// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/api/http_client.hpp"
#include "unit/routes/fake_node.hpp"

namespace slipway::api {
namespace {

using nlohmann::json;
using test::Client;
using test::Served;
using testing::HasSubstr;
using testing::Not;

const std::string kDevice = "/api/v1/devices/sensor-1";

struct Call {
  const char* method;
  const char* target;  ///< below the device
  const char* body;
  const char* asked;  ///< what the node is asked for
};

std::ostream& operator<<(std::ostream& out, const Call& call) {
  return out << call.method << " " << call.target;
}

/// Every operation, well-formed.
constexpr Call kOperations[] = {
    {"GET", "/read/3/0/0", "", "read sensor-1 /3/0/0"},
    {"GET", "/read/3?format=tlv", "", "read sensor-1 /3 tlv"},
    {"GET", "/discover/3", "", "discover sensor-1 /3"},
    {"PUT", "/write/1/0/1", R"({"value":300})", "write sensor-1 /1/0/1 replace"},
    {"PUT", "/write/1/0?mode=partial", R"({"values":{"1":300}})", "write sensor-1 /1/0 partial"},
    {"PUT", "/attributes/3/0/9", R"({"pmin":5,"pmax":60,"gt":-1.5,"lt":null})",
     "attributes sensor-1 /3/0/9 gt=-1.5&lt&pmax=60&pmin=5"},
    {"POST", "/execute/3/0/4", "", "execute sensor-1 /3/0/4"},
    {"POST", "/execute/3/0/4", R"({"arguments":"0='7'"})", "execute sensor-1 /3/0/4 0='7'"},
    {"POST", "/observe/3/0/9", "", "observe sensor-1 /3/0/9"},
    {"DELETE", "/observe/3/0/9", "", "cancel sensor-1 /3/0/9"},
    {"POST", "/create/2", R"({"values":{"0":3}})", "create sensor-1 /2 1"},
    {"POST", "/create/2/7", "", "create sensor-1 /2 0"},
    {"DELETE", "/delete/2/7", "", "delete sensor-1 /2/7"},
};

class EveryOperation : public testing::TestWithParam<Call> {
 protected:
  test::Reply call(const std::string& device = kDevice) {
    Client client(served.server->local_address());
    return client.request(GetParam().method, device + GetParam().target, "", GetParam().body);
  }
  Served served;
};
INSTANTIATE_TEST_SUITE_P(DeviceRoutes, EveryOperation, testing::ValuesIn(kOperations));

TEST_P(EveryOperation, AsksTheDevice) {
  const auto reply = call();
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(served.node.asked, GetParam().asked);
  EXPECT_EQ(reply.json().at("success"), true);
  EXPECT_EQ(reply.json().at("code"), "2.04");
}

TEST_P(EveryOperation, Is404ForAnUnknownDevice) {
  const auto reply = call("/api/v1/devices/nobody");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.error_code(), "unknown_device");
  EXPECT_EQ(served.node.asked, "");
}

TEST_P(EveryOperation, Is502WhenTheDeviceRefuses) {
  served.node.next.code = coap::Code::method_not_allowed;
  served.node.next.text = "not here";
  const auto reply = call();
  EXPECT_EQ(reply.status, 502);
  EXPECT_EQ(reply.error_code(), "device_refused");
  EXPECT_EQ(reply.json().at("code"), "4.05");
  EXPECT_THAT(reply.json().at("error").at("message").get<std::string>(), HasSubstr("not here"));
  EXPECT_FALSE(reply.json().contains("observation"));
}

TEST_P(EveryOperation, Is504WhenTheDeviceIsSilent) {
  served.node.next = {.problem = "no usable answer from sensor-1: timeout"};
  const auto reply = call();
  EXPECT_EQ(reply.status, 504);
  EXPECT_EQ(reply.error_code(), "no_answer");
}

TEST_P(EveryOperation, TellsWhyTheDeviceWasNotAsked) {
  const struct {
    ErrorCode why;
    int status;
    const char* code;
  } kinds[] = {{ErrorCode::not_found, 404, "not_found"},
               {ErrorCode::exhausted, 503, "overloaded"},
               {ErrorCode::wrong_path, 400, "bad_request"}};
  for (const auto& kind : kinds) {
    served.node.next = {.problem = "no", .unsent = kind.why};
    const auto reply = call();
    EXPECT_EQ(reply.status, kind.status);
    EXPECT_EQ(reply.error_code(), kind.code);
  }
}

TEST_P(EveryOperation, Is503WhenTheLoopIsOverloaded) {
  served.node.overloaded = true;
  const auto reply = call();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.error_code(), "overloaded");
}

TEST_P(EveryOperation, IsAnsweredEvenWhenTheNodeDropsIt) {
  served.node.silent = true;
  const auto reply = call();
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.error_code(), "no_answer");
}

/// Requests that must be refused without asking the device.
constexpr Call kBad[] = {
    {"GET", "/read/three", "", "is not a path"},
    {"GET", "/read/3/0/0/0/0", "", "is not a path"},
    {"GET", "/read/65535", "", "is not a path"},
    {"GET", "/read/65536", "", "is not a path"},
    {"GET", "/read/03", "", "is not a path"},
    {"GET", "/read/-1", "", "is not a path"},
    {"GET", "/read/3/0/0?format=xml", "", "is not a content format"},
    {"PUT", "/write/1", R"({"values":{"1":1}})", "only an instance or a resource"},
    {"PUT", "/write/1/0/1", "{", "not a JSON object"},
    {"PUT", "/write/1/0/1", "[1]", "not a JSON object"},
    {"PUT", "/write/1/0/1", "\"\xff\"", "not a JSON object"},
    {"PUT", "/write/1/0/1", "", "a resource is written with"},
    {"PUT", "/write/1/0/1", R"({"value":"x"})", "a whole number is expected"},
    {"PUT", "/write/1/0/1?mode=some", R"({"value":1})", "mode is neither"},
    {"PUT", "/attributes/3/0/9", "{}", "no attribute"},
    {"PUT", "/attributes/3/0/9", R"({"pmin":"5"})", "a number is expected"},
    {"PUT", "/attributes/3/0/9", R"({"pmin=1&pmax":5})", "no attribute's name"},
    {"PUT", "/attributes/3/0/9", R"({"":5})", "no attribute's name"},
    {"PUT", "/attributes/3/0/9", R"({"gt":1e300})", "too long"},
    {"POST", "/execute/3/0", "", "only a resource"},
    {"POST", "/execute/3/0/4", R"({"arguments":5})", "arguments is not a text"},
    {"POST", "/create/2/0/1", "", "is created at"},
    {"POST", "/create/2", R"({"values":{"99":3}})", "no such resource"},
};

class BadRequest : public testing::TestWithParam<Call> {};
INSTANTIATE_TEST_SUITE_P(DeviceRoutes, BadRequest, testing::ValuesIn(kBad));

TEST_P(BadRequest, Is400AndNeverReachesTheDevice) {
  Served served;
  Client client(served.server->local_address());
  const auto reply = client.request(GetParam().method, kDevice + GetParam().target, "", GetParam().body);
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_EQ(reply.error_code(), "bad_request");
  EXPECT_THAT(reply.json().at("error").at("message").get<std::string>(), HasSubstr(GetParam().asked));
  EXPECT_FALSE(reply.json().at("error").at("remedy").get<std::string>().empty());
  EXPECT_EQ(served.node.asked, "");
}

TEST(DeviceRoutes, BoundsOfBodiesHold) {
  Served served;
  Client client(served.server->local_address());
  json attributes;
  for (char c = 'a'; c <= 'q'; ++c) attributes[std::string(1, c)] = 1;
  EXPECT_EQ(client.request("PUT", kDevice + "/attributes/3/0/9", "", attributes.dump()).status, 400);
  const json arguments{{"arguments", std::string(kArgumentsMax + 1, '1')}};
  EXPECT_EQ(client.request("POST", kDevice + "/execute/3/0/4", "", arguments.dump()).status, 400);
  const auto deep = "{\"value\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  EXPECT_EQ(client.request("PUT", kDevice + "/write/99/0/1", "", deep).status, 400);
  EXPECT_EQ(client.request("PUT", kDevice + "/write/1/0/1", "Content-Length: 2000000\r\n").status, 413);
}

TEST(DeviceRoutes, ValuesAreShownAndSecretsMasked) {
  Served served;
  served.node.next.code = coap::Code::content;
  served.node.next.values = {
      {.path = *Path::parse("/3/0/0"), .value = OwnedValue(Value::string("Acme"))},
      {.path = *Path::parse("/0/0/5"), .value = OwnedValue(Value::opaque(as_bytes("hush-hush-secret")))}};
  Client client(served.server->local_address());
  const auto reply = client.get(kDevice + "/read/3");
  EXPECT_EQ(reply.json().at("values").at(0),
            (json{{"path", "/3/0/0"}, {"name", "Manufacturer"}, {"type", "string"}, {"value", "Acme"}}));
  EXPECT_EQ(reply.json().at("values").at(1).at("masked"), true);
  EXPECT_THAT(reply.body, Not(HasSubstr("68757368")));
}

TEST(DeviceRoutes, ObserveGivesTheObservation) {
  Served served;
  Client client(served.server->local_address());
  EXPECT_EQ(client.request("POST", kDevice + "/observe/3/0/9").json().at("observation"), 7);
}

TEST(DeviceRoutes, BytesThatAreNotUtf8DoNotBreakTheAnswer) {
  Served served;
  Client client(served.server->local_address());
  served.node.next.values = {
      {.path = *Path::parse("/3/0/0"), .value = OwnedValue(Value::string("A\xff\xfe"))}};
  auto reply = client.get(kDevice + "/read/3/0/0");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json().at("values").at(0).at("value"), "A\uFFFD\uFFFD");
  served.node.next = {.code = coap::Code::bad_request, .text = "\xc0\x80"};
  reply = client.get(kDevice + "/read/3/0/0");
  EXPECT_EQ(reply.status, 502);
  EXPECT_EQ(reply.error_code(), "device_refused");
  served.node.add("bad\xff");
  EXPECT_EQ(client.get("/api/v1/devices").json().at("devices").size(), 2u);
}

TEST(DeviceRoutes, EndpointsArePercentDecoded) {
  Served served;
  served.node.add("urn:dev:1/2 \u00fc");
  Client client(served.server->local_address());
  const std::string device = "/api/v1/devices/urn:dev:1%2F2%20%C3%BC";
  EXPECT_EQ(client.get(device).json().at("endpoint"), "urn:dev:1/2 \u00fc");
  EXPECT_EQ(client.get(device + "/read/3/0/0").status, 200);
  EXPECT_EQ(served.node.asked, "read urn:dev:1/2 \u00fc /3/0/0");
  EXPECT_EQ(client.get("/api/v1/devices/%zz").status, 400);
}

TEST(DeviceRoutes, DevicesComeInPages) {
  Served served;
  served.node.add("sensor-2");
  served.node.add("sensor-3");
  Client client(served.server->local_address());
  const auto first = client.get("/api/v1/devices?limit=2").json().at("devices");
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first.at(1).at("endpoint"), "sensor-2");
  const auto second = client.get("/api/v1/devices?limit=2&after=sensor-2").json().at("devices");
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second.at(0).at("endpoint"), "sensor-3");
  EXPECT_EQ(client.get("/api/v1/devices?after=sensor-3").json(), (json{{"devices", json::array()}}));
}

TEST(DeviceRoutes, LimitsAreClampedAndChecked) {
  Served served;
  Client client(served.server->local_address());
  const std::pair<const char*, std::size_t> good[] = {{"", kPageDefault},
                                                      {"?limit=1", 1},
                                                      {"?limit=1000", kPageMax},
                                                      {"?limit=1001", kPageMax},
                                                      {"?limit=99999999999999999999999", kPageMax}};
  for (const auto& [query, limit] : good) {
    EXPECT_EQ(client.get("/api/v1/devices" + std::string(query)).status, 200) << query;
    EXPECT_EQ(served.node.limit_asked, limit) << query;
  }
  for (const char* query : {"?limit=0", "?limit=", "?limit=x", "?limit=-1", "?limit=1x", "?limit=%2B1"})
    for (const auto& path : {std::string("/api/v1/devices"), kDevice + "/journeys"})
      EXPECT_EQ(client.get(path + query).status, 400) << path << query;
  EXPECT_EQ(client.get(kDevice + "/journeys").status, 200);
  EXPECT_EQ(served.node.limit_asked, kJourneysDefault);
  EXPECT_EQ(client.get(kDevice + "/journeys?limit=101").status, 200);
  EXPECT_EQ(served.node.limit_asked, kJourneysMax);
}

TEST(DeviceRoutes, UnknownDeviceIs404) {
  Served served;
  Client client(served.server->local_address());
  const auto reply = client.get("/api/v1/devices/nobody");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.error_code(), "unknown_device");
}

TEST(DeviceRoutes, JourneysAndCredentialsAreShown) {
  Served served;
  served.node.kept_journeys = {json{{"endpoint", "sensor-1"}}};
  served.node.kept_credentials = {{.role = fleet::ServerRole::management,
                                   .server = ShortServerId(101),
                                   .mode = SecurityMode::psk,
                                   .state = fleet::CredentialState::proven,
                                   .identity_fingerprint = "0a1b2c3d",
                                   .created = UnixTime(std::chrono::milliseconds(5))}};
  Client client(served.server->local_address());
  EXPECT_EQ(client.get(kDevice + "/journeys").json(), (json{{"journeys", {{{"endpoint", "sensor-1"}}}}}));
  EXPECT_EQ(client.get(kDevice + "/credentials").json().at("credentials").at(0),
            (json{{"role", "management"},
                  {"server", 101},
                  {"mode", "psk"},
                  {"state", "proven"},
                  {"identity_fingerprint", "0a1b2c3d"},
                  {"created_ms", 5}}));
}

TEST(DeviceRoutes, RevokeNamesItsRole) {
  Served served;
  Client client(served.server->local_address());
  EXPECT_EQ(client.request("DELETE", kDevice + "/credentials").status, 400);
  EXPECT_EQ(client.request("DELETE", kDevice + "/credentials?role=all").status, 400);
  EXPECT_EQ(served.node.asked, "");
  EXPECT_EQ(client.request("DELETE", kDevice + "/credentials?role=management").json(),
            (json{{"revoked", 1}}));
  EXPECT_EQ(served.node.asked, "revoke sensor-1 management");
  EXPECT_EQ(client.request("DELETE", kDevice + "/credentials?role=bootstrap").status, 200);
  EXPECT_EQ(served.node.asked, "revoke sensor-1 bootstrap");
}

TEST(DeviceRoutes, StoreFailureIs503) {
  Served served;
  served.node.store_fails = true;
  Client client(served.server->local_address());
  for (const char* path : {"/journeys", "/credentials"}) {
    const auto reply = client.get(kDevice + path);
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.error_code(), "store_failed");
  }
  EXPECT_EQ(client.request("DELETE", kDevice + "/credentials?role=management").status, 503);
}

TEST(DeviceRoutes, OverloadedLoopIs503Everywhere) {
  Served served;
  served.node.overloaded = true;
  Client client(served.server->local_address());
  for (const std::string& path : {std::string("/api/v1/devices"), kDevice, kDevice + "/journeys",
                                  kDevice + "/credentials", std::string("/metrics")}) {
    const auto reply = client.get(path);
    EXPECT_EQ(reply.status, 503) << path;
    EXPECT_EQ(reply.error_code(), "overloaded");
  }
  EXPECT_EQ(client.get("/healthz").status, 200);
}

TEST(DeviceRoutes, MetricsHaveTheNodesFiguresAtEachScrape) {
  Served served;
  served.node.kept_figures = {{"slipway_registrations", "Devices registered", 4, true},
                              {"slipway_updates_total", "Updates accepted", 10}};
  Client client(served.server->local_address());
  auto text = client.get("/metrics").body;
  EXPECT_THAT(text, HasSubstr("# TYPE slipway_registrations gauge\n"));
  EXPECT_THAT(text, HasSubstr("slipway_registrations 4\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE slipway_updates_total counter\n"));
  EXPECT_THAT(text, HasSubstr("slipway_updates_total 10\n"));
  served.node.kept_figures[0].value = 3;
  served.node.kept_figures[1].value = 12;
  text = client.get("/metrics").body;
  EXPECT_THAT(text, HasSubstr("slipway_registrations 3\n"));
  EXPECT_THAT(text, HasSubstr("slipway_updates_total 12\n"));
}

TEST(DeviceRoutes, MetricsTellSeriesOfOneNameApartByTheirLabels) {
  Served served;
  served.node.kept_figures = {{"slipway_failures_total", "Failures", 2, false, {{"reason", "timeout"}}},
                              {"slipway_failures_total", "Failures", 5, false, {{"reason", "wrong_key"}}}};
  Client client(served.server->local_address());
  (void)client.get("/metrics");
  const auto text = client.get("/metrics").body;
  EXPECT_THAT(text, HasSubstr("slipway_failures_total{reason=\"timeout\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("slipway_failures_total{reason=\"wrong_key\"} 5\n"));
}

TEST(DeviceRoutes, FailedHandshakesAreListedWithTheirFacts) {
  Served served;
  node::FailedHandshake failure;
  failure.endpoint = "sensor-1";
  failure.reason = security::dtls::FailureReason::no_common_suite;
  failure.alert = security::dtls::Alert::handshake_failure;
  failure.facts.offered = {
      .version = 0xFEFD, .suites = {0xC0A8, 0x1234}, .server_name = "a.b\xFF", .cid = true};
  failure.certificate = node::CertificateFacts{.subject = "lamp", .issuer = "CA", .fingerprint = "00ff"};
  served.node.kept_failures = {failure, {.endpoint = "sensor-2"}};
  Client client(served.server->local_address());
  const auto all = client.get("/api/v1/handshakes/failures").json().at("failures");
  EXPECT_EQ(all.size(), 2u);
  const auto one =
      client.get("/api/v1/handshakes/failures?endpoint=sensor-1&limit=500").json().at("failures");
  EXPECT_EQ(served.node.limit_asked, kFailuresMax);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].at("reason"), "no common suite");
  EXPECT_EQ(one[0].at("alert_number"), 40);
  EXPECT_EQ(one[0].at("offered_suites"), json({"TLS_PSK_WITH_AES_128_CCM_8", "0x1234"}));
  EXPECT_EQ(one[0].at("certificate").at("subject"), "lamp");
  EXPECT_EQ(one[0].at("server_name"), "a.b\uFFFD") << "what a stranger sent is text";
  EXPECT_EQ(client.get("/api/v1/handshakes/failures?limit=0").status, 400);
}

TEST(DeviceRoutes, EventsAreDelivered) {
  Served served;
  Client client(served.server->local_address());
  client.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 1-0\r\n\r\n");
  EXPECT_THAT(client.take_until("\r\n\r\n"), HasSubstr("Content-Type: text/event-stream"));
  served.events.publish("registered", {{"endpoint", "sensor-1"}});
  const auto event = client.take_until("\n\n");
  EXPECT_THAT(event, HasSubstr("event: registered\n"));
  EXPECT_THAT(event, HasSubstr("data: {\"endpoint\":\"sensor-1\"}\n\n"));
}

TEST(DeviceRoutes, OnlyHealthIsOpenWhereATokenIsConfigured) {
  const std::string text = "0123456789abcdef";
  Served served{Secret(Bytes(text.begin(), text.end()))};
  Client client(served.server->local_address());
  for (const std::string& path :
       {std::string("/api/v1/devices"), kDevice + "/read/3", std::string("/metrics"),
        std::string("/api/v1/openapi.yaml"), std::string("/api/v1/events")})
    EXPECT_EQ(Client(served.server->local_address()).get(path).status, 401)
        << path;  // and the connection ends
  EXPECT_EQ(client.get("/healthz").status, 200);
  EXPECT_EQ(client.get("/api/v1/devices", "Authorization: Bearer " + text + "\r\n").status, 200);
}

TEST(DeviceRoutes, ContractIsServed) {
  Served served;
  Client client(served.server->local_address());
  EXPECT_EQ(client.get("/api/v1/openapi.yaml").body, openapi_yaml());
}

}  // namespace
}  // namespace slipway::api
