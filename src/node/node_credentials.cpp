// SPDX-License-Identifier: Apache-2.0
// The operator's calls about credentials and bootstrap.
#include <algorithm>

#include <slipway/net/clock.hpp>

#include "server_node.hpp"

namespace slipway::node {

using fleet::ServerRole;

void ServerNode::credentials(
    std::string_view endpoint,
    std::function<void(storage::StoreResult<std::vector<storage::CredentialInfo>>)> done) {
  auto found = std::make_shared<std::vector<storage::CredentialInfo>>();
  auto name = std::make_shared<std::string>(endpoint);
  submit(
      [found, name](storage::Store& store) -> storage::StoreResult<void> {
        auto infos = store.credentials(*name);
        if (!infos) return std::unexpected(std::move(infos.error()));
        *found = std::move(*infos);
        return {};
      },
      [found, done = std::move(done)](storage::StoreResult<void> outcome) {
        if (outcome)
          done(std::move(*found));
        else
          done(std::unexpected(std::move(outcome.error())));
      });
}

void ServerNode::keep_credentials(std::vector<fleet::Credential> credentials,
                                  std::function<void(storage::StoreResult<void>)> done) {
  auto kept = std::make_shared<std::vector<fleet::Credential>>(std::move(credentials));
  for (auto& credential : *kept) credential.created = net::unix_now();
  submit([kept](storage::Store& store) { return store.put_credentials(*kept); }, std::move(done));
}

void ServerNode::revoke(std::string_view endpoint, ServerRole role,
                        std::function<void(storage::StoreResult<std::size_t>)> done) {
  auto count = std::make_shared<std::size_t>(0);
  auto name = std::make_shared<std::string>(endpoint);
  submit(
      [count, name, role](storage::Store& store) -> storage::StoreResult<void> {
        auto revoked = store.revoke_credentials(*name, role);
        if (!revoked) return std::unexpected(std::move(revoked.error()));
        *count = *revoked;
        return {};
      },
      [this, count, name, role, done = std::move(done)](storage::StoreResult<void> outcome) {
        if (!outcome) return done(std::unexpected(std::move(outcome.error())));
        const auto now = net::steady_now();
        end_handshakes(now, *name, role, nullptr);
        end_sessions(now, *name, role, {});
        if (role == ServerRole::management) management_.revoke(now, *name);
        drain_engines(now);
        publish("revoked",
                {{"endpoint", *name}, {"server", fleet::to_string(role)}, {"credentials", *count}});
        done(*count);
      });
}

/// Ends the secure sessions of a device, but those with the credential of a server that it keeps.
void ServerNode::end_sessions(TimePoint now, std::string_view endpoint, ServerRole role,
                              std::span<const ShortServerId> kept) {
  for (const auto id : peers_.of(endpoint)) {
    const auto* peer = peers_.find(id);
    if (peer == nullptr || peer->port->role != role) continue;
    if (std::ranges::find(kept, peer->server) == kept.end()) end_session(now, id);
  }
}

namespace {

/// Instances of /1 among the links of a registration.
std::vector<InstanceId> server_instances(std::string_view links) {
  std::vector<InstanceId> all;
  constexpr std::string_view kServer = "/1/";
  for (auto at = links.find('<'); at != std::string_view::npos; at = links.find('<', at + 1)) {
    auto target = links.substr(at + 1, links.find('>', at) - at - 1);
    // With an alternate path it stands before the object. [LwM2M-TRANSPORT 1.2 §6.4.1]
    const auto path = target.rfind(kServer);
    if (path == std::string_view::npos) continue;
    const auto parsed = Path::parse(target.substr(path));
    if (parsed && parsed->level() == PathLevel::instance) all.push_back(parsed->instance());
  }
  return all;
}

constexpr ResourceId kShortServerId{0};
constexpr ResourceId kBootstrapTrigger{9};

/// The instance of the account that the credential is for, or else the first one that has the resource.
std::optional<InstanceId> account_instance(const OperationResult& servers, ShortServerId wanted) {
  std::optional<InstanceId> first;
  for (const auto& record : servers.values) {
    if (record.path.level() != PathLevel::resource || record.path.resource() != kShortServerId) continue;
    if (!first) first = record.path.instance();
    if (record.value.view().as_integer() == wanted.value()) return record.path.instance();
  }
  return first;
}

}  // namespace

/// Executes /1/x/9 of our own account. [LwM2M-CORE 1.2 §6.1.3.4]
void ServerNode::request_bootstrap(std::string_view endpoint, OnResult done) {
  const auto registration = management_.find(endpoint);
  const auto instances = registration ? server_instances(registration->links) : std::vector<InstanceId>();
  if (instances.size() <= 1) {
    const auto instance = instances.empty() ? InstanceId(0) : instances.front();
    return execute(endpoint, Path(ObjectId(1), instance, kBootstrapTrigger), "", std::move(done));
  }
  const auto* peer = peers_.find(registration->peer);
  const auto server = peer == nullptr ? ShortServerId() : peer->server;
  read(endpoint, Path(ObjectId(1)), std::nullopt,
       [this, server, name = std::string(endpoint), done = std::move(done)](OperationResult servers) {
         const auto instance = account_instance(servers, server);
         if (!instance) return done(std::move(servers));
         execute(name, Path(ObjectId(1), *instance, kBootstrapTrigger), "", done);
         drain_engines(net::steady_now());
       });
}

}  // namespace slipway::node
