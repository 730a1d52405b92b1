// SPDX-License-Identifier: Apache-2.0
#include <slipway/kit/bench.hpp>

#include <algorithm>

#include "kit/rounds.hpp"

namespace slipway::kit {

class Bench::Impl : public Rounds {
 public:
  using Rounds::Rounds;
};

Bench::Bench(BenchConfig config, Random& random, Random& key_random)
    : impl_(std::make_unique<Impl>(std::move(config), random, key_random)) {}
Bench::~Bench() = default;

void Bench::start(TimePoint now) {
  impl_->start(now);
}
void Bench::handle_datagram(TimePoint now, UnixTime wall, Door door, const Address& from, ByteView datagram) {
  impl_->handle_datagram(now, wall, door, from, datagram);
}
void Bench::handle_timeout(TimePoint now) {
  impl_->handle_timeout(now);
}
std::optional<TimePoint> Bench::next_timeout() const {
  return impl_->next_timeout();
}
std::optional<BenchTransmit> Bench::poll_transmit() {
  return impl_->poll_transmit();
}
std::optional<BenchEvent> Bench::poll_event() {
  return impl_->poll_event();
}
void Bench::stop(TimePoint now, const std::string& reason) {
  impl_->stop(now, reason);
}
bool Bench::finished() const {
  return impl_->finished();
}
RunFacts Bench::facts() const {
  return impl_->facts();
}
const std::vector<RoundResult>& Bench::results() const {
  return impl_->results();
}

}  // namespace slipway::kit
