// SPDX-License-Identifier: Apache-2.0
// What the bootstrap engine says, and what is done about it.
#include <spdlog/spdlog.h>

#include <algorithm>

#include <slipway/net/clock.hpp>

#include "advice.hpp"
#include "server_node.hpp"

namespace slipway::node {

using fleet::ServerRole;
using nlohmann::json;

namespace {

constexpr std::string_view kRetired = "the credential of its session has been retired meanwhile";

std::string remote_of(const fleet::Plan& plan, const fleet::Credential& credential) {
  if (credential.role == ServerRole::management)
    for (const auto& account : plan.servers)
      if (account.id == credential.server) return account.remote;
  return {};
}

}  // namespace

void ServerNode::refuse(TimePoint now, bootstrap::SessionId session, coap::Code code, std::string_view reason,
                        std::string_view remedy) {
  if (const auto run = runs_.find(session); run != runs_.end()) run->second.remedy = remedy;
  bootstrap_.refuse(now, session, {code, reason});
}

void ServerNode::on(TimePoint now, const bootstrap::EnrolmentWanted& event) {
  auto& run = runs_[event.session];
  const auto enrolment = enrolments_.find(event.endpoint);
  if (!enrolment)
    return refuse(now, event.session, coap::Code::bad_request, "no enrolment takes this endpoint",
                  "name it, or a pattern that fits it, in the endpoints of an [[enrolment]]");
  if (enrolment->authentication != SecurityMode::nosec && event.peer.security == SecurityMode::nosec)
    return refuse(now, event.session, coap::Code::bad_request,
                  "this enrolment wants DTLS, the device came without",
                  "give the device a coaps:// account, or the enrolment authentication = \"nosec\"");
  run.plan = enrolment->plan;
  const auto* peer = peers_.find(event.peer.id);
  if (peer == nullptr || peer->identity.empty())
    return bootstrap_.enrolment(now, event.session, enrolment->plan);
  check_credential(event.session, *peer);
}

/// A secure session may outlive its credential. What runs may end; nothing new begins with a retired one.
void ServerNode::check_credential(bootstrap::SessionId session, const Peer& peer) {
  auto identity = std::make_shared<Bytes>(peer.identity_copy());
  auto alive = std::make_shared<bool>(false);
  submit(
      [identity, alive](storage::Store& store) -> storage::StoreResult<void> {
        const auto found = store.find_owner(ServerRole::bootstrap, *identity);
        if (!found) return std::unexpected(found.error());
        *alive = *found && (*found)->state != fleet::CredentialState::retired;
        return {};
      },
      [this, session, alive](storage::StoreResult<void> outcome) {
        const auto now = net::steady_now();
        const auto run = runs_.find(session);
        if (run == runs_.end()) return;
        if (!outcome) {
          refuse(now, session, coap::Code::service_unavailable, "our own store could not be asked",
                 advice(bootstrap::Outcome::storage_failed));
        } else if (!*alive) {
          run->second.end_peer = true;
          refuse(
              now, session, coap::Code::bad_request, kRetired,
              "nothing if the device has a newer one; else make it a new pack with `slipway factory --keys`");
        } else {
          bootstrap_.enrolment(now, session, run->second.plan);
        }
        drain_engines(now);
      });
}

void ServerNode::on(TimePoint, const bootstrap::CredentialsToKeep& event) {
  auto& run = runs_[event.session];
  KeepJobs jobs;
  for (const auto& credential : event.credentials) {
    run.identities.push_back(credential.identity);
    const auto remote = run.plan ? remote_of(*run.plan, credential) : std::string();
    auto& kept = jobs[remote].emplace_back(credential.clone());
    kept.created = net::unix_now();
  }
  if (jobs.empty()) jobs[""];
  keep_everywhere(event.session, std::move(jobs));
}

/// The device hears of its credentials when every server that they are for has them for good, and of none
/// when one of them fails.
void ServerNode::keep_everywhere(bootstrap::SessionId session, KeepJobs jobs) {
  auto open = std::make_shared<std::size_t>(jobs.size());
  auto problem = std::make_shared<std::string>();
  const auto one_done = [this, session, open, problem](const std::expected<void, std::string>& outcome) {
    if (!outcome && problem->empty()) *problem = outcome.error();
    if (--*open != 0) return;
    if (const auto run = runs_.find(session); run != runs_.end() && !problem->empty())
      run->second.reason = *problem + "; nothing was sent to the device";
    const auto now = net::steady_now();
    bootstrap_.credentials_kept(
        now, session, problem->empty() ? bootstrap::Server::Kept::durable : bootstrap::Server::Kept::failed);
    drain_engines(now);
  };
  for (auto& [remote, credentials] : jobs) {
    if (!remote.empty()) {
      remotes_.push(remote, credentials, one_done);
      continue;
    }
    auto kept = std::make_shared<std::vector<fleet::Credential>>(std::move(credentials));
    submit([kept](storage::Store& store) { return store.put_credentials(*kept); },
           [one_done](const storage::StoreResult<void>& outcome) {
             if (outcome) return one_done({});
             one_done(std::unexpected("our own store did not take the credentials: " + outcome.error().what));
           });
  }
}

void ServerNode::on(TimePoint, const bootstrap::OperationDone& event) {
  auto& run = runs_[event.session];
  if (event.operation == bootstrap::Operation::pack && event.answer) {
    run.packed = coap::is_success(*event.answer);
    run.goes_on = *event.answer == coap::Code::method_not_allowed;  // [LwM2M-CORE 1.2 §6.1.6]
  }
  const bool forgiven =
      event.need == fleet::Need::optional && (!event.answer || !coap::is_success(*event.answer));
  const auto reason = shown(event.reason);
  if (!reason.empty()) recorder_.annotate(run.peer, "! " + reason);
  if (forgiven) recorder_.annotate(run.peer, "! it is optional in the plan: the session goes on");
  publish("bootstrap-operation",
          {{"endpoint", shown(event.endpoint)},
           {"operation", bootstrap::to_string(event.operation)},
           {"path", event.path.text().view()},
           {"answer", event.answer ? json(coap::to_string(*event.answer).view()) : json(nullptr)},
           {"optional", event.need == fleet::Need::optional},
           {"bytes", event.size},
           {"took_us", event.took.count()},
           {"reason", reason}});
}

void ServerNode::on(TimePoint, const bootstrap::SessionStarted& event) {
  runs_[event.session].peer = event.peer;
  recorder_.name(event.peer, event.endpoint);
  publish("bootstrap-started", {{"endpoint", shown(event.endpoint)}});
}

void ServerNode::on(TimePoint now, const bootstrap::SessionEnded& event) {
  BootstrapRun run;
  if (auto known = runs_.extract(event.session)) run = std::move(known.mapped());
  const bool succeeded = event.outcome == bootstrap::Outcome::succeeded;
  const auto* outcome = bootstrap::to_string(event.outcome);
  const auto endpoint = shown(event.endpoint);
  const auto reason = shown(run.reason.empty() ? event.reason : std::string_view(run.reason));
  std::string remedy(run.remedy.empty() ? advice(event.outcome) : std::string_view(run.remedy));
  const auto* peer = peers_.find(event.peer);
  if (peer != nullptr && !peer->endpoint.empty() && peer->endpoint.view() != event.endpoint)
    remedy = advice_on_names(endpoint, peer->endpoint.view());
  if (run.goes_on) {  // its journey has only begun
    publish("bootstrap-ended", {{"endpoint", endpoint},
                                {"outcome", outcome},
                                {"reason", reason},
                                {"remedy", "nothing: the device goes on with a Bootstrap-Request"}});
    return;
  }
  ++outcomes_[static_cast<std::size_t>(event.outcome)];
  if (succeeded)
    spdlog::info("bootstrap of {} succeeded", endpoint);
  else
    spdlog::warn("bootstrap of {} failed: {} ({})", endpoint, outcome, reason);
  // A refusal is still to be sent; it belongs to the journey.
  while (const auto out = bootstrap_.poll_transmit()) transmit(now, *out);
  recorder_.name(event.peer, endpoint);
  recorder_.outcome(event.peer, outcome, reason, remedy);
  if (event.outcome == bootstrap::Outcome::refused && !refusals_.passes(now, endpoint + '\n' + reason))
    recorder_.discard(event.peer);
  else
    recorder_.end(event.peer);
  publish("bootstrap-ended",
          {{"endpoint", endpoint}, {"outcome", outcome}, {"reason", reason}, {"remedy", remedy}});
  if (succeeded && run.plan) {
    const std::string name(event.endpoint);
    packs_given_.erase(name);
    if (!run.packed)
      settle(name, *run.plan);
    else if (packs_given_.size() < kPacksGivenMax)
      packs_given_[name] = {.plan = std::move(run.plan), .identities = std::move(run.identities)};
  }
  if (run.end_peer) end_session(now, event.peer);
  // The device has its 2.04 and would wait 247 s for what does not come; so it knows at once, and comes
  // again.
  if (event.outcome == bootstrap::Outcome::storage_failed)
    end_session(now, event.peer, security::dtls::Alert::internal_error);
}

/// The device has said that its accounts are those of the plan: credentials of servers that it no longer has
/// are dead, also when it has an account of that number at another node.
void ServerNode::settle(const std::string& endpoint, const fleet::Plan& plan) {
  if (plan.others == fleet::OtherAccounts::keep && plan.existing != fleet::Existing::replace) return;
  auto kept = std::make_shared<std::vector<ShortServerId>>();
  for (const auto& server : plan.servers)
    if (server.remote.empty()) kept->push_back(server.id);
  auto name = std::make_shared<std::string>(endpoint);
  submit(
      [name, kept](storage::Store& store) -> storage::StoreResult<void> {
        const auto retired = store.retire_other_servers(*name, *kept);
        return retired ? storage::StoreResult<void>() : std::unexpected(retired.error());
      },
      [this, name, kept](const storage::StoreResult<void>& outcome) {
        if (!outcome) return;
        const auto now = net::steady_now();
        end_sessions(now, *name, ServerRole::management, *kept);
        if (kept->empty()) management_.revoke(now, *name);
        drain_engines(now);
      });
}

/// Who uses a credential of a Pack has taken it as a whole. [LwM2M-CORE 1.2 §6.1.7.7]
void ServerNode::settle_pack(const Peer& peer) {
  const auto given = packs_given_.find(std::string(peer.endpoint.view()));
  if (given == packs_given_.end()) return;
  const auto& [plan, identities] = given->second;
  if (std::ranges::none_of(identities, [&](const Bytes& one) { return equal(one, peer.identity_bytes()); }))
    return;
  settle(std::string(peer.endpoint.view()), *plan);
  packs_given_.erase(given);
}

}  // namespace slipway::node
