// SPDX-License-Identifier: Apache-2.0
#include "failure_record.hpp"

#include <nlohmann/json.hpp>

#include <slipway/lwm2m/peer.hpp>

namespace slipway::node {

namespace dtls = security::dtls;
using nlohmann::json;

namespace {

constexpr int kVersion = 1;

template <class E>
int number_of(E value) {
  return static_cast<int>(value);
}

json optional_number(const auto& value) {
  return value ? json(static_cast<std::int64_t>(*value)) : json();
}

std::int64_t ms(UnixTime time) {
  return time.time_since_epoch().count();
}

json to_json(const CertificateFacts& certificate) {
  return {{"subject", certificate.subject},
          {"issuer", certificate.issuer},
          {"from", ms(certificate.not_before)},
          {"to", ms(certificate.not_after)},
          {"sha256", certificate.fingerprint}};
}

/// Reads a document; `ok` tells whether all of it was as it should be.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  [[nodiscard]] std::int64_t number(const char* name, std::int64_t least, std::int64_t most) {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_number_integer()) return wrong(least);
    const auto value = found->get<std::int64_t>();
    return value < least || value > most ? wrong(least) : value;
  }
  [[nodiscard]] UnixTime time(const char* name) {
    return UnixTime(milliseconds(number(name, INT64_MIN / 2, INT64_MAX / 2)));
  }
  template <class E>
  [[nodiscard]] E one_of(const char* name, E last) {
    return static_cast<E>(number(name, 0, number_of(last)));
  }
  template <class T>
  [[nodiscard]] std::optional<T> optional(const char* name, std::int64_t most) {
    if (const auto found = object_.find(name); found == object_.end() || found->is_null())
      return std::nullopt;
    return static_cast<T>(number(name, 0, most));
  }
  [[nodiscard]] std::string text(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_string()) return wrong(std::string());
    return found->get<std::string>();
  }
  [[nodiscard]] std::vector<std::uint16_t> numbers(const char* name) {
    std::vector<std::uint16_t> list;
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_array() || found->size() > dtls::kFactsListMax)
      return wrong(list);
    for (const auto& one : *found) {
      if (!one.is_number_unsigned() || one.get<std::uint64_t>() > 0xFFFF) return wrong(list);
      list.push_back(static_cast<std::uint16_t>(one.get<std::uint64_t>()));
    }
    return list;
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  template <class T>
  T wrong(T value) {
    ok_ = false;
    return value;
  }
  const json& object_;
  bool ok_ = true;
};

std::optional<CertificateFacts> read_certificate(const json& object) {
  Reader in(object);
  CertificateFacts certificate{.subject = in.text("subject"),
                               .issuer = in.text("issuer"),
                               .not_before = in.time("from"),
                               .not_after = in.time("to"),
                               .fingerprint = in.text("sha256")};
  if (!in.ok()) return std::nullopt;
  return certificate;
}

}  // namespace

std::string to_record(const FailedHandshake& failure) {
  const auto& offered = failure.facts.offered;
  json out{{"v", kVersion},
           {"first", ms(failure.first)},
           {"last", ms(failure.last)},
           {"times", failure.times},
           {"server", number_of(failure.server)},
           {"protocol", number_of(failure.protocol)},
           {"address", failure.address},
           {"endpoint", failure.endpoint},
           {"reason", number_of(failure.reason)},
           {"refused_by", number_of(failure.refused_by)},
           {"alert", optional_number(failure.alert)},
           {"detail", failure.detail},
           {"explanation", failure.explanation},
           {"remedy", failure.remedy},
           {"mode", optional_number(failure.mode)},
           {"identity", failure.identity_fingerprint},
           {"state", optional_number(failure.credential_state)},
           {"version", offered.version},
           {"suites", offered.suites},
           {"groups", offered.groups},
           {"name", offered.server_name},
           {"cid", offered.cid ? 1 : 0},
           {"suite", optional_number(failure.facts.suite)}};
  if (failure.credential_created) out["created"] = ms(*failure.credential_created);
  if (failure.certificate) out["certificate"] = to_json(*failure.certificate);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<FailedHandshake> from_record(std::string_view text) {
  const auto object = json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  Reader in(object);
  FailedHandshake failure;
  (void)in.number("v", kVersion, kVersion);
  failure.first = in.time("first");
  failure.last = in.time("last");
  failure.times = static_cast<std::uint64_t>(in.number("times", 1, INT64_MAX));
  failure.server = in.one_of("server", fleet::ServerRole::management);
  failure.protocol = in.one_of("protocol", dtls::SecureProtocol::tls);
  failure.address = in.text("address");
  failure.endpoint = in.text("endpoint");
  failure.reason = in.one_of("reason", dtls::FailureReason::library);
  failure.refused_by = in.one_of("refused_by", dtls::Side::nobody);
  failure.alert = in.optional<dtls::Alert>("alert", 255);
  failure.detail = in.text("detail");
  failure.explanation = in.text("explanation");
  failure.remedy = in.text("remedy");
  failure.mode = in.optional<SecurityMode>("mode", number_of(SecurityMode::est));
  failure.identity_fingerprint = in.text("identity");
  failure.credential_state =
      in.optional<fleet::CredentialState>("state", number_of(fleet::CredentialState::retired));
  auto& offered = failure.facts.offered;
  offered.version = static_cast<std::uint16_t>(in.number("version", 0, 0xFFFF));
  offered.suites = in.numbers("suites");
  offered.groups = in.numbers("groups");
  offered.server_name = in.text("name");
  offered.cid = in.number("cid", 0, 1) == 1;
  failure.facts.suite = in.optional<std::uint16_t>("suite", 0xFFFF);
  if (object.contains("created")) failure.credential_created = in.time("created");
  const auto certificate = object.find("certificate");
  if (certificate != object.end() && certificate->is_object()) {
    failure.certificate = read_certificate(*certificate);
    if (!failure.certificate) return std::nullopt;
  }
  if (!in.ok()) return std::nullopt;
  return failure;
}

}  // namespace slipway::node
