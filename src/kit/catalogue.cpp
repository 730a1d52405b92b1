// SPDX-License-Identifier: Apache-2.0
#include <slipway/kit/fault.hpp>

#include <algorithm>
#include <array>

#include "kit/script.hpp"

namespace slipway::kit {
namespace {

using coap::Code;
using enum Rule;
constexpr auto kShould = Weight::should;

/// EXCHANGE_LIFETIME [RFC 7252 §4.8.2], and the pauses that devices make before they try again.
constexpr Duration kExchangeLifetime = seconds(247);
constexpr Duration kGivesUp = kExchangeLifetime + seconds(90);
/// A device that gives up before this has not waited for EXCHANGE_LIFETIME.
constexpr Duration kPatient = seconds(240);
constexpr Duration kPause = milliseconds(1000);

// --- What several faults are judged by ------------------------------------------------------------------

constexpr std::array kCompletes{Check{.rule = completes}};
constexpr std::array kGivesUpCleanly{Check{.rule = abandons}, Check{.rule = returns},
                                     Check{.rule = returns_with_old_credential}, Check{.rule = recovers},
                                     Check{.rule = keeps_old_state, .weight = kShould}};
constexpr std::array kGivesUpInTime{Check{.rule = abandons},
                                    Check{.rule = returns},
                                    Check{.rule = returns_with_old_credential},
                                    Check{.rule = recovers},
                                    Check{.rule = keeps_old_state, .weight = kShould},
                                    Check{.rule = is_patient, .weight = kShould, .time = kPatient}};
constexpr std::array kEither{Check{.rule = completes_or_returns},
                             Check{.rule = completes, .weight = kShould}};
constexpr std::array kReturns{Check{.rule = returns}, Check{.rule = recovers},
                              Check{.rule = keeps_old_state, .weight = kShould},
                              Check{.rule = pauses, .weight = kShould, .time = kPause}};
constexpr std::array kReturnsAlone{Check{.rule = returns_alone}, Check{.rule = recovers},
                                   Check{.rule = pauses, .weight = kShould, .time = kPause}};

constexpr Check bad(Code code) {
  return {.rule = answers_code, .weight = kShould, .mark = Mark::bad, .code = code};
}
constexpr Check refuses_bad{.rule = refuses, .mark = Mark::bad};
constexpr Check finish_406{
    .rule = answers_code, .weight = kShould, .mark = Mark::early_finish, .code = Code::not_acceptable};
constexpr Check finish_says_why{.rule = says_why, .weight = kShould, .mark = Mark::early_finish};

constexpr std::array kRefusesWrite{refuses_bad, bad(Code::bad_request), Check{.rule = completes}};
constexpr std::array kRefusesFormat{refuses_bad, bad(Code::unsupported_content_format),
                                    Check{.rule = completes}};
constexpr std::array kRefusesOrGuesses{Check{.rule = refuses, .weight = kShould, .mark = Mark::bad},
                                       Check{.rule = completes}};
constexpr std::array kSurvivesLarge{Check{.rule = answers, .mark = Mark::bad},
                                    bad(Code::request_entity_too_large), Check{.rule = completes}};
constexpr std::array kRefusesGap{refuses_bad, bad(Code::request_entity_incomplete), Check{.rule = completes}};
constexpr std::array kTakesBlocks{Check{.rule = takes, .weight = kShould, .mark = Mark::bad},
                                  Check{.rule = completes}};
constexpr std::array kRefusesState{refuses_bad, finish_406, finish_says_why, Check{.rule = completes}};
constexpr std::array kRefusesFinish{Check{.rule = refuses_finish, .mark = Mark::early_finish}, finish_406,
                                    finish_says_why, Check{.rule = completes}};
constexpr std::array kStaysRefused{Check{.rule = refuses_finish, .mark = Mark::early_finish},
                                   finish_406,
                                   Check{.rule = abandons},
                                   Check{.rule = returns},
                                   Check{.rule = recovers},
                                   Check{.rule = keeps_old_state, .weight = kShould}};
constexpr std::array kHidesKeys{Check{.rule = hides_keys, .mark = Mark::bad}, refuses_bad,
                                bad(Code::method_not_allowed), Check{.rule = completes}};
constexpr std::array kDoesItOnce{Check{.rule = completes}, Check{.rule = makes_nothing_twice}};
constexpr std::array kKeepsItself{Check{.rule = takes, .mark = Mark::bad},
                                  Check{.rule = keeps_bootstrap_account},
                                  Check{.rule = keeps_device_object},
                                  Check{.rule = returns},
                                  Check{.rule = recovers},
                                  Check{.rule = keeps_old_state, .weight = kShould}};
constexpr std::array kKeepsItsAccount{Check{.rule = keeps_bootstrap_account}, bad(Code::bad_request),
                                      Check{.rule = returns}, Check{.rule = recovers}};
constexpr std::array kTakesBackOverwriting{Check{.rule = returns}, Check{.rule = returns_with_old_credential},
                                           Check{.rule = abandons}, Check{.rule = recovers},
                                           Check{.rule = keeps_old_state, .weight = kShould}};
constexpr std::array kAnswersAgain{Check{.rule = completes}, Check{.rule = answers, .mark = Mark::late}};
constexpr std::array kIsOver{Check{.rule = ignores, .mark = Mark::late}, Check{.rule = completes}};
constexpr std::array kWaits{Check{.rule = returns}, Check{.rule = recovers},
                            Check{.rule = waits, .weight = kShould, .time = seconds(20)}};
constexpr std::array kFallsBackAlone{Check{.rule = returns_alone}, Check{.rule = abandons},
                                     Check{.rule = recovers},
                                     Check{.rule = keeps_old_state, .weight = kShould}};
constexpr std::array kFallsBack{Check{.rule = returns}, Check{.rule = abandons}, Check{.rule = recovers},
                                Check{.rule = keeps_old_state, .weight = kShould}};

// --- The catalogue ----------------------------------------------------------------------------------------

constexpr std::array kFaults = std::to_array<Fault>({
    // The request and its answer.
    {.name = "answer-late",
     .done = "acknowledges the request empty, sends all commands, and answers 2.04 only before Finish",
     .expected = "takes the commands; the session succeeds",
     .why = "a separate response may take its time, and UDP reorders [RFC 7252 §5.2.2] [LwM2M-CORE 1.2 "
            "§6.1.7.1]",
     .greeting = Greeting::in_script,
     .script = answer_before_finish,
     .checks = kCompletes},
    {.name = "commands-before-answer",
     .done = "neither acknowledges nor answers the request before its commands; 2.04 comes before Finish",
     .expected = "takes the first command as a sign that the request arrived, or gives up and comes back",
     .why = "the answer may be lost or overtaken [RFC 7252 §4.2]",
     .greeting = Greeting::muted,
     .script = answer_before_finish,
     .patience = kGivesUp,
     .checks = kEither},
    {.name = "answer-lost",
     .done = "never answers the request, but sends its commands and Finish",
     .expected = "takes the commands as the answer, or gives up and comes back",
     .why = "the answer may be lost [RFC 7252 §4.2]",
     .greeting = Greeting::muted,
     .script = honest_script,
     .patience = kGivesUp,
     .checks = kEither},
    {.name = "reset-instead-of-ack",
     .done = "answers the request with RST",
     .expected = "comes back after a pause",
     .why = "a server that has lost its context resets [RFC 7252 §4.2]",
     .greeting = Greeting::reset,
     .checks = kReturns},
    {.name = "refuses-4.00",
     .done = "answers every request of two attempts with 4.00",
     .expected = "keeps its old state and comes back with pauses, for ever",
     .why = "after a failed bootstrap the device must not give up for good [LwM2M-CORE 1.2 §6.1.3.3]",
     .greeting = Greeting::refused,
     .refusal = Code::bad_request,
     .times = 2,
     .patience = seconds(180),
     .checks = kReturns},
    {.name = "refuses-5.03",
     .done = "answers 5.03 with Max-Age 20",
     .expected = "comes back, but not before 20 seconds have passed",
     .why = "Max-Age of a 5.03 says when to try again [RFC 7252 §5.9.3.4]",
     .greeting = Greeting::refused,
     .refusal = Code::service_unavailable,
     .max_age = 20,
     .patience = seconds(180),
     .checks = kWaits},
    {.name = "request-answered-4.15",
     .done = "answers that it does not know the preferred content format",
     .expected = "asks again with another `pct` or without, or comes back",
     .why = "4.15 says that `pct` is not supported [LwM2M-TRANSPORT 1.2 §6.7]",
     .greeting = Greeting::refused,
     .refusal = Code::unsupported_content_format,
     .checks = kFallsBack},
    {.name = "wrong-key",
     .done = "refuses two DTLS handshakes as if the key were another",
     .expected = "comes back with pauses and with the same credential",
     .why = "alerts of a bootstrap server are no reason to give up [LwM2M-TRANSPORT 1.2 §5.2.10]",
     .greeting = Greeting::no_session,
     .needs = Needs::dtls,
     .times = 2,
     .patience = seconds(180),
     .checks = kReturns},

    // Commands that cannot be carried out.
    {.name = "wrong-type",
     .done = "writes text where /1/x/1 takes an integer",
     .expected = "refuses the write with 4.00, and takes the right one that follows",
     .why = "4.00 where the format of the data differs [LwM2M-TRANSPORT 1.2 §6.7]",
     .script = wrong_type,
     .checks = kRefusesWrite},
    {.name = "out-of-range",
     .done = "writes security mode 9",
     .expected = "refuses the write with 4.00, or the Finish with 4.06",
     .why = "/0/x/2 is 0 to 4 [LwM2M-CORE 1.2 App. E.1]",
     .script = out_of_range,
     .checks = kRefusesWrite},
    {.name = "unknown-object",
     .done = "writes an instance of object 33333",
     .expected = "refuses the write with 4.00: what is not kept must not be confirmed",
     .why = "4.00 for an object that the device does not have [LwM2M-TRANSPORT 1.2 §6.7]",
     .script = unknown_object,
     .checks = kRefusesWrite},
    {.name = "unknown-mandatory-missing",
     .done = "writes a Server instance that has its short server id and nothing else",
     .expected = "refuses the write with 4.00, or the Finish with 4.06",
     .why = "mandatory resources make an instance [LwM2M-CORE 1.2 §6.1.6]",
     .script = mandatory_missing,
     .checks = kRefusesWrite},
    {.name = "truncated-payload",
     .done = "cuts the last byte off a payload",
     .expected = "refuses the write with 4.00 and keeps nothing of it",
     .why = "4.00 where a payload does not parse [LwM2M-TRANSPORT 1.2 §6.7]",
     .script = truncated_payload,
     .checks = kRefusesWrite},
    {.name = "unknown-format",
     .done = "writes with content format 65001",
     .expected = "refuses the write with 4.15",
     .why = "4.15 for a content format that is not known [LwM2M-TRANSPORT 1.2 §6.7]",
     .script = unknown_format,
     .checks = kRefusesFormat},
    {.name = "wrong-format",
     .done = "writes in a format that the device did not ask for: TLV, or SenML JSON where it wants TLV",
     .expected = "takes it, or refuses it with 4.15",
     .why = "`pct` is a preference [LwM2M-CORE 1.2 §6.1.7.1]",
     .script = other_format,
     .checks = kCompletes},
    {.name = "no-content-format",
     .done = "writes without the Content-Format option",
     .expected = "refuses the write; does not guess",
     .why = "a receiver that guesses may read other values than were sent [RFC 7252 §5.5.1]",
     .script = no_content_format,
     .checks = kRefusesOrGuesses},
    {.name = "oversized-certificate",
     .done = "writes a certificate of 80 KiB, block-wise",
     .expected = "refuses it with 4.13, and the session goes on",
     .why = "4.13 for a body that is too large [RFC 7959 §2.9.3]",
     .script = oversized_certificate,
     .checks = kSurvivesLarge},
    {.name = "blocks-out-of-order",
     .done = "sends block 0 and block 2 of a write",
     .expected = "answers 4.08 and keeps nothing of it",
     .why = "4.08 where a block is missing [RFC 7959 §2.9.2]",
     .script = blocks_out_of_order,
     .checks = kRefusesGap},
    {.name = "block-size-change",
     .done = "sends a write in a block of 64 bytes and then in blocks of 16",
     .expected = "puts it together",
     .why = "the size of blocks may shrink within a transfer [RFC 7959 §2.5]",
     .script = block_size_change,
     .checks = kTakesBlocks},
    {.name = "reads-keys",
     .done = "reads the Security instance, and its secret key",
     .expected = "refuses both: /0 is never readable",
     .why = "only /1 and /2 can be read by a bootstrap server [LwM2M-CORE 1.2 §6.1.7.4]",
     .script = reads_keys,
     .checks = kHidesKeys},
    {.name = "duplicate-messages",
     .done = "sends every datagram twice, and every write twice with another message id",
     .expected = "answers each, and does each once",
     .why = "deduplication [RFC 7252 §4.5]; a write may be repeated [LwM2M-CORE 1.2 §6.1.7.5]",
     .script = written_twice,
     .sends_twice = true,
     .checks = kDoesItOnce},
    {.name = "garbage-after-dtls",
     .done = "sends records that do not authenticate beside the session, and broken CoAP inside it",
     .expected = "drops them in silence (or answers RST), and the session succeeds",
     .why =
         "what does not authenticate is dropped [RFC 6347 §4.1.2.7]; broken CoAP is ignored [RFC 7252 §4.2]",
     .script = garbage,
     .checks = kCompletes},

    // States that must not be confirmed.
    {.name = "4.06-repair",
     .done =
         "finishes with a Server instance of another server, then writes the right one and finishes again",
     .expected = "answers 4.06 with a reason, keeps the session open, and 2.04 to the second Finish",
     .why =
         "an inconsistent state is reported by 4.06, and the server may correct it [LwM2M-CORE 1.2 §6.1.6]",
     .script = repaired,
     .checks = kRefusesFinish},
    {.name = "inconsistent-stays",
     .done = "finishes with a Server instance of another server, then closes the session",
     .expected = "answers 4.06, uses nothing of it, and comes back",
     .why = "a sequence is successful only if its Finish is [LwM2M-CORE 1.2 §6.1.3.3]",
     .needs = Needs::dtls,
     .script = stays_inconsistent,
     .checks = kStaysRefused},
    {.name = "unpaired-account",
     .done = "finishes with a Security instance that has no Server instance",
     .expected = "answers 4.06",
     .why = "there must be one server account at least, which is a pair [LwM2M-CORE 1.2 §6.1.2]",
     .script = unpaired_account,
     .checks = kRefusesFinish},
    {.name = "duplicate-ssid",
     .done = "writes a second Server instance with the same short server id",
     .expected = "refuses the write with 4.00, or the Finish with 4.06",
     .why = "a short server id names one server [LwM2M-CORE 1.2 §7.4]",
     .script = duplicate_server_id,
     .checks = kRefusesState},
    {.name = "reserved-ssid",
     .done = "writes a Server instance with short server id 65535",
     .expected = "refuses the write with 4.00, or the Finish with 4.06",
     .why = "0 and 65535 must not name a server [LwM2M-CORE 1.2 §7.4]",
     .script = reserved_server_id,
     .checks = kRefusesState},
    {.name = "wrong-scheme",
     .done = "writes an account whose URI does not fit its security mode",
     .expected = "refuses the write with 4.00, or the Finish with 4.06",
     .why = "coap is for NoSec and coaps for the other modes [LwM2M-CORE 1.2 App. E.1]",
     .script = wrong_scheme,
     .checks = kRefusesState},
    {.name = "two-bootstrap-accounts",
     .done = "writes a second Security instance with /0/x/1 true",
     .expected = "refuses the write with 4.00, or the Finish with 4.06",
     .why = "there is one bootstrap account at most [LwM2M-CORE 1.2 §6.1.2]",
     .script = two_bootstrap_accounts,
     .checks = kRefusesState},

    // The end.
    {.name = "finish-twice",
     .done = "sends a second Finish after the first was answered",
     .expected = "answers it, with whatever code, and registers",
     .why = "the answer to the first may have been lost [RFC 7252 §4.2]",
     .script = finish_twice,
     .checks = kAnswersAgain},
    {.name = "write-after-finish",
     .done = "writes another account after Finish was answered 2.04",
     .expected = "refuses it or is silent, and uses what was finished",
     .why = "Finish ends the session [LwM2M-CORE 1.2 §6.1.7.2]",
     .script = write_after_finish,
     .checks = kIsOver},
    {.name = "closes-midway",
     .done = "closes the DTLS session after its writes",
     .expected = "uses nothing of it, keeps its old state, and comes back",
     .why = "without Finish the sequence has failed [LwM2M-CORE 1.2 §6.1.3.3]",
     .needs = Needs::dtls,
     .script = closes_midway,
     .checks = kGivesUpCleanly},
    {.name = "alert-midway",
     .done = "ends the DTLS session with a fatal alert after its writes",
     .expected = "uses nothing of it, keeps its old state, and comes back",
     .why = "without Finish the sequence has failed [LwM2M-CORE 1.2 §6.1.3.3]",
     .needs = Needs::dtls,
     .script = alert_midway,
     .checks = kGivesUpCleanly},
    {.name = "deletes-everything",
     .done = "deletes /, then closes the session",
     .expected = "answers 2.02; its bootstrap account and /3/0 stay; it takes the rest back and comes back",
     .why = "two things survive every delete [LwM2M-CORE 1.2 §6.1.7.6]",
     .needs = Needs::dtls,
     .script = deletes_everything,
     .checks = kKeepsItself},
    {.name = "deletes-bootstrap-account",
     .done = "deletes the instance of the bootstrap account, then closes the session",
     .expected = "keeps it, and comes back with it",
     .why = "a delete does not affect the bootstrap account [LwM2M-CORE 1.2 §6.1.7.6]",
     .needs = Needs::dtls,
     .script = deletes_bootstrap_account,
     .checks = kKeepsItsAccount},
    {.name = "overwrites-bootstrap-account",
     .done = "writes over the bootstrap account, then closes the session without Finish",
     .expected = "comes back with the account that it had",
     .why = "after a failed sequence the bootstrap account has its old values [LwM2M-CORE 1.2 §6.1.3.3]",
     .needs = Needs::dtls,
     .script = overwrites_bootstrap_account,
     .checks = kTakesBackOverwriting},
    {.name = "credential-that-management-refuses",
     .done = "gives an account that the management server then refuses",
     .expected = "fails to register, bootstraps again by itself, and is not lost",
     .why = "when all registrations fail, the device bootstraps [LwM2M-CORE 1.2 §6.1.4]",
     .script = honest_script,
     .management_refuses = true,
     .patience = std::chrono::minutes(20),
     .checks = kReturnsAlone},

    // Packs.
    {.name = "pack-5.01",
     .done = "answers GET /bspack with 5.01",
     .expected = "asks by POST /bs",
     .why = "any error leads to Bootstrap-Request [LwM2M-CORE 1.2 §6.1.3.3]",
     .greeting = Greeting::pack,
     .needs = Needs::pack,
     .refusal = Code::not_implemented,
     .patience = seconds(180),
     .checks = kFallsBackAlone},
    {.name = "pack-garbage",
     .done = "answers GET /bspack with bytes that no format takes",
     .expected = "uses nothing of it and asks by POST /bs",
     .why = "a pack that cannot be used leads to Bootstrap-Request [LwM2M-CORE 1.2 §6.1.6]",
     .greeting = Greeting::pack,
     .needs = Needs::pack,
     .refusal = Code::content,
     .script = pack_garbage,
     .patience = seconds(180),
     .checks = kFallsBackAlone},
    {.name = "pack-inconsistent",
     .done = "answers GET /bspack with a Security instance that has no Server instance",
     .expected = "uses nothing of it and asks by POST /bs",
     .why = "a pack that is inconsistent leads to Bootstrap-Request [LwM2M-CORE 1.2 §6.1.6]",
     .greeting = Greeting::pack,
     .needs = Needs::pack,
     .refusal = Code::content,
     .script = pack_inconsistent,
     .patience = seconds(180),
     .checks = kFallsBackAlone},
    {.name = "pack-wrong-format",
     .done = "answers GET /bspack with TLV, which no pack is",
     .expected = "uses nothing of it and asks by POST /bs",
     .why = "a pack is SenML JSON, SenML CBOR or LwM2M CBOR [LwM2M-CORE 1.2 §6.1.7.7]",
     .greeting = Greeting::pack,
     .needs = Needs::pack,
     .refusal = Code::content,
     .script = pack_wrong_format,
     .patience = seconds(180),
     .checks = kFallsBackAlone},

    // What takes minutes.
    {.name = "finish-lost",
     .done = "never sends Finish",
     .expected = "gives up after EXCHANGE_LIFETIME (247 s), keeps its old state, and comes back",
     .why = "without Finish within EXCHANGE_LIFETIME the sequence fails [LwM2M-CORE 1.2 §6.1.3.3]",
     .speed = Speed::slow,
     .script = without_finish,
     .patience = kGivesUp,
     .checks = kGivesUpInTime},
    {.name = "finish-late",
     .done = "sends Finish 20 seconds after EXCHANGE_LIFETIME",
     .expected = "has given up by then; refuses it or is gone",
     .why = "without Finish within EXCHANGE_LIFETIME the sequence fails [LwM2M-CORE 1.2 §6.1.3.3]",
     .speed = Speed::slow,
     .script = finish_late,
     .patience = kGivesUp,
     .checks = kGivesUpInTime},
    {.name = "silence-midway",
     .done = "falls silent after its first write",
     .expected = "gives up after EXCHANGE_LIFETIME, keeps its old state, and comes back",
     .why = "without Finish within EXCHANGE_LIFETIME the sequence fails [LwM2M-CORE 1.2 §6.1.3.3]",
     .speed = Speed::slow,
     .script = silence_midway,
     .patience = kGivesUp,
     .checks = kGivesUpInTime},
    {.name = "session-takes-forever",
     .done = "sends a command every 200 seconds, and then Finish",
     .expected = "keeps the session, as every command starts the time anew; or gives it up and comes back",
     .why = "1.0 counts from the last command; later versions do not say [LwM2M-CORE 1.2 §6.1.3.3]",
     .speed = Speed::slow,
     .script = takes_forever,
     .patience = kGivesUp,
     .checks = kEither},
});

}  // namespace

std::span<const Fault> faults() {
  return kFaults;
}

const Fault* find_fault(std::string_view name) {
  const auto* const found = std::ranges::find(kFaults, name, &Fault::name);
  return found == kFaults.end() ? nullptr : found;
}

}  // namespace slipway::kit
