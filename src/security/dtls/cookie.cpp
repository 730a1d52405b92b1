// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/cookie.hpp"

#include <slipway/base/secret.hpp>

#include "security/dtls/wire.hpp"

namespace slipway::security::dtls {
namespace {

using Owner = std::array<std::uint8_t, 22>;
Owner owner_of(const Address& address) {
  Owner owner{};
  ByteWriter writer(owner);
  writer.bytes(address.ip);
  writer.u16(address.port);
  writer.u32(address.scope);
  return owner;
}

ssize_t copy_out(gnutls_transport_ptr_t to, const void* data, size_t size) {
  auto& writer = *static_cast<ByteWriter*>(to);
  writer.bytes({static_cast<const std::uint8_t*>(data), size});
  return static_cast<ssize_t>(size);
}

}  // namespace

CookieJar::~CookieJar() {
  wipe(current_);
  wipe(last_);
}

void CookieJar::rotate(TimePoint now) {
  if (made_at_ && now < *made_at_ + key_life_) return;
  const bool last_is_too_old = !made_at_ || now >= *made_at_ + 2 * key_life_;
  last_ = current_;
  random_.fill(current_);
  if (last_is_too_old) random_.fill(last_);
  made_at_ = now;
}

std::optional<gnutls_dtls_prestate_st> CookieJar::verify(TimePoint now, const Address& from, ByteView hello) {
  rotate(now);
  auto owner = owner_of(from);
  for (auto* key : {&current_, &last_}) {
    gnutls_datum_t datum{key->data(), static_cast<unsigned>(key->size())};
    gnutls_dtls_prestate_st prestate{};
    // GnuTLS reads the hello through a pointer to non-const.
    auto* message = const_cast<std::uint8_t*>(hello.data());
    if (gnutls_dtls_cookie_verify(&datum, owner.data(), owner.size(), message, hello.size(), &prestate) >= 0)
      return prestate;
  }
  return std::nullopt;
}

std::size_t CookieJar::answer(TimePoint now, const Address& to, ByteView hello, MutableBytes out) {
  rotate(now);
  auto owner = owner_of(to);
  gnutls_datum_t datum{current_.data(), static_cast<unsigned>(current_.size())};
  // The answer takes the hello's record number; GnuTLS has room for its last byte. [RFC 6347 §4.2.1]
  gnutls_dtls_prestate_st prestate{
      .record_seq = hello[kRecordHeaderSize - 3], .hsk_read_seq = 0, .hsk_write_seq = 0};
  ByteWriter writer(out);
  const int sent = gnutls_dtls_cookie_send(&datum, owner.data(), owner.size(), &prestate, &writer, &copy_out);
  return sent > 0 && writer.ok() ? writer.size() : 0;
}

}  // namespace slipway::security::dtls
