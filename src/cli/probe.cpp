// SPDX-License-Identifier: Apache-2.0
#include "probe.hpp"

#include <fstream>
#include <iterator>

#include <slipway/client/model.hpp>
#include <slipway/security/random.hpp>

#include "doctor_probe.hpp"

namespace slipway::cli {

namespace dtls = security::dtls;

std::optional<PskAccount> psk_of_pack(const device::Pack& pack) {
  PskAccount account;
  for (const auto& [path, value] : pack.values) {
    if (path.object() != ObjectId(0) || path.level() != PathLevel::resource) continue;
    const auto bytes = value.view();
    if (path.resource() == ResourceId(3))
      account.identity.assign(bytes.as_opaque().begin(), bytes.as_opaque().end());
    if (path.resource() == ResourceId(5)) account.key = Secret(bytes.as_opaque());
  }
  return account.key.empty() ? std::nullopt : std::optional(std::move(account));
}

std::optional<PskAccount> psk_of_state(const std::string& file, ShortServerId server) {
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(stream), {});
  client::Model model;
  const auto loaded = model.load(as_bytes(bytes));
  wipe({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  if (!loaded) return std::nullopt;
  for (const auto instance : model.instances_of(ObjectId(0))) {
    const Path account(ObjectId(0), instance);
    const auto id = model.tree().find(account.child(10));
    if (!id || id->as_integer() != server.value()) continue;
    const auto identity = model.tree().find(account.child(3));
    const auto key = model.tree().find(account.child(5));
    if (!identity || !key) return std::nullopt;
    return PskAccount{{identity->as_opaque().begin(), identity->as_opaque().end()}, Secret(key->as_opaque())};
  }
  return std::nullopt;
}

ProbeResult probe_psk(const Address& server, const PskAccount& account, Duration patience) {
  const auto identity = dtls::PskIdentity::from(account.identity);
  if (!identity) return ProbeResult::no_answer;
  security::SystemRandom random;
  const doctor::Stop never;
  doctor::Conversation conversation(server, random, never);
  const auto attempt =
      conversation.connect({.credential = dtls::PskCredential{*identity, account.key.clone()}}, patience);
  if (attempt.end == doctor::Attempt::End::connected) {
    conversation.close();
    return ProbeResult::accepted;
  }
  const bool refused =
      attempt.end == doctor::Attempt::End::failed && attempt.failure.refused_by == dtls::Side::peer;
  return refused ? ProbeResult::refused : ProbeResult::no_answer;
}

}  // namespace slipway::cli
