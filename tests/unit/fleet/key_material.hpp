// SPDX-License-Identifier: Apache-2.0
// Keys and certificates as files that a configuration may name, made for the test.
#pragma once

#include <slipway/fleet/configuration.hpp>
#include <slipway/security/keys.hpp>

#include "support/named_bytes.hpp"

namespace slipway::fleet::test {

using namespace std::chrono_literals;

inline constexpr UnixTime kNow{std::chrono::sys_days{2027y / 3 / 1}};

/// By name: PEM of the vectors, of certificates that are made here, and of whatever a test adds.
class KeyMaterial {
 public:
  KeyMaterial() {
    using Use = security::CertificateRequest::Use;
    pem("ca.pem", "CERTIFICATE", vectors_["ca_certificate"]);
    pem("ca.key", "EC PRIVATE KEY", vectors_["ca_key_sec1"]);
    pem("open.key", "EC PRIVATE KEY", vectors_["ca_key_sec1"]);
    pem("server.pem", "CERTIFICATE", vectors_["server_certificate"]);
    pem("server.key", "PRIVATE KEY", vectors_["server_key"]);
    pem("server.pub", "PUBLIC KEY", vectors_["server_public"]);
    pem("k256.key", "PRIVATE KEY", vectors_["k256_key"]);
    pem("k256.pub", "PUBLIC KEY", vectors_["k256_public"]);
    pem("rsa.pem", "CERTIFICATE", vectors_["rsa_certificate"]);
    add("server.der", vectors_["server_certificate"]);
    certificate("expired.pem", Use::server, kNow - 48h, kNow - 24h);
    certificate("early.pem", Use::server, kNow + 24h, kNow + 48h);
    certificate("ending.pem", Use::server, kNow - 24h, kNow + 24h * 10);
    certificate("client.pem", Use::client, kNow - 24h, kNow + 24h * 365);
    certificate("other.pem", Use::server, kNow - 24h, kNow + 24h * 365);
    certificate("expired-ca.pem", Use::authority, kNow - 48h, kNow - 24h);
    certificate("short-ca.pem", Use::authority, kNow - 48h, kNow + 24h * 90);
  }

  void add(const std::string& name, ByteView content) {
    files_[name] = Bytes(content.begin(), content.end());
  }
  [[nodiscard]] const Bytes& vector(const std::string& name) const { return vectors_[name]; }
  [[nodiscard]] const std::map<std::string, Bytes>& files() const { return files_; }

  [[nodiscard]] ReadOptions options() const {
    return {.now = kNow,
            .key_file = [this](const std::filesystem::path& file) -> std::expected<KeyFile, std::string> {
              const auto found = files_.find(file.string());
              if (found == files_.end()) return std::unexpected("cannot be read: No such file or directory");
              return KeyFile{Secret(found->second), file.string().starts_with("open")};
            }};
  }

 private:
  void pem(const std::string& name, std::string_view label, ByteView der) {
    add(name, as_bytes(security::to_pem(label, der)));
  }
  /// With the vectors' authority key: those of an authority sign themselves.
  void certificate(const std::string& name, security::CertificateRequest::Use use, UnixTime from,
                   UnixTime until) {
    const bool authority = use == security::CertificateRequest::Use::authority;
    const Bytes serial(16, 0x11);
    pem(name, "CERTIFICATE",
        security::issue_certificate({.public_key = vectors_[authority ? "ca_public" : "server_public"],
                                     .common_name = name,
                                     .not_before = from,
                                     .not_after = until,
                                     .serial = serial,
                                     .use = use},
                                    authority ? ByteView() : ByteView(vectors_["ca_certificate"]),
                                    vectors_["ca_key"])
            .value());
  }

  testing::NamedBytes vectors_{SLIPWAY_VECTORS "/security/keys.txt"};
  std::map<std::string, Bytes> files_;
};

}  // namespace slipway::fleet::test
