// SPDX-License-Identifier: Apache-2.0
#include "sim/campaign.hpp"

namespace slipway::sim {
namespace {

constexpr ResourceId kBootstrapTrigger{9};
constexpr Duration kLookEvery = seconds(20);
/// Longer than a device needs to come back by itself after the worst that can happen to one attempt.
constexpr unsigned kLooksUntilRepetition = 60;

}  // namespace

Campaign::Campaign(Timeline& timeline, Random& random, Journal& journal, SimServers& home,
                   SimServers& elsewhere, SimDevice& device, Story story, StoryPlans plans)
    : timeline_(timeline),
      random_(random),
      journal_(journal),
      home_(home),
      elsewhere_(elsewhere),
      device_(device),
      story_(story),
      plans_(std::move(plans)) {
  home_.set_plan(plans_.home);
  look();
}

/// From time to time: is it where it shall be, with another key than before?
void Campaign::look() {
  timeline_.after(kLookEvery, [this] {
    if (done()) return;
    if (factory_.empty()) factory_ = device_.factory_credential().identity;
    if (round_is_done()) {
      if (--rounds_left_ == 0) return;
      begin_round();
    } else if (patience_ != 0 && --patience_ == 0) {
      act();  // its Execute was lost, or the store failed
    }
    look();
  });
}

bool Campaign::round_is_done() const {
  auto& servers = at_home_ ? home_ : elsewhere_;
  const auto identity = device_.identity(fleet::ServerRole::management);
  return !identity.empty() && identity != before_ &&
         servers.accepts(fleet::ServerRole::management, identity) &&
         servers.management().find(device_.endpoint()).has_value();
}

void Campaign::begin_round() {
  before_ = device_.identity(fleet::ServerRole::management);
  was_home_ = at_home_;
  if (story_ == Story::move) {
    at_home_ = !at_home_;
    home_.set_plan(at_home_ ? plans_.home : plans_.elsewhere);
    journal_.note(std::string("the operator moves the device ") + (at_home_ ? "home" : "elsewhere"));
  }
  act();
}

void Campaign::act() {
  patience_ = kLooksUntilRepetition;
  const bool by_revocation = story_ == Story::rotation || (story_ == Story::move && happens(random_, 50));
  if (by_revocation)
    revoke();
  else
    trigger();
}

void Campaign::revoke() {
  auto& from = was_home_ ? home_ : elsewhere_;
  from.revoke(device_.endpoint(), [](Written) {});
}

void Campaign::trigger() {
  auto& from = was_home_ ? home_ : elsewhere_;
  const auto instance = device_.server_instance();
  journal_.note("the operator tells the device to bootstrap");
  const auto asked =
      from.management().execute(timeline_.now(), device_.endpoint(),
                                instance ? instance->child(kBootstrapTrigger.value())
                                         : Path(ObjectId(1), InstanceId(0), kBootstrapTrigger));
  if (!asked) patience_ = 2;  // not registered at present
  from.turn();
}

std::string Campaign::where() const {
  return std::to_string(rounds_left_) + " rounds are left, the device shall be " +
         (at_home_ ? "at home" : "elsewhere");
}

void Campaign::check_totals() const {
  if (story_ != Story::replacement || !home_.is_reliable()) return;
  journal_.require(!home_.accepts(fleet::ServerRole::bootstrap, factory_),
                   "the factory's credential is dead once its successor was used");
}

}  // namespace slipway::sim
