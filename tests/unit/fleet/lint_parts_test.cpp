// SPDX-License-Identifier: Apache-2.0
// Rules about the device's model, further instances, operations, links and keys: one case for each.
#include "lint_case.hpp"

namespace slipway::fleet::test {
namespace {

class LintOfParts : public ::testing::TestWithParam<Case> {};

TEST_P(LintOfParts, GivesTheFinding) {
  EXPECT_EQ(findings(GetParam().text), GetParam().expected);
}

const Case kModels[] = {
    {"NothingWrongWithAModel",
     plan("[plan.p]\nmodel = [\"3303/1.1\", \"2\"]\n[[plan.p.access]]\ntarget = \"/3303/0\"\n" +
          instance("path = \"/3303/1\"")),
     {}},
    {"InstanceOutsideTheModel",
     plan("[plan.p]\nmodel = [\"3\"]\n" + instance("path = \"/3303/1\"")),
     {"f.toml:10:8: plan.p.instance[0].path: object 3303 is not in the device's model; write optional = "
      "true, or add "
      "\"3303\" to model"}},
    {"OptionalInstanceOutsideTheModel",
     plan("[plan.p]\nmodel = [\"3\"]\n" + instance("path = \"/3303/1\"\noptional = true")),
     {"f.toml:10:8: warning: plan.p.instance[0].path: object 3303 is not in the device's model: the device "
      "will "
      "refuse it; remove it"}},
    {"OperationOutsideTheModel",
     plan("[plan.p]\nmodel = [\"3\"]\n[[plan.p.before]]\ndo = \"delete\"\npath = \"/3303\"\n"),
     {"f.toml:11:8: plan.p.before[0].path: object 3303 is not in the device's model; write optional = true, "
      "or add "
      "\"3303\" to model"}},
    {"AccessOutsideTheModel",
     plan("[plan.p]\nmodel = [\"2\"]\n[[plan.p.access]]\ntarget = \"/3303/0\"\n"),
     {"f.toml:10:10: plan.p.access[0].target: object 3303 is not in the device's model; remove it, or add "
      "\"3303\" to "
      "model"}},
    {"NoAccessControlInTheModel",
     plan("[plan.p]\nmodel = [\"3303\"]\n[[plan.p.access]]\ntarget = \"/3303/0\"\n"),
     {"f.toml:9:1: plan.p.access[0].target: object 2 is not in the device's model: it knows no access "
      "control; remove "
      "this, or add \"2\" to model"}},
    {"AccessToAnObjectThatNobodyKnows",
     plan("[[plan.p.access]]\ntarget = \"/4242/0\"\n"),
     {"f.toml:8:10: warning: plan.p.access[0].target: object 4242 has no definition here: nobody may have "
      "it; put its "
      "XML file into the folder of --objects, or list the plan's model"}},
    {"ModelThatIsNoObject",
     plan("[plan.p]\nmodel = [\"3303/x\"]\n"),
     {"f.toml:8:10: plan.p.model: \"3303/x\" is not an object; write its id, and its version where it is not "
      "the "
      "newest: \"3303\" or \"3303/1.1\""}},
    {"ModelOfAnUnknownVersion",
     plan("[plan.p]\nmodel = [\"3303/9.0\"]\n"),
     {"f.toml:8:10: warning: plan.p.model: \"3303/9.0\": this version has no definition here; put its XML "
      "file into "
      "the folder of --objects"}},
};
INSTANTIATE_TEST_SUITE_P(Models, LintOfParts, ::testing::ValuesIn(kModels),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

std::string values(const std::string& items) {
  return plan(instance("path = \"/4242/0\"\nvalues = [ " + items + " ]"));
}
const Case kContents[] = {
    {"NothingWrongWithAnUnknownObject",
     values("{ path = \"/4242/0/1\", type = \"string\", value = \"x\" }, { path = \"/4242/0/2/7\", type = "
            "\"unsigned\", value = 1 }"),
     {}},
    {"ValueWithoutType",
     values("{ path = \"/4242/0/1\", value = \"x\" }"),
     {"f.toml:9:12: plan.p.instance[0].values[0].type: this key is missing; /4242/0/1 has no definition "
      "here: write "
      "type = \"string\", \"integer\"..."}},
    {"ValueOfNoType",
     values("{ path = \"/4242/0/1\", type = \"text\", value = \"x\" }"),
     {"f.toml:9:41: plan.p.instance[0].values[0].type: \"text\" is not a type; write string, integer, "
      "unsigned, "
      "float, boolean, opaque, time, objlnk or corelnk"}},
    {"ValueOfAnotherType",
     values("{ path = \"/4242/0/1\", type = \"integer\", value = \"x\" }"),
     {"f.toml:9:60: plan.p.instance[0].values[0].value: /4242/0/1 has no such value; write a whole number"}},
    {"ValueElsewhere",
     values("{ path = \"/4242/1/1\", type = \"integer\", value = 1 }"),
     {"f.toml:9:21: plan.p.instance[0].values[0].path: \"/4242/1/1\" is not a resource below /4242/0; write "
      "a whole "
      "path, down to a resource or one of its instances"}},
    {"ValueTwice",
     values("{ path = \"/4242/0/1\", type = \"integer\", value = 1 }, { path = \"/4242/0/1\", type = "
            "\"integer\", "
            "value = 2 }"),
     {"f.toml:9:113: plan.p.instance[0].values: \"/4242/0/1\" stands twice here; leave one of the two"}},
    {"ValueBelowAnother",
     values("{ path = \"/4242/0/1\", type = \"integer\", value = 1 }, { path = \"/4242/0/1/0\", type = "
            "\"integer\", "
            "value = 2 }"),
     {"f.toml:9:115: plan.p.instance[0].values: \"/4242/0/1/0\" lies below another of these values; leave "
      "one of the "
      "two"}},
    {"TypeAgainstTheModel",
     plan(instance(
         "path = \"/3303/0\"\nvalues = [ { path = \"/3303/0/5700\", type = \"string\", value = \"x\" } ]")),
     {"f.toml:9:44: plan.p.instance[0].values[0].type: Sensor Value is of the type float; leave `type` out"}},
    {"RangeOfTheModel",
     plan(instance("path = \"/3/0\"\nvalues = [ { path = \"/3/0/9\", value = 101 } ]")),
     {"f.toml:9:39: plan.p.instance[0].values[0].value: Battery Level: the value is outside the range of the "
      "resource; it takes 0 to 100"}},
    {"InstanceOfASingleResource",
     plan(instance("path = \"/3/0\"\nvalues = [ { path = \"/3/0/9/0\", value = 1 } ]")),
     {"f.toml:9:21: plan.p.instance[0].values[0].path: Battery Level has one value; write \"/3/0/9\""}},
    {"SingleOfAListedResource",
     plan(instance("path = \"/3/0\"\nvalues = [ { path = \"/3/0/6\", value = 1 } ]")),
     {"f.toml:9:21: plan.p.instance[0].values[0].path: Available Power Sources has several values; write "
      "\"/3/0/6/0\""}},
    {"ContentTwice",
     plan(instance("path = \"/3/0\"\nresources = { \"9\" = 1 }\nvalues = []")),
     {"f.toml:10:10: plan.p.instance[0].values: the content is given twice; write either `resources` or "
      "`values`"}},
    {"ResourcesOfAnUnknownObject",
     plan(instance("path = \"/4242/0\"\nresources = { \"1\" = 1 }")),
     {"f.toml:9:13: plan.p.instance[0].resources: object 4242 has no definition here; write `values` with "
      "paths and "
      "types, or put its XML file into the folder of --objects"}},
    {"TooMuchForOneWrite",
     plan(instance("path = \"/4242/0\"\nvalues = [ { path = \"/4242/0/1\", type = \"string\", value = \"" +
                   std::string(65536, 'x') + "\" } ]")),
     {"f.toml:7:1: plan.p.instance[0].resources: this write has more than 64 KiB; split it"}},
};
INSTANTIATE_TEST_SUITE_P(Contents, LintOfParts, ::testing::ValuesIn(kContents),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

std::string before(const std::string& text) {
  return plan("[[plan.p.before]]\n" + text);  // line 8
}
const Case kOperations[] = {
    {"NothingWrongWithOperations",
     plan("[[plan.p.before]]\ndo = \"delete\"\npath = \"/\"\noptional = true\n[[plan.p.before]]\ndo = "
          "\"discover\"\n"
          "path = \"/3\"\n[[plan.p.before]]\ndo = \"read\"\npath = \"/2/1\"\n[[plan.p.after]]\ndo = "
          "\"write\"\npath = "
          "\"/3/0/14\"\nvalues = [ { path = \"/3/0/14\", value = \"+01:00\" } ]\n[[plan.p.after]]\ndo = "
          "\"write\"\n"
          "path = \"/3/0/14\"\npayload = \"2b30313a3030\"\nformat = \"text\"\n"),
     {}},
    {"WithoutDo",
     before("path = \"/3\"\n"),
     {"f.toml:7:1: plan.p.before[0].do: this key is missing; write \"write\", \"delete\", \"discover\" or "
      "\"read\""}},
    {"UnknownDo",
     before("do = \"execute\"\npath = \"/3/0/4\"\n"),
     {"f.toml:8:6: plan.p.before[0].do: \"execute\" is not an operation; write \"write\", \"delete\", "
      "\"discover\" or "
      "\"read\""}},
    {"WriteOfAnAccount",
     before("do = \"write\"\npath = \"/0/1\"\n"),
     {"f.toml:9:8: plan.p.before[0].path: \"/0/1\": a write of object 0 might hit the device's bootstrap "
      "account: "
      "accounts stand in [[plan.NAME.server]] and [plan.NAME.bootstrap]"}},
    {"DeleteOfAnAccount",
     before("do = \"delete\"\npath = \"/0/1\"\n"),
     {"f.toml:9:8: plan.p.before[0].path: \"/0/1\": this delete might hit the device's bootstrap account: "
      "accounts "
      "that the plan does not name are deleted anyway"}},
    {"DeleteOfAResource",
     before("do = \"delete\"\npath = \"/3/0/1\"\n"),
     {"f.toml:9:8: plan.p.before[0].path: \"/3/0/1\": a delete goes to /, an object or an object instance"}},
    {"DiscoverOfAnInstance",
     before("do = \"discover\"\npath = \"/3/0\"\n"),
     {"f.toml:9:8: plan.p.before[0].path: \"/3/0\": a discover goes to / or to an object"}},
    {"ReadOfAnother",
     before("do = \"read\"\npath = \"/3/0\"\n"),
     {"f.toml:9:8: plan.p.before[0].path: \"/3/0\": a bootstrap server reads /1, /2 and their instances "
      "alone"}},
    {"WriteOfNothing",
     before("do = \"write\"\npath = \"/3/0/14\"\n"),
     {"f.toml:7:1: plan.p.before[0].values: this key is missing; write what the operation writes"}},
    {"WriteOfNoValues",
     before("do = \"write\"\npath = \"/3303\"\nvalues = []\n"),
     {"f.toml:7:1: plan.p.before[0].values: this key is missing; write what the operation writes"}},
    {"PayloadWithoutFormat",
     before("do = \"write\"\npath = \"/3/0\"\npayload = \"00\"\n"),
     {"f.toml:7:1: plan.p.before[0].format: this key is missing; say what the payload is: \"tlv\", "
      "\"senml-cbor\", "
      "\"senml-json\", \"lwm2m-cbor\", \"text\", \"opaque\"..."}},
    {"PayloadThatIsNotHex",
     before("do = \"write\"\npath = \"/3/0\"\npayload = \"xy\"\nformat = \"tlv\"\n"),
     {"f.toml:10:11: plan.p.before[0].payload: this is not hexadecimal; write two digits for each byte"}},
    {"PayloadThatDoesNotRead",
     before("do = \"write\"\npath = \"/3/0\"\npayload = \"c8\"\nformat = \"tlv\"\n"),
     {"f.toml:10:11: warning: plan.p.before[0].payload: this does not read as tlv: a TLV header ends too "
      "early; "
      "correct it, unless the device wants it so"}},
    {"PayloadAndValues",
     before("do = \"write\"\npath = \"/3/0\"\npayload = \"\"\nformat = \"tlv\"\nvalues = []\n"),
     {"f.toml:12:10: plan.p.before[0].values: the content is given twice; keep it or the payload"}},
    {"ContentOfADelete",
     before("do = \"delete\"\npath = \"/3303\"\nvalues = []\n"),
     {"f.toml:10:10: plan.p.before[0].values: no such key here; remove it"}},
    {"ServerWithoutAccount",
     before("do = \"write\"\npath = \"/1/9\"\nresources = { \"0\" = 9, \"1\" = 60, \"6\" = true, \"7\" = "
            "\"U\" }\n"),
     {"f.toml:10:21: plan.p.before[0].values: a server without an account in object 0: no device could reach "
      "it; write "
      "it as [[plan.p.server]]"}},
    {"UndoesThePlan",
     plan("[[plan.p.after]]\ndo = \"delete\"\npath = \"/1\"\n"),
     {"f.toml:9:8: plan.p.after[0].path: this deletes what the plan has just written; move it to "
      "[[plan.p.before]]"}},
    {"WritesOverThePlan",
     plan(instance("path = \"/3303/1\"") + "[[plan.p.after]]\ndo = \"write\"\npath = \"/3303/1\"\n"),
     {"f.toml:11:8: warning: plan.p.after[0].path: this writes over an instance of the plan; join the two"}},
};
INSTANTIATE_TEST_SUITE_P(Operations, LintOfParts, ::testing::ValuesIn(kOperations),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

constexpr const char* kKey = "{ path = \"/21/0/0\", file = \"oscore.key\" }";
const std::string kSender =
    ", { path = \"/21/0/1\", value = \"01\" }, { path = \"/21/0/2\", value = \"02\" }";
const Case kLinks[] = {
    {"LinkToNowhere",
     plan("security_resources = { \"17\" = \"21:0\" }\n"),
     {"f.toml:7:31: plan.p.server[0].security_resources.17: \"/21/0\" is not in the plan; add it as "
      "[[plan.p.instance]]"}},
    {"LinkToAnotherObject",
     plan("security_resources = { \"17\" = \"3:0\" }\n"),
     {"f.toml:7:31: plan.p.server[0].security_resources.17: this links to an instance of object 21; write "
      "\"21:0\""}},
    {"ContextThatNobodyLinksTo",
     plan(instance("path = \"/21/4\"")),
     {"f.toml:8:8: warning: plan.p.instance[0].path: no account links to \"/21/4\"; write security_resources "
      "= { \"17\" "
      "= \"21:4\" }"}},
    {"ContextOfTwoAccounts",
     plan("security_resources = { \"17\" = \"21:0\" }\n" + kSecond +
          "security_resources = { \"17\" = \"21:0\" }\n" + instance("path = \"/21/0\"") +
          "[[plan.p.access]]\ntarget = \"/3/0\"\n"),
     {"f.toml:11:31: plan.p.server[1].security_resources.17: another account links to \"/21/0\"; give each "
      "its own: a "
      "context belongs to one server"}},
    {"SameOscoreIds",
     oscore("{ path = \"/21/0/1\", value = \"01\" }, { path = \"/21/0/2\", value = \"01\" }"),
     {"f.toml:10:76: plan.p.instance[0].path: sender and recipient have the same OSCORE ID; give each its "
      "own"}},
    {"LongOscoreId",
     oscore("{ path = \"/21/0/1\", value = \"0102030405060708\" }"),
     {"f.toml:10:40: warning: plan.p.instance[0].path: an OSCORE ID has at most 7 bytes with "
      "AES-CCM-16-64-128; shorten "
      "it, unless /21/x/3 names another algorithm"}},
};
INSTANTIATE_TEST_SUITE_P(Links, LintOfParts, ::testing::ValuesIn(kLinks),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

std::string literal(const std::string& hex) {
  return oscore("{ path = \"/21/0/0\", value = \"" + hex + "\" }");
}
const std::string kAtKey = "f.toml:10:40: plan.p.instance[0]./21/0/0: ";
const Case kSecrets[] = {
    {"KeyInTheConfiguration",
     literal("8e1f3ab2c4d507968879a0b1c2d3e4f5"),
     {"f.toml:10:40: warning: plan.p.instance[0]./21/0/0: a key stands in the configuration; move it into a "
      "file that "
      "others cannot read: values = [ { path = ..., file = \"...\" } ]"}},
    {"ShortKey",
     literal("8e1f3ab2c4d50796"),
     {kAtKey + "this key is shorter than 16 bytes; make one: openssl rand -hex 16"}},
    {"RepeatedKey",
     literal("abababababababababababababababab"),
     {kAtKey + "this key is a pattern, not a key; make one: openssl rand -hex 16"}},
    {"CountedKey",
     literal("000102030405060708090a0b0c0d0e0f"),
     {kAtKey + "this key is a pattern, not a key; make one: openssl rand -hex 16"}},
    {"KeyOfWords",
     literal("636f727265637420686f727365206261747465727920737461706c65"),
     {kAtKey + "this key is text that somebody chose; make one: openssl rand -hex 16"}},
    {"KeyOfLetters",
     literal("70617373776f7264313233342d616263"),
     {kAtKey + "this key is text that somebody chose; make one: openssl rand -hex 16"}},
    {"KeyOfMany",
     kForMany + kServer + "security_resources = { \"17\" = \"21:0\" }\n" +
         instance("path = \"/21/0\"\nvalues = [ { path = \"/21/0/0\", value = "
                  "\"8e1f3ab2c4d507968879a0b1c2d3e4f5\" } ]"),
     {"f.toml:10:40: plan.p.instance[0]./21/0/0: every device of this plan would have this key; give it to "
      "one device: "
      "an enrolment with one name, and a plan of its own"}},
    {"KeyOfTwoEnrolments",
     kForOne + kServer +
         "security_resources = { \"8\" = \"8e1f3ab2c4d507968879a0b1c2d3e4f5\" }\n[[enrolment]]\n"
         "endpoints = [\"e\"]\nplan = \"p\"\n",
     {"f.toml:7:30: plan.p.server[0].security_resources.8: every device of this plan would have this key; "
      "give it to "
      "one device: an enrolment with one name, and a plan of its own"}},
    {"KeyInAPayload",
     plan("[[plan.p.after]]\ndo = \"write\"\npath = \"/21/3/0\"\npayload = "
          "\"8e1f3ab2c4d507968879a0b1c2d3e4f5\"\nformat "
          "= \"opaque\"\n"),
     {"f.toml:10:11: plan.p.after[0].payload: every device of this plan would have this key; give it to one "
      "device: an "
      "enrolment with one name, and a plan of its own"}},
    {"SameKeyInTwoPlans",
     literal("8e1f3ab2c4d507968879a0b1c2d3e4f5") +
         "[[enrolment]]\nendpoints = [\"e\"]\nplan = \"q\"\n[[plan.q.server]]\nid = 1\nuri = \"coaps://h\"\n"
         "security_resources = { \"8\" = \"8e1f3ab2c4d507968879a0b1c2d3e4f5\" }\n",
     {"f.toml:10:40: warning: plan.p.instance[0]./21/0/0: a key stands in the configuration; move it into a "
      "file that "
      "others cannot read: values = [ { path = ..., file = \"...\" } ]",
      "f.toml:17:30: plan.q.server[0].security_resources.8: this is the key of plan.p.instance[0]./21/0/0; "
      "make "
      "another: openssl rand -hex 16"}},
    {"KeyFileThatIsNotThere",
     oscore(kKey + kSender),
     {"f.toml:10:39: plan.p.instance[0].values[0].file: \"oscore.key\" cannot be read: No such file or "
      "directory; it "
      "is looked for from the configuration's folder"}},
};
INSTANTIATE_TEST_SUITE_P(Secrets, LintOfParts, ::testing::ValuesIn(kSecrets),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace slipway::fleet::test
