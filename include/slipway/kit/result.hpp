// SPDX-License-Identifier: Apache-2.0
// What a device made of one fault, and the report on all of them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

#include <slipway/kit/fault.hpp>
#include <slipway/trace/describe.hpp>

namespace slipway::kit {

enum class Verdict : std::uint8_t {
  passed,
  failed,          ///< a check of weight `must` is broken
  inconclusive,    ///< such a check could not be made
  not_applicable,  ///< the device has no use for what is spoilt, or the transport has none
};
[[nodiscard]] const char* to_string(Verdict verdict);

struct Finding {
  enum class Outcome : std::uint8_t { holds, broken, unseen };
  Check check;
  Outcome outcome = Outcome::unseen;
  std::string seen;  ///< a sentence for a person
};

struct RoundResult {
  const Fault* fault = nullptr;  ///< nullptr: the honest bootstrap that everything begins with
  Verdict verdict = Verdict::inconclusive;
  std::string reason;  ///< a sentence for a person
  std::vector<Finding> findings;
  std::optional<Duration> returned_after;  ///< from the end of the fault to the next attempt
  std::vector<trace::Row> rows;            ///< at most kResultRowsMax
  std::size_t rows_dropped = 0;

  [[nodiscard]] std::string_view name() const { return fault != nullptr ? fault->name : "honest"; }
  [[nodiscard]] std::size_t remarks() const;  ///< broken checks of weight `should`
};
inline constexpr std::size_t kResultRowsMax = 256;

/// What a report says of the run as a whole.
struct RunFacts {
  std::string endpoint;   ///< of the device
  std::string enabler;    ///< as Discover told it
  std::string transport;  ///< "coaps (PSK)" or "coap"
  std::string date;
};

/// Nothing failed and nothing was inconclusive.
[[nodiscard]] bool all_passed(const std::vector<RoundResult>& results);
[[nodiscard]] std::string markdown_report(const RunFacts& facts, const std::vector<RoundResult>& results);
[[nodiscard]] nlohmann::json json_report(const RunFacts& facts, const std::vector<RoundResult>& results);
/// docs/reference/bootstrap-faults.md.
[[nodiscard]] std::string markdown_catalogue();

}  // namespace slipway::kit
