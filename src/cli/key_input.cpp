// SPDX-License-Identifier: Apache-2.0
#include "key_input.hpp"

#include <algorithm>
#include <cctype>

#include <slipway/fleet/configuration.hpp>
#include <slipway/fleet/credential.hpp>
#include <slipway/security/keys.hpp>
#include <slipway/security/trust.hpp>

namespace slipway::cli {
namespace {

/// What a PEM or DER file holds.
std::expected<std::vector<security::PemBlock>, std::string> read_blocks(const std::string& file) {
  const auto read = fleet::read_key_file(file);
  if (!read) return std::unexpected(file + ": " + read.error());
  const auto content = read->content.reveal();
  if (as_text(content).find("-----BEGIN") == std::string_view::npos) {  // DER: its kind shows when it is read
    std::vector<security::PemBlock> blocks;
    blocks.push_back({.label = "", .der = Secret(content)});
    return blocks;
  }
  auto blocks = security::read_pem(as_text(content));
  if (!blocks) return std::unexpected(file + ": not a PEM file: " + blocks.error().detail);
  return std::move(*blocks);
}

}  // namespace

std::expected<Bytes, std::string> read_certificate(const std::string& file) {
  const auto blocks = read_blocks(file);
  if (!blocks) return std::unexpected(blocks.error());
  for (const auto& block : *blocks)
    if (const auto der = block.der.reveal(); security::read_certificate(der))
      return Bytes(der.begin(), der.end());
  return std::unexpected(file + ": no certificate with an EC key in it; give one as PEM or DER");
}

/// A public key as it is, or that of a certificate.
std::expected<Bytes, std::string> read_public_key(const std::string& file) {
  const auto blocks = read_blocks(file);
  if (!blocks) return std::unexpected(blocks.error());
  for (const auto& block : *blocks) {
    const auto der = block.der.reveal();
    if (security::read_public_key(der)) return Bytes(der.begin(), der.end());
    if (auto certificate = security::read_certificate(der)) return std::move(certificate->public_key);
  }
  return std::unexpected(file + ": no public EC key in it; give it as PEM or DER");
}

std::expected<Secret, std::string> read_private_key(const std::string& file) {
  const auto blocks = read_blocks(file);
  if (!blocks) return std::unexpected(blocks.error());
  for (const auto& block : *blocks)
    if (auto pair = security::read_private_key(block.der.reveal())) return std::move(pair->private_key);
  return std::unexpected(file + ": no private EC key in it; give it as PEM or DER, not encrypted");
}

namespace {

/// Text that was meant to be hexadecimal, and is not: a key of its bytes would only be another one.
bool is_meant_as_hex(std::string_view text) {
  const auto digits = std::ranges::count_if(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
  const bool printable =
      std::ranges::all_of(text, [](unsigned char c) { return std::isprint(c) != 0 || std::isspace(c) != 0; });
  return printable &&
         (static_cast<std::size_t>(digits) * 4 >= text.size() * 3 || text.size() < fleet::kPskMin);
}

}  // namespace

std::expected<Secret, std::string> read_preshared_key(const std::string& file) {
  auto read = fleet::read_key_file(file);
  if (!read) return std::unexpected(file + ": " + read.error());
  auto text = as_text(read->content.reveal());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  if (text.empty()) return std::unexpected(file + ": there is no key in it");
  auto bytes = from_hex(text);
  if (!bytes && is_meant_as_hex(text))
    return std::unexpected(file +
                           ": this is no hexadecimal text: it has an odd number of digits, or something "
                           "else between them; correct it, or write the key's bytes as they are");
  Secret key = bytes ? Secret(*bytes) : std::move(read->content);
  if (bytes) wipe(*bytes);
  if (key.size() > fleet::kPskMax)
    return std::unexpected(file + ": " + std::to_string(key.size()) +
                           " bytes are no pre-shared key: it has 64 at most; a private key (PEM, DER) goes "
                           "without --identity");
  return key;
}

std::expected<std::vector<Bytes>, std::string> read_trust_store(const std::string& file) {
  const auto blocks = read_blocks(file);
  if (!blocks) return std::unexpected(blocks.error());
  std::vector<Bytes> anchors;
  for (const auto& block : *blocks)
    if (block.label.empty() || block.label == "CERTIFICATE") {
      const auto der = block.der.reveal();
      anchors.emplace_back(der.begin(), der.end());
    }
  if (anchors.empty() || !security::ClientAuthorities::from(anchors))
    return std::unexpected(file +
                           ": a trust store holds certificates of authorities, and nothing damaged; give it "
                           "as PEM, or one as DER");
  return anchors;
}

std::expected<Bytes, std::string> read_certificates(const std::string& file) {
  if (auto first = read_certificate(file); !first) return first;
  const auto read = fleet::read_key_file(file);
  if (!read) return std::unexpected(file + ": " + read.error());
  const auto content = read->content.reveal();
  return Bytes(content.begin(), content.end());
}

}  // namespace slipway::cli
