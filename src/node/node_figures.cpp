// SPDX-License-Identifier: Apache-2.0
// Numbers for /metrics.
#include "server_node.hpp"

namespace slipway::node {
namespace {

struct Named {
  const char* name;
  const char* help;
};

/// In the order of bootstrap::Outcome.
constexpr std::array<Named, kOutcomes> kOutcomeNames{{
    {"slipway_bootstrap_succeeded_total", "Bootstrap sessions that succeeded"},
    {"slipway_bootstrap_refused_total", "Bootstrap-Requests refused"},
    {"slipway_bootstrap_operation_refused_total",
     "Bootstrap sessions in which the device refused an operation"},
    {"slipway_bootstrap_finish_refused_total", "Bootstrap sessions in which the device refused the Finish"},
    {"slipway_bootstrap_timeout_total", "Bootstrap sessions in which the device fell silent"},
    {"slipway_bootstrap_superseded_total", "Bootstrap sessions that the device began anew"},
    {"slipway_bootstrap_storage_failed_total", "Bootstrap sessions whose credentials could not be kept"},
    {"slipway_bootstrap_overloaded_total", "Bootstrap-Requests answered 5.03"},
    {"slipway_bootstrap_plan_unfit_total", "Bootstrap sessions whose plan did not fit the device"},
}};
static_assert(static_cast<std::size_t>(bootstrap::Outcome::plan_unfit) + 1 == kOutcomes);

/// In the order of dtls::FailureReason.
constexpr std::array<const char*, kFailureReasons> kReasonLabels{
    "timeout",           "peer_alert", "wrong_key",       "unknown_identity",
    "identity_too_long", "untrusted",  "no_common_suite", "protocol_error",
    "superseded",        "cancelled",  "library"};
static_assert(static_cast<std::size_t>(security::dtls::FailureReason::library) + 1 == kFailureReasons);

constexpr std::array<const char*, 2> kDirectionLabels{"sent", "received"};
/// In the order of dtls::SecureProtocol.
constexpr std::array<const char*, 2> kProtocolLabels{"dtls", "tls"};
/// In the order of dtls::AlertClass.
constexpr std::array<const char*, 3> kClassLabels{"retry", "fail", "ignore"};
/// In the order of dtls::IdentityKind.
constexpr std::array<const char*, 3> kKindLabels{"psk", "rpk", "x509"};

double number(auto value) {
  return static_cast<double>(value);
}

void add(security::dtls::DtlsCounters& sum, const security::dtls::DtlsCounters& one) {
  sum.handshakes_completed += one.handshakes_completed;
  sum.handshakes_resumed += one.handshakes_resumed;
  sum.handshakes_failed += one.handshakes_failed;
  sum.cookies_sent += one.cookies_sent;
  sum.malformed += one.malformed;
  sum.unauthenticated += one.unauthenticated;
  sum.replayed += one.replayed;
  sum.unexpected += one.unexpected;
  sum.moved += one.moved;
  sum.refused_total += one.refused_total;
  sum.refused_per_address += one.refused_per_address;
}

void add(net::UdpCounters& sum, const net::UdpCounters& one) {
  sum.received += one.received;
  sum.sent += one.sent;
  sum.truncated += one.truncated;
  sum.overflowed += one.overflowed;
}

}  // namespace

std::vector<Figure> ServerNode::figures() const {
  std::vector<Figure> all;
  add_engine_figures(all);
  add_dtls_figures(all);
  add_stream_figures(all);
  all.push_back({"slipway_store_failures_total", "Store calls that failed", number(store_failures_)});
  return all;
}

void ServerNode::add_engine_figures(std::vector<Figure>& all) const {
  const auto& b = bootstrap_.counters();
  const auto& m = management_.counters();
  all.push_back(
      {"slipway_bootstrap_sessions", "Bootstrap sessions in progress", number(bootstrap_.sessions()), true});
  all.push_back({"slipway_bootstrap_requests_total", "Bootstrap-Requests received", number(b.requests)});
  for (std::size_t i = 0; i < kOutcomes; ++i)
    all.push_back({kOutcomeNames[i].name, kOutcomeNames[i].help, number(outcomes_[i])});
  all.push_back({"slipway_registrations", "Devices registered", number(management_.registrations()), true});
  all.push_back({"slipway_registers_total", "Registers accepted", number(m.registers)});
  all.push_back({"slipway_updates_total", "Updates accepted", number(m.updates)});
  all.push_back({"slipway_deregisters_total", "De-registers", number(m.deregisters)});
  all.push_back({"slipway_expiries_total", "Registrations that expired", number(m.expiries)});
  all.push_back({"slipway_registrations_refused_total", "Registers and Updates refused", number(m.refused)});
  all.push_back({"slipway_operations_total", "Operations sent to devices", number(m.operations)});
  all.push_back({"slipway_notifications_total", "Notifications received", number(m.notifications)});
  all.push_back({"slipway_sends_total", "Sends received", number(m.sends)});
}

void ServerNode::add_dtls_figures(std::vector<Figure>& all) const {
  security::dtls::DtlsCounters d;
  net::UdpCounters u;
  std::size_t sessions = 0, handshakes = 0, resumable = 0;
  std::uint64_t gave_way = 0;
  for (const auto& port : ports_) {
    add(u, port->socket->counters());
    if (!port->dtls) continue;
    add(d, port->dtls->counters());
    sessions += port->dtls->session_count();
    handshakes += port->dtls->handshake_count();
    resumable += port->dtls->resumable_count();
    gave_way += port->dtls->gave_way();
  }
  all.push_back({"slipway_dtls_sessions", "DTLS sessions established", number(sessions), true});
  all.push_back({"slipway_dtls_handshakes", "DTLS handshakes in progress", number(handshakes), true});
  all.push_back({"slipway_dtls_handshakes_completed_total", "DTLS handshakes completed",
                 number(d.handshakes_completed)});
  all.push_back({"slipway_dtls_handshakes_resumed_total",
                 "DTLS handshakes completed by an earlier session of a client without a Connection ID",
                 number(d.handshakes_resumed)});
  all.push_back({"slipway_dtls_sessions_resumable", "DTLS sessions kept for a client that comes again",
                 number(resumable), true});
  all.push_back(
      {"slipway_dtls_handshakes_failed_total", "DTLS handshakes failed", number(d.handshakes_failed)});
  all.push_back({"slipway_handshakes_looked_up", "Handshakes in progress whose credential was asked for",
                 number(claims_.size()), true});
  add_handshake_figures(all);
  all.push_back({"slipway_dtls_handshakes_refused_total", "ClientHellos dropped: too many of all",
                 number(d.refused_total)});
  all.push_back({"slipway_dtls_handshakes_refused_per_address_total",
                 "ClientHellos dropped: too many of one address", number(d.refused_per_address)});
  all.push_back({"slipway_dtls_handshakes_gave_way_total",
                 "DTLS handshakes that made room for one of another network", number(gave_way)});
  all.push_back({"slipway_dtls_cookies_total", "HelloVerifyRequests sent", number(d.cookies_sent)});
  all.push_back(
      {"slipway_dtls_records_malformed_total", "Records that cannot be parsed", number(d.malformed)});
  all.push_back(
      {"slipway_dtls_records_unauthenticated_total", "Records with a wrong tag", number(d.unauthenticated)});
  all.push_back({"slipway_dtls_records_unexpected_total",
                 "Records of no session, of another epoch, or not awaited", number(d.unexpected)});
  all.push_back({"slipway_dtls_records_replayed_total", "Records seen before", number(d.replayed)});
  all.push_back({"slipway_dtls_sessions_moved_total", "DTLS sessions that went on from another address",
                 number(d.moved)});
  all.push_back({"slipway_dtls_sessions_thawed_total",
                 "DTLS sessions of an earlier start that went on without a handshake",
                 number(sessions_.thawed)});
  all.push_back({"slipway_dtls_sessions_not_thawed_total",
                 "Stored DTLS sessions that could not be thawed at the start", number(sessions_.dropped)});
  all.push_back({"slipway_dtls_freezes_total", "DTLS sessions written to the store",
                 number(freezer_.counters().written)});
  all.push_back({"slipway_dtls_freezes_failed_total", "Writes of DTLS sessions that failed",
                 number(freezer_.counters().failures)});
  all.push_back({"slipway_udp_datagrams_received_total", "Datagrams received", number(u.received)});
  all.push_back({"slipway_udp_datagrams_sent_total", "Datagrams sent", number(u.sent)});
  all.push_back({"slipway_udp_datagrams_truncated_total", "Datagrams longer than 2,048 bytes, dropped",
                 number(u.truncated)});
  all.push_back({"slipway_udp_datagrams_overflowed_total", "Datagrams the kernel took no more of",
                 number(u.overflowed)});
}

/// All labels are of enums, and what cannot happen here is left out: the number of series is bounded.
void ServerNode::add_handshake_figures(std::vector<Figure>& all) const {
  for (const auto role : {fleet::ServerRole::bootstrap, fleet::ServerRole::management}) {
    const auto& figures = handshakes_[static_cast<std::size_t>(role)];
    const char* server = fleet::to_string(role);
    for (std::size_t protocol = 0; protocol < 2; ++protocol)
      for (std::size_t reason = 0; reason < kFailureReasons; ++reason)
        all.push_back({"slipway_handshake_failures_total",
                       "Handshakes that failed, by why",
                       number(figures.failures[protocol][reason]),
                       false,
                       {{"server", server},
                        {"protocol", kProtocolLabels[protocol]},
                        {"reason", kReasonLabels[reason]}}});
    for (const auto& [what, count] : figures.established)
      all.push_back({"slipway_handshakes_established_total",
                     "Handshakes that opened a session",
                     number(count),
                     false,
                     {{"server", server},
                      {"kind", kKindLabels[static_cast<std::size_t>(what.first)]},
                      {"suite", what.second.c_str()}}});
    for (std::size_t direction = 0; direction < 2; ++direction)
      for (std::size_t kind = 0; kind < 3; ++kind)
        all.push_back({"slipway_alerts_total",
                       "Alerts, by what a device is to do about them",
                       number(figures.alerts[direction][kind]),
                       false,
                       {{"server", server},
                        {"direction", kDirectionLabels[direction]},
                        {"class", kClassLabels[kind]}}});
  }
}

}  // namespace slipway::node
