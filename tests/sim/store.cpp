// SPDX-License-Identifier: Apache-2.0
#include "sim/store.hpp"

#include <algorithm>
#include <memory>

namespace slipway::sim {

using fleet::Credential;
using fleet::CredentialState;
using fleet::ServerRole;

void SimStore::submit(std::function<void()> work, Done done, unsigned failure_percent) {
  if (happens(random_, failure_percent)) work = nullptr;
  waiting_.push_back({std::move(work), std::move(done)});
  busy_until_ =
      std::max(busy_until_, timeline_.now()) + between(random_, habits_.delay_min, habits_.delay_max);
  timeline_.after(busy_until_ - timeline_.now(), [this, life = life_] {
    if (life != life_) return;
    const auto job = std::move(waiting_.front());
    waiting_.pop_front();
    if (job.work) job.work();
    if (job.done) job.done(job.work ? Written::durable : Written::failed);
  });
}

void SimStore::crash() {
  const bool first_happened = !waiting_.empty() && waiting_.front().work && happens(random_, 50);
  if (first_happened) waiting_.front().work();
  waiting_.clear();
  busy_until_ = timeline_.now();
  ++life_;
}

void SimStore::put_credentials(std::vector<Credential> credentials, Done done) {
  auto kept = std::make_shared<std::vector<Credential>>(std::move(credentials));
  submit(
      [this, kept] {
        for (const auto& credential : *kept) insert(credential.clone());
      },
      std::move(done), habits_.failure_percent);
}

void SimStore::find_credential(ServerRole role, Bytes identity, Found found) {
  submit([] {},
         [this, role, identity = std::move(identity), found = std::move(found)](Written) {
           const auto* credential = find(role, identity);
           const bool usable = credential != nullptr && credential->state != CredentialState::retired;
           found(usable ? std::optional(credential->clone()) : std::nullopt);
         },
         0);
}

void SimStore::prove_credential(ServerRole role, Bytes identity) {
  submit([this, role, identity = std::move(identity)] { prove(role, identity); }, {},
         habits_.failure_percent);
}

void SimStore::is_alive(ServerRole role, Bytes identity, std::function<void(bool)> told) {
  submit([] {},
         [this, role, identity = std::move(identity), told = std::move(told)](Written) {
           const auto* credential = find(role, identity);
           told(credential != nullptr && credential->state != CredentialState::retired);
         },
         0);
}

void SimStore::revoke_credentials(std::string endpoint, ServerRole role, Done done) {
  submit(
      [this, endpoint = std::move(endpoint), role] {
        for (auto& credential : credentials_) {
          if (credential.endpoint != endpoint || credential.role != role) continue;
          retire(credential);
          revoked_.insert(credential.identity);
        }
      },
      std::move(done), habits_.failure_percent);
}

void SimStore::retire_other_servers(std::string endpoint, std::vector<ShortServerId> kept, Done done) {
  submit(
      [this, endpoint = std::move(endpoint), kept = std::move(kept)] {
        for (auto& credential : credentials_)
          if (credential.endpoint == endpoint && credential.role == ServerRole::management &&
              std::ranges::find(kept, credential.server) == kept.end())
            retire(credential);
      },
      std::move(done), habits_.failure_percent);
}

void SimStore::put_registration(storage::RegistrationRecord record) {
  submit([this, record = std::move(record)] { registrations_[record.endpoint] = record; }, {},
         habits_.failure_percent);
}

void SimStore::remove_registration(std::string endpoint) {
  submit([this, endpoint = std::move(endpoint)] { registrations_.erase(endpoint); }, {}, 0);
}

void SimStore::insert(Credential credential) {
  const auto same_place = [&](const Credential& other) {
    return other.endpoint == credential.endpoint && other.role == credential.role &&
           other.server == credential.server && other.state != CredentialState::retired;
  };
  // The oldest live one stays; of the others that were only issued the oldest go. [storage::kIssuedMax]
  const auto issued = [&](const Credential& other) {
    return same_place(other) && other.state == CredentialState::issued;
  };
  const auto first = std::ranges::find_if(credentials_, same_place);
  if (first != credentials_.end()) {
    const auto after = first + 1;
    while (static_cast<std::size_t>(std::count_if(after, credentials_.end(), issued)) >=
           storage::kIssuedMax) {
      const auto oldest = std::find_if(after, credentials_.end(), issued);
      dropped_.insert(oldest->identity);
      sessions_.erase({oldest->role, oldest->identity});
      credentials_.erase(oldest);
    }
  }
  const auto key = credential.key.reveal();
  ever_durable_.emplace(key.begin(), key.end());
  credentials_.push_back(std::move(credential));
}

void SimStore::prove(ServerRole role, ByteView identity) {
  auto* proven = find(role, identity);
  if (proven == nullptr || proven->state == CredentialState::retired) return;
  proven->state = CredentialState::proven;
  for (auto* older = credentials_.data(); older != proven; ++older)
    if (older->endpoint == proven->endpoint && older->role == role && older->server == proven->server)
      retire(*older);
}

/// Its session goes in the same job.
void SimStore::retire(Credential& credential) {
  credential.state = CredentialState::retired;
  sessions_.erase({credential.role, credential.identity});
}

void SimStore::put_session(storage::SessionRecord session, Done done) {
  auto kept = std::make_shared<storage::SessionRecord>(std::move(session));
  submit(
      [this, kept] {
        const auto* credential = find(kept->role, kept->identity);
        if (credential == nullptr || credential->state == CredentialState::retired) return;
        auto& place = sessions_[{kept->role, kept->identity}];
        if (kept->id >= place.id) place = std::move(*kept);
      },
      std::move(done), habits_.failure_percent);
}

void SimStore::remove_session(std::uint64_t id) {
  submit([this, id] { std::erase_if(sessions_, [&](const auto& one) { return one.second.id == id; }); }, {},
         habits_.failure_percent);
}

Credential* SimStore::find(ServerRole role, ByteView identity) {
  return const_cast<Credential*>(durable(role, identity));
}

const Credential* SimStore::durable(ServerRole role, ByteView identity) const {
  for (const auto& credential : credentials_)
    if (credential.role == role && equal(credential.identity, identity)) return &credential;
  return nullptr;
}

bool SimStore::was_durable(ByteView key) const {
  return ever_durable_.contains(Bytes(key.begin(), key.end()));
}

}  // namespace slipway::sim
