// SPDX-License-Identifier: Apache-2.0
#include "body.hpp"

#include <algorithm>

namespace slipway::trace {

bool is_partial(const coap::Message& message) {
  for (const auto number : {coap::OptionNumber::block1, coap::OptionNumber::block2}) {
    const auto option = message.find(number);
    if (!option) continue;
    const auto block = coap::Block::decode(*option);
    if (!block || block->number != 0 || block->more) return true;
  }
  return false;
}

std::optional<Path> base_of(std::string_view path_text) {
  if (path_text == "/dp" || path_text == "/bspack") return Path();
  const auto path = Path::parse(path_text);
  return path ? std::optional(*path) : std::nullopt;
}

bool may_hold_secrets(const std::optional<Path>& path, const ObjectCatalog& catalog) {
  if (!path || path->is_root()) return true;
  const auto* object = catalog.find(path->object());
  if (object == nullptr) return false;
  return std::ranges::any_of(object->resources, [&](const ResourceDefinition& resource) {
    return resource.confidentiality == Confidentiality::secret &&
           (!path->has_resource() || path->resource() == resource.id);
  });
}

Result<std::span<Entry>> decode_body(ContentFormat format, const Path& base, ByteView payload,
                                     const ObjectCatalog& catalog, const codec::DecodeBuffers& buffers) {
  auto decoded = codec::decode(format, base, payload, {.catalog = &catalog}, buffers);
  if (decoded || base.level() != PathLevel::object) return decoded;
  const Path nameless(base.object(), InstanceId(kReservedId));
  if (auto again = codec::decode(format, nameless, payload, {.catalog = &catalog}, buffers)) return again;
  return decoded;
}

}  // namespace slipway::trace
