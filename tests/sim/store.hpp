// SPDX-License-Identifier: Apache-2.0
// The servers' store in memory: jobs run one after the other and take their time; a crash loses what is
// not yet durable. It keeps credentials by the rules of the storage port.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <slipway/fleet/credential.hpp>
#include <slipway/storage/store.hpp>

#include "sim/timeline.hpp"

namespace slipway::sim {

struct StoreHabits {
  Duration delay_min = milliseconds(1);
  Duration delay_max = milliseconds(800);
  unsigned failure_percent = 0;  ///< of writes
};

enum class Written : std::uint8_t { durable, failed };

class SimStore {
 public:
  using Done = std::function<void(Written)>;
  using Found = std::function<void(std::optional<fleet::Credential>)>;

  SimStore(Timeline& timeline, Random& random, const StoreHabits& habits)
      : timeline_(timeline), random_(random), habits_(habits) {}

  void put_credentials(std::vector<fleet::Credential> credentials, Done done);
  void find_credential(fleet::ServerRole role, Bytes identity, Found found);
  void prove_credential(fleet::ServerRole role, Bytes identity);
  /// Whether the credential may still open anything.
  void is_alive(fleet::ServerRole role, Bytes identity, std::function<void(bool)> told);
  void revoke_credentials(std::string endpoint, fleet::ServerRole role, Done done);
  void retire_other_servers(std::string endpoint, std::vector<ShortServerId> kept, Done done);
  void put_registration(storage::RegistrationRecord record);
  /// Keeps the newest session of each live credential. [storage::Store::put_session]
  void put_session(storage::SessionRecord session, Done done);
  void remove_session(std::uint64_t id);
  /// A server begins; durable at once.
  [[nodiscard]] std::uint64_t begin_life() { return ++lives_; }
  void remove_registration(std::string endpoint);

  /// The process ends: nobody is told any more, and of the waiting jobs at most the first one happened.
  void crash();

  /// What is on disk now.
  [[nodiscard]] const fleet::Credential* durable(fleet::ServerRole role, ByteView identity) const;
  /// Whether a credential that is not retired has this key.
  [[nodiscard]] bool was_durable(ByteView key) const;
  /// Whether a credential had to go because kIssuedMax newer ones were issued and none of them used.
  [[nodiscard]] bool has_dropped(ByteView identity) const {
    return dropped_.contains(Bytes(identity.begin(), identity.end()));
  }
  [[nodiscard]] bool is_reliable() const { return habits_.failure_percent == 0; }
  /// Whether the operator has revoked it.
  [[nodiscard]] bool has_revoked(ByteView identity) const {
    return revoked_.contains(Bytes(identity.begin(), identity.end()));
  }
  [[nodiscard]] const std::map<std::string, storage::RegistrationRecord>& registrations() const {
    return registrations_;
  }
  [[nodiscard]] const std::map<std::pair<fleet::ServerRole, Bytes>, storage::SessionRecord>& sessions()
      const {
    return sessions_;
  }
  void provision(fleet::Credential credential) { insert(std::move(credential)); }

 private:
  struct Job {
    std::function<void()> work;  // empty when it will fail
    std::function<void(Written)> done;
  };
  void submit(std::function<void()> work, Done done, unsigned failure_percent);
  void insert(fleet::Credential credential);
  void prove(fleet::ServerRole role, ByteView identity);
  void retire(fleet::Credential& credential);
  fleet::Credential* find(fleet::ServerRole role, ByteView identity);

  Timeline& timeline_;
  Random& random_;
  StoreHabits habits_;
  std::vector<fleet::Credential> credentials_;  // in the order they came
  std::set<Bytes> dropped_, revoked_;
  std::set<Bytes> ever_durable_;  ///< keys
  std::map<std::string, storage::RegistrationRecord> registrations_;
  std::map<std::pair<fleet::ServerRole, Bytes>, storage::SessionRecord> sessions_;  // by credential
  std::uint64_t lives_ = 0;                                                         // of servers, on disk
  std::deque<Job> waiting_;
  TimePoint busy_until_{};
  std::uint64_t life_ = 0;
};

}  // namespace slipway::sim
