// SPDX-License-Identifier: Apache-2.0
#include <slipway/fleet/credential_maker.hpp>

#include <algorithm>

#include <slipway/security/keys.hpp>

namespace slipway::fleet {
namespace {

class KeyMaker final : public CredentialMaker {
 public:
  KeyMaker(std::function<UnixTime()> now, Random& random) : now_(std::move(now)), random_(random) {}

  Result<void> make(CredentialSource source, const Authority* authority, std::string_view endpoint,
                    Credential& out) override {
    if (source == CredentialSource::raw_public_key) return make_raw_public_key(out);
    if (source == CredentialSource::certificate) return make_certificate(authority, endpoint, out);
    return fail(ErrorCode::unsupported, "only key pairs and certificates are made here");
  }

 private:
  static Result<void> make_raw_public_key(Credential& out) {
    SLIPWAY_ASSIGN(auto pair, security::make_key_pair());
    fill(SecurityMode::rpk, std::move(pair.public_key), std::move(pair.private_key), out);
    return {};
  }

  Result<void> make_certificate(const Authority* authority, std::string_view endpoint, Credential& out) {
    if (authority == nullptr) return fail(ErrorCode::refused, "the account has no authority");
    SLIPWAY_ASSIGN(const auto issuer, security::read_certificate(authority->certificate));
    const auto now = now_();
    if (now >= issuer.not_after) return fail(ErrorCode::refused, "the authority's certificate has expired");
    if (now < issuer.not_before)
      return fail(ErrorCode::refused, "the authority's certificate is not yet valid");

    SLIPWAY_ASSIGN(auto pair, security::make_key_pair());
    const auto serial = random_serial();
    SLIPWAY_ASSIGN(
        auto certificate,
        security::issue_certificate(
            {.public_key = pair.public_key,
             .common_name = endpoint,
             .not_before = std::max<UnixTime>(now - kCertificateBackdating, issuer.not_before),
             .not_after = std::min<UnixTime>(now + seconds(authority->validity_s), issuer.not_after),
             .serial = serial,
             .use = security::CertificateRequest::Use::client},
            authority->certificate, authority->key.reveal()));
    fill(SecurityMode::x509, std::move(certificate), std::move(pair.private_key), out);
    return {};
  }

  static void fill(SecurityMode mode, Bytes public_part, Secret key, Credential& out) {
    const auto identity = security::sha256(public_part);
    out.mode = mode;
    out.identity.assign(identity.begin(), identity.end());
    out.public_part = std::move(public_part);
    out.key = std::move(key);
  }

  /// Positive, and of 16 bytes always. [RFC 5280 §4.1.2.2]
  std::array<std::uint8_t, 16> random_serial() {
    std::array<std::uint8_t, 16> serial;
    random_.fill(serial);
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7F) | 0x40);
    return serial;
  }

  std::function<UnixTime()> now_;
  Random& random_;
};

}  // namespace

std::unique_ptr<CredentialMaker> make_credential_maker(std::function<UnixTime()> now, Random& random) {
  return std::make_unique<KeyMaker>(std::move(now), random);
}

}  // namespace slipway::fleet
