// SPDX-License-Identifier: Apache-2.0
// Every row of the code table, as a bootstrap server meets it: the answer, and that a refusal changed
// nothing.
#include "stage.hpp"

#include "client/bootstrap_codes.hpp"

namespace slipway::client::test {
namespace {

/// A path that leads to each kind of target on the device of the test.
const char* example_of(Target target) {
  switch (target) {
    case Target::no_path:
      return "/no/path";
    case Target::root:
      return "/";
    case Target::unknown_object:
      return "/77";
    case Target::object:
      return "/1";
    case Target::instance:
      return "/1/0";
    case Target::missing_instance:
      return "/1/7";
    case Target::closed_instance:
      return "/3303/6";
    case Target::account:
      return "/0/0";
    case Target::device:
      return "/3/0";
    case Target::permanent:
      return "/3303/0";
    case Target::resource:
      return "/1/0/1";
    case Target::resource_instance:
      return "/0/1/16/0";
  }
  return "";
}
constexpr std::array kTargets = {Target::no_path,         Target::root,     Target::unknown_object,
                                 Target::object,          Target::instance, Target::missing_instance,
                                 Target::closed_instance, Target::account,  Target::device,
                                 Target::permanent,       Target::resource, Target::resource_instance};

/// What is written there, so that nothing but the target decides.
std::vector<Entry> content_for(Target target) {
  switch (target) {
    case Target::object:
    case Target::instance:
      return server_entries("/1/0", 101);
    case Target::missing_instance:
      return server_entries("/1/7", 107);
    case Target::account:
      return factory_entries();
    case Target::device:
      return {entry("/3/0/14", Value::string("+01:00"))};
    case Target::permanent:
      return {entry("/3303/0/5701", Value::string("F"))};
    case Target::resource:
      return {entry("/1/0/1", Value::integer(60))};
    default:
      return {};
  }
}

class BootstrapCodes : public testing::TestWithParam<std::size_t> {
 protected:
  BootstrapCodes() : stage(device.model) {
    stage.start();
    EXPECT_EQ(stage.put(0, "/0/1", security_entries("/0/1", 101)).code, Code::changed);
    EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  }
  Reply act(BootstrapVerb verb, Target target) {
    const std::string at = example_of(target);
    switch (verb) {
      case BootstrapVerb::discover:
        return stage.discover(0, at);
      case BootstrapVerb::read:
        return stage.get(0, at);
      case BootstrapVerb::del:
        return stage.remove(0, at);
      case BootstrapVerb::write:
        if (const auto content = content_for(target); !content.empty()) return stage.put(0, at, content);
        return stage.send_payload(0, Code::put, at, ContentFormat::senml_cbor, as_bytes("x"));
      default:
        return {};
    }
  }
  Device device;
  Stage stage;
};

TEST_P(BootstrapCodes, AnswerAsTheTableSays) {
  const auto& row = bootstrap_code_rows()[GetParam()];
  bool was_met = false;
  for (const auto target : kTargets) {
    const auto parsed = Path::parse(example_of(target));
    // The first row that fits decides: of a row for all others, those that no row before it took.
    if (&code_row(row.verb, target, parsed ? *parsed : Path()) != &row) continue;
    SCOPED_TRACE(example_of(target));
    was_met = true;
    const auto before = device.state();
    const auto reply = act(row.verb, target);
    EXPECT_EQ(reply.code, row.code);
    if (!row.is_refusal()) break;
    EXPECT_EQ(reply.payload, row.refusal);
    EXPECT_EQ(device.state(), before);
  }
  EXPECT_TRUE(was_met) << "no target leads to this row";
}
INSTANTIATE_TEST_SUITE_P(Table, BootstrapCodes, testing::Range<std::size_t>(0, bootstrap_code_rows().size()),
                         [](const auto& row) { return std::to_string(row.param); });

class BootstrapTargets : public BootstrapCodes {};
TEST_F(BootstrapTargets, AreToldApart) {
  for (const auto target : kTargets) {
    const auto parsed = Path::parse(example_of(target));
    if (!parsed) continue;
    EXPECT_EQ(target_of(device.model, *parsed), target) << example_of(target);
  }
  EXPECT_EQ(target_of(device.model, path("/77/0/1")), Target::unknown_object);
  EXPECT_EQ(target_of(device.model, path("/1000/65535")), Target::closed_instance);
}

// Decisions that the table notes above its rows.

TEST_F(BootstrapTargets, AWriteMayLackAMandatoryResourceAndFinishSaysSo) {
  EXPECT_EQ(stage.put(0, "/1/0", {entry("/1/0/5", Value::integer(3600))}).code, Code::changed);
  const auto refused = stage.finish();
  EXPECT_EQ(refused.code, Code::not_acceptable);
  EXPECT_EQ(refused.payload, "/1/0/0: a mandatory resource is missing");
  EXPECT_EQ(stage.put(0, "/1/0", server_entries("/1/0", 101)).code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::changed);
}
TEST_F(BootstrapTargets, AWriteOfAResourceMakesItsInstance) {
  EXPECT_EQ(stage.put_text(0, "/1/9/1", "60").code, Code::changed);
  EXPECT_TRUE(device.model.has_instance(path("/1/9")));
}
TEST_F(BootstrapTargets, FaultsOfAPayloadHaveTheirCodes) {
  const auto before = device.state();
  EXPECT_EQ(stage.ask(0, {.code = Code::put, .path = "/1/0", .payload = as_bytes("x")}).code,
            Code::bad_request);
  EXPECT_EQ(stage.send_payload(0, Code::put, "/1/0", ContentFormat{9999}, as_bytes("x")).code,
            Code::unsupported_content_format);
  EXPECT_EQ(stage.send_payload(0, Code::put, "/1/0", ContentFormat::tlv, as_bytes("\xff\xff")).code,
            Code::bad_request);
  const std::string huge(70'000, 'x');
  EXPECT_EQ(stage.send_payload(0, Code::put, "/0/0/5", ContentFormat::opaque, as_bytes(huge)).code,
            Code::request_entity_too_large);
  EXPECT_EQ(device.state(), before);
}
TEST_F(BootstrapTargets, OtherMethodsAreNoOperations) {
  EXPECT_EQ(stage.ask(0, {.code = Code::post, .path = "/1/0"}).code, Code::bad_request);
  EXPECT_EQ(stage.ask(0, {.code = Code::fetch, .path = "/"}).code, Code::bad_request);
  EXPECT_EQ(stage.ask(0, {.code = Code::post, .path = "/rd"}).code, Code::bad_request);
}
TEST_F(BootstrapTargets, AFinishAfterTheSessionIsRefused) {
  EXPECT_EQ(stage.finish().code, Code::changed);
  EXPECT_EQ(stage.finish().code, Code::bad_request);
}

}  // namespace
}  // namespace slipway::client::test
