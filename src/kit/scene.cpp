// SPDX-License-Identifier: Apache-2.0
#include "kit/scene.hpp"

#include <algorithm>

namespace slipway::kit {
namespace {

bool is_instance_of(const Snapshot::Line& line, ObjectId object) {
  return line.path.level() == PathLevel::instance && line.path.object() == object;
}

/// The instance of the server, or the lowest free one after `from`.
Path place(const Snapshot& snapshot, ObjectId object, ShortServerId server) {
  for (const auto& line : snapshot.lines)
    if (is_instance_of(line, object) && line.server == server) return line.path;
  std::uint16_t id = object == kSecurity ? 1 : 0;
  while (snapshot.has(Path(object, InstanceId(id)))) ++id;
  return {object, InstanceId(id)};
}

Path spare(const Snapshot& snapshot, const Path& taken) {
  auto id = static_cast<std::uint16_t>(taken.instance().value() + 1);
  while (snapshot.has(Path(taken.object(), InstanceId(id)))) ++id;
  return {taken.object(), InstanceId(id)};
}

std::string told(const Snapshot::Line& line) {
  std::string text(line.path.text().view());
  if (line.server.value() != 0) text += " of server " + std::to_string(line.server.value());
  return text;
}

}  // namespace

std::optional<Snapshot> Snapshot::read(std::string_view payload) {
  std::vector<lwm2m::DiscoveredLink> links(kDiscoveredMax);
  const auto discovered = lwm2m::parse_bootstrap_discover(payload, links);
  if (!discovered) return std::nullopt;
  Snapshot snapshot;
  snapshot.enabler = discovered->enabler;
  for (const auto& link : discovered->links)
    if (link.path.level() == PathLevel::instance)
      snapshot.lines.push_back({link.path, link.server, std::string(link.uri)});
  std::ranges::sort(snapshot.lines, {}, &Line::path);
  return snapshot;
}

bool Snapshot::has(const Path& path) const {
  return std::ranges::find(lines, path, &Line::path) != lines.end();
}

std::size_t Snapshot::count(ObjectId object, ShortServerId server) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      lines, [&](const Line& line) { return is_instance_of(line, object) && line.server == server; }));
}

std::optional<Path> Snapshot::bootstrap_account() const {
  for (const auto& line : lines)
    if (is_instance_of(line, kSecurity) && line.server.value() == 0) return line.path;
  return std::nullopt;
}

std::string Snapshot::difference_to(const Snapshot& later) const {
  std::string text;
  const auto add = [&](const Line& line, const char* what) {
    if (text.size() < 400) text += (text.empty() ? "" : ", ") + told(line) + what;
  };
  for (const auto& line : lines)
    if (std::ranges::find(later.lines, line) == later.lines.end())
      add(line, later.has(line.path) ? " is another" : " is gone");
  for (const auto& line : later.lines)
    if (!has(line.path)) add(line, " is new");
  return text;
}

Scene::Scene(const Snapshot& snapshot) : enabler(snapshot.enabler), is_known(true) {
  if (const auto account = snapshot.bootstrap_account()) bootstrap_account = *account;
  security = place(snapshot, kSecurity, kServerId);
  server = place(snapshot, kServer, kServerId);
  spare_security = spare(snapshot, security);
  spare_server = spare(snapshot, server);
  for (const auto& line : snapshot.lines) {
    const bool is_account = is_instance_of(line, kSecurity) || is_instance_of(line, kServer);
    if (is_account && line.path != bootstrap_account && line.path != security && line.path != server)
      strays.push_back(line.path);
  }
}

}  // namespace slipway::kit
