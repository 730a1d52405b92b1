// SPDX-License-Identifier: Apache-2.0
#include <slipway/packets/catalogue.hpp>

#include <nlohmann/json.hpp>

#include <slipway/security/dtls/server.hpp>

#include "security/dtls/record.hpp"

namespace slipway::packets {
namespace {

constexpr const char* kInterfaces[] = {"bootstrap", "registration", "management", "reporting", "coap"};

const char* to_string(Role role) {
  switch (role) {
    case Role::request:
      return "request";
    case Role::answer:
      return "answer";
    case Role::error:
      return "error";
  }
  return "?";
}

}  // namespace

const char* to_string(Interface interface) {
  return kInterfaces[static_cast<std::size_t>(interface)];
}

std::expected<Interface, std::string> parse_interface(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kInterfaces); ++i)
    if (text == kInterfaces[i]) return static_cast<Interface>(i);
  std::string names;
  for (const auto* name : kInterfaces) names += (names.empty() ? "" : ", ") + std::string(name);
  return std::unexpected("there is no interface \"" + std::string(text) + "\"; it is one of " + names);
}

std::size_t dtls_size(const Packet& packet, ConnectionId cid) {
  security::dtls::Cid id;
  if (cid == ConnectionId::with)
    id.size = static_cast<std::uint8_t>(security::dtls::ServerConfig{}.cid_size);  // what our server gives
  return packet.bytes.size() + security::dtls::record_overhead(security::dtls::Aead::aes_128_ccm_8, id);
}

std::vector<Field> fields_of(const Packet& packet) {
  return annotate(packet.bytes,
                  {.catalog = builtin_objects(), .path = packet.path, .secrets = Secrets::shown});
}

nlohmann::json to_json(ByteView message, const Field& field) {
  nlohmann::json json{{"offset", field.offset}, {"length", field.size}, {"part", to_string(field.part)},
                      {"name", field.name},     {"value", field.value}, {"meaning", field.meaning}};
  if (field.secret)
    json["masked"] = true;
  else
    json["bytes"] = bytes_text(message, field, field.size);
  return json;
}

nlohmann::json to_json(const Packet& packet) {
  auto fields = nlohmann::json::array();
  for (const auto& field : fields_of(packet)) fields.push_back(to_json(packet.bytes, field));
  return {{"id", packet.id},
          {"interface", to_string(packet.interface)},
          {"operation", packet.operation},
          {"direction", packet.direction == trace::Direction::up ? "uplink" : "downlink"},
          {"role", to_string(packet.role)},
          {"title", packet.title},
          {"when", packet.when},
          {"since", packet.since},
          {"sources", packet.sources},
          {"path", packet.path},
          {"bytes", to_hex(packet.bytes)},
          {"sizes",
           {{"coap", packet.bytes.size()},
            {"dtls", dtls_size(packet, ConnectionId::without)},
            {"dtls_cid", dtls_size(packet, ConnectionId::with)}}},
          {"fields", std::move(fields)}};
}

}  // namespace slipway::packets
