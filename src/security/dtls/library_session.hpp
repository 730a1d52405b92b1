// SPDX-License-Identifier: Apache-2.0
// A session whose suite our records do not do: GnuTLS keeps it, on buffers like a handshake.
#pragma once

#include <optional>
#include <vector>

#include "security/dtls/record.hpp"
#include "security/dtls/tls_context.hpp"

namespace slipway::security::dtls {

class LibrarySession {
 public:
  /// Takes over after the handshake.
  explicit LibrarySession(GnutlsPtr<gnutls_session_int> session);
  LibrarySession(const LibrarySession&) = delete;
  LibrarySession& operator=(const LibrarySession&) = delete;

  enum class Kind : std::uint8_t {
    data,
    alert,    ///< fatal, or close_notify
    warning,  ///< any other alert
    dropped,  ///< not authentic, a replay, or a wish to renegotiate
  };
  struct Opened {
    Kind kind;
    ByteView plaintext{};  ///< of `data`; valid until the next call
    Alert alert{};         ///< of `alert` and `warning`
  };
  /// One protected record.
  [[nodiscard]] Opened open(const RecordHeader& record);
  /// One record with the plaintext; valid until the next call. Errors: unsupported (an empty one), limit
  /// (some 70 bytes below kRecordPlaintextMax), refused (GnuTLS has given the session up).
  [[nodiscard]] Result<ByteView> seal(ByteView plaintext);
  /// One record with the alert; empty when GnuTLS has given the session up.
  [[nodiscard]] ByteView seal_alert(Alert alert);

 private:
  static ssize_t pull(gnutls_transport_ptr_t self, void* data, size_t size);
  static ssize_t push(gnutls_transport_ptr_t self, const void* data, size_t size);
  static int readable(gnutls_transport_ptr_t self, unsigned timeout);

  GnutlsPtr<gnutls_session_int> session_;
  ByteView input_;
  Bytes output_;
  std::vector<std::uint8_t> room_;
};

}  // namespace slipway::security::dtls
