// SPDX-License-Identifier: Apache-2.0
// A handshake that resumes a session, either side. [RFC 5246 §7.3] [RFC 5077]
//
//   client                                              server
//     | ClientHello (session id) ------------------------>|  keeps such a session: asks for its credential
//     |<------------ ServerHello, ChangeCipherSpec, Finished |  of which nothing has changed
//     | ChangeCipherSpec, Finished ---------------------->|
//
// The last flight is the client's: it is the one to keep it, and to send it again when the server repeats its
// own.
#include "security/dtls/handshake.hpp"
#include "security/dtls/judging.hpp"

namespace slipway::security::dtls {
namespace {

/// GnuTLS has a clock of its own for the age of sessions. Ours decides: this is the longest that it takes.
constexpr int kLibraryLifeSeconds = 7 * 24 * 3600;

ByteView view_of(gnutls_datum_t datum) {
  return {datum.data, datum.size};
}

bool same(const PeerIdentity& a, const PeerIdentity& b) {
  const auto bytes_of = [](const PeerIdentity& identity) -> ByteView {
    if (const auto* raw = std::get_if<RawKeyIdentity>(&identity)) return raw->public_key;
    if (const auto* own = std::get_if<CertificateIdentity>(&identity)) return own->certificate;
    return std::get<PskIdentity>(identity).bytes();
  };
  return a.index() == b.index() && equal(bytes_of(a), bytes_of(b));
}

}  // namespace

void Handshake::open_resumption() {
  auto* session = session_.get();
  if (context_.role() == Role::client) {
    const auto kept = read_resumption(config_.resumption, *config_.credential, config_.wall);
    // What GnuTLS cannot read, it does not offer.
    if (kept && context_.takes(kept->suite))
      (void)gnutls_session_set_data(session, kept->data.data(), kept->data.size());
    return;
  }
  if (config_.resumable == nullptr || !config_.resumable->enabled()) return;
  gnutls_db_set_ptr(session, this);
  gnutls_db_set_retrieve_function(session, &Handshake::resumable_wanted);
  gnutls_db_set_store_function(session, &Handshake::resumable_made);
  gnutls_db_set_cache_expiration(session, kLibraryLifeSeconds);
}

/// Whether the hello waits until the store has said what the credential of its session is worth now.
bool Handshake::asks_before_resuming(TimePoint now, ByteView hello) {
  if (config_.resumable == nullptr || hello.size() > kHeldDatagramSizeMax) return false;
  const auto id = session_id_of(hello_);
  const auto* session = id ? config_.resumable->find(now, *id) : nullptr;
  if (session == nullptr) return false;
  asks_for_ = id;
  identity_ = session->identity;
  held_.emplace_back(hello.begin(), hello.end());
  state_ = State::wants_credential;
  return true;
}

const Resumable* Handshake::resumable_with(TimePoint now, const std::optional<Secret>& key) const {
  const auto* session = config_.resumable->find(now, *asks_for_);
  if (session == nullptr || !key || key->empty()) return nullptr;
  const auto mark = config_.resumable->mark_of(*key);
  return equal_constant_time(mark, session->key_mark) ? session : nullptr;
}

const Resumable* Handshake::resumable_with(TimePoint now, Approval approval) const {
  return approval == Approval::known ? config_.resumable->find(now, *asks_for_) : nullptr;
}

/// With nothing to resume it is a whole handshake, which finds out what is wrong with the credential.
void Handshake::go_on_with_hello(TimePoint now, const Resumable* session) {
  const auto hello = std::exchange(held_, {});
  asks_for_.reset();
  state_ = State::running;
  resuming_ = session;
  if (resuming_ == nullptr) identity_.reset();
  handle_datagram(now, hello.front());
  resuming_ = nullptr;
}

/// After GnuTLS has read the hello: whether the handshake goes on. A certificate may have run out since.
bool Handshake::resumption_holds() {
  resumed_ = gnutls_session_is_resumed(session_.get()) != 0;
  if (!resumed_) {
    identity_.reset();  // of a whole handshake, it is still to be proved
    return true;
  }
  if (std::holds_alternative<PskIdentity>(*identity_)) return true;
  const auto client = proven_client(session_.get(), config_.authorities, config_.wall);
  if (client && same(*client, *identity_)) return true;
  refuse(client ? Distrust{static_cast<std::uint8_t>(Alert::bad_certificate),
                           "the session to be resumed is not of the client that it was kept for"}
                : client.error());
  return false;
}

gnutls_datum_t Handshake::resumable_wanted(void* self, gnutls_datum_t id) {
  const auto* session = static_cast<const Handshake*>(self)->resuming_;
  if (session == nullptr || !equal(session->id.view(), view_of(id))) return {};
  const auto data = session->data.reveal();
  auto* copy = static_cast<unsigned char*>(gnutls_malloc(data.size()));  // GnuTLS frees it
  if (copy == nullptr) return {};
  std::ranges::copy(data, copy);
  return {copy, static_cast<unsigned>(data.size())};
}

/// Of what has a Connection ID, or stays in GnuTLS, nothing is kept: the one goes on without a handshake, the
/// other is there for its forward secrecy or for old clients. [RFC 7627 §5.3] asks for an extended master
/// secret.
int Handshake::resumable_made(void* pointer, gnutls_datum_t id, gnutls_datum_t data) {
  auto& self = *static_cast<Handshake*>(pointer);
  const auto session_id = SessionId::from(view_of(id));
  if (self.in_library() || self.records_.cid_in.size != 0 || !session_id || data.size > kResumableSizeMax ||
      gnutls_session_ext_master_secret_status(self.session_.get()) == 0)
    return -1;
  auto& made =
      self.resumable_.emplace(Resumable{.id = *session_id, .identity = {}, .data = Secret(view_of(data))});
  if (self.psk_) made.key_mark = self.config_.resumable->mark_of(*self.psk_);
  return 0;
}

void Handshake::finish_client() {
  // The library asks nobody about the server of a session that it resumes.
  if (resumed_ && !uses_psk(*chosen_) && judge_server() != 0) return refuse(*distrusted_);
  if (!resumed_) flight_ = {};
  if (in_library() || records_.cid_out.size != 0) return;
  // A resumed session is as old as the first handshake.
  resumption_ = resumed_ ? Secret(config_.resumption)
                         : resumption_of(session_.get(), *chosen_, *config_.credential, config_.wall);
}

}  // namespace slipway::security::dtls
