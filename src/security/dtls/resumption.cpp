// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/resumption.hpp"

#include <gnutls/crypto.h>

#include "security/dtls/wire.hpp"

namespace slipway::security::dtls {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMacSize = 32;
constexpr std::size_t kHeadSize = kMacSize + 1 + 2 + 8;
/// How long a client offers a session again; a server may forget it sooner. [RFC 5246 §F.1.4]
constexpr Duration kOfferedFor = std::chrono::hours(24);
/// A list node, the rows of two indexes, the heads of two allocations.
constexpr std::size_t kRowBytes = 240;

std::size_t size_of(const PeerIdentity& identity) {
  if (const auto* raw = std::get_if<RawKeyIdentity>(&identity)) return raw->public_key.size();
  if (const auto* certificate = std::get_if<CertificateIdentity>(&identity))
    return certificate->certificate.size();
  return 0;  // inside the row
}

std::uint64_t seconds_of(UnixTime time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<seconds>(time.time_since_epoch()).count());
}

KeyMark hmac(ByteView key, ByteView text) {
  KeyMark mac{};
  gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.data(), key.size(), text.data(), text.size(), mac.data());
  return mac;
}

ByteView secret_of(const Credential& credential) {
  if (const auto* psk = std::get_if<PskCredential>(&credential)) return psk->key.reveal();
  if (const auto* raw = std::get_if<RawKeyCredential>(&credential)) return raw->private_key.reveal();
  return std::get<CertificateCredential>(credential).private_key.reveal();
}

}  // namespace

std::optional<SessionId> SessionId::from(ByteView bytes) {
  if (bytes.empty() || bytes.size() > kSessionIdMax) return std::nullopt;
  SessionId id;
  id.size = static_cast<std::uint8_t>(bytes.size());
  std::ranges::copy(bytes, id.bytes.begin());
  return id;
}

ResumableSessions::ResumableSessions(Random& random, std::size_t bytes_max, Duration life)
    : bytes_max_(bytes_max), life_(life) {
  if (enabled()) random.fill(mark_key_);
}

const Resumable* ResumableSessions::find(TimePoint now, const SessionId& id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || now >= found->second->made + life_) return nullptr;
  return &found->second->session;
}

void ResumableSessions::keep(TimePoint now, std::uint64_t identity_mark, Resumable&& session) {
  forget(identity_mark);
  while (!sessions_.empty() && now >= sessions_.front().made + life_) drop(sessions_.begin());
  const auto bytes = sizeof(Kept) + kRowBytes + session.data.size() + size_of(session.identity);
  if (bytes > bytes_max_ || by_id_.contains(session.id)) return;
  while (bytes_ + bytes > bytes_max_) drop(sessions_.begin());
  sessions_.push_back(
      {.session = std::move(session), .made = now, .identity_mark = identity_mark, .bytes = bytes});
  const auto place = std::prev(sessions_.end());
  by_id_.emplace(place->session.id, place);
  by_identity_.emplace(identity_mark, place);
  bytes_ += bytes;
}

void ResumableSessions::forget(std::uint64_t identity_mark) {
  if (const auto found = by_identity_.find(identity_mark); found != by_identity_.end()) drop(found->second);
}

void ResumableSessions::drop(Place place) {
  bytes_ -= place->bytes;
  by_id_.erase(place->session.id);
  by_identity_.erase(place->identity_mark);
  sessions_.erase(place);
}

KeyMark ResumableSessions::mark_of(const Secret& key) const {
  return hmac(mark_key_, key.reveal());
}

std::optional<SessionId> session_id_of(ByteView hello_body) {
  ByteReader reader(hello_body);
  if (!reader.u16() || !reader.take(kClientRandomSize)) return std::nullopt;
  const auto size = reader.u8();
  if (!size) return std::nullopt;
  const auto bytes = reader.take(*size);
  return bytes ? SessionId::from(*bytes) : std::nullopt;
}

Secret resumption_of(gnutls_session_t session, CipherSuite suite, const Credential& credential,
                     std::optional<UnixTime> wall) {
  gnutls_datum_t id{};
  // Without an id there is no ticket either: GnuTLS makes one for it. Sessions without an extended master
  // secret are not to be resumed. [RFC 7627 §5.3]
  if (gnutls_session_get_id2(session, &id) < 0 || id.size == 0) return {};
  if (gnutls_session_ext_master_secret_status(session) == 0) return {};
  gnutls_datum_t data{};
  if (gnutls_session_get_data2(session, &data) < 0) return {};
  Secret kept;
  if (data.size <= kResumableSizeMax) {
    std::array<std::uint8_t, kHeadSize + kResumableSizeMax> bytes;
    ByteWriter writer(bytes);
    writer.skip(kMacSize);
    writer.u8(kVersion);
    writer.u16(static_cast<std::uint16_t>(suite));
    writer.u64(wall ? seconds_of(*wall) : 0);
    writer.bytes({data.data, data.size});
    std::ranges::copy(hmac(secret_of(credential), writer.written().subspan(kMacSize)), bytes.begin());
    kept = Secret(writer.written());
    wipe(MutableBytes(bytes).first(writer.size()));
  }
  wipe({data.data, data.size});
  gnutls_free(data.data);
  return kept;
}

std::optional<Resumption> read_resumption(ByteView kept, const Credential& credential,
                                          std::optional<UnixTime> wall) {
  ByteReader reader(kept);
  const auto mac = reader.take(kMacSize);
  if (!mac || !equal_constant_time(*mac, hmac(secret_of(credential), reader.rest()))) return std::nullopt;
  const auto version = reader.u8();
  if (!version || *version != kVersion) return std::nullopt;
  const auto number = reader.u16();
  const auto suite = number ? cipher_suite(*number) : std::nullopt;
  const auto made_at = reader.u64();
  if (!suite || !made_at || reader.empty()) return std::nullopt;
  const bool knows_age = wall && *made_at != 0;
  const auto most = static_cast<std::uint64_t>(std::chrono::duration_cast<seconds>(kOfferedFor).count());
  // A clock that went back says nothing: the server has its own.
  if (knows_age && seconds_of(*wall) > *made_at && seconds_of(*wall) - *made_at > most) return std::nullopt;
  return Resumption{*suite, reader.rest()};
}

}  // namespace slipway::security::dtls
