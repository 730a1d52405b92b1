// SPDX-License-Identifier: Apache-2.0
// Rules about accounts, their keys and certificates, and access control: one case for each.
#include "lint_case.hpp"

namespace slipway::fleet::test {
namespace {

class LintOfAccounts : public ::testing::TestWithParam<Case> {};

TEST_P(LintOfAccounts, GivesTheFinding) {
  EXPECT_EQ(findings(GetParam().text), GetParam().expected);
}

const Case kCredentials[] = {
    {"NothingWrongWithPsk", plan("credential = \"psk\"\npsk_bytes = 32\n"), {}},
    {"NothingWrongWithRpk", plan("credential = \"rpk\"\nserver_public_key = \"server.pub\"\n"), {}},
    {"NothingWrongWithRpkOfACertificate",
     plan("credential = \"rpk\"\nserver_public_key = \"server.der\"\n"),
     {}},
    {"NothingWrongWithOwn", x509("server_public_key = \"server.pem\"\nsni = \"server.example\"\n"), {}},
    {"NothingWrongWithX509",
     plan("credential = \"x509\"\nauthority = \"a\"\nserver_public_key = \"ca.pem\"\ncertificate_usage = 2\n"
          "[authority.a]\ncertificate = \"ca.pem\"\nkey = \"ca.key\"\ndays = 30\n"),
     {}},
    {"PskBytesOfNoPsk",
     plan("credential = \"rpk\"\nserver_public_key = \"server.pub\"\npsk_bytes = 16\n"),
     {"f.toml:9:13: warning: plan.p.server[0].psk_bytes: this account has no pre-shared key; remove it"}},
    {"X509WithoutAuthority",
     plan("credential = \"x509\"\nserver_public_key = \"server.pem\"\n"),
     {"f.toml:4:1: plan.p.server[0].authority: this key is missing; name who issues the certificates of the "
      "devices: an [authority.NAME] of this file"}},
    {"AuthorityThatIsNotThere",
     plan("credential = \"x509\"\nauthority = \"b\"\nserver_public_key = \"server.pem\"\n"),
     {"f.toml:8:13: plan.p.server[0].authority: there is no authority \"b\"; add [authority.b] with "
      "certificate "
      "and key"}},
    {"AuthorityOfAPsk",
     plan("authority = \"b\"\n"),
     {"f.toml:7:13: plan.p.server[0].authority: no certificate is issued for this account; write credential "
      "= "
      "\"x509\", or remove it"}},
    {"ServerKeyOfAPsk",
     plan("server_public_key = \"server.pub\"\n"),
     {"f.toml:7:21: plan.p.server[0].server_public_key: an account with this credential knows its server by "
      "the "
      "shared key alone; remove it"}},
    {"UsageOfAPsk",
     plan("certificate_usage = 3\n"),
     {"f.toml:7:21: plan.p.server[0].certificate_usage: an account with this credential knows its server by "
      "the "
      "shared key alone; remove it"}},
    {"UsageOfARawKey",
     plan("credential = \"rpk\"\nserver_public_key = \"server.pub\"\ncertificate_usage = 3\n"),
     {"f.toml:9:21: plan.p.server[0].certificate_usage: an account with raw public keys has no certificate; "
      "remove it"}},
    {"RpkWithoutServerKey",
     plan("credential = \"rpk\"\n"),
     {"f.toml:4:1: plan.p.server[0].server_public_key: this key is missing; name the file of the server's "
      "public "
      "key"}},
    {"X509WithoutServerKey",
     x509(""),
     {"f.toml:4:1: plan.p.server[0].server_public_key: this key is missing; name the file of the server's "
      "certificate, or of its authority's: without it a device would trust anybody"}},
    {"SniThatIsNoHost",
     plan("sni = \"a b\"\n"),
     {"f.toml:7:7: plan.p.server[0].sni: \"a b\" is not a host name; write the name in the server's "
      "certificate"}},
    {"MatchingType",
     x509("server_public_key = \"server.pem\"\nmatching_type = 4\n"),
     {"f.toml:9:17: plan.p.server[0].matching_type: 4 is out of range; write a number from 0 to 3"}},
    {"HashOfATrustAnchor",
     x509("server_public_key = \"ca.pem\"\ncertificate_usage = 2\nmatching_type = 1\n"),
     {"f.toml:10:17: warning: plan.p.server[0].matching_type: the device gets only the hash of its trust "
      "anchor, "
      "so the server has to send the anchor itself; remove it, or see to that"}},
    {"UriTooLong",
     kForMany + "[[plan.p.server]]\nid = 1\nuri = \"coaps://" + std::string(250, 'h') + "\"\n",
     {"f.toml:6:7: plan.p.server[0].uri: \"coaps://" + std::string(72, 'h') +
      "...\" is not a server's URI: it is longer than 255 bytes; write coaps://host:port"}},
    {"KeysOverNoSec",
     kForMany + "authentication = \"nosec\"\n" + kServer,
     {"f.toml:4:18: warning: enrolment[0].authentication: the keys that the plan gives travel without "
      "security; "
      "write \"psk\", or keep the network closed"}},
};
INSTANTIATE_TEST_SUITE_P(Credentials, LintOfAccounts, ::testing::ValuesIn(kCredentials),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

const std::string kAtServerKey = "f.toml:8:21: plan.p.server[0].server_public_key: ";
const Case kFiles[] = {
    {"FileThatIsNotThere",
     x509("server_public_key = \"gone.pem\"\n"),
     {kAtServerKey + "\"gone.pem\" cannot be read: No such file or directory; it is looked for from the "
                     "configuration's folder"}},
    {"KeyInsteadOfAFile",
     x509("server_public_key = \"-----BEGIN CERTIFICATE-----\"\n"),
     {kAtServerKey +
      "\"-----BEGIN CERTIFICATE-----\" is no name of a file; write what stands here into a file and "
      "name that"}},
    {"PrivateKeyForACertificate",
     x509("server_public_key = \"server.key\"\n"),
     {kAtServerKey + "this file holds a private key; name one with the certificate alone"}},
    {"PublicKeyForACertificate",
     x509("server_public_key = \"server.pub\"\n"),
     {kAtServerKey + "this file holds a public key, not a certificate; name one in PEM or DER"}},
    {"CertificateWithAnRsaKey",
     x509("server_public_key = \"rsa.pem\"\n"),
     {kAtServerKey +
      "the certificate in this file cannot be used: not an elliptic curve key; devices take EC keys on "
      "prime256v1"}},
    {"PrivateKeyForARawKey",
     plan("credential = \"rpk\"\nserver_public_key = \"server.key\"\n"),
     {kAtServerKey +
      "this file holds a private key; name one with the public half alone: openssl pkey -pubout"}},
    {"Expired",
     x509("server_public_key = \"expired.pem\"\n"),
     {kAtServerKey + "the certificate of \"expired.pem\" expired on 2027-02-28; renew it"}},
    {"NotYetValid",
     x509("server_public_key = \"early.pem\"\n"),
     {kAtServerKey +
      "the certificate of \"early.pem\" is not valid before 2027-03-02; wait, or set the clock of this "
      "machine right"}},
    {"ExpiringSoon",
     x509("server_public_key = \"ending.pem\"\n"),
     {"f.toml:8:21: warning: plan.p.server[0].server_public_key: the certificate of \"ending.pem\" expires "
      "on "
      "2027-03-11; renew it"}},
    {"NotForServers",
     x509("server_public_key = \"client.pem\"\n"),
     {kAtServerKey +
      "the certificate of \"client.pem\" is not for servers (extendedKeyUsage serverAuth); issue one "
      "with it"}},
    {"NoTrustAnchor",
     x509("server_public_key = \"server.pem\"\ncertificate_usage = 2\n"),
     {kAtServerKey +
      "the certificate of \"server.example\" is not an authority's (basicConstraints CA); write "
      "certificate_usage = 3 if the server itself shows it, or name its authority's"}},
    {"AuthorityThatServes",
     x509("server_public_key = \"ca.pem\"\n"),
     {kAtServerKey +
      "the certificate of \"Fleet CA\" may not sign a handshake (keyUsage digitalSignature); issue one "
      "with it"}},
};
INSTANTIATE_TEST_SUITE_P(Files, LintOfAccounts, ::testing::ValuesIn(kFiles),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

const Case kAuthorities[] = {
    {"AuthorityWithoutFiles",
     authority(""),
     {"f.toml:7:1: authority.a.certificate: this key is missing; name the authority's file of it",
      "f.toml:7:1: authority.a.key: this key is missing; name the authority's file of it"}},
    {"KeyThatDoesNotFit",
     authority("certificate = \"ca.pem\"\nkey = \"server.key\"\n"),
     {"f.toml:9:7: authority.a.key: this private key does not belong to the authority's certificate; name "
      "the one "
      "that it was made with"}},
    {"AuthorityThatMayNotIssue",
     authority("certificate = \"server.pem\"\nkey = \"server.key\"\n"),
     {"f.toml:8:15: authority.a.certificate: the certificate of \"server.example\" is not an authority's "
      "(basicConstraints CA); make one with basicConstraints CA:TRUE and keyUsage keyCertSign"}},
    {"AuthorityExpired",
     authority("certificate = \"expired-ca.pem\"\nkey = \"ca.key\"\n"),
     {"f.toml:8:15: authority.a.certificate: the certificate of \"expired-ca.pem\" expired on 2027-02-28; "
      "renew "
      "it"}},
    {"AuthorityEndsFirst",
     authority("certificate = \"short-ca.pem\"\nkey = \"ca.key\"\ndays = 365\n"),
     {"f.toml:10:8: warning: authority.a.days: the authority ends before the certificates that it issues "
      "would: "
      "they end with it; renew it"}},
    {"CertificateForAKey",
     authority("certificate = \"ca.pem\"\nkey = \"ca.pem\"\n"),
     {"f.toml:9:7: authority.a.key: this file gives no private key: there is none in it, or it is encrypted; "
      "name "
      "one in PEM or DER, unencrypted, as openssl pkey writes it"}},
    {"AuthorityIsNoTable",
     plan("[authority]\na = 1\n"),
     {"f.toml:8:5: authority.a: an authority is a table; write [authority.a]"}},
    {"ServerHasTheAuthoritysKey",
     plan("credential = \"x509\"\nauthority = \"a\"\nserver_public_key = \"ca.pem\"\n[authority.a]\n"
          "certificate = \"ca.pem\"\nkey = \"ca.key\"\n"),
     {"f.toml:9:21: plan.p.server[0].server_public_key: the certificate of \"Fleet CA\" may not sign a "
      "handshake "
      "(keyUsage digitalSignature); issue one with it",
      "f.toml:9:21: plan.p.server[0].server_public_key: a server cannot have the key of the authority \"a\"; "
      "issue a "
      "certificate for it, or write certificate_usage = 2"}},
    {"KeyThatOthersMayRead",
     authority("certificate = \"ca.pem\"\nkey = \"open.key\"\n"),
     {"f.toml:9:7: warning: authority.a.key: other users of this machine may read this key; chmod 600 it"}},
};
INSTANTIATE_TEST_SUITE_P(Authorities, LintOfAccounts, ::testing::ValuesIn(kAuthorities),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

const std::string kTwoWithKeys = "credential = \"rpk\"\nserver_public_key = \"server.pub\"\n" + kSecond +
                                 "credential = \"rpk\"\nserver_public_key = \"server.der\"\n"  // line 13
                                 "[[plan.p.access]]\ntarget = \"/3/0\"\n";
const Case kServers[] = {
    {"SeveralServersWithoutAccessControl",
     plan(kSecond),
     {"f.toml:4:1: warning: plan.p.access: several servers and no access control: each may do everything, if "
      "the "
      "device lets them at all; write [[plan.p.access]] for the objects that they share"}},
    {"AccessToAnAccountThatMayStandElsewhere",
     plan("[[plan.p.access]]\ntarget = \"/1/4\"\n"),
     {"f.toml:8:10: warning: plan.p.access[0].target: no server of this plan is fixed there: another account "
      "may come "
      "to stand in its place; write server_instance = 4 in the account that is meant"}},
    {"AccessToAFixedAccount", plan("server_instance = 4\n[[plan.p.access]]\ntarget = \"/1/4\"\n"), {}},
    {"SameKeyForTwoServers",
     plan(kTwoWithKeys),
     {"f.toml:13:21: warning: plan.p.server[1].server_public_key: another server of this plan has the same "
      "key; give "
      "each its own: who takes one over would have both"}},
    {"SameKeyForTheBootstrapServer",
     plan(
         "credential = \"rpk\"\nserver_public_key = \"server.pub\"\n[plan.p.bootstrap]\nuri = \"coaps://b\"\n"
         "credential = \"rpk\"\nserver_public_key = \"server.pem\"\n"),
     {"f.toml:8:21: warning: plan.p.server[0].server_public_key: the bootstrap server has the same key; give "
      "each its "
      "own: who takes one over would have both"}},
    {"SameKeyOfBothServersHere",
     "[bootstrap]\nkey = \"server.key\"\n[management]\nkey = \"server.key\"\n",
     {"f.toml:4:7: warning: management.key: the bootstrap server has the same key; give each its own: who "
      "takes one "
      "over would have both"}},
    {"SameSecurityInstance",
     plan("security_instance = 3\n" + kSecond +
          "security_instance = 3\n[[plan.p.access]]\ntarget = \"/3/0\"\n"),
     {"f.toml:11:21: plan.p.server[1].security_instance: another server of this plan has this instance; give "
      "each "
      "its own"}},
    {"SameServerInstance",
     plan("server_instance = 3\n" + kSecond + "server_instance = 3\n[[plan.p.access]]\ntarget = \"/3/0\"\n"),
     {"f.toml:11:19: plan.p.server[1].server_instance: another server of this plan has this instance; give "
      "each its "
      "own"}},
    {"SecurityResourceOfItsOwn",
     plan("security_resources = { \"5\" = \"00\" }\n"),
     {"f.toml:7:30: plan.p.server[0].security_resources.5: this resource has a key of its own; use id, uri, "
      "credential, server_public_key, matching_type, sni, certificate_usage, or [plan.NAME.bootstrap]"}},
    {"BootstrapAccountWithTheDevicesOwn",
     plan("[plan.p.bootstrap]\nuri = \"coaps://b\"\ncredential = \"own\"\nserver_public_key = "
          "\"server.pem\"\n"),
     {"f.toml:9:14: plan.p.bootstrap.credential: the device's own certificate stands in the account that is "
      "replaced; write \"psk\", \"rpk\" or \"x509\""}},
    {"BootstrapAccountWithoutUri",
     plan("[plan.p.bootstrap]\n"),
     {"f.toml:7:1: plan.p.bootstrap.uri: this key is missing; write where the device finds this server: "
      "coaps://host:port"}},
    {"BootstrapAccountOfAnotherScheme",
     plan("[plan.p.bootstrap]\nuri = \"coap://b\"\n"),
     {"f.toml:8:7: plan.p.bootstrap.uri: \"coap://b\" is not a server's URI: its scheme does not fit the "
      "account's "
      "credential; write coaps://host:port"}},
    {"BootstrapAccountWithoutDiscover",
     plan("[plan.p.bootstrap]\nuri = \"coaps://b\"\n[plan.p]\ndiscover = false\n"),
     {"f.toml:10:12: plan.p.discover: the bootstrap account is to be replaced, and only a discover tells "
      "where it "
      "is; remove it, or [plan.p.bootstrap]"}},
    {"ReplaceAndKeep",
     plan("[plan.p]\nexisting = \"replace\"\nothers = \"keep\"\n"),
     {"f.toml:9:10: plan.p.others: existing = \"replace\" deletes every account that the device has; write "
      "existing "
      "= \"incremental\", or do not keep others"}},
    {"Choice",
     plan("[plan.p]\nexisting = \"both\"\n"),
     {"f.toml:8:12: plan.p.existing: \"both\" is not a choice here; write \"incremental\" or \"replace\""}},
    {"PlanOfNobody",
     kServer,
     {"f.toml:1:1: warning: plan.p: no enrolment uses this plan; name it in one, or remove "
      "it"}},
};
INSTANTIATE_TEST_SUITE_P(Servers, LintOfAccounts, ::testing::ValuesIn(kServers),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace slipway::fleet::test
