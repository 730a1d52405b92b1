// SPDX-License-Identifier: Apache-2.0
#include "doctor_target.hpp"

#include <charconv>
#include <fstream>
#include <iterator>

#include <slipway/client/model.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/security/keys.hpp>

#include "client/accounts.hpp"
#include "client/notices.hpp"
#include "device/secure_config.hpp"
#include "key_input.hpp"

namespace slipway::cli::doctor {

namespace dtls = security::dtls;

namespace {

std::unexpected<std::string> wrong(std::string text) {
  return std::unexpected(std::move(text));
}

/// "0xC0A8,49326" or names of suites, with commas.
std::expected<std::array<std::uint16_t, 8>, std::string> read_suites(const std::string& text, bool tcp) {
  std::array<std::uint16_t, 8> suites{};
  std::size_t count = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    const auto word = text.substr(at, end - at);
    at = end + 1;
    unsigned number = 0;
    const bool hexadecimal = word.starts_with("0x") || word.starts_with("0X");
    const char* begin = word.data() + (hexadecimal ? 2 : 0);
    const auto [stop, error] =
        std::from_chars(begin, word.data() + word.size(), number, hexadecimal ? 16 : 10);
    const bool read = error == std::errc() && stop == word.data() + word.size() && number <= 0xFFFF;
    const auto iana = static_cast<std::uint16_t>(number);
    const bool of_tls13 = read && security::tls::tls13_suite(iana).has_value();
    if (of_tls13 && !tcp)
      return wrong("--suites " + word + ": a suite of TLS 1.3, which is spoken over TCP only: coaps+tcp://");
    if (!read || (!of_tls13 && !dtls::cipher_suite(iana)))
      return wrong("--suites " + word + ": write IANA numbers of suites that are done here, such as 0xC0A8");
    if (count == suites.size()) return wrong("--suites: at most 8");
    suites[count++] = iana;
  }
  return suites;
}

std::expected<std::unique_ptr<client::Model>, std::string> model_of(const TargetOptions& options) {
  auto model = std::make_unique<client::Model>();
  if (!options.pack.empty()) {
    const auto pack = device::load_pack(options.pack, builtin_objects());
    if (!pack) return wrong(pack.error());
    if (auto loaded = model->load_factory(pack->entries()); !loaded)
      return wrong(options.pack + ": " + loaded.error());
    return model;
  }
  constexpr std::size_t kStateMax = 1024 * 1024;
  std::ifstream stream(options.state, std::ios::binary);
  if (!stream) return wrong(options.state + ": the state file cannot be read");
  Bytes bytes(kStateMax + 1);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const auto size = static_cast<std::size_t>(stream.gcount());
  const auto loaded = size > kStateMax ? Result<void>(fail(ErrorCode::limit, "larger than 1 MiB"))
                                       : model->load(ByteView(bytes).first(size));
  wipe(bytes);
  if (!loaded) return wrong(options.state + ": not a state of a device (" + loaded.error().detail + ")");
  return model;
}

/// Of several accounts: the one asked for, or the one whose URI is the target, or the only one.
std::expected<InstanceId, std::string> choose(const client::Tree& tree, const TargetOptions& options,
                                              const std::string& file) {
  std::vector<InstanceId> fitting;
  std::string there;
  for (const Path& path : client::instances(tree, client::kSecurity)) {
    const auto id = path.instance();
    const auto uri = tree.text(client::security(id, 0));
    const auto server = client::security_server(tree, id).value();
    there += (there.empty() ? "" : ", ") + std::to_string(server) + " (" + std::string(uri) + ")";
    if (options.server ? *options.server == server : options.uri.empty() || options.uri == uri)
      fitting.push_back(id);
  }
  if (fitting.size() == 1) return fitting.front();
  if (there.empty()) return wrong(file + ": there is no account in it");
  return wrong(file + ": " + (fitting.empty() ? "no account fits" : "several accounts fit") +
               "; choose one with --server: " + there);
}

/// /0/x/4 as the account would have it.
std::expected<Bytes, std::string> server_key_of(const std::string& file, SecurityMode mode,
                                                unsigned matching) {
  if (mode == SecurityMode::rpk) return read_public_key(file);
  if (matching == 0) return read_certificate(file);
  const auto hash = read_preshared_key(file);
  if (!hash) return wrong(hash.error());
  return Bytes(hash->reveal().begin(), hash->reveal().end());
}

}  // namespace

bool is_server_uri(const std::string& text) {
  return text.find("://") != std::string::npos;
}

std::expected<Target, std::string> Target::from(const TargetOptions& options) {
  Target target;
  target.cid_ = !options.no_cid;
  const bool of_file = !options.pack.empty() || !options.state.empty();
  const auto read = of_file ? target.read_account(options) : target.read_options(options);
  if (!read) return std::unexpected(read.error());
  if (!options.trust_store_file.empty()) {
    auto anchors = read_trust_store(options.trust_store_file);
    if (!anchors) return wrong("--trust-store " + anchors.error());
    target.trust_store_ = std::move(*anchors);
  }
  if (auto fits = target.check_uri(); !fits) return std::unexpected(fits.error());
  if (!options.suites.empty()) {
    const auto suites = read_suites(options.suites, is_tcp(target.uri().scheme));
    if (!suites) return std::unexpected(suites.error());
    target.suites_ = *suites;
  }
  return target;
}

std::expected<void, std::string> Target::read_account(const TargetOptions& options) {
  if (!options.pack.empty() && !options.state.empty()) return wrong("--pack and --state: leave one out");
  if (options.identity || !options.key_file.empty() || !options.certificate_file.empty())
    return wrong("a pack or state has its own credentials: leave out --identity, --key and --certificate");
  const auto file = options.pack.empty() ? options.state : options.pack;
  auto model = model_of(options);
  if (!model) return std::unexpected(model.error());
  const auto& tree = (*model)->tree();
  const auto chosen = choose(tree, options, file);
  if (!chosen) return std::unexpected(chosen.error());
  client::ConnectWanted wanted{};
  client::complete_account(wanted, tree, *chosen);
  uri_ = options.uri.empty() ? std::string(wanted.uri) : options.uri;
  source_ = file;
  mode_ = wanted.mode;
  identity_.assign(wanted.identity.begin(), wanted.identity.end());
  server_key_.assign(wanted.server_public_key.begin(), wanted.server_public_key.end());
  key_ = Secret(wanted.key);
  matching_ = wanted.matching_type;
  usage_ = wanted.certificate_usage;
  sni_ = wanted.sni;
  suites_ = wanted.cipher_suites;
  return {};
}

std::expected<void, std::string> Target::read_options(const TargetOptions& options) {
  uri_ = options.uri;
  if (options.usage) usage_ = static_cast<std::uint8_t>(*options.usage);
  if (options.matching) matching_ = static_cast<std::uint8_t>(*options.matching);
  sni_ = options.sni;
  const auto uri = parse_uri(uri_);
  if (!uri) return check_uri();
  if (!is_secure(uri->scheme)) {
    if (options.identity || !options.key_file.empty() || !options.certificate_file.empty())
      return wrong(uri_ + " has no security: leave out identity, key and certificate, or write coaps://");
    return {};
  }
  if (options.key_file.empty())
    return wrong(
        "a secure session needs a credential: --identity NAME --key FILE (pre-shared key), --key FILE "
        "--server-key FILE (raw public key), --certificate FILE --key FILE (X.509), --pack or --state");
  if (options.identity) {
    if (options.identity->empty() || options.identity->size() > dtls::kPskIdentityMax)
      return wrong("--identity: a PSK identity has 1 to 128 bytes; without one leave the option out");
    if (!options.certificate_file.empty()) return wrong("--identity and --certificate: leave one out");
    mode_ = SecurityMode::psk;
    identity_.assign(options.identity->begin(), options.identity->end());
    auto key = read_preshared_key(options.key_file);
    if (!key) return std::unexpected(key.error());
    key_ = std::move(*key);
    return {};
  }
  return read_public_key_options(options);
}

std::expected<void, std::string> Target::read_public_key_options(const TargetOptions& options) {
  auto key = read_private_key(options.key_file);
  if (!key) return std::unexpected(key.error());
  const bool x509 = !options.certificate_file.empty();
  mode_ = x509 ? SecurityMode::x509 : SecurityMode::rpk;
  if (x509) {
    auto own = read_certificates(options.certificate_file);
    if (!own) return std::unexpected(own.error());
    identity_ = std::move(*own);
  } else if (auto pair = security::read_private_key(key->reveal())) {
    identity_ = std::move(pair->public_key);
  }
  key_ = std::move(*key);
  if (options.server_key_file.empty()) return {};
  auto server = server_key_of(options.server_key_file, mode_, matching_);
  if (!server) return std::unexpected(server.error());
  server_key_ = std::move(*server);
  return {};
}

std::expected<void, std::string> Target::check_uri() const {
  const auto uri = parse_uri(uri_);
  if (!uri)
    return wrong("\"" + uri_ + "\" is not a server's URI (" + uri.error().detail +
                 "); write one such as coaps://host:5684");
  const bool secure = is_secure(uri->scheme);
  if (secure && mode_ == SecurityMode::nosec)
    return wrong(uri_ + " wants security, and the account has none (NoSec)");
  if (!secure && mode_ != SecurityMode::nosec)
    return wrong(uri_ + " has no security, and the account has: write coaps://");
  return {};
}

std::string Target::fingerprint() const {
  return device::identity_fingerprint(mode_, identity_);
}

std::string Target::who() const {
  if (mode_ == SecurityMode::nosec) return "without security";
  auto text = std::string("as ") + to_string(mode_) + " identity " + fingerprint();
  if (!source_.empty()) text += " of " + source_;
  return text;
}

security::ServerTrust Target::trust() const {
  return {.server_key = server_key_,
          .matching = static_cast<security::MatchingType>(matching_),
          .usage = static_cast<security::CertificateUsage>(usage_),
          .anchors = trust_store_,
          .name = sni_.empty() ? std::string(uri().host) : sni_};
}

client::ConnectWanted Target::wanted() const {
  client::ConnectWanted wanted{};
  wanted.uri = uri_;
  wanted.mode = mode_;
  wanted.identity = identity_;
  wanted.server_public_key = server_key_;
  wanted.key = key_.reveal();
  wanted.matching_type = matching_;
  wanted.certificate_usage = usage_;
  wanted.sni = sni_;
  wanted.cipher_suites = suites_;
  return wanted;
}

std::expected<dtls::ClientConfig, std::string> Target::session() const {
  auto config = device::secure_config(wanted(), uri().host, net::unix_now(), trust_store_);
  if (config && !cid_) config->cid = dtls::ClientConfig::ConnectionId::off;
  return config;
}

std::expected<security::tls::ClientConfig, std::string> Target::stream_session() const {
  return device::stream_config(wanted(), uri().host, net::unix_now(), trust_store_);
}

}  // namespace slipway::cli::doctor
