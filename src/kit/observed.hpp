// SPDX-License-Identifier: Apache-2.0
// What the bench saw of a device in one round; what a judge goes by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <slipway/coap/endpoint.hpp>
#include <slipway/kit/result.hpp>

#include "kit/scene.hpp"

namespace slipway::kit {

/// What became of one message of a script.
struct Reply {
  Mark mark = Mark::none;
  std::string what;  ///< "PUT /1/1"
  std::optional<coap::Code> code;
  std::optional<coap::RequestFailure> failure;
  std::string diagnostic;  ///< of a refusal, cut
  bool gave_content = false;
};

/// Diagnostic payload that is kept of one reply, bytes.
inline constexpr std::size_t kDiagnosticMax = 200;

struct Observed {
  bool began = false;  ///< the device came, and the fault was done
  std::vector<Reply> replies;
  std::optional<Snapshot> before, during, after;
  std::vector<TimePoint> attempts;  ///< of the device to bootstrap, refused handshakes too
  std::optional<TimePoint> last_command;
  std::optional<TimePoint> ended;     ///< the script, or the session
  std::optional<TimePoint> returned;  ///< the attempt that was met honestly
  bool called = false;                ///< the management server told it to
  bool with_poison = false;           ///< it came with the credential that was never confirmed
  bool used_account = false;          ///< a Register with the account of the faulty session
  bool used_poison = false;           ///< a Register with an account that was never confirmed
  std::optional<bool> recovered;
  std::string recovery;  ///< what went wrong with it
};

[[nodiscard]] Finding judge(const Check& check, const Observed& seen);
/// Verdict, reason and findings; rows are the caller's.
[[nodiscard]] RoundResult judge(const Fault& fault, const Observed& seen);

}  // namespace slipway::kit
