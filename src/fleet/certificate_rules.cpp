// SPDX-License-Identifier: Apache-2.0
#include "certificate_rules.hpp"

namespace slipway::fleet {
namespace {

std::string date(UnixTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  const auto two = [](unsigned number) { return (number < 10 ? "-0" : "-") + std::to_string(number); };
  return std::to_string(static_cast<int>(day.year())) + two(static_cast<unsigned>(day.month())) +
         two(static_cast<unsigned>(day.day()));
}

class Check {
 public:
  Check(TableReader& table, std::string_view name, const security::CertificateInfo& certificate)
      : table_(table), name_(name), certificate_(certificate) {}

  void dates(UnixTime now) {
    if (now >= certificate_.not_after) return wrong("expired on " + date(certificate_.not_after), "renew it");
    if (now < certificate_.not_before)
      return wrong("is not valid before " + date(certificate_.not_before),
                   "wait, or set the clock of this machine right");
    if (certificate_.not_after - now < kExpiryWarning)
      table_.warn(table_.node(name_), name_, subject() + "expires on " + date(certificate_.not_after),
                  "renew it");
  }
  void curve() {
    if (certificate_.curve == security::Curve::other)
      table_.warn(table_.node(name_), name_, subject() + "has a key on a curve that devices need not know",
                  "make it on prime256v1");
  }
  void may_issue(const std::string& remedy) {
    if (!certificate_.is_authority) return wrong("is not an authority's (basicConstraints CA)", remedy);
    if (!certificate_.may_sign_certificates) wrong("may not issue others (keyUsage keyCertSign)", remedy);
  }
  void may_serve() {
    if (!certificate_.for_servers)
      return wrong("is not for servers (extendedKeyUsage serverAuth)", "issue one with it");
    if (!certificate_.may_sign)
      return wrong("may not sign a handshake (keyUsage digitalSignature)", "issue one with it");
    if (certificate_.is_authority)
      table_.warn(table_.node(name_), name_,
                  subject() + "is an authority's, yet the server itself has to show it",
                  "write certificate_usage = 2 if it only issued the server's");
  }

 private:
  [[nodiscard]] std::string subject() const {
    return "the certificate of " + in_quotes(certificate_.common_name) + " ";
  }
  void wrong(const std::string& what, std::string remedy) {
    table_.wrong(table_.node(name_), name_, subject() + what, std::move(remedy));
  }

  TableReader& table_;
  std::string_view name_;
  const security::CertificateInfo& certificate_;
};

}  // namespace

void check_curve(TableReader& table, std::string_view name, ByteView public_key) {
  const auto curve = security::read_public_key(public_key);
  if (!curve || *curve != security::Curve::other) return;
  const auto file = table.table()[name].value<std::string>().value_or(std::string());
  table.wrong(table.node(name), name,
              "the key in " + in_quotes(file) + " is on the curve " + security::curve_name(public_key) +
                  ", and sessions are done with prime256v1 and secp384r1",
              "make one: openssl ecparam -name prime256v1 -genkey -noout");
}

void check_server_certificate(TableReader& table, std::string_view name, ByteView certificate,
                              CertificateUsage usage, UnixTime now) {
  const auto info = security::read_certificate(certificate);
  if (!info) return;  // whoever read the file has said so
  Check check(table, name, *info);
  check.dates(now);
  check.curve();
  if (is_of_an_authority(usage))
    check.may_issue("write certificate_usage = 3 if the server itself shows it, or name its authority's");
  else
    check.may_serve();
}

void check_authority_certificate(TableReader& table, std::string_view name,
                                 const security::CertificateInfo& certificate, UnixTime now) {
  Check check(table, name, certificate);
  check.dates(now);
  check.curve();
  check.may_issue("make one with basicConstraints CA:TRUE and keyUsage keyCertSign");
}

}  // namespace slipway::fleet
