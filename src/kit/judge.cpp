// SPDX-License-Identifier: Apache-2.0
#include "kit/observed.hpp"

#include <algorithm>
#include <cstdio>

namespace slipway::kit {
namespace {

using Outcome = Finding::Outcome;

struct Judgement {
  Outcome outcome;
  std::string seen;
};

Judgement holds(std::string seen) {
  return {Outcome::holds, std::move(seen)};
}
Judgement broken(std::string seen) {
  return {Outcome::broken, std::move(seen)};
}
Judgement unseen(std::string seen) {
  return {Outcome::unseen, std::move(seen)};
}

std::string text_of(Duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(time.count()) / 1e6);
  return text;
}

const char* text_of(coap::RequestFailure failure) {
  switch (failure) {
    case coap::RequestFailure::timeout:
      return "no answer";
    case coap::RequestFailure::reset:
      return "RST";
    case coap::RequestFailure::peer_dropped:
      return "no answer: the session had ended";
    case coap::RequestFailure::block_error:
      return "an answer that breaks the rules of blocks";
    case coap::RequestFailure::too_large:
      return "an answer that is too large";
  }
  return "no answer";
}

std::string text_of(const Reply& reply) {
  std::string text = reply.what + ": ";
  text += reply.code      ? std::string(coap::describe(*reply.code).view())
          : reply.failure ? text_of(*reply.failure)
                          : "?";
  if (!reply.diagnostic.empty()) text += " (" + reply.diagnostic + ")";
  return text;
}

bool accepted(const Reply& reply) {
  return reply.code && coap::is_success(*reply.code);
}

std::vector<const Reply*> marked(const Observed& seen, Mark mark) {
  std::vector<const Reply*> found;
  for (const auto& reply : seen.replies)
    if (reply.mark == mark) found.push_back(&reply);
  return found;
}

const char* name_of(Mark mark) {
  switch (mark) {
    case Mark::none:
      break;
    case Mark::bad:
      return "the spoilt message";
    case Mark::early_finish:
      return "the Finish of an inconsistent state";
    case Mark::finish:
      return "Finish";
    case Mark::late:
      return "what comes after Finish";
  }
  return "a message";
}

/// The first of the marked replies that `is_broken`.
template <class IsBroken>
Judgement each(const Observed& seen, Mark mark, IsBroken is_broken) {
  const auto replies = marked(seen, mark);
  if (replies.empty()) return unseen(std::string(name_of(mark)) + " was not sent");
  for (const auto* reply : replies)
    if (is_broken(*reply)) return broken(text_of(*reply));
  return holds(text_of(*replies.front()));
}

Judgement judge_completes(const Observed& seen) {
  const auto replies = marked(seen, Mark::finish);
  if (replies.empty()) return seen.began ? broken("Finish was never reached") : unseen("no session");
  if (!accepted(*replies.front())) return broken(text_of(*replies.front()));
  if (!seen.used_account)
    return broken("Finish was answered 2.04, but the device did not register with the account");
  if (seen.used_poison) return broken("the device registered with an account that was never confirmed");
  return holds("Finish was answered 2.04 and the device registered");
}

Judgement judge_refuses(const Observed& seen, Mark mark) {
  const auto replies = marked(seen, mark);
  if (replies.empty()) return unseen(std::string(name_of(mark)) + " was not sent");
  const auto taken = std::ranges::find_if(replies, [](const Reply* reply) { return accepted(*reply); });
  if (taken == replies.end()) return holds(text_of(*replies.front()));
  const auto finishes = marked(seen, Mark::early_finish);
  if (finishes.empty()) return broken(text_of(**taken));
  const auto text = text_of(**taken) + "; then " + text_of(*finishes.front());
  return accepted(*finishes.front()) ? broken(text) : holds(text);
}

Judgement judge_code(const Observed& seen, const Check& check) {
  const auto replies = marked(seen, check.mark);
  // What was accepted is another check's matter.
  const auto wrong = std::ranges::find_if(replies, [&](const Reply* reply) {
    return reply->code && !coap::is_success(*reply->code) && reply->code != check.code;
  });
  if (wrong != replies.end()) return broken(text_of(**wrong));
  const auto right =
      std::ranges::find_if(replies, [&](const Reply* reply) { return reply->code == check.code; });
  if (right == replies.end()) return unseen("it was not refused");
  return holds(text_of(**right));
}

Judgement judge_returns(const Observed& seen, bool alone) {
  if (!seen.began) return unseen("no device came");
  if (!seen.returned) return broken("it did not bootstrap again");
  const auto after = seen.ended ? text_of(*seen.returned - *seen.ended) : std::string("?");
  if (!seen.called) return holds((alone ? "" : "by itself, ") + after + " after the end of the fault");
  return alone ? broken("only when its management server told it to")
               : holds("when its management server told it to, " + after + " after the end of the fault");
}

Judgement judge_pauses(const Observed& seen, Duration least) {
  if (seen.attempts.size() < 2) return unseen("there was one attempt");
  std::string text;
  bool is_short = false;
  for (std::size_t i = 1; i < seen.attempts.size(); ++i) {
    const auto pause = seen.attempts[i] - seen.attempts[i - 1];
    is_short = is_short || pause < least;
    text += (text.empty() ? "pauses of " : ", ") + text_of(pause);
  }
  return is_short ? broken(text) : holds(text);
}

Judgement judge_snapshot(const Observed& seen, bool (*fits)(const Observed&), const char* good,
                         const char* bad) {
  if (!seen.during) return unseen("the device did not answer Discover");
  return fits(seen) ? holds(good) : broken(bad);
}

Judgement judge_old_state(const Observed& seen) {
  if (!seen.before || !seen.after) return unseen("the device did not answer Discover");
  const auto difference = seen.before->difference_to(*seen.after);
  return difference.empty() ? holds("Discover shows what it showed before") : broken(difference);
}

bool has_account(const Observed& seen) {
  const auto account = seen.before ? seen.before->bootstrap_account() : std::nullopt;
  return account ? seen.during->has(*account) : seen.during->bootstrap_account().has_value();
}
bool has_device(const Observed& seen) {
  return seen.during->has(Path(kDevice, InstanceId(0)));
}
bool has_each_once(const Observed& seen) {
  return seen.during->count(kSecurity, kServerId) == 1 && seen.during->count(kServer, kServerId) == 1;
}

Judgement judgement(const Check& check, const Observed& seen) {
  switch (check.rule) {
    case Rule::completes:
      return judge_completes(seen);
    case Rule::refuses:
      return judge_refuses(seen, check.mark);
    case Rule::refuses_finish:
      return each(seen, check.mark, accepted);
    case Rule::answers_code:
      return judge_code(seen, check);
    case Rule::answers:
      return each(seen, check.mark, [](const Reply& reply) { return !reply.code; });
    case Rule::takes:
      return each(seen, check.mark, [](const Reply& reply) { return !accepted(reply); });
    case Rule::ignores:
      if (seen.used_poison) return broken("the device registered with what was written after Finish");
      return each(seen, check.mark, accepted);
    case Rule::says_why: {
      const auto replies = marked(seen, check.mark);
      if (replies.empty() || accepted(*replies.front()) || !replies.front()->code)
        return unseen("it was not refused");
      return each(seen, check.mark, [](const Reply& reply) { return reply.diagnostic.empty(); });
    }
    case Rule::hides_keys:
      return each(seen, check.mark, [](const Reply& reply) { return reply.gave_content; });
    case Rule::keeps_bootstrap_account:
      return judge_snapshot(seen, has_account, "Discover shows it", "Discover does not show it any more");
    case Rule::keeps_device_object:
      return judge_snapshot(seen, has_device, "Discover shows it", "Discover does not show it any more");
    case Rule::makes_nothing_twice:
      return judge_snapshot(seen, has_each_once, "Discover shows each once",
                            "Discover shows the account more or less than once");
    case Rule::abandons:
      if (!seen.began) return unseen("no device came");
      return seen.used_account ? broken("the device registered with the account of a session that had failed")
                               : holds("the account was not used");
    case Rule::completes_or_returns: {
      const auto completed = judge_completes(seen);
      if (completed.outcome == Outcome::holds || !seen.returned) return completed;
      if (seen.recovered == false) return broken("it came back, and then " + seen.recovery);
      return judge_returns(seen, false);
    }
    case Rule::returns:
      return judge_returns(seen, false);
    case Rule::returns_alone:
      return judge_returns(seen, true);
    case Rule::returns_with_old_credential:
      if (seen.with_poison) return broken("it came with the credential that was written and never finished");
      return seen.returned ? holds("with the credential it had") : unseen("it did not bootstrap again");
    case Rule::keeps_old_state:
      return judge_old_state(seen);
    case Rule::recovers:
      if (!seen.recovered) return unseen("there was no honest bootstrap after the fault");
      return *seen.recovered ? holds("the honest bootstrap succeeded and the device registered")
                             : broken(seen.recovery);
    case Rule::is_patient: {
      if (!seen.returned || !seen.last_command || seen.called) return unseen("it did not give up by itself");
      const auto time = *seen.returned - *seen.last_command;
      const auto text = text_of(time) + " after the last command";
      return time < check.time ? broken(text) : holds(text);
    }
    case Rule::waits: {
      if (!seen.returned || !seen.ended) return unseen("it did not bootstrap again");
      const auto time = *seen.returned - *seen.ended;
      return time < check.time ? broken("it came after " + text_of(time))
                               : holds("it came after " + text_of(time));
    }
    case Rule::pauses:
      return judge_pauses(seen, check.time);
  }
  return unseen("");
}

}  // namespace

Finding judge(const Check& check, const Observed& seen) {
  auto [outcome, text] = judgement(check, seen);
  return {.check = check, .outcome = outcome, .seen = std::move(text)};
}

RoundResult judge(const Fault& fault, const Observed& seen) {
  RoundResult result;
  result.fault = &fault;
  if (seen.returned && seen.ended) result.returned_after = *seen.returned - *seen.ended;
  for (const auto& check : fault.checks) result.findings.push_back(judge(check, seen));
  const auto first = [&](Weight weight, Outcome outcome) {
    return std::ranges::find_if(result.findings, [&](const Finding& finding) {
      return finding.check.weight == weight && finding.outcome == outcome;
    });
  };
  const auto sentence = [](const Finding& finding) { return describe(finding.check) + ": " + finding.seen; };
  const auto none = result.findings.end();
  if (const auto failed = first(Weight::must, Outcome::broken); failed != none) {
    result.verdict = Verdict::failed;
    result.reason = "should have: " + sentence(*failed);
  } else if (const auto open = first(Weight::must, Outcome::unseen); open != none) {
    result.verdict = Verdict::inconclusive;
    result.reason = "could not be seen: " + sentence(*open);
  } else {
    result.verdict = Verdict::passed;
    if (const auto remark = first(Weight::should, Outcome::broken); remark != none)
      result.reason = "remark: should have: " + sentence(*remark);
    else if (!result.findings.empty())
      result.reason = sentence(result.findings.front());
  }
  return result;
}

std::string describe(const Check& check) {
  const std::string mark = name_of(check.mark);
  char number[32];
  std::snprintf(number, sizeof number, "%g s", static_cast<double>(check.time.count()) / 1e6);
  switch (check.rule) {
    case Rule::completes:
      return "completes the session and registers";
    case Rule::refuses:
      return "refuses " + mark + (check.mark == Mark::bad ? ", or the Finish that follows it" : "");
    case Rule::refuses_finish:
      return "refuses " + mark;
    case Rule::answers_code:
      return "answers " + mark + " with " + std::string(coap::describe(check.code).view());
    case Rule::answers:
      return "answers " + mark;
    case Rule::takes:
      return "takes " + mark;
    case Rule::ignores:
      return "takes nothing of " + mark;
    case Rule::says_why:
      return "says why it refuses " + mark;
    case Rule::hides_keys:
      return "gives no value of /0 away";
    case Rule::keeps_bootstrap_account:
      return "keeps its bootstrap account";
    case Rule::keeps_device_object:
      return "keeps /3/0";
    case Rule::makes_nothing_twice:
      return "makes nothing twice";
    case Rule::abandons:
      return "does not use what was not finished";
    case Rule::completes_or_returns:
      return "completes the session, or gives it up and comes back";
    case Rule::returns:
      return "bootstraps again";
    case Rule::returns_alone:
      return "bootstraps again by itself";
    case Rule::returns_with_old_credential:
      return "comes back with its old bootstrap account";
    case Rule::keeps_old_state:
      return "has the state that it had before";
    case Rule::recovers:
      return "takes the honest bootstrap that follows";
    case Rule::is_patient:
      return std::string("waits for ") + number + " at least before it gives up";
    case Rule::waits:
      return std::string("does not come back before ") + number;
    case Rule::pauses:
      return std::string("pauses for ") + number + " at least between attempts";
  }
  return "";
}

}  // namespace slipway::kit
