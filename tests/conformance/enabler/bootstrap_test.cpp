// SPDX-License-Identifier: Apache-2.0
// The Enabler Test cases of the bootstrap interface. [LwM2M-ETS 1.2 §6.1]
#include <slipway/lwm2m/bootstrap.hpp>

#include "case.hpp"
#include "stages.hpp"

namespace slipway::enabler {
namespace {

TEST(Enabler, Int0ClientInitiatedBootstrap) {
  Procedure procedure(0);
  ByHand stage;
  {
    const auto c = procedure.criterion(1);
    ASSERT_NE(bootstrap_request(stage.lab), nullptr);
    EXPECT_EQ(stage.lab.code_of_answer(bootstrap_request(stage.lab)), Code::changed);
    EXPECT_EQ(bootstrap_request(stage.lab)->queries()[0], "ep=urn:dev:ets");
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(stage.write(0), Code::changed);
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_EQ(stage.write(1), Code::changed);
  }
  {
    const auto c = procedure.criterion(4);
    const auto discovered = stage.discover();
    EXPECT_EQ(discovered.code, Code::content);
    std::array<lwm2m::DiscoveredLink, 32> links;
    const auto found = lwm2m::parse_bootstrap_discover(discovered.payload, links);
    ASSERT_TRUE(found) << discovered.payload;
    EXPECT_EQ(found->bootstrap_account(), InstanceId(1));
    for (const auto* path : {"/0/0", "/1/0"}) {
      const auto link =
          std::ranges::find(found->links, client::test::path(path), &lwm2m::DiscoveredLink::path);
      ASSERT_NE(link, found->links.end()) << path;
      EXPECT_EQ(link->server, ShortServerId(1)) << path;
    }
    EXPECT_TRUE(found->has(client::test::path("/3/0")));
  }
  {
    const auto c = procedure.criterion(5);
    EXPECT_EQ(stage.finish().code, Code::changed);
  }
}

TEST(Enabler, Int1ClientInitiatedBootstrapFullPsk) {
  Procedure procedure(1);
  ByPlan stage;
  auto& lab = stage.lab;
  lab.start();
  ASSERT_TRUE(lab.until([&] { return lab.registered(stage.server); }));
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(lab.code_of_answer(bootstrap_request(lab)), Code::changed);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_GE(stage.writes().size(), 2u);
    for (const auto* write : stage.writes())
      EXPECT_EQ(lab.code_of_answer(write), Code::changed) << write->path();
  }
  {
    const auto c = procedure.criterion(3);
    const auto discover = lab.requests("BS", Direction::down, Code::get, "/");
    ASSERT_FALSE(discover.empty());
    EXPECT_EQ(lab.code_of_answer(discover[0]), Code::content);
  }
  {
    const auto c = procedure.criterion(4);
    EXPECT_EQ(stage.finish_answer(), Code::changed);
    EXPECT_EQ(stage.bootstrap.outcomes, std::vector{bootstrap::Outcome::succeeded});
  }
  {
    const auto c = procedure.criterion(5);
    EXPECT_EQ(lab.sessions_opened(stage.server), 1u);
    const auto& tree = stage.device.model.tree();
    for (const auto& [path, value] : tree.below(Path(ObjectId(0))))
      if (path.resource() == ResourceId(5) && path.instance() != InstanceId(1)) {
        EXPECT_NE(as_text(value.view().as_opaque()), kBootstrapKey);
      }
  }
  {
    const auto c = procedure.criterion(6);
    const auto registers = lab.requests("X", Direction::up, Code::post, "/rd");
    ASSERT_EQ(registers.size(), 1u);
    EXPECT_EQ(lab.code_of_answer(registers[0]), Code::created);
  }
}

TEST(Enabler, Int4BootstrapDelete) {
  Procedure procedure(4);
  ByHand stage;
  auto& server = stage.lab.management_server("X", kServerUri);
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(stage.lab.code_of_answer(bootstrap_request(stage.lab)), Code::changed);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(stage.write(0), Code::changed);
    EXPECT_EQ(stage.write(1), Code::changed);
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_NE(stage.discover().payload.find("</1/0>"), std::string::npos);
    const auto read = stage.read("/1");
    EXPECT_EQ(read.code, Code::content);
    EXPECT_FALSE(read.payload.empty());
  }
  {
    const auto c = procedure.criterion(4);
    EXPECT_EQ(stage.remove("/0"), Code::deleted);
    EXPECT_EQ(stage.remove("/1"), Code::deleted);
    EXPECT_NE(stage.discover().payload.find("</0/1>"), std::string::npos);
  }
  {
    const auto c = procedure.criterion(5);
    const auto discovered = stage.discover().payload;
    EXPECT_EQ(discovered.find("</1/0>"), std::string::npos) << discovered;
    EXPECT_EQ(discovered.find("</0/0>"), std::string::npos) << discovered;
    const auto read = stage.read("/1");
    EXPECT_TRUE(read.code == Code::not_found || (read.code == Code::content && read.payload == "\x80"));
  }
  {
    const auto c = procedure.criterion(6);
    EXPECT_EQ(stage.write(0), Code::changed);
    EXPECT_EQ(stage.write(1), Code::changed);
    EXPECT_EQ(stage.finish().code, Code::changed);
    EXPECT_TRUE(stage.lab.until([&] { return stage.lab.registered(server); }));
  }
}

TEST(Enabler, Int5ServerInitiatedBootstrap) {
  Procedure procedure(5);
  ByPlan stage(bootstrap_contact() + basic_configuration());
  auto& lab = stage.lab;
  lab.start();
  ASSERT_TRUE(lab.until([&] { return lab.registered(stage.server); }));
  ASSERT_EQ(bootstrap_request(lab), nullptr) << "a device with an account does not bootstrap";
  {
    const auto c = procedure.criterion(1);
    const auto trigger =
        stage.server.management->execute(lab.now, "urn:dev:ets", client::test::path("/1/0/9"));
    EXPECT_EQ(lab.finished(stage.server, trigger).code, Code::changed);
  }
  ASSERT_TRUE(lab.until([&] { return !stage.bootstrap.outcomes.empty(); }));
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(lab.code_of_answer(bootstrap_request(lab)), Code::changed);
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_EQ(stage.finish_answer(), Code::changed);
    EXPECT_EQ(stage.bootstrap.outcomes.back(), bootstrap::Outcome::succeeded);
  }
}

TEST(Enabler, Int6BootstrapSequence) {
  Procedure procedure(6);
  {
    ByPlan stage(bootstrap_contact() + basic_configuration());
    auto& lab = stage.lab;
    lab.start();
    {
      const auto c = procedure.criterion(1);
      EXPECT_TRUE(lab.until([&] { return lab.registered(stage.server); }));
    }
    {
      const auto c = procedure.criterion(2);
      lab.pass(std::chrono::hours(1));
      EXPECT_EQ(bootstrap_request(lab), nullptr);
      EXPECT_TRUE(lab.registered(stage.server));
    }
    {
      const auto c = procedure.criterion(4);
      const auto trigger =
          stage.server.management->execute(lab.now, "urn:dev:ets", client::test::path("/1/0/9"));
      EXPECT_EQ(lab.finished(stage.server, trigger).code, Code::changed);
      EXPECT_TRUE(lab.until([&] { return bootstrap_request(lab) != nullptr; }));
    }
  }
  ByPlan stage(bootstrap_contact() + basic_configuration("coaps://192.0.2.99:5684"));
  stage.lab.start();
  {
    const auto c = procedure.criterion(3);
    EXPECT_EQ(bootstrap_request(stage.lab), nullptr) << "registration comes first";
    EXPECT_TRUE(stage.lab.until([&] { return bootstrap_request(stage.lab) != nullptr; }));
  }
}

TEST(Enabler, Int7FallbackToBootstrap) {
  Procedure procedure(7);
  ByPlan stage(bootstrap_contact() + basic_configuration("coaps://192.0.2.99:5684"));
  auto& lab = stage.lab;
  lab.start();
  const bool came = lab.until([&] { return lab.registered(stage.server); });
  ASSERT_NE(bootstrap_request(lab), nullptr);
  {
    const auto c = procedure.criterion(1);
    EXPECT_GE(lab.registrations_failed(), 1u);
    for (const auto* sent : lab.requests("X", Direction::up, Code::post, "/rd"))
      EXPECT_GT(sent->number, bootstrap_request(lab)->number);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(lab.code_of_answer(bootstrap_request(lab)), Code::changed);
    EXPECT_EQ(stage.finish_answer(), Code::changed);
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_EQ(stage.bootstrap.outcomes, std::vector{bootstrap::Outcome::succeeded});
    EXPECT_TRUE(came);
    EXPECT_EQ(lab.sessions_opened(stage.server), 1u);
  }
}

TEST(Enabler, Int8BootstrapRead) {
  Procedure procedure(8);
  ByHand stage;
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(stage.lab.code_of_answer(bootstrap_request(stage.lab)), Code::changed);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(stage.write(0), Code::changed);
    EXPECT_EQ(stage.write(1), Code::changed);
    const std::vector rule{entry("/2/0/0", Value::integer(3)), entry("/2/0/1", Value::integer(0)),
                           entry("/2/0/2/0", Value::integer(31)), entry("/2/0/3", Value::integer(65535))};
    EXPECT_EQ(stage.lab.put(stage.server, "/2", rule).code, Code::changed);
  }
  {
    const auto c = procedure.criterion(3);
    const auto values = [&](const client::test::Reply& read, std::string_view base) {
      std::vector<Entry> entries(32);
      Bytes scratch(512);
      const auto decoded =
          codec::decode(ContentFormat::senml_cbor, client::test::path(base), as_bytes(read.payload),
                        {.catalog = &builtin_objects()}, {entries, scratch});
      EXPECT_TRUE(decoded);
      std::map<std::string, std::int64_t> numbers;
      for (const auto& item : decoded ? *decoded : std::span<Entry>())
        if (item.value.type() == DataType::integer)
          numbers[std::string(item.path.text().view())] = item.value.as_integer();
      return numbers;
    };
    const auto servers = stage.read("/1"), rules = stage.read("/2");
    EXPECT_EQ(servers.code, Code::content);
    EXPECT_EQ(rules.code, Code::content);
    EXPECT_EQ(values(servers, "/1")["/1/0/1"], 86400);
    EXPECT_EQ(values(rules, "/2")["/2/0/2/0"], 31);
    EXPECT_EQ(values(rules, "/2")["/2/0/3"], 65535);
  }
  {
    const auto c = procedure.criterion(4);
    EXPECT_EQ(stage.finish().code, Code::changed);
  }
}

TEST(Enabler, Int9BootstrapAndConfigurationConsistency) {
  Procedure procedure(9);
  ByHand stage;
  const auto before = stage.device.state();
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(stage.lab.code_of_answer(bootstrap_request(stage.lab)), Code::changed);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(stage.lab.put(stage.server, "/1/0/5", {entry("/1/0/5", Value::integer(86400))}).code,
              Code::changed);
  }
  {
    const auto c = procedure.criterion(3);
    const auto finish = stage.finish();
    EXPECT_EQ(finish.code, Code::not_acceptable);
    EXPECT_FALSE(finish.payload.empty()) << "the device says what is wrong";
  }
  // Not asked for by the case: nothing of it stays.
  stage.lab.pass(seconds(300));
  EXPECT_EQ(stage.device.state(), before);
}

}  // namespace
}  // namespace slipway::enabler
