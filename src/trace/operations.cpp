// SPDX-License-Identifier: Apache-2.0
// [LwM2M-TRANSPORT 1.2 §6.4.2 - §6.4.5]
#include "operations.hpp"

#include <slipway/codec/content_format.hpp>

namespace slipway::trace {
namespace {

using enum coap::Code;

std::string from_device(coap::Code code, std::string_view path) {
  if (path == "/bs" && code == post) return "Bootstrap-Request";
  if (path == "/bspack" && code == get) return "Bootstrap-Pack-Request";
  if (path == "/dp" && code == post) return "Send";
  if (path == "/rd" && code == post) return "Register";
  if (!path.starts_with("/rd/")) return {};
  return code == post ? "Update" : code == del ? "De-register" : "";
}

bool has_queries(const coap::Message& message) {
  return message.find(coap::OptionNumber::uri_query).has_value();
}

std::string of_get(const coap::Message& request) {
  if (const auto observe = request.observe()) return *observe == 0 ? "Observe" : "Cancel Observation";
  return request.accept() == static_cast<std::uint16_t>(ContentFormat::link_format) ? "Discover" : "Read";
}

std::string of_post(const coap::Message& request, const Path& path) {
  switch (path.level()) {
    case PathLevel::root:
      return {};
    case PathLevel::object:
      return "Create";
    case PathLevel::instance:
      return "Write (partial)";
    case PathLevel::resource:
    case PathLevel::resource_instance:
      break;
  }
  // Arguments are plain text, or have no format; what has another writes some resource instances.
  const auto format = request.content_format();
  const bool plain = !format || *format == static_cast<std::uint16_t>(ContentFormat::text);
  return plain ? "Execute" : "Write (partial)";
}

std::string from_server(const coap::Message& request, const Path& path) {
  switch (request.code) {
    case get:
      return of_get(request);
    case put:
      return request.payload.empty() && has_queries(request) ? "Write-Attributes" : "Write";
    case post:
      return of_post(request, path);
    case del:
      return "Delete";
    case fetch:
      if (const auto observe = request.observe())
        return *observe == 0 ? "Observe-Composite" : "Cancel Observation-Composite";
      return "Read-Composite";
    case ipatch:
      return "Write-Composite";
    default:
      return {};
  }
}

}  // namespace

std::string operation_of(const coap::Message& request, Direction direction, std::string_view path_text,
                         const std::optional<Path>& path, Interface interface) {
  if (direction == Direction::up) return from_device(request.code, path_text);
  if (path_text == "/bs") return request.code == post ? "Bootstrap-Finish" : "";
  if (!path) return {};
  auto name = from_server(request, *path);
  const bool of_bootstrap = name == "Discover" || name == "Read" || name == "Write" || name == "Delete";
  return interface == Interface::bootstrap && of_bootstrap ? "Bootstrap-" + name : name;
}

}  // namespace slipway::trace
