// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/link_target.hpp"

namespace slipway::lwm2m {

Result<std::optional<Path>> path_of_target(std::string_view target, std::size_t offset) {
  std::optional<Path> none;
  if (target.empty() || target.front() != '/') return none;
  const auto path = Path::parse(target);
  if (!path) {
    if (path.error().code == ErrorCode::out_of_range)
      return fail(ErrorCode::out_of_range, "a link has an id above 65534", offset);
    return none;
  }
  for (std::size_t i = 0; i < path->depth(); ++i)
    if (path->id_at(i) == kReservedId)
      return fail(ErrorCode::out_of_range, "a link has an id above 65534", offset);
  return std::optional<Path>(*path);
}

Result<std::optional<Version>> version_of_link(const codec::Link& link) {
  std::optional<Version> none;
  if (link.attributes.empty()) return none;
  SLIPWAY_ASSIGN(const auto attribute, codec::find_attribute(link, "ver"));
  if (!attribute) return none;
  const auto version = Version::parse(attribute->value);
  if (!version) return fail(ErrorCode::malformed, "ver is not a version such as 1.1", link.offset);
  return std::optional<Version>(*version);
}

}  // namespace slipway::lwm2m
