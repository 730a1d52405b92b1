// SPDX-License-Identifier: Apache-2.0
#include "client/notices.hpp"

namespace slipway::client {

void complete_account(ConnectWanted& wanted, const Tree& tree, InstanceId id) {
  wanted.uri = tree.text(security(id, 0));
  wanted.mode = static_cast<SecurityMode>(tree.integer(security(id, 2)).value_or(3));
  wanted.identity = tree.opaque(security(id, 3));
  wanted.server_public_key = tree.opaque(security(id, 4));
  wanted.key = tree.opaque(security(id, 5));
  wanted.matching_type = static_cast<std::uint8_t>(tree.integer(security(id, 13)).value_or(0));
  wanted.certificate_usage = static_cast<std::uint8_t>(tree.integer(security(id, 15)).value_or(3));
  wanted.sni = tree.text(security(id, 14));
  auto* next = wanted.cipher_suites.begin();
  for (const auto& [path, value] : tree.below(security(id, 16)))
    if (const auto suite = tree.integer(path);
        suite && *suite > 0 && *suite <= 0xFFFF && next != wanted.cipher_suites.end())
      *next++ = static_cast<std::uint16_t>(*suite);
  // A certificate account without a certificate goes by the one that the device came with.
  const bool is_own = wanted.mode == SecurityMode::x509 && wanted.identity.empty() && wanted.key.empty();
  if (const auto account = bootstrap_account(tree); is_own && account) {
    wanted.identity = tree.opaque(security(*account, 3));
    wanted.key = tree.opaque(security(*account, 5));
  }
}

void complete(Notice& notice, const Services& services) {
  if (auto* wanted = std::get_if<ConnectWanted>(&notice.event))
    complete_account(*wanted, services.model.tree(), notice.security);
  else if (auto* keep = std::get_if<PersistWanted>(&notice.event))
    keep->snapshot = services.snapshot();
  else if (auto* ended = std::get_if<BootstrapEnded>(&notice.event))
    ended->reason = notice.text;
  else if (auto* pack = std::get_if<BootstrapPackFailed>(&notice.event))
    pack->reason = notice.text;
  else if (auto* failed = std::get_if<RegistrationFailed>(&notice.event))
    failed->reason = notice.text;
  else if (auto* registered = std::get_if<RegisteredWith>(&notice.event))
    registered->location = notice.text;
  else if (auto* card = std::get_if<SmartcardRead>(&notice.event))
    card->reason = notice.text;
  else if (auto* stuck = std::get_if<Stuck>(&notice.event))
    stuck->reason = notice.text;
}

}  // namespace slipway::client
