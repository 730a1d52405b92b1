// SPDX-License-Identifier: Apache-2.0
#include "client/keeping.hpp"

namespace slipway::client {
namespace {

/// Storage that says nothing counts as failed.
constexpr Duration kPatience = seconds(60);
constexpr unsigned kDoublingsMax = 16;

}  // namespace

void Keeping::follow(TimePoint now) {
  if (!services_.dirty() || outstanding_ != 0 || at_) return;
  const auto id = services_.persist();
  if (!id) return failed(now);
  outstanding_ = *id;
  at_ = now + kPatience;
}

void Keeping::persisted(TimePoint now, std::uint64_t id, Client::Persisted outcome) {
  if (id == 0 || id != outstanding_) return;
  outstanding_ = 0;
  at_.reset();
  if (outcome == Client::Persisted::failed) return failed(now);
  failures_ = 0;
}

void Keeping::handle_timeout(TimePoint now) {
  if (!at_ || *at_ > now) return;
  at_.reset();
  if (std::exchange(outstanding_, 0) != 0) failed(now);
}

void Keeping::failed(TimePoint now) {
  services_.mark_dirty();
  const auto pause =
      services_.config.persist_retry * (std::int64_t{1} << std::min(failures_++, kDoublingsMax));
  at_ = now + std::min<Duration>(pause, services_.config.persist_retry_max);
}

}  // namespace slipway::client
