// SPDX-License-Identifier: Apache-2.0
// The stateless cookie exchange: an address is believed before anything is kept of it. [RFC 6347 §4.2.1]
#pragma once

#include <gnutls/dtls.h>

#include <array>
#include <optional>

#include <slipway/base/address.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>

namespace slipway::security::dtls {

/// A HelloVerifyRequest with GnuTLS's 16-byte cookie; smaller than any hello, so nothing is amplified.
inline constexpr std::size_t kHelloVerifyRequestMax = 64;

class CookieJar {
 public:
  CookieJar(Random& random, Duration key_life) : random_(random), key_life_(key_life) {}
  ~CookieJar();
  CookieJar(const CookieJar&) = delete;
  CookieJar& operator=(const CookieJar&) = delete;

  /// What a handshake goes on from, if the hello brings a cookie of the current or the last key.
  [[nodiscard]] std::optional<gnutls_dtls_prestate_st> verify(TimePoint now, const Address& from,
                                                              ByteView hello);
  /// Writes the answer to a hello without one; returns its size, 0 if it cannot be made.
  [[nodiscard]] std::size_t answer(TimePoint now, const Address& to, ByteView hello, MutableBytes out);

 private:
  using Key = std::array<std::uint8_t, GNUTLS_COOKIE_KEY_SIZE>;
  void rotate(TimePoint now);

  Random& random_;
  Duration key_life_;
  std::optional<TimePoint> made_at_;
  Key current_{}, last_{};
};

}  // namespace slipway::security::dtls
