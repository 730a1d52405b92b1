// SPDX-License-Identifier: Apache-2.0
#include "client/reading.hpp"

#include "client/access.hpp"
#include "client/bootstrap_operations.hpp"

namespace slipway::client {

Result<ContentFormat> answer_format(const ClientConfig& config, Version enabler,
                                    std::optional<std::uint16_t> accept) {
  const bool is_12 = enabler >= Version{1, 2};
  if (!accept) {
    if (enabler < Version{1, 1}) return ContentFormat::tlv;
    const bool fits = config.preferred_format != ContentFormat::lwm2m_cbor || is_12;
    return fits ? config.preferred_format : ContentFormat::senml_cbor;
  }
  switch (const ContentFormat format{*accept}; format) {
    case ContentFormat::text:
    case ContentFormat::opaque:
    case ContentFormat::cbor:
    case ContentFormat::senml_json:
    case ContentFormat::senml_cbor:
    case ContentFormat::tlv:
      return format;
    case ContentFormat::lwm2m_cbor:
      if (is_12) return format;
      break;
    default:
      break;
  }
  return fail(ErrorCode::unsupported, "the device does not write this format");
}

Result<void> collect_for(const Model& model, ShortServerId server, const Path& path, Collector& out) {
  if (!path.has_object()) return fail(ErrorCode::wrong_path, "an object at least is read");
  if (model.find(path.object()) == nullptr)
    return fail(ErrorCode::unknown_object, "the device does not have this object");
  if (path.has_instance()) {
    if (!model.has_instance(path)) return fail(ErrorCode::not_found, "there is no such object instance");
    if (!may(model.tree(), server, lwm2m::Right::read, path))
      return fail(ErrorCode::refused, "the server may not read this");
    return model.collect(path, Model::Reader::server, out);
  }
  const auto ids = model.instances_of(path.object());
  bool any = ids.empty();
  for (const auto id : ids) {
    const Path instance(path.object(), id);
    if (!may(model.tree(), server, lwm2m::Right::read, instance)) continue;
    any = true;
    SLIPWAY_TRY(model.collect(instance, Model::Reader::server, out));
  }
  if (!any) return fail(ErrorCode::refused, "the server may not read any instance");
  return {};
}

Answer read_for(Services& services, const Server& server, const Path& path,
                std::optional<std::uint16_t> accept, lwm2m::Operation operation) {
  const auto refusal = [&](const Error& error) {
    return Answer::error(lwm2m::code_for(operation, error.code), error.detail);
  };
  Collector values;
  if (auto done = collect_for(services.model, server.id, path, values); !done) return refusal(done.error());
  const auto format = answer_format(services.config, server.enabler, accept);
  if (!format) return refusal(format.error());
  auto payload = encode_payload(*format, path, values.entries(), services.config.body_max);
  if (!payload) {
    const bool is_format =
        payload.error().code == ErrorCode::unsupported || payload.error().code == ErrorCode::wrong_path;
    return is_format ? Answer::error(coap::Code::not_acceptable, payload.error().detail)
                     : refusal(payload.error());
  }
  return {.code = coap::Code::content, .format = *format, .payload = std::move(*payload)};
}

}  // namespace slipway::client
