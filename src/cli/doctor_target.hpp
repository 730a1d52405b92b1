// SPDX-License-Identifier: Apache-2.0
// Which server `slipway doctor` tries, and as whom.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/base/secret.hpp>
#include <slipway/base/uri.hpp>
#include <slipway/client/client.hpp>
#include <slipway/security/dtls/client.hpp>
#include <slipway/security/tls/session.hpp>

namespace slipway::cli::doctor {

/// As typed.
struct TargetOptions {
  std::string uri;
  std::optional<std::string> identity;
  std::string key_file, certificate_file, server_key_file, trust_store_file;
  std::optional<unsigned> usage, matching;
  std::string sni, suites;
  std::string pack, state;
  std::optional<unsigned> server;  ///< short server id of an account; 0: the bootstrap server
  bool no_cid = false;
};

/// An account with everything that it points to.
class Target {
 public:
  /// Reads files. The error is for a person.
  [[nodiscard]] static std::expected<Target, std::string> from(const TargetOptions& options);

  [[nodiscard]] const std::string& uri_text() const { return uri_; }
  [[nodiscard]] Uri uri() const { return *parse_uri(uri_); }
  [[nodiscard]] SecurityMode mode() const { return mode_; }
  /// "psk identity a48fe565 of the pack lamp.json": who it is, without a secret.
  [[nodiscard]] std::string who() const;
  [[nodiscard]] std::string fingerprint() const;
  /// What the account expects of the server; empty for a mode that has no public keys.
  [[nodiscard]] bool has_server_key() const { return !server_key_.empty(); }
  /// Of mode X.509: what certificates are judged by.
  [[nodiscard]] security::ServerTrust trust() const;

  /// Error: which part of the account cannot be used, and why.
  [[nodiscard]] std::expected<security::dtls::ClientConfig, std::string> session() const;
  /// The same for a server over TCP.
  [[nodiscard]] std::expected<security::tls::ClientConfig, std::string> stream_session() const;

 private:
  std::expected<void, std::string> read_options(const TargetOptions& options);
  std::expected<void, std::string> read_public_key_options(const TargetOptions& options);
  std::expected<void, std::string> read_account(const TargetOptions& options);
  std::expected<void, std::string> check_uri() const;
  [[nodiscard]] client::ConnectWanted wanted() const;

  std::string uri_, source_;
  SecurityMode mode_ = SecurityMode::nosec;
  Bytes identity_, server_key_;
  Secret key_;
  std::vector<Bytes> trust_store_;
  std::uint8_t matching_ = 0, usage_ = 3;
  std::string sni_;
  std::array<std::uint16_t, 8> suites_{};
  bool cid_ = true;
};

/// Whether the text is a URI that can be tried, and not an endpoint name (which may have a colon too).
[[nodiscard]] bool is_server_uri(const std::string& text);

}  // namespace slipway::cli::doctor
