// SPDX-License-Identifier: Apache-2.0
// What accounts say of their sessions: cipher suites, and how the server is known. [LwM2M-TRANSPORT 1.2 §5.2]
#include <algorithm>
#include <set>

#include <slipway/base/uri.hpp>
#include <slipway/security/dtls/facts.hpp>
#include <slipway/security/tls/session.hpp>

#include "certificate_rules.hpp"
#include "lint.hpp"

namespace slipway::fleet {
namespace {

namespace dtls = security::dtls;

constexpr ResourceId kCipherSuites{16};
constexpr ResourceId kSecondaryUris{25};
constexpr std::size_t kSuitesRead = 8;  // of /0/x/16, by the devices of this library

bool over_tcp(std::string_view text) {
  const auto uri = parse_uri(text);
  return uri && is_tcp(uri->scheme);
}

/// /0/x/16 of one account.
class SuiteRules {
 public:
  SuiteRules(TableReader& table, const ServerAccountPlan& account)
      : table_(table),
        account_(account),
        list_(table.table()["security_resources"][std::to_string(kCipherSuites.value())].node()),
        psk_(account.credential == CredentialSource::generate),
        tcp_(over_tcp(account.uri)) {
    for (const auto& [id, value] : account.security_resources)
      if (id == kSecondaryUris && value.type() == DataType::string)
        tcp_ = tcp_ || over_tcp(value.view().as_text());
  }

  void check() {
    for (const auto& [id, value] : account_.security_resources)
      if (id == kCipherSuites && value.type() == DataType::unsigned_integer)
        numbers_.push_back(value.view().as_unsigned());
    if (numbers_.empty()) return;
    if (account_.credential == CredentialSource::none)
      return warn(list_, "a session without security has no cipher suites", "remove them");
    for (std::size_t i = 0; i < numbers_.size(); ++i) check_one(place(i), numbers_[i]);
    if (numbers_.size() > kSuitesRead)
      warn(list_, "devices of this library read 8 of them", "keep those that are wanted most");
    if (wrong_ || fitting_ || unknown_) return;
    table_.wrong(list_, kKey, std::string("none of these fits the account: ") + kind() + " cannot use them",
                 remedy());
  }

 private:
  static constexpr const char* kKey = "security_resources.16";

  /// Where the number stands in the list; the list itself where some of its items were refused.
  [[nodiscard]] const toml::node* place(std::size_t index) const {
    const auto* array = list_ == nullptr ? nullptr : list_->as_array();
    return array != nullptr && array->size() == numbers_.size() ? array->get(index) : list_;
  }

  void check_one(const toml::node* where, std::uint64_t number) {
    if (number > 0xFFFF) {
      wrong_ = true;
      return table_.wrong(where, kKey,
                          std::to_string(number) + " is no cipher suite: their IANA numbers have two bytes",
                          remedy());
    }
    const auto iana = static_cast<std::uint16_t>(number);
    const auto name = std::to_string(number) + " (" + dtls::suite_text(iana) + ")";
    if (!seen_.insert(iana).second) return warn(where, name + " stands there twice", "leave one of the two");
    const auto suite = dtls::cipher_suite(iana);
    const bool of_tls13 = security::tls::tls13_suite(iana).has_value();
    if (suite && uses_psk(*suite) != psk_)
      warn(where, name + " does not fit: " + kind() + " cannot use it",
           std::string("remove it; ") + remedy());
    else if (of_tls13 && !tcp_)
      warn(where, name + " is of TLS 1.3, which is spoken over TCP only",
           "remove it, or write a uri with coaps+tcp://");
    else if (suite || of_tls13)
      fitting_ = true;
    else {
      unknown_ = true;
      warn(where, name + " is done neither by the servers nor by the devices of this library",
           "remove it, unless this server and its devices are others'");
    }
  }

  void warn(const toml::node* where, const std::string& message, const std::string& remedy) {
    table_.warn(where, kKey, message, remedy);
  }
  [[nodiscard]] const char* kind() const {
    return psk_ ? "a pre-shared key" : "a raw public key or certificate";
  }
  [[nodiscard]] const char* remedy() const {
    return psk_ ? "write 49320, TLS_PSK_WITH_AES_128_CCM_8, which every server takes"
                : "write 49326, TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, which every server takes";
  }

  TableReader& table_;
  const ServerAccountPlan& account_;
  const toml::node* list_;
  bool psk_, tcp_;
  bool wrong_ = false, fitting_ = false, unknown_ = false;
  std::vector<std::uint64_t> numbers_;
  std::set<std::uint16_t> seen_;
};

/// How the device knows its server: what some devices cannot do, and what no session can carry.
void lint_identity(TableReader& table, CredentialSource credential, const ServerIdentity& identity) {
  const auto usage = static_cast<CertificateUsage>(identity.certificate_usage.value_or(3));
  if (usage == CertificateUsage::ca_constraint || usage == CertificateUsage::service_certificate_constraint)
    table.warn(table.node("certificate_usage"), "certificate_usage",
               "with 0 and 1 a device looks into a trust store of its own, and one without trusts nobody",
               "see that the devices have one (slipway client --trust-store), or write 2 or 3");
  if (credential == CredentialSource::raw_public_key && identity.matching_type.value_or(0) != 0)
    table.warn(table.node("matching_type"), "matching_type",
               "devices of this library compare a raw public key whole, and refuse its hash",
               "remove it, unless the devices are known to take one");
  if (identity.sni.empty()) return;
  const auto uri = parse_uri("coaps://" + identity.sni);
  if (uri && uri->host_kind != HostKind::name)
    table.wrong(table.node("sni"), "sni",
                in_quotes(identity.sni) + " is an address, and a session names hosts only",
                "write the name in the server's certificate [RFC 6066 §3]");
}

}  // namespace

void lint_sessions(PlanDraft& draft) {
  for (std::size_t i = 0; i < draft.servers.size(); ++i) {
    const auto& account = draft.plan->servers[i];
    SuiteRules(draft.servers[i], account).check();
    lint_identity(draft.servers[i], account.credential, account.identity);
  }
  if (draft.bootstrap && draft.plan->bootstrap)
    lint_identity(*draft.bootstrap, draft.plan->bootstrap->credential, draft.plan->bootstrap->identity);
}

}  // namespace slipway::fleet
