// SPDX-License-Identifier: Apache-2.0
#include "probe.hpp"

#include <poll.h>

#include <fstream>
#include <iterator>

#include <slipway/client/model.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/net/udp_socket.hpp>
#include <slipway/security/dtls/client.hpp>
#include <slipway/security/random.hpp>

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
  security::SystemRandom random;
  const auto identity = dtls::PskIdentity::from(account.identity);
  auto socket = net::UdpSocket::bind(server.is_v4() ? Address::v4(0, 0, 0, 0, 0) : Address());
  if (!identity || !socket) return ProbeResult::no_answer;
  dtls::DtlsClient session({.credential = dtls::PskCredential{*identity, account.key.clone()}}, random);
  const auto until = net::steady_now() + patience;
  if (!session.start(net::steady_now())) return ProbeResult::no_answer;
  net::ReceiveBatch batch;
  auto result = ProbeResult::no_answer;
  for (bool open = true; open;) {
    while (const auto event = session.poll_event()) {
      open = false;
      if (std::holds_alternative<dtls::Connected>(*event)) {
        result = ProbeResult::accepted;
        session.end(net::steady_now());
        break;
      }
      if (const auto* failed = std::get_if<dtls::ConnectFailed>(&*event);
          failed != nullptr && failed->failure.refused_by == dtls::Side::peer)
        result = ProbeResult::refused;
    }
    while (const auto out = session.poll_transmit()) (void)socket->send(server, *out);
    (void)socket->flush();
    if (!open) break;
    const auto now = net::steady_now();
    if (now >= until) break;
    const auto wake = std::min(session.next_timeout().value_or(until), until);
    pollfd readable{socket->fd(), POLLIN, 0};
    const auto ms = std::chrono::duration_cast<milliseconds>(wake - now).count() + 1;
    if (::poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(ms, 0))) > 0)
      for (const auto& datagram : socket->receive(batch))
        session.handle_datagram(net::steady_now(), datagram.bytes);
    else
      session.handle_timeout(net::steady_now());
  }
  return result;
}

}  // namespace slipway::cli
