// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/fleet/configuration.hpp>
#include <slipway/model/ddf.hpp>

#include "support/temporary_folder.hpp"

namespace slipway::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ObjectCatalog& catalog() {
  static const auto loaded = load_directory(SLIPWAY_SOURCE "/examples/objects");
  return loaded.registry;
}

/// The errors as text; empty when all is well.
std::vector<std::string> findings(const std::string& text) {
  std::vector<std::string> all;
  const auto read = parse_configuration(text, "f.toml", catalog());
  if (!read)
    for (const auto& finding : read.error())
      if (finding.severity == Severity::error) all.push_back(finding.text());
  return all;
}

/// A plan that is well, with `more` below its account.
std::string plan(const std::string& more) {
  return "[[plan.p.server]]\nid = 101\nuri = \"coaps://[::1]:5684\"\n" + more;  // `more` begins at line 4
}
std::string instance(const std::string& resources) {
  return plan("[[plan.p.instance]]\npath = \"/3303/1\"\nresources = { " + resources + " }\n");
}

TEST(Configuration, TheSampleIsRead) {
  const auto read = load_configuration(SLIPWAY_SOURCE "/examples/slipway.toml", catalog());
  ASSERT_TRUE(read) << read.error().front().text();
  const auto& server = read->server;
  EXPECT_EQ(server.data, "./slipway-data");
  EXPECT_EQ(server.bootstrap.coaps, "[::]:5784");
  EXPECT_EQ(server.management.coap, "[::]:5683");
  EXPECT_EQ(server.http, "127.0.0.1:8080");
  EXPECT_EQ(server.journeys_kept, 16u);

  const auto enrolment = read->enrolments.find("urn:dev:os:0023C7-000001");
  ASSERT_NE(enrolment, nullptr);
  EXPECT_EQ(enrolment->name, "demo devices");
  EXPECT_EQ(enrolment->authentication, SecurityMode::psk);
  EXPECT_EQ(read->enrolments.find("urn:dev:mac:1"), nullptr);

  const auto& given = *enrolment->plan;
  ASSERT_EQ(given.servers.size(), 1u);
  const auto& account = given.servers[0];
  EXPECT_EQ(account.id, ShortServerId(101));
  EXPECT_EQ(account.uri, "coaps://127.0.0.1:5684");
  EXPECT_EQ(account.credential, CredentialSource::generate);
  EXPECT_EQ(account.lifetime_s, 300);
  EXPECT_EQ(account.binding, "U");
  ASSERT_EQ(account.server_resources.size(), 2u);
  EXPECT_EQ(account.server_resources[1].first, ResourceId(3));
  EXPECT_EQ(account.server_resources[1].second.view(), Value::integer(60));

  ASSERT_EQ(given.access.size(), 1u);
  EXPECT_EQ(given.access[0].target_object, ObjectId(3303));
  EXPECT_EQ(given.access[0].target_instance, InstanceId(0));
  EXPECT_EQ(given.access[0].owner, ShortServerId(101));
  ASSERT_EQ(given.access[0].acl.size(), 1u);
  EXPECT_EQ(given.access[0].acl[0].rights, 0b1111);

  ASSERT_EQ(given.instances.size(), 1u);
  EXPECT_EQ(given.instances[0].instance, *Path::parse("/3303/1"));
  ASSERT_EQ(given.instances[0].values.size(), 3u);
  EXPECT_EQ(given.instances[0].values[2].first, *Path::parse("/3303/1/5750"));
  EXPECT_EQ(given.instances[0].values[2].second.view(), Value::string("kitchen"));
}

TEST(Configuration, AnEmptyFileIsTheDefaults) {
  const auto read = parse_configuration("", "f.toml", catalog());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->server.management.coaps, "[::]:5684");
  EXPECT_EQ(read->server.http, "127.0.0.1:8080");
  EXPECT_TRUE(read->enrolments.all().empty());
}

TEST(Configuration, CipherSuitesAreReadInTheirOrder) {
  const auto read = parse_configuration(
      "[bootstrap]\ncipher_suites = [\"TLS_PSK_WITH_AES_128_GCM_SHA256\", "
      "\"TLS_PSK_WITH_AES_128_CBC_SHA256\"]\n",
      "f.toml", catalog());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->server.bootstrap.cipher_suites, (std::vector<std::uint16_t>{0x00A8, 0x00AE}));
  EXPECT_TRUE(read->server.management.cipher_suites.empty());
}

TEST(Configuration, ACipherSuiteThatStandsTwiceIsToldAndTakenOnce) {
  const auto read = parse_configuration(
      "[bootstrap]\ncipher_suites = [\"TLS_PSK_WITH_AES_128_CCM_8\", \"TLS_PSK_WITH_AES_128_CCM_8\"]\n",
      "f.toml", catalog());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->server.bootstrap.cipher_suites, (std::vector<std::uint16_t>{0xC0A8}));
  ASSERT_EQ(read->warnings.size(), 1u);
  EXPECT_EQ(read->warnings[0].text(),
            "f.toml:2:48: warning: bootstrap.cipher_suites: \"TLS_PSK_WITH_AES_128_CCM_8\" stands there "
            "twice; leave "
            "one of the two");
}

TEST(Configuration, EveryTypeOfValueIsRead) {
  const auto read = parse_configuration(
      "[[plan.p.server]]\nid = 7\nuri = \"coap://h\"\ncredential = \"none\"\npsk_bytes = 32\n"
      "resources = { \"2\" = 1, \"10\" = \"11:3\", \"13\" = 4, \"15\" = true, \"22\" = \"U\" }\n"
      "[plan.p]\nformat = \"lwm2m-cbor\"\n"
      "[[plan.p.access]]\ntarget = \"/3303\"\nrights = { \"0\" = \"R\", \"7\" = \"C\" }\n"
      "[[plan.p.instance]]\npath = \"/6/0\"\nresources = { \"0\" = 1, \"1\" = -2.5, \"4\" = \"0aFF\", \"5\" "
      "= 1700000000 }\n"
      "[[plan.p.instance]]\npath = \"/3/0\"\nresources = { \"6\" = [0, 1] }\n"
      "[[plan.p.instance]]\npath = \"/3303/2\"\n"
      "[[enrolment]]\nendpoints = [\"d\"]\nauthentication = \"nosec\"\nplan = \"p\"\n",
      "f.toml", catalog());
  ASSERT_TRUE(read) << read.error().front().text();
  const auto enrolment = read->enrolments.find("d");
  EXPECT_EQ(enrolment->authentication, SecurityMode::nosec);
  const auto& given = *enrolment->plan;
  EXPECT_EQ(given.format, ContentFormat::lwm2m_cbor);
  EXPECT_EQ(given.servers[0].psk_bytes, 32u);
  ASSERT_EQ(given.servers[0].server_resources.size(), 5u);
  EXPECT_EQ(given.servers[0].server_resources[1].second.view(), Value::objlnk({11, 3}));
  EXPECT_EQ(given.servers[0].server_resources[2].second.view(), Value::unsigned_integer(4));
  EXPECT_EQ(given.servers[0].server_resources[3].second.view(), Value::boolean(true));
  EXPECT_EQ(given.access[0].target_instance, InstanceId(65535)) << "the right to create";
  EXPECT_EQ(given.access[0].owner, ShortServerId(65535)) << "the bootstrap server";
  EXPECT_EQ(given.access[0].acl[0].server, ShortServerId(0));
  EXPECT_EQ(given.access[0].acl[1].rights, 16);
  const auto& location = given.instances[0].values;
  EXPECT_EQ(location[0].second.view(), Value::floating(1));
  EXPECT_EQ(location[1].second.view(), Value::floating(-2.5));
  EXPECT_EQ(location[2].second.view(), Value::opaque(as_bytes("\x0A\xFF")));
  EXPECT_EQ(location[3].second.view(), Value::time(1'700'000'000));
  EXPECT_EQ(given.instances[1].values[1].first, *Path::parse("/3/0/6/1"));
  EXPECT_TRUE(given.instances[2].values.empty());
}

struct Case {
  const char* name;
  std::string text;
  std::string finding;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

class ConfigurationFindings : public ::testing::TestWithParam<Case> {};

TEST_P(ConfigurationFindings, NamePlaceKeyAndRemedy) {
  EXPECT_THAT(findings(GetParam().text), ElementsAre(GetParam().finding));
}

const Case kCases[] = {
    {"Syntax", "[server\n",
     "f.toml:1:8: Error while parsing table header: expected ']', saw '\\n'; see toml.io for the syntax"},
    {"UnknownSection", "[serve]\n", "f.toml:1:1: serve: no such key here; did you mean `server`?"},
    {"UnknownKey", "[server]\ndta = \"x\"\n",
     "f.toml:2:7: server.dta: no such key here; did you mean `data`?"},
    {"UnknownKeyUnlikeAny", "[http]\ncolour = 1\n", "f.toml:2:10: http.colour: no such key here; remove it"},
    {"TextExpected", "[server]\ndata = 1\n",
     "f.toml:2:8: server.data: a text is expected here; write it in quotes"},
    {"UnknownSuite", "[management]\ncipher_suites = [\"TLS_PSK_WITH_AES_128_CCM_8\", \"TLS_NULL\"]\n",
     "f.toml:2:48: management.cipher_suites: \"TLS_NULL\" is not a cipher suite that is done here; there are "
     "TLS_PSK_WITH_AES_128_CCM_8, TLS_PSK_WITH_AES_128_CCM, TLS_PSK_WITH_AES_128_GCM_SHA256, "
     "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, TLS_ECDHE_ECDSA_WITH_AES_128_CCM, "
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_PSK_WITH_AES_128_CBC_SHA256, "
     "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256, TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, "
     "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
    {"NoSuiteAtAll", "[management]\ncipher_suites = []\n",
     "f.toml:2:17: management.cipher_suites: this list is empty, so no device could connect; name one, or "
     "leave "
     "cipher_suites out for the usual ones"},
    {"SuitesWithoutAKey", "[management]\ncipher_suites = [\"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8\"]\n",
     "f.toml:2:17: management.cipher_suites: no device could connect with these; name one with PSK in it, or "
     "give "
     "the server a `key` too; or leave cipher_suites out"},
    {"NumberExpected", "[server]\njourneys_kept = \"9\"\n",
     "f.toml:2:17: server.journeys_kept: a whole number is expected here; write a number from 1 to 1000"},
    {"NumberOutOfRange", "[server]\njourneys_kept = 0\n",
     "f.toml:2:17: server.journeys_kept: 0 is out of range; write a number from 1 to 1000"},
    {"BooleanExpected", plan("notification_storing = 1\n"),
     "f.toml:4:24: plan.p.server[0].notification_storing: true or false is expected here; write it without "
     "quotes"},
    {"TableExpected", "http = 1\n", "f.toml:1:8: http: a table is expected here; write [http]"},
    {"ListOfTablesExpected", "enrolment = 1\n",
     "f.toml:1:13: enrolment: a list of tables is expected here; write [[enrolment]]"},
    {"ListenAddress", "[management]\ncoaps = \"localhost\"\n",
     "f.toml:2:9: management.coaps: \"localhost\" is not an address to listen on; write one such as "
     "\"127.0.0.1:5684\", "
     "\"[::]:5684\", or \"off\""},
    {"SameListenAddress", "[bootstrap]\ncoaps = \"[::]:5684\"\n",
     "f.toml:2:9: management.coaps: the same address as bootstrap.coaps; give it another port"},
    {"PlanIsNoTable", "plan = { p = 1 }\n", "f.toml:1:14: plan.p: a plan is a table; write [plan.p]"},
    {"PlanWithoutServer", "[plan.p]\n",
     "f.toml:1:1: plan.p.server: this key is missing; a device needs at least one management server: write "
     "[[plan.p.server]]"},
    {"PlanWithEmptyServers", "[plan.p]\nserver = []\n",
     "f.toml:2:10: plan.p.server: there is no server; write at least one [[plan.p.server]]"},
    {"SameListenAddressOverTcp",
     "[bootstrap]\ncoaps_tcp = \"[::]:5684\"\n[management]\ncoaps_tcp = \"[::]:5684\"\n",
     "f.toml:4:13: management.coaps_tcp: the same address as bootstrap.coaps_tcp; give it another port"},
    {"NoConnections", "[management]\nconnections_max = 0\n",
     "f.toml:2:19: management.connections_max: 0 is out of range; write a number from 1 to 1000000"},
    {"NoIdleDays", "[sessions]\nidle_days = 0\n",
     "f.toml:2:13: sessions.idle_days: 0 is out of range; write a number from 1 to 3650"},
    {"ServerWithoutId", "[[plan.p.server]]\nuri = \"coaps://h\"\n",
     "f.toml:1:1: plan.p.server[0].id: this key is missing; give the server a short server id from 1 to "
     "65534"},
    {"ServerWithoutUri", "[[plan.p.server]]\nid = 1\n",
     "f.toml:1:1: plan.p.server[0].uri: this key is missing; write where the device finds this server: "
     "coaps://host:port"},
    {"ReservedServerId", "[[plan.p.server]]\nid = 65535\nuri = \"coaps://h\"\n",
     "f.toml:2:6: plan.p.server[0].id: 65535 is out of range; write a number from 1 to 65534"},
    {"DuplicateServerId", plan("[[plan.p.server]]\nid = 101\nuri = \"coaps://h\"\n"),
     "f.toml:5:6: plan.p.server[1].id: another server of this plan has this short server id; give each its "
     "own"},
    {"UriWithoutScheme", "[[plan.p.server]]\nid = 1\nuri = \"host:5684\"\n",
     "f.toml:3:7: plan.p.server[0].uri: \"host:5684\" is not a server's URI: expected scheme://host; write "
     "coaps://host:port"},
    {"UriOfAnotherScheme", "[[plan.p.server]]\nid = 1\nuri = \"coap://h\"\n",
     "f.toml:3:7: plan.p.server[0].uri: \"coap://h\" is not a server's URI: its scheme does not fit the "
     "account's credential; "
     "write coaps://host:port"},
    {"UriWithKeyInPlain", "[[plan.p.server]]\nid = 1\nuri = \"coaps://h\"\ncredential = \"none\"\n",
     "f.toml:3:7: plan.p.server[0].uri: \"coaps://h\" is not a server's URI: its scheme does not fit the "
     "account's "
     "credential; write coap://host:port, or give it a credential"},
    {"UriOverTcpInPlain", "[[plan.p.server]]\nid = 1\nuri = \"coap+tcp://h\"\n",
     "f.toml:3:7: plan.p.server[0].uri: \"coap+tcp://h\" is not a server's URI: its scheme does not fit the "
     "account's credential; write coaps://host:port"},
    {"BindingWithoutItsUri", "[[plan.p.server]]\nid = 1\nuri = \"coaps+tcp://h\"\nbinding = \"U\"\n",
     "f.toml:4:11: plan.p.server[0].binding: \"U\" does not have the transport of the server's URI; write "
     "\"UT\", or leave it out"},
    {"UriWithPath", "[[plan.p.server]]\nid = 1\nuri = \"coaps://h/rd\"\n",
     "f.toml:3:7: plan.p.server[0].uri: \"coaps://h/rd\" is not a server's URI: a server has no path and no "
     "query; write "
     "coaps://host:port"},
    {"Credential", plan("credential = \"certificate\"\n"),
     "f.toml:4:14: plan.p.server[0].credential: \"certificate\" is not a source of credentials; write "
     "\"psk\", \"rpk\" or \"x509\" for keys of its own for each device, \"own\" for the certificate that it "
     "has, or \"none\""},
    {"PskTooShort", plan("psk_bytes = 8\n"),
     "f.toml:4:13: plan.p.server[0].psk_bytes: 8 is out of range; write a number from 16 to 64"},
    {"Lifetime", plan("lifetime = -1\n"),
     "f.toml:4:12: plan.p.server[0].lifetime: -1 is out of range; write a number from 1 to 4294967295"},
    {"Binding", plan("binding = \"udp\"\n"),
     "f.toml:4:11: plan.p.server[0].binding: \"udp\" is not a binding; write \"U\" for UDP, \"T\" "
     "for TCP"},
    {"ServerResourceOfItsOwn", plan("resources = { \"1\" = 60 }\n"),
     "f.toml:4:21: plan.p.server[0].resources.1: this resource has a key of its own; use id, lifetime, "
     "notification_storing or binding"},
    {"AccessWithoutTarget", plan("[[plan.p.access]]\n"),
     "f.toml:4:1: plan.p.access[0].target: this key is missing; write what the rights are about, such as "
     "\"/3303/0\""},
    {"AccessTarget", plan("[[plan.p.access]]\ntarget = \"/3/0/1\"\n"),
     "f.toml:5:10: plan.p.access[0].target: \"/3/0/1\" is not an object or an object instance; write "
     "\"/3303/0\", or "
     "\"/3303\" for the right to create instances"},
    {"AccessToSecurity", plan("[[plan.p.access]]\ntarget = \"/0/1\"\n"),
     "f.toml:5:10: plan.p.access[0].target: \"/0/1\" is for bootstrap alone: no server has rights on it; "
     "write \"/3303/0\", "
     "or \"/3303\" for the right to create instances"},
    {"AccessTwice", plan("[[plan.p.access]]\ntarget = \"/3/0\"\n[[plan.p.access]]\ntarget = \"/3/0\"\n"),
     "f.toml:7:10: plan.p.access[1].target: the rights on this target stand twice in the plan; join the two"},
    {"AccessOwner", plan("[[plan.p.access]]\ntarget = \"/3/0\"\nowner = 102\n"),
     "f.toml:6:9: plan.p.access[0].owner: no server of this plan has the short server id 102; name one of "
     "its servers, or "
     "65535 for the bootstrap server"},
    {"AccessOfUnknownServer", plan("[[plan.p.access]]\ntarget = \"/3/0\"\nrights = { \"102\" = \"R\" }\n"),
     "f.toml:6:20: plan.p.access[0].rights.102: no server of this plan has the short server id \"102\"; name "
     "one of its "
     "servers; \"0\" stands for all others"},
    {"AccessServerWithLeadingZero",
     plan("[[plan.p.access]]\ntarget = \"/3/0\"\nrights = { \"0101\" = \"R\" }\n"),
     "f.toml:6:21: plan.p.access[0].rights.0101: no server of this plan has the short server id \"0101\"; "
     "name one of its "
     "servers; \"0\" stands for all others"},
    {"AccessLetters", plan("[[plan.p.access]]\ntarget = \"/3/0\"\nrights = { \"101\" = \"RX\" }\n"),
     "f.toml:6:20: plan.p.access[0].rights.101: \"RX\" are not rights; write letters of RWEDC, such as "
     "\"RWE\""},
    {"AccessLettersTwice", plan("[[plan.p.access]]\ntarget = \"/3/0\"\nrights = { \"101\" = \"RR\" }\n"),
     "f.toml:6:20: plan.p.access[0].rights.101: \"RR\" are not rights; write letters of RWEDC, such as "
     "\"RWE\""},
    {"AccessRightsAsNumber", plan("[[plan.p.access]]\ntarget = \"/3/0\"\nrights = { \"101\" = 15 }\n"),
     "f.toml:6:20: plan.p.access[0].rights.101: a text is expected here; write it in quotes"},
    {"InstanceWithoutPath", plan("[[plan.p.instance]]\n"),
     "f.toml:4:1: plan.p.instance[0].path: this key is missing; write the instance, such as \"/3303/1\""},
    {"InstancePath", plan("[[plan.p.instance]]\npath = \"/3303\"\n"),
     "f.toml:5:8: plan.p.instance[0].path: \"/3303\" is not an object instance; write one such as "
     "\"/3303/1\""},
    {"InstanceOfUnknownObject", plan("[[plan.p.instance]]\npath = \"/4242/0\"\n"),
     "f.toml:5:8: plan.p.instance[0].path: \"/4242/0\": object 4242 has no definition here; put its XML file "
     "into the folder of --objects, or write its values with their types"},
    {"InstanceOfAnAccount", plan("[[plan.p.instance]]\npath = \"/1/0\"\n"),
     "f.toml:5:8: plan.p.instance[0].path: \"/1/0\" has a section of its own; use [[plan.NAME.server]] and "
     "[[plan.NAME.access]]"},
    {"SecondInstanceOfASingleObject", plan("[[plan.p.instance]]\npath = \"/3/1\"\n"),
     "f.toml:5:8: plan.p.instance[0].path: \"/3/1\": Device has one instance; write \"/3/0\""},
    {"InstanceTwice", plan("[[plan.p.instance]]\npath = \"/3/0\"\n[[plan.p.instance]]\npath = \"/3/0\"\n"),
     "f.toml:7:8: plan.p.instance[1].path: this instance stands twice in the plan; join the two"},
    {"UnknownResource", instance("\"9\" = 1"),
     "f.toml:6:21: plan.p.instance[0].resources.9: Temperature has no resource \"9\"; resources are named by "
     "their id, such "
     "as \"0\""},
    {"ValueOfAnotherType", instance("\"5700\" = \"warm\""),
     "f.toml:6:24: plan.p.instance[0].resources.5700: Sensor Value has no such value; write a number"},
    {"ValueOfAnExecutable", instance("\"5605\" = 1"),
     "f.toml:6:24: plan.p.instance[0].resources.5605: Reset Min and Max Measured Values has no such value; "
     "remove it: this "
     "resource is executed and has no value"},
    {"ListForASingleResource", instance("\"5700\" = [1]"),
     "f.toml:6:24: plan.p.instance[0].resources.5700: Sensor Value has one value; write it without [ ]"},
    {"ValueOutOfRange", plan("[[plan.p.instance]]\npath = \"/3/0\"\nresources = { \"9\" = 101 }\n"),
     "f.toml:6:21: plan.p.instance[0].resources.9: Battery Level: the value is outside the range of the "
     "resource; it takes 0 "
     "to 100"},
    {"ValueForAListedResource", plan("[[plan.p.instance]]\npath = \"/3/0\"\nresources = { \"6\" = 1 }\n"),
     "f.toml:6:21: plan.p.instance[0].resources.6: Available Power Sources has several values; write a list: "
     "[1, 2]"},
    {"OpaqueThatIsNotHex", plan("[[plan.p.instance]]\npath = \"/6/0\"\nresources = { \"4\" = \"xyz\" }\n"),
     "f.toml:6:21: plan.p.instance[0].resources.4: Velocity has no such value; write its bytes as "
     "hexadecimal text in "
     "quotes"},
    {"Format", plan("[plan.p]\nformat = \"text\"\n"),
     "f.toml:5:10: plan.p.format: \"text\" cannot carry an object instance; write \"tlv\", \"senml-cbor\", "
     "\"senml-json\" or "
     "\"lwm2m-cbor\""},
    {"EnrolmentWithoutEndpoints", plan("[[enrolment]]\nplan = \"p\"\n"),
     "f.toml:4:1: enrolment[0].endpoints: this key is missing; write which devices may come: endpoints = "
     "[\"urn:dev:os:*\"]"},
    {"EnrolmentOfNobody", plan("[[enrolment]]\nendpoints = []\nplan = \"p\"\n"),
     "f.toml:5:13: enrolment[0].endpoints: this list is empty; write which devices may come: endpoints = "
     "[\"urn:dev:os:*\"]"},
    {"EndpointsAsText", plan("[[enrolment]]\nendpoints = \"d\"\nplan = \"p\"\n"),
     "f.toml:5:13: enrolment[0].endpoints: a list of texts is expected here; write endpoints = [\"...\"]"},
    {"EndpointAsNumber", plan("[[enrolment]]\nendpoints = [\"d\", 1]\nplan = \"p\"\n"),
     "f.toml:5:19: enrolment[0].endpoints: each item of this list is a text; write endpoints = [\"...\"]"},
    {"EndpointPattern", plan("[[enrolment]]\nendpoints = [\"a*b\"]\nplan = \"p\"\n"),
     "f.toml:5:14: enrolment[0].endpoints: \"a*b\" has a `*` that is not its end; a pattern is a beginning "
     "and one `*`"},
    {"EndpointEmpty", plan("[[enrolment]]\nendpoints = [\"\"]\nplan = \"p\"\n"),
     "f.toml:5:14: enrolment[0].endpoints: an endpoint name is empty; write a name, or \"*\" for every "
     "device"},
    {"EndpointTwice",
     plan("[[enrolment]]\nendpoints = [\"d\"]\nplan = \"p\"\n[[enrolment]]\nendpoints = [\"d\"]\nplan = "
          "\"p\"\n"),
     "f.toml:8:14: enrolment[1].endpoints: \"d\" stands in enrolment[0].endpoints already; leave one of the "
     "two"},
    {"Authentication", plan("[[enrolment]]\nendpoints = [\"d\"]\nplan = \"p\"\nauthentication = \"tls\"\n"),
     "f.toml:7:18: enrolment[0].authentication: \"tls\" is not a way to authenticate; write \"psk\", or "
     "\"nosec\" on a "
     "network that nobody else reaches"},
    {"EnrolmentWithoutPlan", "[[enrolment]]\nendpoints = [\"d\"]\n",
     "f.toml:1:1: enrolment[0].plan: this key is missing; name a plan of this file"},
    {"EnrolmentOfAnotherPlan", "[[enrolment]]\nendpoints = [\"d\"]\nplan = \"gone\"\n",
     "f.toml:3:8: enrolment[0].plan: there is no plan \"gone\"; add [[plan.gone.server]]"},
};

INSTANTIATE_TEST_SUITE_P(Each, ConfigurationFindings, ::testing::ValuesIn(kCases),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(Configuration, AllFindingsComeTogether) {
  EXPECT_EQ(findings("[server]\ndta = 1\n[http]\nlisten = 1\n[[enrolment]]\n").size(), 4u);
}

TEST(Configuration, FindingsAreBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "key" + std::to_string(i) + " = 1\n";
  const auto all = findings(text);
  ASSERT_EQ(all.size(), 201u);
  EXPECT_EQ(all.back(), "f.toml: and 800 more");
}

TEST(Configuration, PartsOfAPlanAreBounded) {
  std::string text;
  for (std::size_t i = 1; i <= kPlanPartsMax + 1; ++i)
    text += "[[plan.p.server]]\nid = " + std::to_string(i) + "\nuri = \"coaps://h\"\n";
  EXPECT_THAT(findings(text), ElementsAre(HasSubstr("plan.p.server: there are more than 1024 of these")));
}

TEST(Configuration, LongAndControlCharactersOfTheFileStayOutOfFindings) {
  const auto all = findings("\"\\u001b[31m" + std::string(100'000, 'x') + "\" = 1\n");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_LT(all[0].size(), 200u);
  EXPECT_EQ(all[0].find('\x1b'), std::string::npos);
}

TEST(Configuration, NoFindingHoldsAControlCharacter) {
  const std::string escaped = "\"\\u001b\"";
  for (const auto& text :
       {"[[enrolment]]\nendpoints = [\"d\"]\nplan = " + escaped + "\n", "plan = { " + escaped + " = 1 }\n",
        std::string("[\x01]\n"), std::string("a = \x1b\n")})
    for (const auto& finding : findings(text))
      for (const char c : finding) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << text;
}

TEST(Configuration, DeepNestingIsASyntaxError) {
  EXPECT_EQ(findings("a = " + std::string(100'000, '[') + "\n").size(), 1u);
}

TEST(Configuration, AFileThatIsNotThereIsAFinding) {
  const auto read = load_configuration("no/such/file.toml", catalog());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().front().text(),
            "no/such/file.toml: cannot be read: No such file or directory; check its name and its rights");
}

TEST(Configuration, AFolderIsAFinding) {
  const testing::TemporaryFolder folder;
  const auto read = load_configuration(folder.path().string(), catalog());
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().front().text(), HasSubstr("is a folder; name a file in it"));
}

TEST(Configuration, AHugeFileIsAFinding) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder.file("f.toml"), std::string(kConfigurationMax + 1, '#'));
  const auto read = load_configuration(folder.file("f.toml"), catalog());
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().front().text(), HasSubstr("is larger than 4 MiB"));
}

}  // namespace
}  // namespace slipway::fleet
