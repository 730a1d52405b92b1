// SPDX-License-Identifier: Apache-2.0
// The Enabler Test cases of the registration interface. [LwM2M-ETS 1.2 §6.2]
#include <slipway/lwm2m/registration.hpp>

#include "case.hpp"
#include "lab.hpp"

namespace slipway::enabler {
namespace {

constexpr std::string_view kName = "urn:dev:ets";

/// A device with an account of one server.
struct WithAccount {
  explicit WithAccount(std::int64_t lifetime = 86400,
                       client::ClientConfig config = {.enabler = Version{1, 1}})
      : device(basic_configuration(kServerUri, lifetime)), lab(device, std::move(config)) {
    lab.accept_key(kServerIdentity, kServerKey);
  }
  /// The device has registered; the server has nothing to do with it yet.
  void begin() {
    lab.start();
    ASSERT_TRUE(lab.until([&] { return lab.registered(server); }));
    ASSERT_EQ(registers().size(), 1u);
    EXPECT_EQ(lab.code_of_answer(registers()[0]), Code::created);
  }
  [[nodiscard]] std::vector<const Seen*> registers() const {
    return lab.requests("X", Direction::up, Code::post, "/rd");
  }
  [[nodiscard]] std::vector<const Seen*> updates() const {
    return lab.requests("X", Direction::up, Code::post, "/rd/*");
  }
  std::optional<Code> write_lifetime(std::int64_t lifetime) {
    const std::array entries{entry("/1/0/1", Value::integer(lifetime))};
    return lab
        .finished(server, server.management->write(lab.now, kName, client::test::path("/1/0/1"),
                                                   management::WriteMode::replace, entries))
        .code;
  }
  std::optional<Code> execute(std::string_view path) {
    return lab.finished(server, server.management->execute(lab.now, kName, client::test::path(path))).code;
  }
  /// Waits for one more Update.
  const Seen* next_update(Duration most) {
    const auto before = updates().size();
    EXPECT_TRUE(lab.until(
        [&] { return updates().size() > before && lab.answer_to(updates().back()) != nullptr; }, most));
    return updates().size() > before ? updates().back() : nullptr;
  }

  Device device;
  Lab lab;
  Host& server = lab.management_server("X", kServerUri);
};

TEST(Enabler, Int101InitialRegistration) {
  Procedure procedure(101);
  WithAccount stage;
  stage.begin();
  const auto* sent = stage.registers()[0];
  {
    const auto c = procedure.criterion(1);
    const auto parameters = lwm2m::parse_register(sent->message, lwm2m::RegistrationKind::initial);
    ASSERT_TRUE(parameters);
    EXPECT_EQ(parameters->endpoint, kName);
    EXPECT_EQ(parameters->lifetime, seconds(86400));
    EXPECT_EQ(parameters->enabler, (Version{1, 1}));
    EXPECT_EQ(parameters->binding, "U");
    const auto objects = sent->payload();
    for (const auto* listed : {"</1/0>", "</3/0>"})
      EXPECT_NE(objects.find(listed), std::string::npos) << objects;
    for (const auto* secret : {"</0", "</21"}) EXPECT_EQ(objects.find(secret), std::string::npos) << objects;
  }
  {
    const auto c = procedure.criterion(2);
    const auto* answer = stage.lab.answer_to(sent);
    ASSERT_NE(answer, nullptr);
    EXPECT_EQ(answer->message.code, Code::created);
    EXPECT_TRUE(lwm2m::location_of(answer->message).view().starts_with("/rd/"));
  }
}

TEST(Enabler, Int102RegistrationUpdate) {
  Procedure procedure(102);
  WithAccount stage;
  stage.begin();
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(stage.write_lifetime(20), Code::changed);
  }
  ASSERT_TRUE(stage.lab.until([&] { return !stage.updates().empty(); }, seconds(5)));
  const auto* first = stage.updates()[0];
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(first->queries(), std::vector<std::string>{"lt=20"});
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_TRUE(stage.lab.until([&] { return stage.lab.answer_to(first) != nullptr; }, seconds(5)));
    EXPECT_EQ(stage.lab.code_of_answer(first), Code::changed);
  }
  {
    const auto c = procedure.criterion(4);
    const auto* next = stage.next_update(seconds(20));
    ASSERT_NE(next, nullptr);
    EXPECT_TRUE(next->queries().empty());
    EXPECT_TRUE(next->message.payload.empty());
    EXPECT_TRUE(stage.lab.registered(stage.server));
  }
}

TEST(Enabler, Int103Deregistration) {
  Procedure procedure(103);
  WithAccount stage;
  stage.begin();
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(stage.execute("/1/0/4"), Code::changed);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_TRUE(stage.lab.until([&] { return !stage.lab.registered(stage.server); }, seconds(10)));
    stage.lab.pass(seconds(1));
    const auto deregisters = stage.lab.requests("X", Direction::up, Code::del, "/rd/*");
    ASSERT_EQ(deregisters.size(), 1u);
    EXPECT_EQ(stage.lab.code_of_answer(deregisters[0]), Code::deleted);
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_FALSE(stage.lab.registered(stage.server));
  }
}

TEST(Enabler, Int104RegistrationUpdateTrigger) {
  Procedure procedure(104);
  WithAccount stage(20);
  stage.begin();
  const auto registered = stage.lab.now;
  stage.lab.pass(seconds(5));
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(stage.execute("/1/0/8"), Code::changed);
  }
  ASSERT_TRUE(stage.lab.until(
      [&] { return !stage.updates().empty() && stage.lab.answer_to(stage.updates()[0]); }, seconds(5)));
  {
    const auto c = procedure.criterion(2);
    EXPECT_TRUE(stage.updates()[0]->queries().empty());
    EXPECT_LT(stage.updates()[0]->at, registered + seconds(10)) << "it came because it was asked for";
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_EQ(stage.lab.code_of_answer(stage.updates()[0]), Code::changed);
  }
  {
    const auto c = procedure.criterion(4);
    stage.lab.pass(seconds(18));
    EXPECT_GT(stage.lab.now, registered + seconds(20));
    EXPECT_TRUE(stage.lab.registered(stage.server));
    EXPECT_EQ(stage.registers().size(), 1u);
  }
}

TEST(Enabler, Int105DiscardedRegisterUpdate) {
  Procedure procedure(105);
  WithAccount stage;
  stage.begin();
  EXPECT_EQ(stage.write_lifetime(60), Code::changed);
  ASSERT_TRUE(stage.lab.until([&] { return !stage.updates().empty(); }, seconds(5)));
  stage.lab.pass(seconds(1));
  stage.server.management->revoke(stage.lab.now, kName);
  const auto forgotten = stage.lab.now;
  {
    const auto c = procedure.criterion(2);
    EXPECT_FALSE(stage.lab.registered(stage.server));
  }
  const auto* update = stage.next_update(seconds(60));
  {
    const auto c = procedure.criterion(1);
    ASSERT_NE(update, nullptr);
    EXPECT_LE(update->at, forgotten + seconds(60));
  }
  {
    const auto c = procedure.criterion(3);
    EXPECT_EQ(stage.lab.code_of_answer(update), Code::not_found);
  }
  {
    const auto c = procedure.criterion(4);
    EXPECT_TRUE(stage.lab.until([&] { return stage.lab.registered(stage.server); }, seconds(60)));
    EXPECT_EQ(stage.registers().size(), 2u);
  }
}

TEST(Enabler, Int107ExtendingTheLifetime) {
  Procedure procedure(107);
  WithAccount stage(60);
  stage.begin();
  {
    const auto c = procedure.criterion(1);
    const auto queries = stage.registers()[0]->queries();
    EXPECT_NE(std::ranges::find(queries, "lt=60"), queries.end());
    EXPECT_NE(std::ranges::find(queries, "b=U"), queries.end());
    EXPECT_EQ(stage.lab.code_of_answer(stage.registers()[0]), Code::created);
  }
  const auto written = stage.lab.now;
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(stage.write_lifetime(120), Code::changed);
  }
  ASSERT_TRUE(stage.lab.until([&] { return !stage.updates().empty(); }, seconds(5)));
  {
    const auto c = procedure.criterion(3);
    EXPECT_EQ(stage.updates()[0]->queries(), std::vector<std::string>{"lt=120"});
    EXPECT_LE(stage.updates()[0]->at, written + seconds(1));
    stage.lab.pass(seconds(1));
    EXPECT_EQ(stage.lab.code_of_answer(stage.updates()[0]), Code::changed);
    EXPECT_EQ(stage.server.management->find(kName)->lifetime, seconds(120));
  }
  {
    const auto c = procedure.criterion(4);
    const auto* next = stage.next_update(seconds(120));
    ASSERT_NE(next, nullptr);
    EXPECT_LE(next->at, stage.updates()[0]->at + seconds(120));
    EXPECT_EQ(stage.lab.code_of_answer(next), Code::changed);
  }
}

TEST(Enabler, Int108TurnOnQueueMode) {
  Procedure procedure(108);
  WithAccount stage(86400, {.enabler = Version{1, 1}, .queue = client::QueueMode::sleeps});
  stage.begin();
  {
    const auto c = procedure.criterion(1);
    const auto queries = stage.registers()[0]->queries();
    EXPECT_NE(std::ranges::find(queries, "b=U"), queries.end());
    EXPECT_NE(std::ranges::find(queries, "Q"), queries.end());
    EXPECT_EQ(stage.lab.code_of_answer(stage.registers()[0]), Code::created);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_TRUE(stage.server.management->find(kName)->queue_mode);
  }
}

TEST(Enabler, Int109BehaviorInQueueMode) {
  Procedure procedure(109);
  WithAccount stage(86400, {.enabler = Version{1, 1}, .queue = client::QueueMode::sleeps});
  stage.begin();
  {
    const auto c = procedure.criterion(1);
    EXPECT_EQ(stage.lab.code_of_answer(stage.registers()[0]), Code::created);
  }
  {
    const auto c = procedure.criterion(2);
    EXPECT_EQ(stage.write_lifetime(240), Code::changed);
    stage.lab.pass(seconds(1));
    ASSERT_EQ(stage.updates().size(), 1u);
    EXPECT_EQ(stage.updates()[0]->queries(), std::vector<std::string>{"lt=240"});
    EXPECT_EQ(stage.lab.code_of_answer(stage.updates()[0]), Code::changed);
  }
  stage.lab.pass(seconds(120));
  ASSERT_EQ(stage.updates().size(), 1u) << "nothing has woken the device";
  const auto read = stage.server.management->read(stage.lab.now, kName, client::test::path("/1/0/1"));
  ASSERT_TRUE(read);
  const auto reads = [&] { return stage.lab.requests("X", Direction::down, Code::get, "/1/0/1"); };
  {
    const auto c = procedure.criterion(3);
    stage.lab.pass(seconds(1));
    EXPECT_TRUE(reads().empty());
  }
  {
    const auto c = procedure.criterion(4);
    const auto* update = stage.next_update(seconds(240));
    ASSERT_NE(update, nullptr);
    EXPECT_EQ(stage.lab.finished(stage.server, *read).code, Code::content);
    ASSERT_EQ(reads().size(), 1u);
    EXPECT_GT(reads()[0]->number, update->number);
  }
}

}  // namespace
}  // namespace slipway::enabler
