// SPDX-License-Identifier: Apache-2.0
#include "client/account_timeout.hpp"

namespace slipway::client {
namespace {

constexpr Duration kPause = seconds(60);
/// A purge is at most this far away.
constexpr std::int64_t kSecondsMax = 10L * 365 * 86400;

}  // namespace

void AccountTimeout::plan(TimePoint now) {
  at_.reset();
  const auto& tree = services_.model.tree();
  const auto account = bootstrap_account(tree);
  const auto timeout = account ? tree.integer(security(*account, 12)).value_or(0) : 0;
  if (timeout > 0) at_ = now + seconds(std::min(timeout, kSecondsMax));
}

void AccountTimeout::plan_after_restart(TimePoint now) {
  const auto& tree = services_.model.tree();
  std::optional<std::int64_t> stamp;
  for (const Path& path : instances(tree, kServer))
    if (!stamp) stamp = tree.integer(server(path.instance(), 12));
  if (!stamp && !services_.model.memory().bootstrapped) return;
  plan(now);
  const auto wall = services_.unix_seconds(now);
  if (at_ && stamp && wall && *wall > *stamp)
    *at_ -= std::min<Duration>(*at_ - now, seconds(std::min(*wall - *stamp, kSecondsMax)));
}

void AccountTimeout::handle_timeout(TimePoint now, InUse in_use) {
  if (!at_ || *at_ > now) return;
  if (in_use == InUse::yes)
    at_ = now + kPause;
  else
    purge();
}

void AccountTimeout::purge() {
  at_.reset();
  auto& model = services_.model;
  const auto account = bootstrap_account(model.tree());
  if (!account) return;
  drop_account(model, *account);
  auto& card = model.mutable_memory().card.instances;
  std::erase_if(card, [&](const Path& path) { return !model.tree().contains(path); });
  services_.mark_dirty();
}

}  // namespace slipway::client
