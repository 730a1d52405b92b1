// SPDX-License-Identifier: Apache-2.0
#include "kept_sessions.hpp"

namespace slipway::device {

void KeptSessions::put(KeptSession session) {
  (void)take(session.server);
  if (session.bytes.empty() || session.bytes.size() > kKeptBytesMax) return;
  if (sessions_.size() == kKeptSessionsMax) sessions_.erase(sessions_.begin());
  sessions_.push_back(std::move(session));
}

KeptSession KeptSessions::take(ShortServerId server) {
  const auto found = std::ranges::find(sessions_, server, &KeptSession::server);
  if (found == sessions_.end()) return {};
  auto kept = std::move(*found);
  sessions_.erase(found);
  return kept;
}

void KeptSessions::put_all(std::vector<KeptSession> sessions) {
  for (auto& session : sessions) put(std::move(session));
}

}  // namespace slipway::device
