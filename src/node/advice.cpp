// SPDX-License-Identifier: Apache-2.0
#include "advice.hpp"

namespace slipway::node {

std::string_view advice(bootstrap::Outcome outcome) {
  using enum bootstrap::Outcome;
  switch (outcome) {
    case succeeded:
      return "";
    case refused:
      return "the last row of its journey shows the request as it came";
    case operation_refused:
      return "the refused row shows what was sent; if the device may do without it, set optional = true in "
             "the "
             "plan";
    case finish_refused:
      return "the device calls its new accounts inconsistent; `slipway plan check` finds what a plan lacks";
    case timeout:
      return "see that the device is on and in reach; it comes again by itself";
    case superseded:
      return "nothing, unless it comes again and again: then our answers do not reach the device";
    case storage_failed:
      return "look into the server's log; nothing was sent, and the device comes again by itself";
    case overloaded:
      return "nothing: the device was told when to come again; if it lasts, more servers are needed";
    case plan_unfit:
      return "change its plan as the reason says: the device kept its bootstrap account, and comes again";
  }
  return "";
}

std::string_view advice(security::dtls::FailureReason reason) {
  using enum security::dtls::FailureReason;
  switch (reason) {
    case wrong_key:
      return "the device holds another key than the server; make it a new pack with `slipway factory`, or "
             "see "
             "`slipway credentials` for what it was given";
    case unknown_identity:
    case identity_too_long:
      return "enrol the device with `slipway factory`";
    case untrusted:
      return "the device's public key or certificate is not one that the server takes: enrol it, or give it "
             "one "
             "of an authority that the server knows";
    case no_common_suite:
      return "the device must offer TLS_PSK_WITH_AES_128_CCM_8";
    case timeout:
      return "see that the device is on and that datagrams reach it; it comes again by itself";
    case peer_alert:
      return "the device refused the server; its own log says why";
    case protocol_error:
    case library:
      return "the server's log has the details";
    case superseded:
    case cancelled:
      return "";
  }
  return "";
}

std::string advice_on_names(std::string_view claimed, std::string_view owner) {
  return "let the device use its name \"" + std::string(owner) + "\", or give it a credential for \"" +
         std::string(claimed) + "\" with `slipway factory`";
}

}  // namespace slipway::node
