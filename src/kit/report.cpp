// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include <slipway/kit/result.hpp>
#include <slipway/trace/journey.hpp>

namespace slipway::kit {
namespace {

using nlohmann::json;

/// For the ladders of a report: as wide as a page of Markdown takes without scrolling.
constexpr trace::LadderStyle kReportStyle{.colour = trace::Colour::off, .width = 110};

const char* to_string(Finding::Outcome outcome) {
  switch (outcome) {
    case Finding::Outcome::holds:
      return "holds";
    case Finding::Outcome::broken:
      return "broken";
    case Finding::Outcome::unseen:
      return "not seen";
  }
  return "not seen";
}

/// Text of a device's in a cell of a table, or in a sentence.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*' || c == '_' || c == '`') out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::size_t count(const std::vector<RoundResult>& results, Verdict verdict) {
  return static_cast<std::size_t>(std::ranges::count(results, verdict, &RoundResult::verdict));
}

std::string headline(const std::vector<RoundResult>& results) {
  return std::to_string(count(results, Verdict::passed)) + " passed, " +
         std::to_string(count(results, Verdict::failed)) + " failed, " +
         std::to_string(count(results, Verdict::inconclusive)) + " inconclusive, " +
         std::to_string(count(results, Verdict::not_applicable)) + " not applicable";
}

void write_round(std::string& out, const RoundResult& result) {
  out += "\n### " + std::string(result.name()) + ": " + kit::to_string(result.verdict) + "\n\n";
  if (result.fault != nullptr) {
    out += "The server " + std::string(result.fault->done) + ".\n\n";
    out += "A good device " + std::string(result.fault->expected) + ".\n\n";
    out += "Why: " + std::string(result.fault->why) + ".\n\n";
  }
  if (!result.reason.empty()) out += plain(result.reason) + "\n\n";
  if (!result.findings.empty()) {
    out += "| the device | | | seen |\n| --- | --- | --- | --- |\n";
    for (const auto& finding : result.findings)
      out += "| " + plain(describe(finding.check)) + " | " +
             (finding.check.weight == Weight::must ? "must" : "should") + " | " + to_string(finding.outcome) +
             " | " + plain(finding.seen) + " |\n";
    out += "\n";
  }
  if (result.rows.empty()) return;
  out += "```\n" + trace::ladder_header(kReportStyle);
  for (const auto& row : result.rows) out += trace::ladder_row(row, kReportStyle);
  if (result.rows_dropped != 0) out += "... " + std::to_string(result.rows_dropped) + " more messages\n";
  out += "```\n";
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "PASS";
    case Verdict::failed:
      return "FAIL";
    case Verdict::inconclusive:
      return "INCONCLUSIVE";
    case Verdict::not_applicable:
      return "NOT APPLICABLE";
  }
  return "INCONCLUSIVE";
}

std::size_t RoundResult::remarks() const {
  return static_cast<std::size_t>(std::ranges::count_if(findings, [](const Finding& finding) {
    return finding.check.weight == Weight::should && finding.outcome == Finding::Outcome::broken;
  }));
}

bool all_passed(const std::vector<RoundResult>& results) {
  return count(results, Verdict::failed) == 0 && count(results, Verdict::inconclusive) == 0;
}

std::string markdown_report(const RunFacts& facts, const std::vector<RoundResult>& results) {
  std::string out = "# Bootstrap faults: " + plain(facts.endpoint) + "\n\n";
  out += headline(results) + ".\n\n";
  out += "| | |\n| --- | --- |\n";
  out += "| device | " + plain(facts.endpoint) + " |\n";
  out += "| enabler | " + (facts.enabler.empty() ? "unknown" : facts.enabler) + " |\n";
  out += "| transport | " + facts.transport + " |\n";
  out += "| date | " + facts.date + " |\n\n";
  out += "| fault | verdict | remarks | seen |\n| --- | --- | --- | --- |\n";
  for (const auto& result : results)
    out += "| " + std::string(result.name()) + " | " + to_string(result.verdict) + " | " +
           (result.remarks() == 0 ? std::string() : std::to_string(result.remarks())) + " | " +
           plain(result.reason) + " |\n";
  out += "\n## Each fault\n";
  for (const auto& result : results) write_round(out, result);
  return out;
}

json json_report(const RunFacts& facts, const std::vector<RoundResult>& results) {
  json list = json::array();
  for (const auto& result : results) {
    json findings = json::array();
    for (const auto& finding : result.findings)
      findings.push_back({{"check", describe(finding.check)},
                          {"weight", finding.check.weight == Weight::must ? "must" : "should"},
                          {"outcome", to_string(finding.outcome)},
                          {"seen", finding.seen}});
    json rows = json::array();
    for (const auto& row : result.rows) rows.push_back(trace::to_json(row));
    json one{{"fault", result.name()},
             {"verdict", to_string(result.verdict)},
             {"reason", result.reason},
             {"remarks", result.remarks()},
             {"findings", std::move(findings)},
             {"messages", std::move(rows)},
             {"messages_left_out", result.rows_dropped}};
    if (result.fault != nullptr) {
      one["done"] = result.fault->done;
      one["expected"] = result.fault->expected;
      one["why"] = result.fault->why;
    }
    if (result.returned_after) one["returned_after_ms"] = result.returned_after->count() / 1000;
    list.push_back(std::move(one));
  }
  return {{"device", facts.endpoint}, {"enabler", facts.enabler},      {"transport", facts.transport},
          {"date", facts.date},       {"passed", all_passed(results)}, {"results", std::move(list)}};
}

std::string markdown_catalogue() {
  std::string out =
      "# Bootstrap faults\n\n"
      "What `slipway kit bootstrap-faults` does wrong on purpose, and what it expects of a device. This page "
      "is printed by\n"
      "`slipway kit bootstrap-faults --list --markdown`; [how to use it](../guides/test-your-device.md).\n\n"
      "A broken *must* fails the fault; a broken *should* is a remark. *Slow* faults may take "
      "EXCHANGE\\_LIFETIME (247 s) or\n"
      "more, and `--fast` leaves them out. A fault that needs DTLS or a Bootstrap-Pack is not applicable "
      "without.\n";
  for (const auto& fault : faults()) {
    out += "\n## " + std::string(fault.name) + "\n\n";
    if (fault.speed == Speed::slow) out += "*Slow.* ";
    if (fault.needs == Needs::dtls) out += "*Needs DTLS.* ";
    if (fault.needs == Needs::pack) out += "*Needs a device that asks for Bootstrap-Packs.* ";
    out += "The server " + plain(fault.done) + ".\n\nA good device " + plain(fault.expected) +
           ".\n\nWhy: " + plain(fault.why) + ".\n\n";
    for (const auto& check : fault.checks)
      out += std::string("- ") + (check.weight == Weight::must ? "must: " : "should: ") +
             plain(describe(check)) + "\n";
  }
  return out;
}

}  // namespace slipway::kit
