// SPDX-License-Identifier: Apache-2.0
// The catalogue of `slipway kit bootstrap-faults`: what a bootstrap server does wrong on purpose, and what a
// good device makes of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/time.hpp>
#include <slipway/coap/message.hpp>

namespace slipway::kit {

/// Which message of a script a check speaks of.
enum class Mark : std::uint8_t {
  none,
  bad,           ///< what a device should not take
  early_finish,  ///< a Finish that comes while the state is inconsistent
  finish,        ///< the Finish that a good device answers with 2.04
  late,          ///< what comes when all is over
};

/// What is looked at; `judge.cpp` says how. The first group is about the session, the second about what comes
/// after.
enum class Rule : std::uint8_t {
  completes,       ///< `finish` is answered 2.04 and the device registers with the account that it was given
  refuses,         ///< the marked message is refused, or else the Finish that follows it
  refuses_finish,  ///< the marked Finish is not answered with success
  answers_code,    ///< the marked message is answered with `code`, if it is answered
  answers,         ///< the marked message is answered at all
  takes,           ///< the marked message is answered with success
  ignores,         ///< the marked message is refused or stays without an answer
  says_why,        ///< the refusal of the marked message has a diagnostic payload
  keeps_bootstrap_account,  ///< Discover in the session still shows the bootstrap account
  keeps_device_object,      ///< Discover in the session still shows /3/0
  makes_nothing_twice,  ///< Discover in the session shows one Security and one Server instance of the account
  hides_keys,           ///< no answer to a Read holds a value of /0

  abandons,              ///< the account of the session is never used: it was not confirmed
  completes_or_returns,  ///< either is good, half of each is not
  returns,               ///< the device bootstraps again, by itself or when its management server tells it to
  returns_alone,         ///< the device bootstraps again by itself
  returns_with_old_credential,  ///< what was written over the bootstrap account without a Finish is not used
  keeps_old_state,              ///< Discover shows after the fault what it showed before
  recovers,                     ///< the honest bootstrap that follows succeeds, and the device registers
  is_patient,                   ///< it does not give the session up before `time`
  waits,                        ///< it does not come back before `time`
  pauses,                       ///< never less than `time` between two attempts
};

enum class Weight : std::uint8_t {
  must,    ///< broken: the fault is not passed
  should,  ///< broken: passed, with a remark
};

struct Check {
  Rule rule;
  Weight weight = Weight::must;
  Mark mark = Mark::none;
  coap::Code code = coap::Code::empty;
  Duration time{};
};

/// How the server meets the device's request.
enum class Greeting : std::uint8_t {
  answered,    ///< 2.04 at once; then the script
  in_script,   ///< an empty acknowledgement; the script answers later
  muted,       ///< nothing, until the script answers (if it does)
  refused,     ///< `refusal`, `times` times
  reset,       ///< RST
  pack,        ///< GET /bspack is answered by the script's payload; POST /bs honestly
  no_session,  ///< the DTLS handshake is refused, `times` times
};

enum class Needs : std::uint8_t {
  nothing,
  dtls,  ///< cannot be done without security
  pack,  ///< the device has to ask for a Bootstrap-Pack
};

enum class Speed : std::uint8_t {
  fast,
  slow,  ///< a device may need EXCHANGE_LIFETIME (247 s) or more
};

struct Cast;  // src/kit/script.hpp
struct Step;
using Script = std::vector<Step> (*)(const Cast&);

struct Fault {
  std::string_view name;
  std::string_view done;      ///< what the server does
  std::string_view expected;  ///< what a good device does
  std::string_view why;       ///< with the section it rests on
  Greeting greeting = Greeting::answered;
  Needs needs = Needs::nothing;
  Speed speed = Speed::fast;
  coap::Code refusal = coap::Code::empty;
  std::uint32_t max_age = 0;  ///< seconds, with `refusal`
  unsigned times = 1;
  Script script = nullptr;
  bool management_refuses = false;  ///< the account that the script gives is not accepted afterwards
  bool sends_twice = false;         ///< every datagram of the session
  Duration patience = seconds(60);  ///< for the device to come back by itself
  std::span<const Check> checks{};
};

/// Every fault, in the order of a whole run: what is quick and gentle first.
[[nodiscard]] std::span<const Fault> faults();
/// nullptr when there is none of that name.
[[nodiscard]] const Fault* find_fault(std::string_view name);
/// "answers the bad message with 4.00": a check in words.
[[nodiscard]] std::string describe(const Check& check);

}  // namespace slipway::kit
