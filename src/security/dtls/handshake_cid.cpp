// SPDX-License-Identifier: Apache-2.0
// The Connection ID in a handshake by a library that knows none. [RFC 9146 §3]
#include <algorithm>

#include "security/dtls/handshake.hpp"

namespace slipway::security::dtls {
namespace {

/// connection_id [RFC 9146 §3]; the draft's 53 is another thing and not spoken.
constexpr int kCidExtension = 54;

}  // namespace

// The extension:
//
//   0       1
//  +-------+- ... ---+
//  | size  |   cid   |     what the sender wants to find in the records it receives
//  +-------+- ... ---+

void Handshake::offer_cid() {
  gnutls_session_ext_register(
      session_.get(), "connection_id", kCidExtension, GNUTLS_EXT_TLS, &Handshake::cid_received,
      &Handshake::cid_wanted, nullptr, nullptr, nullptr,
      GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_TLS12_SERVER_HELLO | GNUTLS_EXT_FLAG_DTLS);
}

int Handshake::cid_received(gnutls_session_t session, const unsigned char* data, size_t size) {
  auto& self = *static_cast<Handshake*>(gnutls_session_get_ptr(session));
  if (size < 1 || data[0] + 1u != size) return GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
  // A longer one than we can keep is as good as none offered: a server leaves its extension out, and a client
  // breaks off, since the server would go on with it.
  const bool is_server = self.context_.role() == Role::server;
  const auto suite = is_server ? self.intended_ : self.chosen_;
  const bool in_library = suite && stays_in_library(*suite);  // GnuTLS's records have none
  if (in_library || data[0] > kCidMax) return is_server ? 0 : GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
  auto& cid = self.peer_cid_.emplace();
  cid.size = data[0];
  std::copy_n(data + 1, cid.size, cid.bytes.begin());
  self.records_.cid_out = cid;
  self.records_.cid_in = *self.config_.cid;
  return 0;
}

int Handshake::cid_wanted(gnutls_session_t session, gnutls_buffer_t out) {
  const auto& self = *static_cast<const Handshake*>(gnutls_session_get_ptr(session));
  if (self.context_.role() == Role::server && !self.peer_cid_) return 0;
  const auto& cid = *self.config_.cid;
  if (gnutls_buffer_append_data(out, &cid.size, 1) < 0 ||
      (cid.size != 0 && gnutls_buffer_append_data(out, cid.bytes.data(), cid.size) < 0))
    return GNUTLS_E_MEMORY_ERROR;
  return cid.size + 1;
}

/// A record of the peer as GnuTLS takes it: without the Connection ID.
ssize_t Handshake::pull_cid_record(const RecordHeader& record, MutableBytes out) {
  if (!chosen_ || !load_key(true, records_.read)) return 0;
  std::array<std::uint8_t, 512> scratch;  // a Finished or an alert
  const auto opened = open_record(engine_, records_.aead, records_.read, record, scratch);
  if (!opened) return 0;
  const auto sealed = seal_record(engine_, records_.aead, records_.read, {}, record.sequence, opened->type,
                                  opened->plaintext, out);
  return sealed ? static_cast<ssize_t>(*sealed) : 0;
}

}  // namespace slipway::security::dtls
