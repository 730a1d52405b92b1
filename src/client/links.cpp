// SPDX-License-Identifier: Apache-2.0
#include "client/links.hpp"

#include <array>

#include <slipway/lwm2m/registration.hpp>

#include "client/accounts.hpp"

namespace slipway::client {
namespace {

constexpr std::array kFormats11 = {ContentFormat::senml_cbor, ContentFormat::senml_json,
                                   ContentFormat::tlv,        ContentFormat::cbor,
                                   ContentFormat::text,       ContentFormat::opaque};
constexpr std::array kFormats12 = {
    ContentFormat::senml_cbor, ContentFormat::lwm2m_cbor, ContentFormat::senml_json, ContentFormat::tlv,
    ContentFormat::cbor,       ContentFormat::text,       ContentFormat::opaque};

void write_list(const Model& model, Version enabler, lwm2m::ObjectListWriter& out) {
  if (enabler >= Version{1, 2})
    out.root(kFormats12);
  else if (enabler >= Version{1, 1})
    out.root(kFormats11);
  for (const auto& [id, object] : model.objects()) {
    if (id == kSecurity || id == kOscore || id == kCose) continue;
    const auto version = presented_version(object, enabler);
    const auto ids = model.instances_of(id);
    if (ids.empty() || version) out.object(id, version);
    for (const auto instance : ids) out.instance(id, instance);
  }
}

}  // namespace

std::optional<Version> presented_version(const Object& object, Version enabler) {
  const auto implied = implied_version(object.id(), enabler);
  const bool is_core = object.id() <= ObjectId(27);
  if (is_core ? object.version() >= implied : object.version() == implied) return std::nullopt;
  return object.version();
}

std::string object_list(const Model& model, Version enabler, std::size_t bytes_max) {
  Bytes buffer;
  for (std::size_t room = 1024; room <= bytes_max; room *= 2) {
    buffer.assign(room, 0);
    ByteWriter writer(buffer);
    lwm2m::ObjectListWriter links(writer);
    write_list(model, enabler, links);
    if (writer.ok()) return std::string(as_text(writer.written()));
  }
  return {};
}

}  // namespace slipway::client
