// SPDX-License-Identifier: Apache-2.0
#include "new_credentials.hpp"

#include <nlohmann/json.hpp>

#include <slipway/lwm2m/registration.hpp>
#include <slipway/security/keys.hpp>

namespace slipway::api {

using fleet::Credential;
using nlohmann::json;

namespace {

using Problem = std::unexpected<std::string>;

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

/// The bytes of a hexadecimal member, whose text is wiped. Nothing when it is absent, no text, or no bytes.
std::optional<Secret> bytes_at(json& item, const char* name) {
  const auto member = item.find(name);
  if (member == item.end() || !member->is_string()) return std::nullopt;
  auto& text = member->get_ref<std::string&>();
  auto bytes = from_hex(text);
  wipe_text(text);
  if (!bytes) return std::nullopt;
  Secret out{ByteView(*bytes)};
  wipe(*bytes);
  return out;
}

std::expected<void, std::string> read_psk(json& item, Credential& out) {
  const auto identity = bytes_at(item, "identity");
  auto key = bytes_at(item, "key");
  if (!identity || identity->empty() || identity->size() > fleet::kPskIdentityMax)
    return Problem("identity is not 1 to 128 bytes in hexadecimal");
  if (!key || key->size() < fleet::kPskMin || key->size() > fleet::kPskMax)
    return Problem("key is not 16 to 64 bytes in hexadecimal");
  out.identity.assign(identity->reveal().begin(), identity->reveal().end());
  out.key = std::move(*key);
  return {};
}

std::expected<void, std::string> read_public_part(json& item, Credential& out) {
  if (item.contains("key")) return Problem("a private key is the device's alone; leave it out");
  const auto part = bytes_at(item, "public_part");
  if (!part || part->empty() || part->size() > kPublicPartMax)
    return Problem("public_part is not 1 to 4096 bytes in hexadecimal");
  if (out.mode == SecurityMode::rpk && !security::read_public_key(part->reveal()))
    return Problem("public_part is not a SubjectPublicKeyInfo with an EC key (DER)");
  if (out.mode == SecurityMode::x509 && !security::read_certificate(part->reveal()))
    return Problem("public_part is not an X.509 certificate with an EC key (DER)");
  out.public_part.assign(part->reveal().begin(), part->reveal().end());
  const auto digest = security::sha256(out.public_part);
  out.identity.assign(digest.begin(), digest.end());
  return {};
}

std::expected<Credential, std::string> read_one(json& item) {
  if (!item.is_object()) return Problem("it is not an object");
  Credential out;
  out.role = fleet::ServerRole::management;
  const auto endpoint = item.find("endpoint");
  if (endpoint != item.end() && endpoint->is_string()) out.endpoint = endpoint->get<std::string>();
  if (!lwm2m::valid_endpoint(out.endpoint)) return Problem("endpoint is not a name of 1 to 255 bytes");
  const auto server = item.find("server");
  const bool numbered = server != item.end() && server->is_number_unsigned() &&
                        server->get<std::uint64_t>() >= 1 && server->get<std::uint64_t>() < kReservedId;
  if (!numbered) return Problem("server is not a short server id of 1 to 65534");
  out.server = ShortServerId(server->get<std::uint16_t>());
  const auto mode = item.value("mode", json());
  if (mode == "psk")
    out.mode = SecurityMode::psk;
  else if (mode == "rpk")
    out.mode = SecurityMode::rpk;
  else if (mode == "x509")
    out.mode = SecurityMode::x509;
  else
    return Problem("mode is not psk, rpk or x509");
  const auto read = out.mode == SecurityMode::psk ? read_psk(item, out) : read_public_part(item, out);
  if (!read) return Problem(read.error());
  return out;
}

}  // namespace

std::expected<std::vector<Credential>, std::string> read_new_credentials(json& body) {
  const auto list = body.find("credentials");
  if (list == body.end() || !list->is_array() || list->empty() || list->size() > kNewCredentialsMax)
    return Problem("credentials is not a list of 1 to " + std::to_string(kNewCredentialsMax));
  std::vector<Credential> all;
  std::string problem;
  for (std::size_t i = 0; i < list->size(); ++i) {  // also after a problem: keys are to be wiped
    auto one = read_one((*list)[i]);
    if (one)
      all.push_back(std::move(*one));
    else if (problem.empty())
      problem = "credentials[" + std::to_string(i) + "]: " + one.error();
    if ((*list)[i].is_object()) (void)bytes_at((*list)[i], "key");
  }
  if (!problem.empty()) return Problem(problem);
  return all;
}

}  // namespace slipway::api
