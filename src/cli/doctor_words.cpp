// SPDX-License-Identifier: Apache-2.0
#include "doctor_words.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <slipway/coap/message.hpp>
#include <slipway/security/keys.hpp>

#include "device/secure_config.hpp"

namespace slipway::cli::doctor {

namespace dtls = security::dtls;
using dtls::Alert;
using dtls::FailureReason;

namespace {

constexpr unsigned kServerHello = 2, kHelloVerifyRequest = 3, kCertificateRequest = 13, kServerHelloDone = 14;

constexpr const char* kAskTheServer =
    "a server does not tell the two apart, on purpose: it must not betray which identities exist. Its own "
    "log does: "
    "`slipway doctor` there lists failed handshakes, this identity with its fingerprint";

bool says_keys_differ(const dtls::HandshakeFailure& failure) {
  if (failure.refused_by != dtls::Side::peer || !failure.alert) return false;
  switch (*failure.alert) {
    case Alert::bad_record_mac:
    case Alert::decrypt_error:
    case Alert::decryption_failed:
    case Alert::unknown_psk_identity:
    case Alert::illegal_parameter:
    case Alert::internal_error:  // some servers say this of an identity that they do not find
      return true;
    default:
      return false;
  }
}

std::string alert_words(const dtls::HandshakeFailure& failure) {
  if (!failure.alert) return failure.detail;
  return dtls::alert_text(*failure.alert) + ": " + dtls::meaning_of(*failure.alert);
}

std::string silence_remedy(const Asked& asked) {
  return "see that the server runs and that no firewall stops UDP to " + asked.address +
         "; a server of another kind, or one without DTLS, is silent too";
}

Step refused_by_network(const Attempt& attempt, const Asked& asked) {
  if (attempt.errno_value == ECONNREFUSED)
    return {"reachable", Mark::bad,
            "the machine is there, and nobody listens at " + asked.address +
                " (UDP): it says so "
                "by ICMP",
            "start the server, or correct the port; CoAP has 5683, with DTLS 5684"};
  return {"reachable", Mark::bad,
          "datagrams to " + asked.address + " do not arrive: " + std::strerror(attempt.errno_value),
          "look at the routes and firewalls on the way"};
}

Step certificate_step(const Attempt& attempt, const Asked& asked, UnixTime now) {
  const auto& chain = attempt.facts.chain;
  const bool raw = asked.mode == SecurityMode::rpk;
  Step step{raw ? "server key" : "certificate", Mark::good,
            "the server shows " + device::described(chain.front())};
  if (chain.size() > 1) step.detail += ", with " + std::to_string(chain.size() - 1) + " more of its chain";
  const auto read = security::read_certificate(chain.front());
  if (!read || raw) return step;
  if (read->not_after < now) {
    step.mark = Mark::bad;
    step.remedy = "it has expired: renew the server's certificate, or correct this machine's clock";
  } else if (read->not_before > now) {
    step.mark = Mark::bad;
    step.remedy = "it is not valid yet: correct this machine's clock, or wait";
  } else if (read->not_after < now + std::chrono::days(30)) {
    step.mark = Mark::notable;
    step.remedy = "it ends within 30 days: renew it";
  }
  return step;
}

const char* trust_remedy(const dtls::HandshakeFailure& failure, const Asked& asked) {
  if (!asked.knows_server)
    return "the account names no key or certificate of the server, so nobody is trusted: give --server-key "
           "FILE";
  const bool needs_store = asked.mode == SecurityMode::x509 &&
                           (asked.trust.usage == security::CertificateUsage::ca_constraint ||
                            asked.trust.usage == security::CertificateUsage::service_certificate);
  if (needs_store && asked.trust.anchors.empty())
    return "give the authorities that the device trusts with --trust-store FILE; a device without any needs "
           "an "
           "account of usage 2 or 3 (/0/x/15)";
  if (asked.mode == SecurityMode::rpk)
    return "compare the SHA-256 above with that of the account's /0/x/4; the server's key was replaced, or "
           "this is "
           "another server";
  if (!failure.alert) return "";
  switch (*failure.alert) {
    case Alert::certificate_expired:
      return "renew the server's certificate, or correct this machine's clock";
    case Alert::unknown_ca:
      if (needs_store)
        return "the device's trust store needs the root of the server's chain, and with usage 0 that chain "
               "the "
               "authority of /0/x/4";
      return "give the account the authority that issued it (/0/x/4 with usage 2), or the certificate itself "
             "(usage 3)";
    case Alert::unsupported_certificate:
      return "issue the server a certificate with keyUsage digitalSignature and extendedKeyUsage serverAuth";
    default:
      return "compare the certificate above with the account: /0/x/4, its matching type (/0/x/13), usage "
             "(/0/x/15), "
             "and the name it goes by (/0/x/14, else the host of the URI)";
  }
}

std::string expectation(const Asked& asked) {
  if (asked.mode == SecurityMode::rpk) return "exactly the account's key";
  static constexpr const char* kUsages[] = {"a path to the trust store through /0/x/4",
                                            "the certificate of /0/x/4, with a path to the trust store",
                                            "a path to the authority of /0/x/4", "the certificate of /0/x/4"};
  return std::string(kUsages[static_cast<std::size_t>(asked.trust.usage) & 3]) + ", made out to \"" +
         asked.trust.name + "\"";
}

Step wrong_key_step(std::string seen, const Asked& asked) {
  return {
      "identity", Mark::bad,
      seen + ". The identity " + asked.fingerprint + " is unknown to the server, or its key is another one",
      kAskTheServer};
}

}  // namespace

std::string time_text(Duration duration) {
  const double ms = static_cast<double>(duration.count()) / 1000;
  char text[32];
  std::snprintf(text, sizeof text, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
  return text;
}

bool looks_like_dtls(ByteView datagram) {
  return datagram.size() >= 13 && datagram[0] >= 20 && datagram[0] <= 25 && datagram[1] == 0xFE;
}

bool answers_ping(ByteView asked, ByteView answer) {
  const auto ping = coap::Message::parse(asked), pong = coap::Message::parse(answer);
  return ping && pong && pong->type == coap::Type::reset && pong->message_id == ping->message_id;
}

bool answers_request(ByteView asked, ByteView answer) {
  const auto request = coap::Message::parse(asked), response = coap::Message::parse(answer);
  if (!request || !response) return false;
  if (response->type == coap::Type::reset) return response->message_id == request->message_id;
  return coap::is_response(response->code) && response->token == request->token &&
         (response->type != coap::Type::acknowledgement || response->message_id == request->message_id);
}

std::vector<Step> reach_steps(const Attempt& attempt, const Asked& asked) {
  if (attempt.end == Attempt::End::unusable)
    return {
        {"reachable", Mark::bad, attempt.problem, "see that this machine has a route to " + asked.address}};
  if (!attempt.heard()) {
    if (attempt.end == Attempt::End::refused) return {refused_by_network(attempt, asked)};
    if (attempt.end == Attempt::End::stopped)
      return {{"reachable", Mark::skipped, "nothing came back from " + asked.address + " so far"}};
    return {{"reachable", Mark::bad,
             "nothing came back from " + asked.address + " in " + time_text(attempt.took) +
                 ", also not a refusal",
             silence_remedy(asked)}};
  }
  std::vector<Step> steps{
      {"reachable", Mark::good, asked.address + " answers after " + time_text(*attempt.first_answer)}};
  const auto& facts = attempt.facts;
  if (!looks_like_dtls(attempt.first_datagram))
    steps.push_back({"DTLS", Mark::bad, "what answers there does not speak DTLS",
                     "if it is CoAP without security, write coap:// and mind that everybody can read it"});
  else if (facts.got(kHelloVerifyRequest))
    steps.push_back({"DTLS", Mark::good, "the server sends a cookie before it keeps anything of a stranger"});
  else if (facts.got(kServerHello))
    steps.push_back({"DTLS", Mark::notable,
                     "the server answers at once, without a cookie: a flood of forged hellos would fill it",
                     "turn its cookie exchange on [RFC 6347 §4.2.1]"});
  else
    steps.push_back({"DTLS", Mark::good, "the server speaks DTLS"});
  if (facts.version && *facts.version != 0xFEFD)
    steps.push_back({"version", Mark::bad, "the server chose " + dtls::version_text(*facts.version),
                     "let it speak DTLS 1.2, which LwM2M asks for"});
  return steps;
}

Step suites_step(const std::vector<SuiteTried>& tried) {
  using Result = SuiteTried::Result;
  std::string taken, refused, silent;
  bool cut = false;
  for (const auto& one : tried) {
    if (one.result == Result::cut_short) cut = true;
    auto* list = one.result == Result::taken     ? &taken
                 : one.result == Result::refused ? &refused
                 : one.result == Result::silent  ? &silent
                                                 : nullptr;
    if (list != nullptr) (*list += list->empty() ? "" : ", ") += one.name;
  }
  Step step{"suites", Mark::good, taken.empty() ? "the server takes none of ours" : "takes " + taken};
  if (!refused.empty()) step.detail += "; refuses " + refused;
  if (!silent.empty()) step.detail += "; says nothing to " + silent;
  if (cut) step.mark = Mark::skipped;
  if (taken.empty() && !cut) {
    step.mark = Mark::bad;
    step.remedy =
        "let the server take one of them; with a raw key or certificate it also needs one of its own of that "
        "kind";
  }
  return step;
}

std::vector<Step> server_steps(const Attempt& attempt, const Asked& asked, UnixTime now) {
  std::vector<Step> steps;
  if (asked.mode == SecurityMode::psk || attempt.facts.chain.empty()) return steps;
  auto shown = certificate_step(attempt, asked, now);
  const bool distrusted =
      attempt.end == Attempt::End::failed && attempt.failure.reason == FailureReason::untrusted;
  if (distrusted) shown.mark = Mark::notable;  // the next step says what is wrong
  steps.push_back(std::move(shown));
  if (distrusted)
    steps.push_back({"trust", Mark::bad,
                     std::string("the account expects ") + expectation(asked) + ": " + attempt.failure.detail,
                     trust_remedy(attempt.failure, asked)});
  else
    steps.push_back(
        {"trust", Mark::good, "the account expects " + expectation(asked) + ": that is what it got"});
  return steps;
}

Step client_step(const Attempt& attempt, const Asked& asked) {
  const auto& failure = attempt.failure;
  const bool psk = asked.mode == SecurityMode::psk;
  const char* name = psk ? "identity" : "client";
  switch (attempt.end) {
    case Attempt::End::connected:
      return {name, Mark::good,
              std::string(psk ? "the identity is known and the key is right"
                              : "the server takes the device's key") +
                  ": a session with " + dtls::to_string(attempt.connected->suite) + " after " +
                  time_text(attempt.took)};
    case Attempt::End::stopped:
      return {name, Mark::skipped, "interrupted before the server had decided"};
    case Attempt::End::unusable:
      return {name, Mark::bad, "the account's key cannot be used: " + attempt.problem,
              "look at what the option or file holds"};
    default:
      break;
  }
  if (failure.refused_by == dtls::Side::us)
    return {name, Mark::skipped,
            "not tried: this side broke off before (" + std::string(failure.detail) + ")"};
  if (psk && says_keys_differ(failure))
    return wrong_key_step("the server says " + alert_words(failure), asked);
  if (failure.reason == FailureReason::peer_alert) {
    if (failure.alert == Alert::handshake_failure && !attempt.facts.got(kServerHello))
      return {name, Mark::bad, "the server says " + alert_words(failure),
              "compare the suites below with those that the server is configured for"};
    return {name, Mark::bad, "the server says " + alert_words(failure),
            psk ? "look into the server's log at this moment"
                : "enrol this key or certificate there, or one of an authority that the server knows; the "
                  "server's "
                  "log has its fingerprint"};
  }
  if (failure.reason == FailureReason::timeout && attempt.facts.got(kServerHelloDone)) {
    if (psk) return wrong_key_step("the server falls silent at the device's Finished", asked);
    return {name, Mark::bad, "the server falls silent after the device has shown its key",
            "look into the server's log: it does not take the key, or lost the datagrams"};
  }
  return {name, Mark::bad, std::string(dtls::to_string(failure.reason)) + ": " + failure.detail,
          attempt.facts.got(kCertificateRequest) && psk ? "the server wants a certificate"
                                                        : "look into the server's log"};
}

Step cid_step(const Attempt& attempt, const Asked& asked) {
  if (!asked.offers_cid) return {"Connection ID", Mark::skipped, "not offered (--no-cid)"};
  if (attempt.connected && attempt.connected->has_cid)
    return {"Connection ID", Mark::good, "offered and granted: the session outlives a change of address"};
  return {"Connection ID", Mark::notable,
          "offered and not granted: behind a NAT a device that slept makes a new handshake each time",
          "turn it on at the server where it can [RFC 9146]"};
}

}  // namespace slipway::cli::doctor
