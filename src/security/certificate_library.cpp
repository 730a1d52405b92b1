// SPDX-License-Identifier: Apache-2.0
#include "security/certificate_library.hpp"

#include <openssl/core_dispatch.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace slipway::security {
namespace {

constexpr std::array kKeyNames{std::string_view("RSA"), std::string_view("RSA-PSS"), std::string_view("EC"),
                               std::string_view("ED25519"), std::string_view("ED448")};

/// By the first of its names.
bool is_for_certificates(const OSSL_ALGORITHM& algorithm) {
  std::string_view name(algorithm.algorithm_names);
  name = name.substr(0, name.find(':'));
  return std::ranges::find(kKeyNames, name) != kKeyNames.end();
}

bool reads_public_keys(const OSSL_ALGORITHM& decoder) {
  const std::string_view properties(decoder.property_definition);
  return properties.contains("input=der") && properties.contains("structure=SubjectPublicKeyInfo");
}

/// The default provider, with few kinds of keys and few decoders. Read-only once it is made.
struct Selection {
  OSSL_PROVIDER* whole = nullptr;
  std::vector<OSSL_ALGORITHM> keys, decoders;

  Selection() {
    if (OSSL_PROVIDER_available(nullptr, "default") != 1) return;
    whole = OSSL_PROVIDER_load(nullptr, "default");  // libcrypto lets it go at the end of the process
    if (whole == nullptr) return;
    keys = chosen(OSSL_OP_KEYMGMT, is_for_certificates);
    decoders = chosen(OSSL_OP_DECODER, [](const auto& decoder) {
      return is_for_certificates(decoder) && reads_public_keys(decoder);
    });
  }
  [[nodiscard]] bool usable() const { return keys.size() > 1 && decoders.size() > 1; }
  static const Selection& made() {
    static const Selection selection;
    return selection;
  }

 private:
  template <class Predicate>
  [[nodiscard]] std::vector<OSSL_ALGORITHM> chosen(int operation, Predicate&& wanted) const {
    std::vector<OSSL_ALGORITHM> found;
    int uncached = 0;
    const auto* all = OSSL_PROVIDER_query_operation(whole, operation, &uncached);
    for (; all != nullptr && all->algorithm_names != nullptr; ++all)
      if (wanted(*all)) found.push_back(*all);
    found.push_back({});  // the end of the list
    return found;
  }
};

const OSSL_ALGORITHM* query(void*, int operation, int* uncached) {
  const auto& selection = Selection::made();
  *uncached = 0;
  if (operation == OSSL_OP_KEYMGMT) return selection.keys.data();
  if (operation == OSSL_OP_DECODER) return selection.decoders.data();
  return OSSL_PROVIDER_query_operation(selection.whole, operation, uncached);
}

/// A provider's entry point, as libcrypto calls it. The algorithms get the context of the provider that they
/// are from.
int begin(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions, void** context) {
  static const OSSL_DISPATCH kFunctions[] = {
      {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)}, {0, nullptr}};
  *functions = kFunctions;
  *context = OSSL_PROVIDER_get0_provider_ctx(Selection::made().whole);
  return 1;
}

}  // namespace

CertificateLibrary CertificateLibrary::quick() {
  const CleanErrors clean;
  CertificateLibrary library;
  if (!Selection::made().usable()) return library;
  library.context_.reset(OSSL_LIB_CTX_new());
  auto* const context = library.get();
  constexpr auto kName = "slipway-certificates";
  if (context != nullptr && OSSL_PROVIDER_add_builtin(context, kName, begin) == 1)
    library.provider_.reset(OSSL_PROVIDER_load(context, kName));
  return library.provider_ ? std::move(library) : CertificateLibrary();
}

CertificateHandle CertificateLibrary::read(ByteView der) const {
  auto* certificate = X509_new_ex(get(), nullptr);
  const auto* at = der.data();
  // On failure it is freed, and null.
  if (certificate == nullptr || d2i_X509(&certificate, &at, static_cast<long>(der.size())) == nullptr)
    return nullptr;
  CertificateHandle read(certificate);
  if (at != der.data() + der.size()) read.reset();
  return read;
}

}  // namespace slipway::security
