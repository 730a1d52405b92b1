// SPDX-License-Identifier: Apache-2.0
#include "doctor_steps.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <slipway/coap/message.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/net/resolver.hpp>
#include <slipway/security/dtls/server.hpp>
#include <slipway/security/random.hpp>

#include "doctor_stream.hpp"
#include "doctor_words.hpp"

namespace slipway::cli::doctor {

namespace dtls = security::dtls;

namespace {

constexpr int kPings = 3;

/// An empty confirmable message: every CoAP endpoint answers it with a Reset. [RFC 7252 §4.3]
Bytes ping(std::uint16_t id) {
  return {0x40, 0x00, static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
}

/// Whatever is not a record of DTLS.
bool is_no_dtls(ByteView, ByteView answer) {
  return !looks_like_dtls(answer);
}

class Examination {
 public:
  Examination(const Target& target, const Patience& patience, const Stop& stop, Report& report)
      : target_(target), patience_(patience), stop_(stop), report_(report) {}

  void run() {
    if (!look_up()) return;
    const auto uri = target_.uri();
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      // A device takes the first one; the others matter when that fails.
      const bool last = i + 1 == addresses_.size();
      asked_ = asked_at(addresses_[i]);
      const bool reached = is_tcp(uri.scheme)      ? examine_stream(target_, addresses_[i], asked_, patience_,
                                                                    random_, stop_, report_)
                           : is_secure(uri.scheme) ? examine_secure(addresses_[i])
                                                   : examine_plain(addresses_[i]);
      if (reached || last || stop_.said()) break;
    }
    if (stop_.said()) report_.interrupt();
  }

 private:
  bool look_up() {
    const auto uri = target_.uri();
    const std::string host(uri.host);
    if (uri.host_kind != HostKind::name) {
      const auto text = uri.host_kind == HostKind::ipv6 ? "[" + host + "]" : host;
      addresses_.push_back(*Address::parse(text + ":" + std::to_string(uri.port)));
      report_.add({"name", Mark::good, host + " is an address, nothing is looked up"});
      return true;
    }
    auto found = net::system_lookup(host, uri.port);
    if (!found) {
      report_.add({"name", Mark::bad, found.error().message(),
                   "correct the name in the account (/0/x/0), or this machine's name server"});
      return false;
    }
    addresses_ = std::move(*found);
    std::string text = host + " has ";
    for (std::size_t i = 0; i < addresses_.size(); ++i)
      text += (i == 0 ? "" : ", ") + addresses_[i].to_string();
    report_.add({"name", Mark::good, text});
    return true;
  }

  Asked asked_at(const Address& address) const {
    Asked asked{.mode = target_.mode(),
                .address = address.to_string(),
                .host = std::string(target_.uri().host),
                .knows_server = target_.has_server_key()};
    if (asked.mode != SecurityMode::nosec) asked.fingerprint = target_.fingerprint();
    if (asked.mode == SecurityMode::x509) asked.trust = target_.trust();
    return asked;
  }

  /// Whether the server was reached: then no other address is tried.
  bool examine_secure(const Address& address) {
    auto config = target_.session();
    if (!config) {
      report_.add({"account", Mark::bad, config.error(), "correct the account; nothing was sent"});
      return true;
    }
    asked_.offers_cid = config->cid == dtls::ClientConfig::ConnectionId::offer;
    const auto suites = config->suites;
    Conversation conversation(address, random_, stop_);
    const auto attempt = conversation.connect(std::move(*config), patience_.handshake);
    for (auto& step : reach_steps(attempt, asked_)) report_.add(std::move(step));
    if (!attempt.heard() || !looks_like_dtls(attempt.first_datagram)) {
      if (!attempt.heard() && attempt.end == Attempt::End::failed && !stop_.said())
        try_without_security(address);
      return attempt.heard();
    }
    for (auto& step : server_steps(attempt, asked_, net::unix_now())) report_.add(std::move(step));
    report_.add(client_step(attempt, asked_));
    if (attempt.end == Attempt::End::connected) {
      report_.add(cid_step(attempt, asked_));
      talk(conversation);
      conversation.close();
      report_.add({"goodbye", Mark::good, "the session was closed (close_notify)"});
    }
    // Last: some servers have one session at a time.
    if (!stop_.said()) report_.add(try_suites(address, suites));
    return true;
  }

  Step try_suites(const Address& address, const std::vector<dtls::CipherSuite>& offered) {
    std::vector<SuiteTried> tried;
    for (const auto suite : all_suites(offered)) {
      using Result = SuiteTried::Result;
      if (stop_.said()) {
        tried.push_back({dtls::to_string(suite), Result::cut_short});
        break;
      }
      auto config = target_.session();
      config->suites = {suite};
      Conversation conversation(address, random_, stop_);
      const auto attempt = conversation.connect(std::move(*config), patience_.suite, Until::server_hello);
      const bool taken = attempt.facts.suite == static_cast<std::uint16_t>(suite);
      const bool refused =
          attempt.end == Attempt::End::failed && attempt.failure.reason != dtls::FailureReason::timeout;
      tried.push_back({dtls::to_string(suite), attempt.end == Attempt::End::stopped ? Result::cut_short
                                               : taken                              ? Result::taken
                                               : refused                            ? Result::refused
                                                                                    : Result::silent});
    }
    return suites_step(tried);
  }

  /// Those that a server here takes by default and that fit the credential; an account may ask for others.
  [[nodiscard]] std::vector<dtls::CipherSuite> all_suites(
      const std::vector<dtls::CipherSuite>& offered) const {
    std::vector<dtls::CipherSuite> all;
    const bool psk = target_.mode() == SecurityMode::psk;
    const auto add = [&](dtls::CipherSuite suite) {
      if (dtls::uses_psk(suite) == psk && std::ranges::find(all, suite) == all.end()) all.push_back(suite);
    };
    std::ranges::for_each(offered, add);
    std::ranges::for_each(dtls::ServerConfig().suites, add);
    return all;
  }

  /// Nobody answered a hello: is it CoAP without DTLS that listens there?
  void try_without_security(const Address& address) {
    Conversation conversation(address, random_, stop_);
    if (!conversation.connect_plain()) return;
    if (conversation.ask(ping(next_id()), std::min(patience_.answer, Duration(seconds(2))), answers_ping))
      report_.add(
          {"CoAP", Mark::bad, "a ping of CoAP without security is answered there",
           "this port has no DTLS: give the account the port that has (5684 is the usual one), or coap://"});
  }

  bool examine_plain(const Address& address) {
    Conversation conversation(address, random_, stop_);
    if (auto opened = conversation.connect_plain(); !opened) {
      report_.add({"reachable", Mark::bad, opened.error(), "see that this machine has a route there"});
      return false;
    }
    const auto asked_ping = ping(next_id());
    const auto answer = conversation.ask(asked_ping, patience_.answer, is_no_dtls);
    if (answer && !answers_ping(asked_ping, answer->datagram)) {
      report_.add({"reachable", Mark::good, asked_.address + " answers after " + time_text(answer->took)});
      report_.add({"CoAP", Mark::bad, "what comes back is not the Reset that a ping of CoAP gets",
                   "give the account a port that speaks CoAP; 5683 is the usual one [RFC 7252 §4.3]"});
      return true;
    }
    if (answer) {
      report_.add({"reachable", Mark::good,
                   asked_.address + " answers a ping of CoAP after " + time_text(answer->took)});
      talk(conversation);
      report_.add({"security", Mark::notable,
                   "there is none: everybody on the way can read and change everything",
                   "use coaps:// wherever a device can"});
      return true;
    }
    if (answer.error() == Conversation::Silence::stopped) return false;
    if (answer.error() == Conversation::Silence::refused) {
      Attempt refused{.end = Attempt::End::refused, .errno_value = ECONNREFUSED};
      for (auto& step : reach_steps(refused, asked_)) report_.add(std::move(step));
      return false;
    }
    report_.add({"reachable", Mark::bad, "no answer to a ping of CoAP in " + time_text(patience_.answer),
                 "see that the server runs and that no firewall stops UDP to " + asked_.address});
    try_with_security(address);
    return false;
  }

  /// Nobody answered a ping: does DTLS listen there? Its hello needs no credential that fits.
  void try_with_security(const Address& address) {
    const std::array<std::uint8_t, 16> nobodys{};
    dtls::ClientConfig config{.credential = dtls::PskCredential{
                                  *dtls::PskIdentity::from(as_bytes("slipway-doctor")), Secret(nobodys)}};
    Conversation conversation(address, random_, stop_);
    const auto attempt = conversation.connect(std::move(config), patience_.suite, Until::server_hello);
    if (attempt.heard() && looks_like_dtls(attempt.first_datagram))
      report_.add({"DTLS", Mark::bad, "a hello of DTLS is answered there",
                   "this port wants security: write coaps:// and a credential, or give it the port without"});
  }

  /// Pings for the time that an answer takes, then a request.
  void talk(Conversation& conversation) {
    Duration fastest = Duration::max(), sum{};
    int heard = 0;
    for (int i = 0; i < kPings && !stop_.said(); ++i) {
      const auto pong = conversation.ask(ping(next_id()), patience_.answer, answers_ping);
      if (!pong) break;
      fastest = std::min(fastest, pong->took);
      sum += pong->took;
      ++heard;
    }
    if (stop_.said()) return;
    if (heard == 0)
      report_.add({"CoAP ping", Mark::notable, "no answer: what listens there may be no CoAP",
                   "a CoAP endpoint answers an empty message with a Reset [RFC 7252 §4.3]"});
    else
      report_.add({"CoAP ping", Mark::good,
                   std::to_string(heard) + " of " + std::to_string(kPings) + " answered; fastest " +
                       time_text(fastest) + ", mean " + time_text(sum / heard)});
    request(conversation, heard != 0);
  }

  /// `is_coap`: a ping was answered.
  void request(Conversation& conversation, bool is_coap) {
    std::array<std::uint8_t, 64> buffer{};
    const auto id = next_id();
    const std::array<std::uint8_t, 2> token{static_cast<std::uint8_t>(id >> 8),
                                            static_cast<std::uint8_t>(id)};
    coap::MessageWriter writer(buffer, coap::Type::confirmable, coap::Code::get, coap::MessageId(id),
                               coap::Token(ByteView(token)));
    writer.path(coap::OptionNumber::uri_path, "/.well-known/core");
    const auto message = writer.finish();
    if (!message) return;
    const auto answer = conversation.ask(*message, patience_.answer, answers_request);
    if (!answer) {
      if (answer.error() == Conversation::Silence::ended)
        return report_.add({"CoAP request", Mark::bad, "the server ended the session at the first request",
                            "look into the server's log: it let the identity in, and then threw it out"});
      if (!is_coap && answer.error() == Conversation::Silence::nothing)
        return report_.add(
            {"CoAP request", Mark::bad,
             "neither a ping nor GET /.well-known/core is answered: what listens there is no CoAP",
             "give the account a port that speaks CoAP; the session itself came to be"});
      return report_.add({"CoAP request", Mark::notable, "no answer to GET /.well-known/core",
                          "a server may be silent to what it does not know"});
    }
    const auto read = coap::Message::parse(answer->datagram);
    report_.add({"CoAP request", Mark::good,
                 "GET /.well-known/core is answered " +
                     (read ? std::string(coap::describe(read->code).view()) : std::string("with rubbish")) +
                     " after " + time_text(answer->took)});
  }

  std::uint16_t next_id() {
    std::array<std::uint8_t, 2> bytes{};
    random_.fill(bytes);
    return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
  }

  const Target& target_;
  Patience patience_;
  const Stop& stop_;
  Report& report_;
  security::SystemRandom random_;
  std::vector<Address> addresses_;
  Asked asked_;
};

}  // namespace

void examine(const Target& target, const Patience& patience, const Stop& stop, Report& report) {
  Examination(target, patience, stop, report).run();
}

}  // namespace slipway::cli::doctor
