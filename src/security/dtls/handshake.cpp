// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/handshake.hpp"

#include <algorithm>
#include <cerrno>

#include "security/dtls/judging.hpp"

namespace slipway::security::dtls {
Handshake::Handshake(const TlsContext& context, const HandshakeConfig& config, AeadEngine& engine,
                     Random& random)
    : context_(context), config_(config), engine_(engine), random_(random) {}

bool Handshake::open_session() {
  session_ = context_.new_session();
  if (!session_) {
    fail({.reason = FailureReason::library, .refused_by = Side::us, .detail = "GnuTLS made no session"});
    return false;
  }
  auto* session = session_.get();
  gnutls_session_set_ptr(session, this);
  gnutls_transport_set_ptr(session, this);
  gnutls_transport_set_push_function(session, &Handshake::push);
  gnutls_transport_set_pull_function(session, &Handshake::pull);
  gnutls_transport_set_pull_timeout_function(session, &Handshake::readable);
  gnutls_dtls_set_mtu(session, static_cast<unsigned>(config_.mtu));
  gnutls_dtls_set_timeouts(session, kNeverMs + 1, kNeverMs);
  gnutls_handshake_set_max_packet_length(session, kHandshakeMessageMax);
  if (context_.role() == Role::server)
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE,
                                       &Handshake::hello_received);
  if (config_.cid) offer_cid();
  open_resumption();
  return true;
}

/// The whole ClientHello, before GnuTLS reads it.
int Handshake::hello_received(gnutls_session_t session, unsigned, unsigned, unsigned,
                              const gnutls_datum_t* body) {
  auto& self = *static_cast<Handshake*>(gnutls_session_get_ptr(session));
  const auto room =
      self.config_.library_suites ? TlsContext::LibraryRoom::some : TlsContext::LibraryRoom::none;
  self.intended_ = self.context_.choose(session, {body->data, body->size}, room);
  return 0;
}

void Handshake::start(TimePoint now) {
  started_ = now;
  if (open_session()) advance(now);
}

void Handshake::start_with_hello(TimePoint now, gnutls_dtls_prestate_st prestate, ByteView hello) {
  started_ = now;
  const auto random = dtls::client_random(hello);
  std::copy(random.begin(), random.end(), client_random_.begin());
  hello_.assign(hello.begin() + kRecordHeaderSize + kHandshakeHeaderSize, hello.end());
  if (!open_session()) return;
  gnutls_dtls_prestate_set(session_.get(), &prestate);
  if (!asks_before_resuming(now, hello)) handle_datagram(now, hello);
}

void Handshake::handle_datagram(TimePoint now, ByteView datagram) {
  if (state_ == State::done || state_ == State::failed || asks_for_) return;
  ++traffic_.datagrams_received;
  traffic_.bytes_received += static_cast<std::uint32_t>(datagram.size());
  const auto contents = inspect(datagram);
  if (!contents.readable || state_ == State::failed) return;
  if (contents.handshake && contents.repeated) return answer_repeated(now);
  if (state_ == State::wants_credential && !psk_wanted())
    return;  // it is proved; the answer is still to come
  const bool awaits_credential = context_.role() == Role::server && !psk_ && !resumed_;
  if (awaits_credential && (contents.key_exchange || !held_.empty())) return hold(datagram);
  feed(now, datagram);
}

void Handshake::credential(TimePoint now, std::optional<Secret> key) {
  if (asks_for_) return go_on_with_hello(now, resumable_with(now, key));
  if (state_ != State::wants_credential || !psk_wanted()) return;
  identity_known_ = key && !key->empty() && key->size() <= kPskKeyMax;
  if (!identity_known_) {
    // The same work and the same answer as for a wrong key. [RFC 4279 §2]
    std::array<std::uint8_t, 16> nobodys;
    random_.fill(nobodys);
    key = Secret(nobodys);
    wipe(nobodys);
  }
  psk_ = std::move(key);
  state_ = State::running;
  const auto held = std::exchange(held_, {});
  for (const auto& datagram : held) {
    if (state_ != State::running) break;
    feed(now, datagram);
  }
  // What follows the handshake in a held datagram is not kept: nothing can follow a client's Finished
  // before it has ours.
  input_ = {};
}

void Handshake::approve(TimePoint now, Approval approval) {
  if (asks_for_) return go_on_with_hello(now, resumable_with(now, approval));
  if (state_ != State::wants_credential || psk_wanted()) return;
  switch (approval) {
    case Approval::known:
      state_ = State::done;
      return send_new_flight(now);
    case Approval::unknown:
      return refuse({static_cast<std::uint8_t>(Alert::certificate_unknown),
                     "no device with this public key or certificate is stored"});
    case Approval::retired:
      return refuse({static_cast<std::uint8_t>(Alert::certificate_revoked),
                     "the device's public key or certificate has been retired"});
  }
}

void Handshake::handle_timeout(TimePoint now) {
  if (state_ == State::done || state_ == State::failed) return;
  if (now >= started_ + config_.retransmission.handshake_time_max)
    return fail({.reason = FailureReason::timeout, .refused_by = Side::nobody, .detail = timeout_detail()});
  if (state_ == State::wants_credential || flight_.empty() || now < resend_at_) return;
  resend_after_ = std::min(resend_after_ * 2, config_.retransmission.longest);
  send_again(now);
}

TimePoint Handshake::next_timeout() const {
  const auto deadline = started_ + config_.retransmission.handshake_time_max;
  if (state_ == State::wants_credential || flight_.empty()) return deadline;
  return std::min(deadline, resend_at_);
}

void Handshake::abort(Alert alert, const HandshakeFailure& failure) {
  if (state_ == State::done || state_ == State::failed) return;
  if (session_) {
    fresh_ = {};
    gnutls_alert_send(session_.get(), GNUTLS_AL_FATAL,
                      static_cast<gnutls_alert_description_t>(static_cast<int>(alert)));
    send(fresh_);
  }
  fail(failure);
}

void Handshake::fail(const HandshakeFailure& failure) {
  if (session_ && chosen_ && presented_.empty()) note_presented();
  failure_ = failure;
  state_ = State::failed;
  session_.reset();
  psk_.reset();
  held_.clear();
  input_ = {};
}

// --- what comes in -----------------------------------------------------------------------------------------

/// GnuTLS merges fragments by message type and trusts their lengths to agree: here they are made to.
bool Handshake::consistent(const HandshakeFragment& fragment) {
  const auto type = static_cast<std::size_t>(fragment.type);
  if (type >= seen_.size()) return false;
  auto& seen = seen_[type];
  if (seen.seen && seen.sequence == fragment.sequence) return seen.length == fragment.length;
  if (seen.seen && seen.sequence > fragment.sequence) return true;  // an old one: GnuTLS drops it
  seen = {fragment.length, fragment.sequence, true};
  return true;
}

Handshake::Contents Handshake::inspect(ByteView datagram) {
  Contents contents;
  bool all_repeated = true;
  for (ByteReader reader(datagram); !reader.empty();) {
    const auto record = read_record(reader, records_.cid_in.size);
    if (!record) return contents;
    if (record->epoch != 0) {
      all_repeated = false;
      continue;
    }
    if (record->type != ContentType::handshake) {
      all_repeated = all_repeated && record->type == ContentType::change_cipher_spec;
      continue;
    }
    contents.handshake = true;
    for (ByteReader messages(record->fragment); !messages.empty();) {
      const auto fragment = read_handshake_fragment(messages);
      if (!fragment || !consistent(*fragment)) return contents;
      if (static_cast<int>(fragment->sequence) > answered_message_) {
        all_repeated = false;
        latest_type_ = fragment->type;
      }
      highest_message_ = std::max(highest_message_, static_cast<int>(fragment->sequence));
      if (context_.role() == Role::client) note_server_hello(*fragment);
      if (fragment->type == HandshakeType::client_key_exchange && context_.role() == Role::server) {
        contents.key_exchange = psk_wanted();
        if (psk_wanted() && !psk_) note_key_exchange(*fragment);
      }
    }
  }
  contents.repeated = all_repeated;
  contents.readable = true;
  return contents;
}

// The ServerHello [RFC 5246 §7.4.1.3]:
//
//   0               2                      34      35
//  +-------+-------+- ... ----------------+-------+- ... -------+-------+-------+- ... -+
//  |    version    |      random (32)     | size  | session id  | cipher suite  |       |
//  +-------+-------+- ... ----------------+-------+- ... -------+-------+-------+- ... -+
void Handshake::note_server_hello(const HandshakeFragment& fragment) {
  if (fragment.type != HandshakeType::server_hello || fragment.offset != 0 || chosen_) return;
  ByteReader reader(fragment.body);
  const auto version = reader.u16();
  if (!version || !reader.take(32)) return;
  const auto id_size = reader.u8();
  if (!id_size || !reader.take(*id_size)) return;
  const auto suite = reader.u16();
  if (suite) {
    hello_version_ = *version;
    hello_suite_ = *suite;
  }
  if (suite) choose(*suite);
}

void Handshake::choose(std::uint16_t suite) {
  const auto known = cipher_suite(suite);
  if (!known) return;
  chosen_ = known;
  unwanted_ = !context_.takes(*known) || (stays_in_library(*known) && !config_.library_suites);
  if (const auto aead = aead_of(suite)) records_.aead = *aead;
  if (in_library() && context_.role() == Role::client) let_library_repeat();
}

// The ClientKeyExchange of a PSK suite [RFC 4279 §2]:
//
//   0               2
//  +-------+-------+- ... -----------+
//  | identity size |    identity     |
//  +-------+-------+- ... -----------+
void Handshake::note_key_exchange(const HandshakeFragment& fragment) {
  if (identity_ || fragment.offset != key_exchange_.size()) return;  // fragments out of order come again
  key_exchange_.insert(key_exchange_.end(), fragment.body.begin(), fragment.body.end());
  ByteReader reader(key_exchange_);
  const auto size = reader.u16();
  if (!size) return;
  if (*size > kPskIdentityMax)
    return abort(Alert::illegal_parameter, {.reason = FailureReason::identity_too_long,
                                            .alert = Alert::illegal_parameter,
                                            .refused_by = Side::us,
                                            .detail = "the client's PSK identity has more than 128 bytes"});
  if (const auto bytes = reader.take(*size)) identity_ = *PskIdentity::from(*bytes);
}

void Handshake::hold(ByteView datagram) {
  if (identity_) state_ = State::wants_credential;
  if (held_.size() == kHeldDatagramsMax || datagram.size() > kHeldDatagramSizeMax) return;
  held_.emplace_back(datagram.begin(), datagram.end());
}

void Handshake::answer_repeated(TimePoint now) {
  if (flight_.empty() || !held_.empty() || now < last_sent_ + config_.retransmission.answer_gap) return;
  send_again(now);
}

void Handshake::feed(TimePoint now, ByteView datagram) {
  input_ = datagram;
  advance(now);
  if (state_ == State::running) detect_wrong_key(datagram);
  if (state_ != State::done) input_ = {};
}

void Handshake::advance(TimePoint now) {
  for (;;) {
    const auto before = input_.size();
    const int code = gnutls_handshake(session_.get());
    if (unwanted_)
      return abort(Alert::handshake_failure,
                   {.reason = FailureReason::no_common_suite,
                    .alert = Alert::handshake_failure,
                    .refused_by = Side::us,
                    .detail = context_.role() == Role::client
                                  ? "the server chose a cipher suite that was not asked for"
                                  : "of the only cipher suite that both know there are sessions enough"});
    if (code == GNUTLS_E_SUCCESS) {
      finish();
      break;
    }
    if (gnutls_error_is_fatal(code)) return fail_by_library(code);
    if (code == GNUTLS_E_WARNING_ALERT_RECEIVED)
      warning_ = static_cast<Alert>(gnutls_alert_get(session_.get()));
    if (input_.empty() || input_.size() == before) break;
  }
  if (resuming_ != nullptr && !resumption_holds()) return;
  // Our last flight waits until the client's public key has been approved.
  if (!fresh_.empty() && state_ != State::wants_credential) send_new_flight(now);
}

/// GnuTLS drops what does not decrypt, as it should in a session. In a handshake it means that the two keys
/// differ, and the peer is better told than left to time out. [RFC 4279 §2]
void Handshake::detect_wrong_key(ByteView datagram) {
  if ((!psk_wanted() && !resumed_) || !has_read_key() || (!in_library() && !load_key(true, records_.read)))
    return;
  std::array<std::uint8_t, 256> scratch;
  for (ByteReader reader(datagram); !reader.empty();) {
    const auto record = read_record(reader, records_.cid_in.size);
    if (!record) return;
    const bool is_protected =
        record->type == ContentType::handshake || record->type == ContentType::tls12_cid;
    if (record->epoch != kSessionEpoch || !is_protected) continue;
    // GnuTLS has had its key and this Finished, and is not done: it could not read it.
    if (!in_library()) {
      const auto opened = open_record(engine_, records_.aead, records_.read, *record, scratch);
      if (opened || opened.error().code != ErrorCode::refused) continue;
    }
    return abort(
        Alert::decrypt_error,
        {.reason = identity_known_ ? FailureReason::wrong_key : FailureReason::unknown_identity,
         .alert = Alert::decrypt_error,
         .refused_by = Side::us,
         .detail =
             resumed_
                 ? "the client's Finished does not decrypt: it does not know the session that it would resume"
             : identity_known_ ? "the client's Finished does not decrypt: its key is not the one stored"
                               : "no such PSK identity is stored"});
  }
}

// --- what goes out -----------------------------------------------------------------------------------------

void Handshake::send_new_flight(TimePoint now) {
  flight_ = std::exchange(fresh_, {});
  answered_message_ = highest_message_;
  resend_after_ = config_.retransmission.first;
  last_sent_ = now;
  resend_at_ = now + resend_after_;
  send(flight_);
}

void Handshake::send(const Flight& flight) {
  const auto datagrams = output_.ends.size();
  const auto bytes = output_.bytes.size();
  const FlightWriter writer{engine_, config_.mtu, next_plain_, records_, repeats_for_a_session()};
  if (!writer.write(flight, output_))
    fail({.reason = FailureReason::library, .refused_by = Side::us, .detail = "libcrypto refused to seal"});
  traffic_.datagrams_sent =
      static_cast<std::uint16_t>(traffic_.datagrams_sent + output_.ends.size() - datagrams);
  traffic_.bytes_sent += static_cast<std::uint32_t>(output_.bytes.size() - bytes);
}

void Handshake::finish() {
  const auto agreed = agreed_suite(session_.get());
  const bool has_keys = in_library() || (load_key(true, records_.read) && load_key(false, records_.write));
  if (!agreed || agreed != chosen_ || !has_keys)
    return fail(
        {.reason = FailureReason::library, .refused_by = Side::us, .detail = "GnuTLS gave no record keys"});
  records_.window.mark(last_protected_);
  state_ = State::done;
  resumed_ = gnutls_session_is_resumed(session_.get()) != 0;
  if (context_.role() == Role::client) return finish_client();
  if (resumed_) flight_ = {};  // the client has it, or there would be no Finished
  if (!resumed_ && !uses_psk(*agreed)) judge_client();
}

HandshakeFacts Handshake::facts() const {
  HandshakeFacts facts{.offered = read_hello_facts(hello_),
                       .version = hello_version_,
                       .suite = hello_suite_,
                       .chain = presented_};
  for (std::size_t type = 0; type < seen_.size(); ++type)
    if (seen_[type].seen) facts.messages |= 1u << type;
  return facts;
}

const char* Handshake::timeout_detail() const {
  if (state_ == State::wants_credential) return "no credential was given for the identity in time";
  if (context_.role() == Role::server)
    return highest_message_ <= 1 ? "the client fell silent after our hello"
                                 : "the client fell silent before its Finished";
  if (highest_message_ < 0)
    return "nothing came back: wrong address or port, a firewall, or no DTLS server there";
  switch (latest_type_) {
    case HandshakeType::hello_verify_request:
      return "the server sent its cookie and then fell silent: it is overloaded or has no suite in common";
    case HandshakeType::server_hello_done:
      return "the server does not answer our Finished: the identity is unknown there or the key differs";
    default:
      return "the server fell silent in the middle of the handshake";
  }
}

void Handshake::fail_by_library(int code) {
  const auto failure = failure_of(session_.get(), code, distrusted_);
  if (failure.refused_by == Side::peer) return fail(failure);
  abort(*failure.alert, failure);
}

// --- the buffers GnuTLS works on
// -----------------------------------------------------------------------------

ssize_t Handshake::pull(gnutls_transport_ptr_t self, void* data, size_t size) {
  auto& handshake = *static_cast<Handshake*>(self);
  const auto got = handshake.pull_record({static_cast<std::uint8_t*>(data), size});
  if (got == 0) {
    gnutls_transport_set_errno(handshake.session_.get(), EAGAIN);
    return -1;
  }
  return got;
}

/// One record at a time, so that those behind the handshake stay ours. GnuTLS knows no Connection ID: a
/// record with one is opened and sealed again without.
ssize_t Handshake::pull_record(MutableBytes out) {
  ByteReader reader(input_);
  const auto record = read_record(reader, records_.cid_in.size);
  input_ = record ? reader.rest() : ByteView{};
  if (!record || record->whole.size() > out.size()) return 0;
  const bool with_cid = record->type == ContentType::tls12_cid;
  if (record->epoch == kSessionEpoch) {
    if (with_cid != (records_.cid_in.size != 0) || !equal(record->cid, records_.cid_in.view())) return 0;
    last_protected_ = record->sequence;
  }
  if (with_cid) return pull_cid_record(*record, out);
  std::memcpy(out.data(), record->whole.data(), record->whole.size());
  return static_cast<ssize_t>(record->whole.size());
}

int Handshake::readable(gnutls_transport_ptr_t self, unsigned) {
  return static_cast<Handshake*>(self)->input_.empty() ? 0 : 1;
}

ssize_t Handshake::push(gnutls_transport_ptr_t self, const void* data, size_t size) {
  auto& handshake = *static_cast<Handshake*>(self);
  if (handshake.push_records({static_cast<const std::uint8_t*>(data), size}))
    return static_cast<ssize_t>(size);
  gnutls_transport_set_errno(handshake.session_.get(), EIO);
  return -1;
}

/// Records under the new keys are opened again: GnuTLS numbers them without knowing of retransmissions.
bool Handshake::push_records(ByteView bytes) {
  for (ByteReader reader(bytes); !reader.empty();) {
    const auto record = read_record(reader, 0);
    if (!record) return false;
    if (!takes_from_library(*record)) continue;
    if (record->epoch == 0) {
      next_plain_ = std::max(next_plain_, record->sequence);
      fresh_.add(record->type, 0, record->fragment);
      ByteReader messages(record->fragment);
      if (record->type != ContentType::handshake) continue;
      const auto fragment = read_handshake_fragment(messages);
      if (!fragment) continue;
      note_server_hello(*fragment);
      if (fragment->type == HandshakeType::client_hello)
        hello_.assign(fragment->body.begin(), fragment->body.end());
      continue;
    }
    if (!chosen_) return false;
    if (in_library()) {
      fresh_.add_sealed(record->whole);
      continue;
    }
    if (!load_key(false, records_.write)) return false;
    std::array<std::uint8_t, 512> scratch;
    const auto opened = open_record(engine_, records_.aead, records_.write, *record, scratch);
    if (!opened) return false;
    fresh_.add(opened->type, record->epoch, opened->plaintext);
  }
  return true;
}

bool Handshake::has_read_key() const {
  gnutls_datum_t cipher_key{};
  unsigned char sequence[8];
  return gnutls_record_get_state(session_.get(), 1, nullptr, nullptr, &cipher_key, sequence) >= 0 &&
         cipher_key.size != 0;
}

bool Handshake::load_key(bool read, RecordKey& key) const {
  gnutls_datum_t iv{}, cipher_key{};
  unsigned char sequence[8];
  if (gnutls_record_get_state(session_.get(), read ? 1 : 0, nullptr, &iv, &cipher_key, sequence) < 0 ||
      cipher_key.size != key.key.size() || iv.size < key.salt.size())
    return false;
  std::memcpy(key.key.data(), cipher_key.data, key.key.size());
  std::memcpy(key.salt.data(), iv.data, key.salt.size());
  return true;
}

int psk_key_of(gnutls_session_t session, const gnutls_datum_t*, gnutls_datum_t* key) {
  const auto& handshake = *static_cast<const Handshake*>(gnutls_session_get_ptr(session));
  if (!handshake.psk_) return -1;
  const auto psk = handshake.psk_->reveal();
  key->data = static_cast<unsigned char*>(gnutls_malloc(psk.size()));  // GnuTLS wipes and frees it
  if (key->data == nullptr) return -1;
  std::memcpy(key->data, psk.data(), psk.size());
  key->size = static_cast<unsigned>(psk.size());
  return 0;
}

}  // namespace slipway::security::dtls
