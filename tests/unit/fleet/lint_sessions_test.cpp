// SPDX-License-Identifier: Apache-2.0
// Rules about sessions of accounts: cipher suites, and how the server is known. One case for each.
#include "lint_case.hpp"

namespace slipway::fleet::test {
namespace {

class LintOfSessions : public ::testing::TestWithParam<Case> {};

TEST_P(LintOfSessions, GivesTheFinding) {
  EXPECT_EQ(findings(GetParam().text), GetParam().expected);
}

std::string suites(const std::string& numbers) {
  return "security_resources = { \"16\" = [" + numbers + "] }\n";
}
/// The list begins at 7:32.
std::string of_psk(const std::string& numbers) {
  return plan(suites(numbers));
}
std::string of_rpk(const std::string& numbers) {
  return plan("credential = \"rpk\"\nserver_public_key = \"server.pub\"\n" + suites(numbers));
}
std::string over_tcp(const std::string& more) {
  return kForMany + "[[plan.p.server]]\nid = 101\nuri = \"coaps+tcp://h\"\n" + more;
}
std::string warning(const std::string& place, const std::string& says) {
  return "f.toml:" + place + ": warning: plan.p.server[0].security_resources.16: " + says;
}
std::string error(const std::string& place, const std::string& says) {
  return "f.toml:" + place + ": plan.p.server[0].security_resources.16: " + says;
}

const std::string kPskRemedy = "write 49320, TLS_PSK_WITH_AES_128_CCM_8, which every server takes";
const std::string kKeyRemedy = "write 49326, TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, which every server takes";
const std::string kEcdsaOfPsk =
    "49326 (TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8) does not fit: a pre-shared key cannot use it; remove it; " +
    kPskRemedy;
const std::string kTls13OverUdp =
    "4865 (TLS_AES_128_GCM_SHA256) is of TLS 1.3, which is spoken over TCP only; remove it, or write a uri "
    "with "
    "coaps+tcp://";

const Case kSuites[] = {
    {"Fitting", of_psk("49320, 0x00A8, 0x00AE"), {}},
    {"FittingARawKey", of_rpk("49326"), {}},
    {"MoreThanTwoBytes",
     of_psk("1, 70000"),
     {warning(
          "7:32",
          "1 (0x0001) is done neither by the servers nor by the devices of this library; remove it, unless "
          "this server and its devices are others'"),
      error("7:35", "70000 is no cipher suite: their IANA numbers have two bytes; " + kPskRemedy)}},
    {"OfAnotherMode",
     of_psk("49326"),
     {error("7:31", "none of these fits the account: a pre-shared key cannot use them; " + kPskRemedy),
      warning("7:32", kEcdsaOfPsk)}},
    {"OneOfAnotherMode", of_psk("49320, 49326"), {warning("7:39", kEcdsaOfPsk)}},
    {"PskForARawKey",
     of_rpk("49320"),
     {error("9:31",
            "none of these fits the account: a raw public key or certificate cannot use them; " + kKeyRemedy),
      warning(
          "9:32",
          "49320 (TLS_PSK_WITH_AES_128_CCM_8) does not fit: a raw public key or certificate cannot use it; "
          "remove it; " +
              kKeyRemedy)}},
    {"Tls13OverUdp",
     of_psk("4865"),
     {error("7:31", "none of these fits the account: a pre-shared key cannot use them; " + kPskRemedy),
      warning("7:32", kTls13OverUdp)}},
    {"Tls13OverUdpAndAnother", of_psk("4865, 49320"), {warning("7:32", kTls13OverUdp)}},
    {"Tls13OverTcp", over_tcp(suites("4865")), {}},
    {"Tls13OverTheSecondaryUri",
     plan("security_resources = { \"16\" = [4865, 49320], \"25\" = [\"coaps+tcp://h\"] }\n"),
     {}},
    {"Twice",
     of_psk("49320, 49320"),
     {warning("7:39", "49320 (TLS_PSK_WITH_AES_128_CCM_8) stands there twice; leave one of the two")}},
    {"MoreThanDevicesRead",
     over_tcp(suites("49320, 49316, 168, 174, 49207, 52396, 4865, 4868, 4869")),
     {warning("7:31", "devices of this library read 8 of them; keep those that are wanted most")}},
    {"WithoutSecurity",
     kForMany + "[[plan.p.server]]\nid = 101\nuri = \"coap://h\"\ncredential = \"none\"\n" + suites("49320"),
     {warning("8:31", "a session without security has no cipher suites; remove them")}},
};
INSTANTIATE_TEST_SUITE_P(Suites, LintOfSessions, ::testing::ValuesIn(kSuites),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

const std::string kNeedsAStore =
    "with 0 and 1 a device looks into a trust store of its own, and one without trusts nobody; see that the "
    "devices "
    "have one (slipway client --trust-store), or write 2 or 3";
const Case kServers[] = {
    {"UsageThatNeedsATrustStore",
     x509("server_public_key = \"server.pem\"\ncertificate_usage = 1\n"),
     {"f.toml:9:21: warning: plan.p.server[0].certificate_usage: " + kNeedsAStore}},
    {"UsageOfTheBootstrapServer",
     plan("[plan.p.bootstrap]\nuri = \"coaps://b\"\ncredential = \"x509\"\nauthority = "
          "\"a\"\nserver_public_key = "
          "\"ca.pem\"\ncertificate_usage = 0\n"
          "[authority.a]\ncertificate = \"ca.pem\"\nkey = \"ca.key\"\ndays = 30\n"),
     {"f.toml:12:21: warning: plan.p.bootstrap.certificate_usage: " + kNeedsAStore}},
    {"HashOfARawKey",
     plan("credential = \"rpk\"\nserver_public_key = \"server.pub\"\nmatching_type = 1\n"),
     {"f.toml:9:17: warning: plan.p.server[0].matching_type: devices of this library compare a raw public "
      "key whole, "
      "and refuse its hash; remove it, unless the devices are known to take one"}},
    {"SniThatIsAnAddress",
     plan("sni = \"10.0.0.1\"\n"),
     {"f.toml:7:7: plan.p.server[0].sni: \"10.0.0.1\" is an address, and a session names hosts only; write "
      "the name in "
      "the server's certificate [RFC 6066 §3]"}},
    {"KeyOfTheServerItselfOnAnotherCurve",
     kForMany + kServer + "[management]\nkey = \"k256.key\"\n",
     {"f.toml:8:7: management.key: the key in \"k256.key\" is on the curve secp256k1, and sessions are done "
      "with "
      "prime256v1 and secp384r1; make one: openssl ecparam -name prime256v1 -genkey -noout"}},
    {"ServerKeyOnAnotherCurve",
     plan("credential = \"rpk\"\nserver_public_key = \"k256.pub\"\n"),
     {"f.toml:8:21: plan.p.server[0].server_public_key: the key in \"k256.pub\" is on the curve secp256k1, "
      "and sessions "
      "are done with prime256v1 and secp384r1; make one: openssl ecparam -name prime256v1 -genkey -noout"}},
};
INSTANTIATE_TEST_SUITE_P(Servers, LintOfSessions, ::testing::ValuesIn(kServers),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace slipway::fleet::test
