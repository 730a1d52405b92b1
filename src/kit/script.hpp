// SPDX-License-Identifier: Apache-2.0
// What a bootstrap session of the bench does, step by step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/kit/fault.hpp>
#include <slipway/lwm2m/peer.hpp>
#include <slipway/security/dtls/types.hpp>

#include "kit/scene.hpp"

namespace slipway::kit {

struct Step {
  enum class Kind : std::uint8_t {
    command,   ///< a request of the bootstrap interface; the next step waits for its answer
    discover,  ///< is remembered as what the session shows
    answer,    ///< 2.04 to the device's own request, if that waits
    blocks,    ///< `block_messages`, one after the other, each with its answer
    wait,
    inside,   ///< `payload` as a CoAP message, in the session
    outside,  ///< `payload` as a datagram beside the session
    end,      ///< ends the DTLS session with `alert`
    silence,  ///< nothing is sent or heard any more
  };
  /// Whether the step is done.
  enum class When : std::uint8_t { always, if_accepted, if_refused };

  Kind kind = Kind::command;
  When when = When::always;  ///< by the answer to the last command before it that is marked `bad`
  Mark mark = Mark::none;
  coap::Code code = coap::Code::put;
  std::string path;
  std::optional<std::uint16_t> format;
  std::optional<std::uint16_t> accept;
  Bytes payload;
  std::vector<Bytes> pieces;                 ///< of `blocks`
  std::vector<std::uint32_t> block_options;  ///< one for each piece
  Duration wait{};
  security::dtls::Alert alert = security::dtls::Alert::close_notify;
};

/// Who plays: what scripts write, and where.
struct Cast {
  const Scene& scene;
  const Account& account;  ///< of this session
  const Account& poison;   ///< that no device should ever use
  ContentFormat format;    ///< what the device prefers
  SecurityMode security;
  std::string_view bootstrap_uri, management_uri;
  Random& random;
};

using Steps = std::vector<Step>;

/// Strays go, the account of the session is written, and Finish.
[[nodiscard]] Steps honest_script(const Cast& cast);

// Of the catalogue.
[[nodiscard]] Steps without_finish(const Cast& cast);
[[nodiscard]] Steps finish_late(const Cast& cast);
[[nodiscard]] Steps answer_before_finish(const Cast& cast);
[[nodiscard]] Steps wrong_type(const Cast& cast);
[[nodiscard]] Steps out_of_range(const Cast& cast);
[[nodiscard]] Steps unknown_object(const Cast& cast);
[[nodiscard]] Steps mandatory_missing(const Cast& cast);
[[nodiscard]] Steps truncated_payload(const Cast& cast);
[[nodiscard]] Steps unknown_format(const Cast& cast);
[[nodiscard]] Steps other_format(const Cast& cast);
[[nodiscard]] Steps no_content_format(const Cast& cast);
[[nodiscard]] Steps written_twice(const Cast& cast);
[[nodiscard]] Steps oversized_certificate(const Cast& cast);
[[nodiscard]] Steps blocks_out_of_order(const Cast& cast);
[[nodiscard]] Steps block_size_change(const Cast& cast);
[[nodiscard]] Steps two_bootstrap_accounts(const Cast& cast);
[[nodiscard]] Steps unpaired_account(const Cast& cast);
[[nodiscard]] Steps duplicate_server_id(const Cast& cast);
[[nodiscard]] Steps reserved_server_id(const Cast& cast);
[[nodiscard]] Steps wrong_scheme(const Cast& cast);
[[nodiscard]] Steps reads_keys(const Cast& cast);
[[nodiscard]] Steps repaired(const Cast& cast);
[[nodiscard]] Steps stays_inconsistent(const Cast& cast);
[[nodiscard]] Steps garbage(const Cast& cast);
[[nodiscard]] Steps closes_midway(const Cast& cast);
[[nodiscard]] Steps alert_midway(const Cast& cast);
[[nodiscard]] Steps silence_midway(const Cast& cast);
[[nodiscard]] Steps deletes_everything(const Cast& cast);
[[nodiscard]] Steps deletes_bootstrap_account(const Cast& cast);
[[nodiscard]] Steps overwrites_bootstrap_account(const Cast& cast);
[[nodiscard]] Steps finish_twice(const Cast& cast);
[[nodiscard]] Steps write_after_finish(const Cast& cast);
[[nodiscard]] Steps takes_forever(const Cast& cast);
/// The first step's payload is the pack.
[[nodiscard]] Steps pack_garbage(const Cast& cast);
[[nodiscard]] Steps pack_inconsistent(const Cast& cast);
[[nodiscard]] Steps pack_wrong_format(const Cast& cast);

}  // namespace slipway::kit
