// SPDX-License-Identifier: Apache-2.0
#include "dtls_world.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace slipway::bench {
namespace {

using security::CertificateRequest;

Party party(CertificateRequest::Use use, std::string_view name, const Party* issuer) {
  Party made;
  made.key = *security::make_key_pair();
  const auto serial = security::sha256(made.key.public_key);
  const auto& signer = issuer != nullptr ? issuer->key : made.key;
  made.certificate = *security::issue_certificate(
      {.public_key = made.key.public_key,
       .common_name = name,
       .not_before = kToday - std::chrono::hours(24),  // GnuTLS looks at the real time
       .not_after = kToday + std::chrono::hours(24 * 365 * 50),
       .serial = ByteView(serial).first(16),
       .use = use,
       .dns_name = use == CertificateRequest::Use::server ? name : ""},
      issuer != nullptr ? ByteView(issuer->certificate) : ByteView(), signer.private_key.reveal());
  return made;
}

gnutls_datum_t datum(ByteView bytes) {
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

void must(int result) {
  if (result >= 0) return;
  std::fprintf(stderr, "GnuTLS: %s\n", gnutls_strerror(result));
  std::exit(1);
}

constexpr const char* kPriorities[] = {
    "NONE:+VERS-DTLS1.2:+PSK:+AES-128-CCM-8:+AES-128-GCM:+AEAD:+COMP-NULL:+GROUP-SECP256R1:+SIGN-ALL",
    "NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD:+COMP-NULL:+GROUP-SECP256R1:+SIGN-ECDSA-SHA256:"
    "+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK",
    "NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD:+COMP-NULL:+GROUP-SECP256R1:+SIGN-ECDSA-SHA256:"
    "+CTYPE-CLI-X509:+CTYPE-SRV-X509"};

}  // namespace

Keys::Keys()
    : authority(party(CertificateRequest::Use::authority, "Bench CA", nullptr)),
      server(party(CertificateRequest::Use::server, "server.example", &authority)),
      device(party(CertificateRequest::Use::client, kIdentity, &authority)) {}

const Keys& keys() {
  static const Keys made;
  return made;
}

ClientConfig client_config(Mode mode) {
  const auto& all = keys();
  if (mode == Mode::psk)
    return {.credential = PskCredential{*PskIdentity::from(as_bytes(kIdentity)), Secret(as_bytes(kKey))}};
  if (mode == Mode::raw_public_key)
    return {.credential = RawKeyCredential{all.device.key.public_key, all.device.key.private_key.clone(),
                                           all.server.key.public_key}};
  CertificateCredential own;
  own.chain.push_back(all.device.certificate);
  own.private_key = all.device.key.private_key.clone();
  own.trust.server_key = all.server.certificate;
  return {.credential = std::move(own)};
}

ServerConfig server_config() {
  static std::uint64_t last = 0;
  const auto& all = keys();
  ServerConfig config;
  config.next_peer = [] { return PeerId(++last); };
  config.keys.chain.push_back(all.server.certificate);
  config.keys.public_key = all.server.key.public_key;
  config.keys.private_key = all.server.key.private_key.clone();
  config.client_authorities.push_back(all.authority.certificate);
  config.wall = [](TimePoint) { return std::optional(kToday); };
  config.handshakes_per_ip_max = 1'000'000;
  config.sessions_max = 10'000'000;
  return config;
}

void TimedServer::handle(const Address& from, ByteView datagram) {
  const auto begin = Clock::now();
  server.handle_datagram(kNow, from, datagram);
  while (const auto event = server.poll_event()) {
    if (const auto* wanted = std::get_if<CredentialWanted>(&*event)) {
      if (wanted->kind == IdentityKind::psk) {
        server.credential(kNow, wanted->lookup, Secret(as_bytes(kKey)));
      } else {
        const bool known = wanted->kind == IdentityKind::certificate ||
                           equal(wanted->public_part, keys().device.key.public_key);
        server.approve(kNow, wanted->lookup, known ? Approval::known : Approval::unknown);
      }
    } else if (const auto* done = std::get_if<SessionEstablished>(&*event)) {
      established = done->peer;
    } else if (std::get_if<DatagramReceived>(&*event) != nullptr) {
      ++received;
    }
  }
  while (const auto transmit = server.poll_transmit())
    out.emplace_back(transmit->bytes.begin(), transmit->bytes.end());
  busy += Clock::now() - begin;
}

void TimedServer::forget() {
  server.end(kNow, *established, Alert::close_notify);
  while (server.poll_transmit()) {
  }
  while (server.poll_event()) {
  }
}

PlainServer::PlainServer(Mode mode) : mode_(mode) {
  must(gnutls_priority_init(&priority_, kPriorities[static_cast<std::size_t>(mode)], nullptr));
  must(gnutls_key_generate(&cookie_, GNUTLS_COOKIE_KEY_SIZE));
  must(gnutls_psk_allocate_server_credentials(&psk_));
  gnutls_psk_set_server_credentials_function(psk_, [](gnutls_session_t, const char*, gnutls_datum_t* key) {
    key->data = static_cast<unsigned char*>(gnutls_malloc(kKey.size()));
    std::memcpy(key->data, kKey.data(), kKey.size());
    key->size = static_cast<unsigned>(kKey.size());
    return 0;
  });
  if (mode == Mode::psk) return;
  const auto& all = keys();
  must(gnutls_certificate_allocate_credentials(&certificates_));
  const auto private_key = datum(all.server.key.private_key.reveal());
  if (mode == Mode::raw_public_key) {
    const auto public_key = datum(all.server.key.public_key);
    must(gnutls_certificate_set_rawpk_key_mem(certificates_, &public_key, &private_key, GNUTLS_X509_FMT_DER,
                                              nullptr, 0, nullptr, 0, 0));
  } else {
    const auto certificate = datum(all.server.certificate), authority = datum(all.authority.certificate);
    must(gnutls_certificate_set_x509_key_mem(certificates_, &certificate, &private_key, GNUTLS_X509_FMT_DER));
    must(gnutls_certificate_set_x509_trust_mem(certificates_, &authority, GNUTLS_X509_FMT_DER));
  }
  gnutls_certificate_set_verify_function(certificates_, verify);
}

PlainServer::~PlainServer() {
  if (session != nullptr) gnutls_deinit(session);
  if (certificates_ != nullptr) gnutls_certificate_free_credentials(certificates_);
  gnutls_psk_free_server_credentials(psk_);
  gnutls_priority_deinit(priority_);
  gnutls_free(cookie_.data);
}

int PlainServer::verify(gnutls_session_t session) {
  const auto& self = *static_cast<PlainServer*>(gnutls_transport_get_ptr(session));
  if (self.mode_ == Mode::raw_public_key) {
    unsigned count = 0;
    const auto* peers = gnutls_certificate_get_peers(session, &count);
    const auto& known = keys().device.key.public_key;
    const bool same = count == 1 && peers->size == known.size() &&
                      std::memcmp(peers->data, known.data(), known.size()) == 0;
    return same ? 0 : -1;
  }
  unsigned status = 0;
  return gnutls_certificate_verify_peers2(session, &status) < 0 || status != 0 ? -1 : 0;
}

void PlainServer::open(const gnutls_dtls_prestate_st& prestate) {
  unsigned flags = GNUTLS_SERVER | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS;
  if (mode_ == Mode::raw_public_key) flags |= GNUTLS_ENABLE_RAWPK;
  gnutls_init(&session, flags);
  gnutls_priority_set(session, priority_);
  gnutls_credentials_set(session, GNUTLS_CRD_PSK, psk_);
  if (certificates_ != nullptr) {
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificates_);
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
  }
  gnutls_transport_set_ptr(session, this);
  gnutls_transport_set_push_function(session, push);
  gnutls_transport_set_pull_function(session, pull);
  gnutls_transport_set_pull_timeout_function(session, readable);
  gnutls_dtls_set_mtu(session, 1200);
  auto state = prestate;
  gnutls_dtls_prestate_set(session, &state);
}

void PlainServer::handle(const Address& from, ByteView datagram) {
  const auto begin = Clock::now();
  auto owner = from.ip;
  if (session == nullptr) {
    gnutls_dtls_prestate_st prestate{};
    auto* message = const_cast<std::uint8_t*>(datagram.data());
    if (gnutls_dtls_cookie_verify(&cookie_, owner.data(), owner.size(), message, datagram.size(), &prestate) <
        0) {
      gnutls_dtls_cookie_send(&cookie_, owner.data(), owner.size(), &prestate, this, push);
      busy += Clock::now() - begin;
      return;
    }
    open(prestate);
  }
  in = datagram;
  (void)gnutls_handshake(session);
  busy += Clock::now() - begin;
}

/// Inside of the time: the other one frees its session before it says that it is established.
void PlainServer::forget() {
  const auto begin = Clock::now();
  gnutls_deinit(session);
  session = nullptr;
  busy += Clock::now() - begin;
}

ssize_t PlainServer::push(gnutls_transport_ptr_t self, const void* data, size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  static_cast<PlainServer*>(self)->out.emplace_back(bytes, bytes + size);
  return static_cast<ssize_t>(size);
}

ssize_t PlainServer::pull(gnutls_transport_ptr_t self, void* data, size_t size) {
  auto& peer = *static_cast<PlainServer*>(self);
  if (peer.in.empty()) {
    gnutls_transport_set_errno(peer.session, EAGAIN);
    return -1;
  }
  const auto count = std::min(size, peer.in.size());
  std::memcpy(data, peer.in.data(), count);
  peer.in = {};
  return static_cast<ssize_t>(count);
}

int PlainServer::readable(gnutls_transport_ptr_t self, unsigned) {
  return static_cast<PlainServer*>(self)->in.empty() ? 0 : 1;
}

}  // namespace slipway::bench
