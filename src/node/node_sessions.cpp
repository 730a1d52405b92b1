// SPDX-License-Identifier: Apache-2.0
// Secure sessions outlive the server: they are kept while it runs, and thawed before it serves again.
#include <spdlog/spdlog.h>

#include <algorithm>

#include <slipway/net/clock.hpp>

#include "server_node.hpp"

namespace slipway::node {

using nlohmann::json;

namespace {

/// Between two lines about a long thaw or freeze.
constexpr Duration kProgressEvery = seconds(2);

/// Says from time to time how far something is.
class Progress {
 public:
  explicit Progress(const char* what) : what_(what), next_(net::steady_now() + kProgressEvery) {}
  void at(std::size_t count) {
    if (count % 1024 != 0 || net::steady_now() < next_) return;
    next_ = net::steady_now() + kProgressEvery;
    spdlog::info("{} {} sessions so far", what_, count);
  }

 private:
  const char* what_;
  TimePoint next_;
};

}  // namespace

std::optional<Freezer::Frozen> ServerNode::freeze(PeerId id) {
  const auto* peer = peers_.find(id);
  if (peer == nullptr || !peer->port->dtls) return std::nullopt;
  auto frozen = peer->port->dtls->freeze(id);
  if (!frozen) return std::nullopt;
  return Freezer::Frozen{.record = {.id = id.value(),
                                    .role = peer->port->role,
                                    .identity = peer->identity_copy(),
                                    .address = frozen->address,
                                    .identity_mark = frozen->identity_mark,
                                    .life = life_,
                                    .frozen = std::move(frozen->bytes)},
                         .limit = frozen->limit};
}

bool ServerNode::thaw(TimePoint now, const storage::StoredSession& stored) {
  const auto& session = stored.session;
  if (session.frozen.empty() || session.life >= life_) return false;
  const auto port =
      std::ranges::find_if(ports_, [&](const auto& one) { return one->dtls && one->role == session.role; });
  if (port == ports_.end()) return false;
  const PeerId id(session.id);
  if (!(*port)->dtls->thaw(now, id, session.address, session.identity_mark, session.frozen.reveal(),
                           life_ - session.life))
    return false;
  peers_.add_session(id, {.port = port->get(),
                          .endpoint = CompactText(stored.endpoint),
                          .identity = CompactText(as_text(session.identity)),
                          .address = session.address,
                          .server = stored.server,
                          .security = stored.mode});
  return true;
}

/// Nothing is sent before this life of the server has its number for good. A session that does not thaw costs
/// its device a handshake, and the server nothing.
std::expected<void, std::string> ServerNode::thaw_sessions() {
  const auto last = store_->last_session();
  if (!last) return std::unexpected(last.error().what);
  peers_.start_after(*last);
  const auto life = store_->begin_life(net::unix_now());
  if (!life) return std::unexpected(life.error().what);
  life_ = *life;
  if (!settings_.server.sessions_kept) {
    const auto cleared = store_->clear_sessions();
    return cleared ? std::expected<void, std::string>() : std::unexpected(cleared.error().what);
  }
  const auto now = net::steady_now();
  Progress progress("thawed");
  std::vector<std::uint64_t> dropped;
  const auto read = store_->each_session([&](const storage::StoredSession& stored) {
    if (!thaw(now, stored))
      dropped.push_back(stored.session.id);
    else
      progress.at(++sessions_.thawed);
  });
  if (!read) return std::unexpected(read.error().what);
  sessions_.dropped = dropped.size();
  const auto removed = store_->batch([&]() -> storage::StoreResult<void> {
    for (const auto id : dropped)
      if (auto gone = store_->remove_session(id); !gone) return gone;
    return {};
  });
  if (!removed) return std::unexpected(removed.error().what);
  if (sessions_.thawed != 0)
    spdlog::info("{} sessions go on without a handshake ({} ms)", sessions_.thawed,
                 std::chrono::duration_cast<milliseconds>(net::steady_now() - now).count());
  if (sessions_.dropped != 0)
    spdlog::warn(
        "{} stored sessions could not be thawed and are dropped: damaged, of another version, or of a "
        "port that is off; their devices make a handshake",
        sessions_.dropped);
  return {};
}

void ServerNode::say_thawed() const {
  if (!sink_ || sessions_.thawed + sessions_.dropped == 0) return;
  json event{{"thawed", sessions_.thawed},
             {"dropped", sessions_.dropped},
             {"at_ms", net::unix_now().time_since_epoch().count()}};
  sink_("sessions-restored", event);
}

/// The session that a stored registration was made by, if it goes on.
PeerId ServerNode::session_of(const storage::RegistrationRecord& record) const {
  const PeerId id(record.session);
  const auto* peer = peers_.find(id);
  const bool is_its = peer != nullptr && peer->port->role == fleet::ServerRole::management &&
                      peer->endpoint.view() == record.endpoint;
  return is_its ? id : PeerId();
}

/// The server ends as it was told to: every session as it is now, so that nothing received can come again.
void ServerNode::freeze_all() {
  if (!settings_.server.sessions_kept) return;
  peers_.each_session([this](PeerId id) { freezer_.want(id); });
  const auto before = freezer_.counters().written;
  Progress progress("kept");
  while (!freezer_.idle() && !freezer_.failing()) {
    freezer_.turn(net::steady_now());
    if (freezer_.idle()) break;
    mailbox_.wait();
    progress.at((freezer_.counters().written - before) / 1024 * 1024);
  }
  if (freezer_.idle())
    spdlog::info("{} sessions are kept for the next start", freezer_.counters().written - before);
  else
    spdlog::warn("not all sessions are kept as they are now; the others go on from an earlier state");
}

}  // namespace slipway::node
