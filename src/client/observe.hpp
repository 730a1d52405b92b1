// SPDX-License-Identifier: Apache-2.0
// Observations of servers and when they are told. [LwM2M-CORE 1.2 §6.4] [RFC 7641]
#pragma once

#include <map>
#include <vector>

#include <slipway/lwm2m/attributes.hpp>

#include "client/reading.hpp"

namespace slipway::client {

class Observations {
 public:
  Observations(Services& services, const Registrations& registrations)
      : services_(services), registrations_(registrations) {}

  /// Attributes that servers attach to paths; each server has its own. [LwM2M-CORE 1.2.2 §7.3]
  [[nodiscard]] lwm2m::Attributes attached(ShortServerId server, const Path& path) const;
  /// What holds at `path`: its own and what it inherits. Defaults of /1 are not among them.
  [[nodiscard]] lwm2m::Attributes inherited(ShortServerId server, const Path& path) const;
  /// Running observations follow at once. Errors: exhausted (attributes_max).
  Result<void> attach(ShortServerId server, const Path& path, const lwm2m::Attributes& attributes);

  struct Wish {
    PeerId peer;
    coap::Token token;
    Path path;
    ContentFormat format;
    lwm2m::Attributes own;  ///< from the Observe request (1.2)
  };
  /// Begins, or renews, an observation whose first answer is being sent. Its Observe number, or nothing when
  /// observations_max is reached: the answer then goes without the option.
  std::optional<std::uint32_t> add(TimePoint now, ShortServerId server, const Wish& wish);
  void cancel(PeerId peer, const coap::Token& token);
  /// What a server has asked for, for a hibernation.
  [[nodiscard]] KeptWatch keep(ShortServerId server) const;
  /// Goes on with it. What is observed may have changed unseen, so that each is told once more.
  void go_on(TimePoint now, ShortServerId server, const KeptWatch& watch);
  /// The registration of a server is new or gone.
  void forget(ShortServerId server);

  /// Something at or below `path` has another value, came, or went.
  void changed(TimePoint now, const Path& path);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  void handle_done(TimePoint now, const coap::NotifyDone& event);
  void suspend(bool is_suspended) { suspended_ = is_suspended; }
  [[nodiscard]] std::size_t size() const { return observations_.size(); }

 private:
  struct Observation {
    std::uint64_t mark;  // comes back with the outcome of a notification
    ShortServerId server;
    Wish wish;
    std::uint32_t number = 1;
    TimePoint last_sent{};
    TimePoint last_confirmable{};
    TimePoint not_before{};
    bool pending = false;
    bool in_flight = false;
    std::optional<Value> reported{};  // of one number or boolean
  };
  [[nodiscard]] lwm2m::Attributes effective(const Observation& observation) const;
  [[nodiscard]] std::optional<TimePoint> due(const Observation& observation) const;
  [[nodiscard]] std::optional<Value> scalar(const Observation& observation) const;
  [[nodiscard]] bool must_tell(const Observation& observation) const;
  [[nodiscard]] bool is_confirmable(TimePoint now, const Observation& observation) const;
  /// False when the observation has ended.
  bool notify(TimePoint now, Observation& observation);

  Services& services_;
  const Registrations& registrations_;
  std::vector<Observation> observations_;
  std::map<std::pair<ShortServerId, Path>, lwm2m::Attributes> attributes_;
  std::uint64_t last_mark_ = 0;
  bool suspended_ = false;
};

}  // namespace slipway::client
