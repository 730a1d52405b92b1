// SPDX-License-Identifier: Apache-2.0
#include <slipway/security/dtls/types.hpp>

namespace slipway::security::dtls {

namespace {

constexpr CipherSuite kSuites[] = {
    CipherSuite::psk_aes_128_ccm_8,
    CipherSuite::psk_aes_128_ccm,
    CipherSuite::psk_aes_128_gcm_sha256,
    CipherSuite::ecdhe_ecdsa_aes_128_ccm_8,
    CipherSuite::ecdhe_ecdsa_aes_128_ccm,
    CipherSuite::ecdhe_ecdsa_aes_128_gcm_sha256,
    CipherSuite::psk_aes_128_cbc_sha256,
    CipherSuite::ecdhe_psk_aes_128_cbc_sha256,
    CipherSuite::ecdhe_psk_chacha20_poly1305_sha256,
    CipherSuite::ecdhe_ecdsa_aes_128_cbc_sha256,
};

}  // namespace

std::span<const CipherSuite> cipher_suites() {
  return kSuites;
}

const char* to_string(CipherSuite suite) {
  switch (suite) {
    case CipherSuite::psk_aes_128_gcm_sha256:
      return "TLS_PSK_WITH_AES_128_GCM_SHA256";
    case CipherSuite::psk_aes_128_ccm:
      return "TLS_PSK_WITH_AES_128_CCM";
    case CipherSuite::psk_aes_128_ccm_8:
      return "TLS_PSK_WITH_AES_128_CCM_8";
    case CipherSuite::ecdhe_ecdsa_aes_128_gcm_sha256:
      return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    case CipherSuite::ecdhe_ecdsa_aes_128_ccm:
      return "TLS_ECDHE_ECDSA_WITH_AES_128_CCM";
    case CipherSuite::ecdhe_ecdsa_aes_128_ccm_8:
      return "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8";
    case CipherSuite::psk_aes_128_cbc_sha256:
      return "TLS_PSK_WITH_AES_128_CBC_SHA256";
    case CipherSuite::ecdhe_psk_aes_128_cbc_sha256:
      return "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256";
    case CipherSuite::ecdhe_psk_chacha20_poly1305_sha256:
      return "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256";
    case CipherSuite::ecdhe_ecdsa_aes_128_cbc_sha256:
      return "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256";
  }
  return "unknown suite";
}

bool uses_psk(CipherSuite suite) {
  return std::string_view(to_string(suite)).find("_PSK_") != std::string_view::npos;
}

bool stays_in_library(CipherSuite suite) {
  const std::string_view name(to_string(suite));
  return name.find("_CBC_") != std::string_view::npos || name.find("_CHACHA20_") != std::string_view::npos;
}

std::optional<CipherSuite> cipher_suite(std::uint16_t iana) {
  for (const auto suite : kSuites)
    if (static_cast<std::uint16_t>(suite) == iana) return suite;
  return std::nullopt;
}

std::optional<CipherSuite> cipher_suite(std::string_view name) {
  for (const auto suite : kSuites)
    if (to_string(suite) == name) return suite;
  return std::nullopt;
}

const char* to_string(Alert alert) {
  switch (alert) {
    case Alert::close_notify:
      return "close_notify";
    case Alert::unexpected_message:
      return "unexpected_message";
    case Alert::bad_record_mac:
      return "bad_record_mac";
    case Alert::decryption_failed:
      return "decryption_failed";
    case Alert::record_overflow:
      return "record_overflow";
    case Alert::decompression_failure:
      return "decompression_failure";
    case Alert::handshake_failure:
      return "handshake_failure";
    case Alert::no_certificate:
      return "no_certificate";
    case Alert::bad_certificate:
      return "bad_certificate";
    case Alert::unsupported_certificate:
      return "unsupported_certificate";
    case Alert::certificate_revoked:
      return "certificate_revoked";
    case Alert::certificate_expired:
      return "certificate_expired";
    case Alert::certificate_unknown:
      return "certificate_unknown";
    case Alert::illegal_parameter:
      return "illegal_parameter";
    case Alert::unknown_ca:
      return "unknown_ca";
    case Alert::access_denied:
      return "access_denied";
    case Alert::decode_error:
      return "decode_error";
    case Alert::decrypt_error:
      return "decrypt_error";
    case Alert::export_restriction:
      return "export_restriction";
    case Alert::protocol_version:
      return "protocol_version";
    case Alert::insufficient_security:
      return "insufficient_security";
    case Alert::internal_error:
      return "internal_error";
    case Alert::inappropriate_fallback:
      return "inappropriate_fallback";
    case Alert::user_canceled:
      return "user_canceled";
    case Alert::no_renegotiation:
      return "no_renegotiation";
    case Alert::missing_extension:
      return "missing_extension";
    case Alert::unsupported_extension:
      return "unsupported_extension";
    case Alert::certificate_unobtainable:
      return "certificate_unobtainable";
    case Alert::unrecognized_name:
      return "unrecognized_name";
    case Alert::bad_certificate_status_response:
      return "bad_certificate_status_response";
    case Alert::bad_certificate_hash_value:
      return "bad_certificate_hash_value";
    case Alert::unknown_psk_identity:
      return "unknown_psk_identity";
    case Alert::certificate_required:
      return "certificate_required";
    case Alert::no_application_protocol:
      return "no_application_protocol";
  }
  return "unknown alert";
}

AlertClass alert_class(Alert alert) {
  switch (alert) {
    case Alert::close_notify:
    case Alert::unexpected_message:
    case Alert::bad_record_mac:
    case Alert::decryption_failed:
    case Alert::record_overflow:
    case Alert::handshake_failure:
    case Alert::illegal_parameter:
    case Alert::decode_error:
    case Alert::decrypt_error:
    case Alert::protocol_version:
    case Alert::insufficient_security:
    case Alert::internal_error:
    case Alert::inappropriate_fallback:  // the specification prints this number beside internal_error's name
    case Alert::user_canceled:
    case Alert::no_renegotiation:
    case Alert::certificate_unobtainable:
      return AlertClass::retry;
    case Alert::bad_certificate:
    case Alert::unsupported_certificate:
    case Alert::certificate_revoked:
    case Alert::certificate_expired:
    case Alert::certificate_unknown:
    case Alert::unknown_ca:
    case Alert::access_denied:
    case Alert::unrecognized_name:
    case Alert::bad_certificate_status_response:
    case Alert::bad_certificate_hash_value:
    case Alert::unknown_psk_identity:
      return AlertClass::fail;
    case Alert::decompression_failure:
    case Alert::no_certificate:
    case Alert::export_restriction:
    case Alert::missing_extension:
    case Alert::unsupported_extension:
    case Alert::certificate_required:
    case Alert::no_application_protocol:
      return AlertClass::ignore;
  }
  return AlertClass::ignore;
}

const char* to_string(FailureReason reason) {
  switch (reason) {
    case FailureReason::timeout:
      return "timeout";
    case FailureReason::peer_alert:
      return "refused by the peer";
    case FailureReason::wrong_key:
      return "wrong key";
    case FailureReason::unknown_identity:
      return "unknown identity";
    case FailureReason::identity_too_long:
      return "identity too long";
    case FailureReason::untrusted:
      return "peer not trusted";
    case FailureReason::no_common_suite:
      return "no common suite";
    case FailureReason::protocol_error:
      return "protocol error";
    case FailureReason::superseded:
      return "superseded";
    case FailureReason::cancelled:
      return "cancelled";
    case FailureReason::library:
      return "library failure";
  }
  return "unknown reason";
}

const char* to_string(SessionEnd end) {
  switch (end) {
    case SessionEnd::closed_by_peer:
      return "closed by the peer";
    case SessionEnd::alert_by_peer:
      return "alert of the peer";
    case SessionEnd::ended_here:
      return "ended here";
    case SessionEnd::idle:
      return "idle";
    case SessionEnd::replaced:
      return "replaced";
    case SessionEnd::sequence_exhausted:
      return "sequence numbers exhausted";
    case SessionEnd::broken:
      return "broken";
    case SessionEnd::cut:
      return "connection cut";
  }
  return "unknown end";
}

}  // namespace slipway::security::dtls
