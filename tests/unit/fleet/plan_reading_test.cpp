// SPDX-License-Identifier: Apache-2.0
// What a plan in a file becomes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <slipway/fleet/configuration.hpp>
#include <slipway/model/ddf.hpp>

#include "key_material.hpp"
#include "support/temporary_folder.hpp"

namespace slipway::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const test::KeyMaterial& material() {
  static test::KeyMaterial made = [] {
    test::KeyMaterial all;
    all.add("oscore.key", as_bytes("8e1f3ab2c4d50796 8879a0b1c2d3e4f5\n"));
    all.add("raw.key", from_hex("8e1f3ab2c4d507968879a0b1c2d3e4f6").value());
    return all;
  }();
  return made;
}

std::shared_ptr<const Plan> read(const std::string& text) {
  const auto configuration = parse_configuration("[[enrolment]]\nendpoints = [\"d\"]\nplan = \"p\"\n" + text,
                                                 "f.toml", builtin_objects(), material().options());
  if (!configuration) {
    for (const auto& finding : configuration.error()) ADD_FAILURE() << finding.text();
    return std::make_shared<Plan>();
  }
  EXPECT_THAT(configuration->warnings, IsEmpty());
  return configuration->plans.at("p");
}

constexpr const char* kServer = "[[plan.p.server]]\nid = 101\nuri = \"coaps://h\"\n";

TEST(PlanReading, RawPublicKeysBringTheServersKey) {
  const auto plan = read(std::string(kServer) +
                         "credential = \"rpk\"\nserver_public_key = \"server.pem\"\n"
                         "security_instance = 1\nserver_instance = 2\n");
  const auto& server = plan->servers.at(0);
  EXPECT_EQ(server.credential, CredentialSource::raw_public_key);
  EXPECT_EQ(server.identity.public_key, material().vector("server_public")) << "the key of the certificate";
  EXPECT_EQ(server.security_instance, InstanceId(1));
  EXPECT_EQ(server.server_instance, InstanceId(2));
}

TEST(PlanReading, CertificatesBringTheirAuthority) {
  const auto plan = read(std::string(kServer) +
                         "credential = \"x509\"\nauthority = \"fleet\"\nserver_public_key = \"server.pem\"\n"
                         "certificate_usage = 3\nsni = \"server.example\"\n"
                         "[authority.fleet]\ncertificate = \"ca.pem\"\nkey = \"ca.key\"\ndays = 30\n");
  const auto& server = plan->servers.at(0);
  EXPECT_EQ(server.credential, CredentialSource::certificate);
  EXPECT_EQ(server.identity.public_key, material().vector("server_certificate"));
  EXPECT_EQ(server.identity.certificate_usage, 3);
  EXPECT_EQ(server.identity.matching_type, std::nullopt);
  EXPECT_EQ(server.identity.sni, "server.example");
  ASSERT_NE(server.authority, nullptr);
  EXPECT_EQ(server.authority->name, "fleet");
  EXPECT_EQ(server.authority->certificate, material().vector("ca_certificate"));
  EXPECT_TRUE(equal(server.authority->key.reveal(), material().vector("ca_key")))
      << "PKCS#8, though the file is SEC1";
  EXPECT_EQ(server.authority->validity_s, 30 * 86400);
}

TEST(PlanReading, AMatchingTypeWritesTheHash) {
  const auto read_with = [](int type) {
    return read(std::string(kServer) +
                "credential = \"own\"\nserver_public_key = \"server.pem\"\nmatching_type = " +
                std::to_string(type) + "\n")
        ->servers.at(0)
        .identity;
  };
  const auto& certificate = material().vector("server_certificate");
  EXPECT_EQ(read_with(0).public_key, certificate);
  const auto hashed = read_with(1);
  EXPECT_EQ(hashed.matching_type, 1);
  EXPECT_EQ(to_hex(hashed.public_key), to_hex(security::sha256(certificate)));
  EXPECT_EQ(read_with(2).public_key.size(), 48u);
  EXPECT_EQ(read_with(3).public_key.size(), 64u);
}

TEST(PlanReading, TheBindingIsThatOfTheUriUnlessItIsGiven) {
  const auto binding = [](const char* uri, const char* more = "") {
    return read(std::string("[[plan.p.server]]\nid = 1\nuri = \"") + uri + "\"\n" + more)
        ->servers.at(0)
        .binding;
  };
  EXPECT_EQ(binding("coaps://h"), "U");
  EXPECT_EQ(binding("coaps+tcp://h"), "T");
  EXPECT_EQ(binding("coaps+tcp://h", "binding = \"UT\"\n"), "UT");
}

TEST(PlanReading, ResourcesWithSeveralValuesStandOneByOne) {
  const auto plan = read(std::string(kServer) +
                         "resources = { \"25\" = [\"1.0\", \"1.1\"] }\n"
                         "security_resources = { \"16\" = [49320, 168], \"25\" = [\"coaps+tcp://h\"] }\n");
  const auto& server = plan->servers.at(0);
  ASSERT_EQ(server.security_resources.size(), 3u);
  EXPECT_EQ(server.security_resources[0].first, ResourceId(16));
  EXPECT_EQ(server.security_resources[0].second.view(), Value::unsigned_integer(0xC0A8));
  EXPECT_EQ(server.security_resources[1].first, ResourceId(16));
  EXPECT_EQ(server.security_resources[2].first, ResourceId(25));
  ASSERT_EQ(server.server_resources.size(), 2u);
  EXPECT_EQ(server.server_resources[1].second.view(), Value::string("1.1"));
}

TEST(PlanReading, TheBootstrapAccount) {
  const auto plan = read(std::string(kServer) +
                         "[plan.p.bootstrap]\nuri = \"coaps://b\"\npsk_bytes = 32\nhold_off = 5\n"
                         "account_timeout = 3600\n");
  ASSERT_TRUE(plan->bootstrap);
  EXPECT_EQ(plan->bootstrap->uri, "coaps://b");
  EXPECT_EQ(plan->bootstrap->credential, CredentialSource::generate);
  EXPECT_EQ(plan->bootstrap->psk_bytes, 32u);
  EXPECT_EQ(plan->bootstrap->hold_off_s, 5);
  EXPECT_EQ(plan->bootstrap->account_timeout_s, 3600);
}

TEST(PlanReading, TheManner) {
  const auto usual = read(kServer);
  EXPECT_EQ(usual->existing, Existing::incremental);
  EXPECT_EQ(usual->others, OtherAccounts::remove);
  EXPECT_EQ(usual->discover, DiscoverFirst::yes);
  EXPECT_FALSE(usual->bootstrap);
  const auto replacing = read(std::string(kServer) + "[plan.p]\nexisting = \"replace\"\ndiscover = false\n");
  EXPECT_EQ(replacing->existing, Existing::replace);
  EXPECT_EQ(replacing->discover, DiscoverFirst::no);
  EXPECT_EQ(read(std::string(kServer) + "[plan.p]\nothers = \"keep\"\n")->others, OtherAccounts::keep);
}

TEST(PlanReading, ValuesOfAnObjectThatNobodyDefined) {
  const auto plan = read(std::string(kServer) +
                         "[[plan.p.instance]]\npath = \"/40000/0\"\noptional = true\nvalues = [\n"
                         "  { path = \"/40000/0/7/1\", type = \"integer\", value = -2 },\n"
                         "  { path = \"/40000/0/7/0\", type = \"integer\", value = -1 },\n"
                         "  { path = \"/40000/0/1\", type = \"string\", value = \"x\" },\n"
                         "  { path = \"/40000/0/2\", type = \"unsigned integer\", value = 3 },\n"
                         "  { path = \"/40000/0/3\", type = \"float\", value = 1.5 },\n"
                         "  { path = \"/40000/0/4\", type = \"opaque\", value = \"0aff\" },\n"
                         "]\n");
  const auto& instance = plan->instances.at(0);
  EXPECT_EQ(instance.need, Need::optional);
  std::vector<std::string> paths;
  for (const auto& [path, value] : instance.values) paths.emplace_back(path.text().view());
  EXPECT_THAT(paths, ElementsAre("/40000/0/1", "/40000/0/2", "/40000/0/3", "/40000/0/4", "/40000/0/7/0",
                                 "/40000/0/7/1"));
  EXPECT_EQ(instance.values[1].second.view(), Value::unsigned_integer(3));
  EXPECT_EQ(instance.values[4].second.view(), Value::integer(-1));
}

TEST(PlanReading, KeysComeFromFilesAsHexadecimalTextOrAsTheyAre) {
  const auto plan = read(std::string(kServer) +
                         "security_resources = { \"17\" = \"21:0\" }\n"
                         "[[plan.p.instance]]\npath = \"/21/0\"\nvalues = [\n"
                         "  { path = \"/21/0/0\", file = \"oscore.key\" },\n"
                         "  { path = \"/21/0/5\", file = \"raw.key\" } ]\n");
  const auto& values = plan->instances.at(0).values;
  EXPECT_EQ(to_hex(values.at(0).second.view().as_opaque()), "8e1f3ab2c4d507968879a0b1c2d3e4f5");
  EXPECT_EQ(to_hex(values.at(1).second.view().as_opaque()), "8e1f3ab2c4d507968879a0b1c2d3e4f6");
}

TEST(PlanReading, OperationsStandInTheirOrder) {
  const auto plan = read(std::string(kServer) +
                         "[[plan.p.before]]\ndo = \"delete\"\npath = \"/\"\noptional = true\n"
                         "[[plan.p.before]]\ndo = \"discover\"\npath = \"/3\"\n"
                         "[[plan.p.after]]\ndo = \"write\"\npath = \"/3/0/14\"\nformat = \"text\"\n"
                         "values = [ { path = \"/3/0/14\", value = \"+01:00\" } ]\n"
                         "[[plan.p.after]]\ndo = \"write\"\npath = \"/3/0\"\nformat = \"tlv\"\npayload = "
                         "\"c6 0e 2b30313a3030\"\n"
                         "[[plan.p.after]]\ndo = \"read\"\npath = \"/1\"\n");
  using Kind = OperationPlan::Kind;
  ASSERT_EQ(plan->before.size(), 2u);
  EXPECT_EQ(plan->before[0].kind, Kind::del);
  EXPECT_TRUE(plan->before[0].path.is_root());
  EXPECT_EQ(plan->before[0].need, Need::optional);
  EXPECT_EQ(plan->before[1].kind, Kind::discover);
  EXPECT_EQ(plan->before[1].need, Need::required);
  ASSERT_EQ(plan->after.size(), 3u);
  EXPECT_EQ(plan->after[0].format, ContentFormat::text);
  EXPECT_EQ(plan->after[0].values.at(0).second.view(), Value::string("+01:00"));
  EXPECT_EQ(to_hex(plan->after[1].payload.value()), "c60e2b30313a3030");
  EXPECT_EQ(plan->after[2].kind, Kind::read);
}

TEST(KeyFilesOnDisk, AreRegularAndBounded) {
  const testing::TemporaryFolder folder;
  const auto key = folder.file("key");
  testing::write_file(key, "abc");
  ::chmod(key.c_str(), 0600);
  const auto read = read_key_file(key).value();
  EXPECT_EQ(as_text(read.content.reveal()), "abc");
  EXPECT_FALSE(read.readable_by_others);
  ::chmod(key.c_str(), 0640);
  EXPECT_TRUE(read_key_file(key)->readable_by_others);

  EXPECT_EQ(read_key_file(folder.file("gone")).error(), "cannot be read: No such file or directory");
  EXPECT_EQ(read_key_file(folder.path()).error(), "is not a file");
  testing::write_file(folder.file("huge"), std::string(kKeyFileMax + 1, 'x'));
  EXPECT_EQ(read_key_file(folder.file("huge")).error(), "is larger than 64 KiB");
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_key_file(folder.file("pipe")).error(), "is not a file") << "and nobody waited for a writer";
}

TEST(KeyFilesOnDisk, AreFoundFromTheConfigurationsFolder) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder.file("server.pub"), as_text(material().files().at("server.pub")));
  testing::write_file(folder.file("f.toml"),
                      std::string(kServer) + "credential = \"rpk\"\nserver_public_key = \"server.pub\"\n");
  const auto read = load_configuration(folder.file("f.toml"), builtin_objects());
  ASSERT_TRUE(read) << read.error().front().text();
  EXPECT_EQ(read->plans.at("p")->servers.at(0).identity.public_key, material().vector("server_public"));
}

TEST(KeyFilesOnDisk, AreBoundedInNumber) {
  std::string text = std::string(kServer) + "[[plan.p.instance]]\npath = \"/40000/0\"\nvalues = [\n";
  const auto value = [&](int resource, int file) {
    text += "{ path = \"/40000/0/" + std::to_string(resource) + "\", type = \"opaque\", file = \"" +
            std::to_string(file) + "\" },\n";
  };
  for (int i = 0; i < 1024; ++i) value(i, i);
  text +=
      "]\n[[plan.p.instance]]\npath = \"/40000/1\"\nvalues = [ { path = \"/40000/1/0\", type = \"opaque\", "
      "file = "
      "\"more\" } ]\n";
  ReadOptions options;
  options.key_file = [](const auto&) -> std::expected<KeyFile, std::string> {
    return KeyFile{Secret(as_bytes("xyz")), false};
  };
  const auto read = parse_configuration(text, "f.toml", builtin_objects(), options);
  ASSERT_FALSE(read);
  const auto error = std::ranges::find(read.error(), Severity::error, &Finding::severity);
  EXPECT_EQ(error->message + "; " + error->remedy,
            "\"more\" is one file too many; a configuration names at most 1024 files");
}

}  // namespace
}  // namespace slipway::fleet
