// SPDX-License-Identifier: Apache-2.0
// Enabler Test cases of the bootstrap interface whose bootstrap server is our engine with a plan beyond the
// usual. [LwM2M-ETS 1.2 §6.1]
#include <set>

#include "case.hpp"
#include "stages.hpp"
#include "unit/security/pki.hpp"

namespace slipway::enabler {
namespace {

/// C.17: an account with a certificate that the operator's authority issues, and the server's own.
fleet::Plan certificate_plan(const security::test::Party& authority, const security::test::Party& server) {
  auto plan = basic_plan("coaps://server.example.com:5684");
  auto issuer = std::make_shared<fleet::Authority>();
  issuer->certificate = authority.certificate;
  issuer->key = authority.key.private_key.clone();
  plan.servers[0].credential = fleet::CredentialSource::certificate;
  plan.servers[0].authority = issuer;
  plan.servers[0].identity.public_key = server.certificate;
  return plan;
}

/// The certificate of the account that the bootstrap server gave.
Bytes certificate_of(const client::Tree& tree) {
  for (const auto& [path, value] : tree.below(Path(ObjectId(0))))
    if (path.resource() == ResourceId(3) && path.instance() != InstanceId(1)) {
      const auto bytes = value.view().as_opaque();
      return {bytes.begin(), bytes.end()};
    }
  return {};
}

TEST(Enabler, Int2ClientInitiatedBootstrapFullCertificate) {
  using Use = security::CertificateRequest::Use;
  namespace pki = security::test;
  Procedure procedure(2);
  const auto from = kToday - pki::kDay, to = kToday + 365 * pki::kDay;
  const auto authority =
      pki::make_party({.use = Use::authority, .name = "operator", .from = from, .to = to}, nullptr);
  const auto certified = pki::make_party(
      {.use = Use::server, .name = kServerName, .dns_name = kServerName, .from = from, .to = to}, &authority);
  Device device{bootstrap_contact()};
  Lab lab{device, as_1_1()};
  lab.accept_key(kBootstrapIdentity, kBootstrapKey);
  auto& bootstrap = lab.bootstrap_server(kBootstrapUri, certificate_plan(authority, certified));
  auto& server = lab.management_server("X", "coaps://server.example.com:5684", pki::keys_of(certified));
  lab.start();
  const bool came = lab.until([&] { return lab.registered(server); });
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(lab.code_of_answer(bootstrap_request(lab)), Code::changed);
    EXPECT_EQ(bootstrap.outcomes, std::vector{bootstrap::Outcome::succeeded});
  }
  {
    const auto c = procedure.criterion(2);
    const auto certificate = certificate_of(device.model.tree());
    const auto info = security::read_certificate(certificate);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->common_name, "urn:dev:ets");
    EXPECT_TRUE(security::is_signed_by(certificate, authority.certificate));
  }
  {
    const auto c = procedure.criterion(3);
    ASSERT_TRUE(came);
    EXPECT_EQ(lab.sessions_opened(server), 1u);
    EXPECT_EQ(server.management->find("urn:dev:ets")->security, SecurityMode::x509);
  }
}

TEST(Enabler, Int12BootstrapPack) {
  Procedure procedure(12);
  ByPlan stage(bootstrap_contact(), basic_plan(), {.enabler = Version{1, 2}});
  auto& lab = stage.lab;
  lab.start();
  const bool came = lab.until([&] { return lab.registered(stage.server); });
  const auto requests = lab.requests("BS", Direction::up, Code::get, "/bspack");
  ASSERT_EQ(requests.size(), 1u);
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(requests[0]->queries(), (std::vector<std::string>{"ep=urn:dev:ets", "acc=</0/1>"}));
    EXPECT_EQ(lab.code_of_answer(requests[0]), Code::content);
  }
  {
    const auto c = procedure.criterion(2);
    const auto* answer = lab.answer_to(requests[0]);
    ASSERT_NE(answer, nullptr);
    std::vector<Entry> entries(64);
    Bytes scratch(1024);
    const auto pack =
        codec::decode(ContentFormat{answer->message.content_format().value_or(0)}, Path(),
                      answer->message.payload, {.catalog = &builtin_objects()}, {entries, scratch});
    ASSERT_TRUE(pack);
    std::set<std::uint16_t> objects;
    for (const auto& item : *pack) {
      objects.insert(item.path.object().value());
      EXPECT_NE(item.path.prefix(2), Path(ObjectId(0), InstanceId(1))) << "the bootstrap account";
    }
    EXPECT_EQ(objects, (std::set<std::uint16_t>{0, 1}));
    EXPECT_TRUE(stage.writes().empty());
    EXPECT_EQ(stage.finish_answer(), std::nullopt);
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_TRUE(came);
    EXPECT_EQ(lab.sessions_opened(stage.server), 1u);
    EXPECT_EQ(stage.bootstrap.outcomes, std::vector{bootstrap::Outcome::succeeded});
  }
}

// --- The same procedures, led by the bootstrap server's engine and a plan ------------------------

using Kind = fleet::OperationPlan::Kind;

/// Runs a plan to its end; the requests of the server for one path.
std::vector<const Seen*> carried_out(ByPlan& stage, Code code, std::string_view path) {
  stage.lab.start();
  EXPECT_TRUE(stage.lab.until([&] { return stage.lab.registered(stage.server); }));
  EXPECT_EQ(stage.bootstrap.outcomes, std::vector{bootstrap::Outcome::succeeded});
  EXPECT_EQ(stage.finish_answer(), Code::changed);
  return stage.lab.requests("BS", Direction::down, code, path);
}

TEST(EnablerByPlan, Int0DiscoversAfterItsWrites) {
  auto plan = basic_plan();
  plan.discover = fleet::DiscoverFirst::no;  // so the plan has to say where the accounts go
  plan.servers[0].security_instance = plan.servers[0].server_instance = InstanceId(0);
  plan.after.push_back({.kind = Kind::discover, .path = Path()});
  ByPlan stage(bootstrap_contact(), std::move(plan));
  const auto discovers = carried_out(stage, Code::get, "/");
  ASSERT_EQ(discovers.size(), 1u);
  for (const auto* write : stage.writes()) EXPECT_LT(write->number, discovers[0]->number);
  const auto* answer = stage.lab.answer_to(discovers[0]);
  ASSERT_NE(answer, nullptr);
  EXPECT_NE(answer->payload().find(";ssid=1"), std::string::npos);
}

TEST(EnablerByPlan, Int4DeletesAndTheBootstrapAccountStays) {
  auto plan = basic_plan();
  plan.before.push_back({.kind = Kind::del, .path = Path(ObjectId(0))});
  plan.before.push_back({.kind = Kind::del, .path = Path(ObjectId(1))});
  ByPlan stage(bootstrap_contact() + basic_configuration("coaps://192.0.2.99:5684"), std::move(plan));
  const auto deletes = carried_out(stage, Code::del, "/0");
  ASSERT_EQ(deletes.size(), 1u);
  EXPECT_EQ(stage.lab.code_of_answer(deletes[0]), Code::deleted);
  EXPECT_TRUE(stage.device.model.tree().boolean(client::test::path("/0/1/1")).value_or(false));
}

TEST(EnablerByPlan, Int8ReadsWhatItWrote) {
  auto plan = basic_plan();
  plan.access.push_back({.target_object = ObjectId(3),
                         .target_instance = InstanceId(0),
                         .owner = ShortServerId(1),
                         .acl = {{.server = ShortServerId(0), .rights = 15}}});
  plan.after.push_back({.kind = Kind::read, .path = Path(ObjectId(1))});
  plan.after.push_back({.kind = Kind::read, .path = Path(ObjectId(2))});
  ByPlan stage(bootstrap_contact(), std::move(plan));
  const auto reads = carried_out(stage, Code::get, "/2");
  ASSERT_FALSE(reads.empty());
  EXPECT_EQ(stage.lab.code_of_answer(reads.back()), Code::content);
}

}  // namespace
}  // namespace slipway::enabler
