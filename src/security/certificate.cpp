// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include "security/openssl.hpp"

namespace slipway::security {
namespace {

using ExtensionHandle = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using NamesHandle = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using NumberHandle = std::unique_ptr<BIGNUM, Freed<BN_free>>;

std::string common_name(const X509_NAME* name) {
  const auto index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return {};
  unsigned char* text = nullptr;
  const auto size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return {};
  std::string copied(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return copied;
}

std::vector<std::string> dns_names(const X509& certificate) {
  std::vector<std::string> names;
  const NamesHandle all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* text = name->d.dNSName;
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                       static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return names;
}

Result<UnixTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return fail(ErrorCode::malformed, "a date of the certificate");
  return UnixTime(seconds(::timegm(&parts)));
}

/// Extended usages: none stated means any. [RFC 5280 §4.2.1.12]
void read_usages(X509& certificate, CertificateInfo& info) {
  const auto flags = X509_get_extension_flags(&certificate);
  info.is_authority = (flags & EXFLAG_CA) != 0;
  const auto usage = X509_get_key_usage(&certificate);  // all bits where none is stated
  info.may_sign = (usage & KU_DIGITAL_SIGNATURE) != 0;
  info.may_sign_certificates = (usage & KU_KEY_CERT_SIGN) != 0;
  const auto extended = X509_get_extended_key_usage(&certificate);
  info.for_clients = (extended & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
  info.for_servers = (extended & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
}

bool set_subject(X509& certificate, std::string_view name) {
  // As raw UTF8String: the table's limit of 64 letters is shorter than an endpoint may be.
  auto* subject = X509_get_subject_name(&certificate);
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool set_time(ASN1_TIME* time, UnixTime at) {
  const auto whole = std::chrono::floor<seconds>(at).time_since_epoch().count();
  return ASN1_TIME_set(time, static_cast<std::time_t>(whole)) != nullptr;
}

bool set_serial(X509& certificate, ByteView bytes) {
  const NumberHandle number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

bool add_extension(X509& certificate, X509V3_CTX& context, int id, const char* value) {
  const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, id, value));
  return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

/// Not through the library's text form: a comma in the name would begin another one.
bool add_dns_name(X509& certificate, std::string_view text) {
  const NamesHandle names(GENERAL_NAMES_new());
  auto* name = GENERAL_NAME_new();
  if (!names || name == nullptr) return false;
  auto* value = ASN1_IA5STRING_new();
  if (value == nullptr || ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1)
    return false;
  GENERAL_NAME_set0_value(name, GEN_DNS, value);
  return sk_GENERAL_NAME_push(names.get(), name) > 0 &&
         X509_add1_ext_i2d(&certificate, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

bool add_extensions(X509& certificate, X509& issuer, const CertificateRequest& request) {
  using Use = CertificateRequest::Use;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const bool authority = request.use == Use::authority;
  const auto add = [&](int id, const char* value) { return add_extension(certificate, context, id, value); };
  return add(NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
         add(NID_key_usage, authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
         (authority || add(NID_ext_key_usage, request.use == Use::client ? "clientAuth" : "serverAuth")) &&
         add(NID_subject_key_identifier, "hash") &&
         (&issuer == &certificate || add(NID_authority_key_identifier, "keyid")) &&
         (request.dns_name.empty() || add_dns_name(certificate, request.dns_name));
}

/// The certificate that issues; nullptr where the new one signs itself.
Result<CertificateHandle> read_issuer(ByteView authority, EVP_PKEY& key) {
  if (authority.empty()) return CertificateHandle();
  SLIPWAY_ASSIGN(auto issuer, parse_certificate(authority));
  if (X509_check_private_key(issuer.get(), &key) != 1)
    return fail(ErrorCode::refused, "the private key is not the authority's");
  CertificateInfo may;
  read_usages(*issuer, may);
  if (!may.is_authority || !may.may_sign_certificates)
    return fail(ErrorCode::refused, "the authority's certificate does not let it issue others");
  return issuer;
}

Result<void> check_request(const CertificateRequest& request) {
  constexpr std::size_t kSerialMin = 8, kSerialMax = 20;  // [RFC 5280 §4.1.2.2]
  if (request.common_name.empty()) return fail(ErrorCode::malformed, "a certificate needs a common name");
  if (request.serial.size() < kSerialMin || request.serial.size() > kSerialMax)
    return fail(ErrorCode::malformed, "a serial number has 8 to 20 bytes");
  if (request.serial.size() == kSerialMax && request.serial[0] > 0x7F)
    return fail(ErrorCode::malformed, "a serial number of 20 bytes does not begin with a set bit");
  if (request.not_after < request.not_before)
    return fail(ErrorCode::malformed, "a certificate ends after it begins");
  return {};
}

Result<Bytes> der_of(X509& certificate) {
  unsigned char* data = nullptr;
  const auto size = i2d_X509(&certificate, &data);
  if (size <= 0) return fail(ErrorCode::refused, "the library cannot write this certificate");
  Bytes der(data, data + size);
  OPENSSL_free(data);
  return der;
}

}  // namespace

Result<CertificateHandle> parse_certificate(ByteView der) {
  const auto* at = der.data();
  CertificateHandle certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate) return fail(ErrorCode::malformed, "not a certificate");
  if (at != der.data() + der.size())
    return fail(ErrorCode::malformed, "bytes behind the certificate",
                static_cast<std::size_t>(at - der.data()));
  if ((X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) != 0)
    return fail(ErrorCode::malformed, "an extension of the certificate");
  return certificate;
}

Result<CertificateInfo> read_certificate(ByteView der) {
  const CleanErrors clean;
  SLIPWAY_ASSIGN(const auto certificate, parse_certificate(der));
  const auto* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) return fail(ErrorCode::malformed, "the key of the certificate");
  SLIPWAY_TRY(check_ec(*key));
  CertificateInfo info;
  info.common_name = common_name(X509_get_subject_name(certificate.get()));
  info.issuer_name = common_name(X509_get_issuer_name(certificate.get()));
  info.dns_names = dns_names(*certificate);
  SLIPWAY_ASSIGN(info.not_before, time_of(X509_get0_notBefore(certificate.get())));
  SLIPWAY_ASSIGN(info.not_after, time_of(X509_get0_notAfter(certificate.get())));
  SLIPWAY_ASSIGN(info.public_key, public_der(*key));
  info.curve = curve_of(*key);
  read_usages(*certificate, info);
  return info;
}

Result<Bytes> issue_certificate(const CertificateRequest& request, ByteView authority, ByteView private_key) {
  const CleanErrors clean;
  SLIPWAY_TRY(check_request(request));
  SLIPWAY_ASSIGN(const auto subject_key, parse_public_key(request.public_key));
  SLIPWAY_ASSIGN(const auto signing_key, parse_private_key(private_key));
  SLIPWAY_ASSIGN(const auto issuer, read_issuer(authority, *signing_key));
  if (!issuer && EVP_PKEY_eq(subject_key.get(), signing_key.get()) != 1)
    return fail(ErrorCode::refused, "a certificate signs itself with its own key only");

  const CertificateHandle made(X509_new());
  if (!made) return fail(ErrorCode::refused, "the library made no certificate");
  auto& signer = issuer ? *issuer : *made;
  const bool ok = X509_set_version(made.get(), X509_VERSION_3) == 1 && set_serial(*made, request.serial) &&
                  set_subject(*made, request.common_name) &&
                  X509_set_issuer_name(made.get(), X509_get_subject_name(&signer)) == 1 &&
                  set_time(X509_getm_notBefore(made.get()), request.not_before) &&
                  set_time(X509_getm_notAfter(made.get()), request.not_after) &&
                  X509_set_pubkey(made.get(), subject_key.get()) == 1 &&
                  add_extensions(*made, signer, request) &&
                  X509_sign(made.get(), signing_key.get(), EVP_sha256()) > 0;
  if (!ok) return fail(ErrorCode::refused, "the library made no certificate");
  return der_of(*made);
}

bool is_signed_by(ByteView certificate, ByteView authority) {
  const CleanErrors clean;
  const auto signed_one = parse_certificate(certificate), signer = parse_certificate(authority);
  if (!signed_one || !signer) return false;
  auto* key = X509_get0_pubkey(signer->get());
  return key != nullptr && X509_verify(signed_one->get(), key) == 1;
}

}  // namespace slipway::security
