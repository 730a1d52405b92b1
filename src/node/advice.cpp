// SPDX-License-Identifier: Apache-2.0
#include "advice.hpp"

#include <algorithm>

#include <slipway/security/tls/session.hpp>

namespace slipway::node {

namespace dtls = security::dtls;

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
      return "let the device offer TLS_PSK_WITH_AES_128_CCM_8, or with a raw public key or certificate "
             "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8";
    case timeout:
      return "see that the device is on and that what is sent reaches it; it comes again by itself";
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

namespace {

std::string joined(const std::vector<std::uint16_t>& numbers, std::string (*name)(std::uint16_t)) {
  constexpr std::size_t kShownMax = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(numbers.size(), kShownMax); ++i)
    text += (i == 0 ? "" : ", ") + name(numbers[i]);
  if (numbers.size() > kShownMax) text += " and " + std::to_string(numbers.size() - kShownMax) + " more";
  return text;
}

constexpr std::uint16_t kDtls12 = 0xFEFD, kTls12 = 0x0303, kTls13 = 0x0304;

/// The device speaks nothing as late as what is spoken here.
std::optional<Explanation> explain_version(const dtls::HelloFacts& offered, dtls::SecureProtocol protocol) {
  const bool tls = protocol == dtls::SecureProtocol::tls;
  const bool late_enough = tls ? offered.version >= kTls12 : offered.version <= kDtls12;  // those count down
  if (offered.version == 0 || late_enough) return std::nullopt;
  return Explanation{
      "the device speaks " + dtls::version_text(offered.version) + " at most",
      tls ? "let it speak TLS 1.2 or 1.3" : "let it speak DTLS 1.2, the only version that is spoken here"};
}

/// Nothing was chosen: because of the version, the suites, the server's own keys, or curves.
Explanation explain_no_suite(const FailedHandshake& failed, ServerKeysThere keys,
                             std::span<const dtls::CipherSuite> suites) {
  const auto& offered = failed.facts.offered;
  if (auto version = explain_version(offered, failed.protocol)) return std::move(*version);
  bool psk = false, public_key = false;
  for (const auto number : offered.suites) {
    const auto suite = dtls::cipher_suite(number);
    if (suite && std::ranges::find(suites, *suite) != suites.end())
      (dtls::uses_psk(*suite) ? psk : public_key) = true;
    // Those of TLS 1.3 say nothing of the kind of key: a client with a pre-shared key names that elsewhere.
    if (offered.version == kTls13 && security::tls::tls13_suite(number)) public_key = true;
  }
  const auto what = "the device offers " + joined(offered.suites, dtls::suite_text);
  if (!psk && !public_key)
    return {what + ", and none of it is taken here",
            keys == ServerKeysThere::no ? "let the device offer TLS_PSK_WITH_AES_128_CCM_8; the server has "
                                          "no key of its own, as raw public "
                                          "keys and certificates need"
                                        : std::string(advice(dtls::FailureReason::no_common_suite))};
  if (!psk && keys == ServerKeysThere::no)
    return {
        what + ", and this server has no public key or certificate of its own",
        "give the server `key` and, for certificates, `certificate` in its configuration, or let the device "
        "use a pre-shared key"};
  return {what + " with the curves " + joined(offered.groups, dtls::group_text) +
              ", and suite, curve, signature and kind of certificate do not come together",
          "let it offer secp256r1 and ECDSA with SHA-256, and the kind of certificate that the server has"};
}

/// What to do about an alert that the device sent.
std::string_view advice_on_device_alert(dtls::Alert alert) {
  switch (alert) {
    case dtls::Alert::unknown_ca:
    case dtls::Alert::bad_certificate:
    case dtls::Alert::certificate_unknown:
    case dtls::Alert::unsupported_certificate:
      return "compare the server's key or certificate with what the device's account expects: /0/x/4, 13, 14 "
             "and 15";
    case dtls::Alert::certificate_expired:
      return "look at the dates of the server's certificate, and at the device's clock";
    case dtls::Alert::bad_record_mac:
    case dtls::Alert::decrypt_error:
    case dtls::Alert::decryption_failed:
      return advice(dtls::FailureReason::wrong_key);
    case dtls::Alert::user_canceled:
    case dtls::Alert::close_notify:
      return "";
    default:
      return advice(dtls::FailureReason::peer_alert);
  }
}

}  // namespace

Explanation explain(const FailedHandshake& failed, ServerKeysThere keys,
                    std::span<const dtls::CipherSuite> suites) {
  using enum dtls::FailureReason;
  const std::string start = std::string("the handshake failed: ") + dtls::to_string(failed.reason);
  Explanation said{start, std::string(advice(failed.reason))};
  switch (failed.reason) {
    case no_common_suite: {
      auto why = explain_no_suite(failed, keys, suites);
      return {start + ": " + why.reason, std::move(why.remedy)};
    }
    case peer_alert:
      if (!failed.alert) return said;
      return {"the device refused the server with " + dtls::alert_text(*failed.alert) + ": " +
                  dtls::meaning_of(*failed.alert),
              std::string(advice_on_device_alert(*failed.alert))};
    case wrong_key:
    case unknown_identity:
    case untrusted:
    case protocol_error:
    case library:
    case timeout:
      said.reason += ": " + failed.detail;
      return said;
    default:
      return said;
  }
}

std::string joined_suites(const std::vector<std::uint16_t>& suites) {
  return joined(suites, dtls::suite_text);
}

std::string advice_on_names(std::string_view claimed, std::string_view owner) {
  return "let the device use its name \"" + std::string(owner) + "\", or give it a credential for \"" +
         std::string(claimed) + "\" with `slipway factory`";
}

}  // namespace slipway::node
