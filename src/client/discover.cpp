// SPDX-License-Identifier: Apache-2.0
#include "client/discover.hpp"

#include <algorithm>
#include <array>

#include "client/links.hpp"

namespace slipway::client {
namespace {

constexpr std::array<std::uint16_t, 3> kOwnExecutables = {4, 8, 9};

struct Lister {
  const Model& model;
  const Observations& observations;
  const Server& server;
  codec::LinkWriter& links;

  std::vector<Path> children(const Path& path) const {
    std::vector<Path> found;
    if (path.level() == PathLevel::object) {
      for (const auto id : model.instances_of(path.object())) found.push_back(path.child(id.value()));
    } else if (path.level() == PathLevel::instance) {
      for (const auto id : model.resources_of(path)) found.push_back(path.child(id.value()));
      if (path.object() == kServer)
        for (const auto id : kOwnExecutables) found.push_back(path.child(id));
      std::ranges::sort(found);
    } else if (path.level() == PathLevel::resource) {
      found = resource_instances(path);
    }
    return found;
  }

  std::vector<Path> resource_instances(const Path& resource) const {
    std::vector<Path> found;
    const auto* known = model.definition(resource);
    if (known == nullptr || known->multiplicity == Multiplicity::single) return found;
    Collector values;
    if (!model.collect(resource, Model::Reader::bootstrap, values)) return found;
    for (const auto& entry : values.entries())
      if (entry.path.has_resource_instance()) found.push_back(entry.path);
    return found;
  }

  void list(const Path& path, unsigned depth, bool is_target) const {
    links.link(path.text());
    if (path.level() == PathLevel::object)
      if (const auto version = presented_version(*model.find(path.object()), server.enabler))
        links.attribute_token("ver", version->text());
    if (const auto* known = path.level() == PathLevel::resource ? model.definition(path) : nullptr;
        known != nullptr && known->multiplicity == Multiplicity::multiple && server.enabler >= Version{1, 1})
      links.attribute("dim", resource_instances(path).size());
    // The target shows what it inherits too; below it only what is attached there. [1.2.2 §6.3.2]
    lwm2m::write(
        links, is_target ? observations.inherited(server.id, path) : observations.attached(server.id, path));
    if (depth == 0) return;
    for (const auto& child : children(path)) list(child, depth - 1, false);
  }
};

}  // namespace

bool discoverable(const Model& model, const Path& resource) {
  const bool is_own =
      resource.object() == kServer &&
      std::ranges::find(kOwnExecutables, resource.resource().value()) != kOwnExecutables.end();
  if (resource.has_resource_instance())
    return model.tree().contains(resource) || model.has_resource(resource);
  return is_own || model.has_resource(resource);
}

Result<Bytes> discover_links(Services& services, const Observations& observations, const Server& server,
                             const Path& path, std::optional<unsigned> depth) {
  const bool has_deeper_paths = server.enabler >= Version{1, 1};
  const unsigned usual = path.level() == PathLevel::object          ? 2
                         : path.has_resource() && !has_deeper_paths ? 0
                                                                    : 1;
  const auto levels = depth.value_or(usual);
  for (std::size_t room = 1024; room <= services.config.body_max; room *= 2) {
    Bytes payload(room);
    ByteWriter writer(payload);
    codec::LinkWriter links(writer);
    Lister{services.model, observations, server, links}.list(path, levels, true);
    if (!writer.ok()) continue;
    payload.resize(writer.size());
    return payload;
  }
  return fail(ErrorCode::limit, "the list is longer than body_max");
}

}  // namespace slipway::client
