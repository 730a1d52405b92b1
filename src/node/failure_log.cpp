// SPDX-License-Identifier: Apache-2.0
#include "failure_log.hpp"

#include <nlohmann/json.hpp>

#include <slipway/lwm2m/peer.hpp>

#include "server_node.hpp"

namespace slipway::node {

namespace dtls = security::dtls;
using nlohmann::json;

namespace {

/// An address without its port: each attempt comes from another one.
std::string host_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

std::string key_of(const FailedHandshake& failure) {
  auto key = failure.endpoint.empty() ? host_of(failure.address) : failure.endpoint;
  key += '\n' + std::to_string(static_cast<int>(failure.server)) + ' ' +
         std::to_string(static_cast<int>(failure.protocol)) + ' ' +
         std::to_string(static_cast<int>(failure.reason)) + ' ' +
         (failure.alert ? std::to_string(static_cast<int>(*failure.alert)) : "-");
  // A stranger may name any number of identities: they share one place.
  if (!failure.endpoint.empty()) key += ' ' + failure.identity_fingerprint;
  return key;
}

const char* side_text(dtls::Side side) {
  switch (side) {
    case dtls::Side::us:
      return "server";
    case dtls::Side::peer:
      return "device";
    case dtls::Side::nobody:
      break;
  }
  return "nobody";
}

json names_of(const std::vector<std::uint16_t>& numbers, std::string (*name)(std::uint16_t)) {
  json list = json::array();
  for (const auto number : numbers) list.push_back(name(number));
  return list;
}

std::int64_t ms(UnixTime time) {
  return time.time_since_epoch().count();
}

json hello_json(const dtls::HandshakeFacts& facts) {
  json out{{"offered_version", facts.offered.version == 0 ? "" : dtls::version_text(facts.offered.version)},
           {"offered_suites", names_of(facts.offered.suites, dtls::suite_text)},
           {"offered_groups", names_of(facts.offered.groups, dtls::group_text)},
           {"server_name", shown(facts.offered.server_name)},
           {"connection_id", facts.offered.cid}};
  if (facts.suite) out["chosen_suite"] = dtls::suite_text(*facts.suite);
  return out;
}

}  // namespace

json to_json(const FailedHandshake& failure) {
  json out{{"first_ms", ms(failure.first)},
           {"last_ms", ms(failure.last)},
           {"times", failure.times},
           {"server", fleet::to_string(failure.server)},
           {"protocol", dtls::to_string(failure.protocol)},
           {"address", failure.address},
           {"endpoint", shown(failure.endpoint)},
           {"reason", dtls::to_string(failure.reason)},
           {"refused_by", side_text(failure.refused_by)},
           {"detail", failure.detail},
           {"explanation", shown(failure.explanation)},
           {"remedy", shown(failure.remedy)},
           {"alert", failure.alert ? dtls::to_string(*failure.alert) : ""},
           {"identity_fingerprint", failure.identity_fingerprint}};
  if (failure.alert) out["alert_number"] = static_cast<int>(*failure.alert);
  if (failure.mode) out["mode"] = to_string(*failure.mode);
  if (failure.credential_state) out["credential_state"] = fleet::to_string(*failure.credential_state);
  if (failure.credential_created) out["credential_created_ms"] = ms(*failure.credential_created);
  if (const auto& certificate = failure.certificate)
    out["certificate"] = {{"subject", shown(certificate->subject)},
                          {"issuer", shown(certificate->issuer)},
                          {"not_before_ms", ms(certificate->not_before)},
                          {"not_after_ms", ms(certificate->not_after)},
                          {"fingerprint", certificate->fingerprint}};
  out.update(hello_json(failure.facts));
  return out;
}

void FailureLog::Shelf::add(std::string key, FailedHandshake failure, std::size_t max) {
  if (const auto found = by_key.find(key); found != by_key.end()) {
    auto& kept = found->second->failure;
    failure.first = kept.first;
    failure.times = kept.times + 1;
    kept = std::move(failure);
    set_unwritten(*found->second, true);
    order.splice(order.begin(), order, found->second);
    return;
  }
  order.push_front({key, std::move(failure)});
  ++unwritten;
  by_key.emplace(std::move(key), order.begin());
  trim(max);
}

void FailureLog::Shelf::restore(std::string key, FailedHandshake failure, std::size_t max) {
  if (by_key.contains(key)) return;
  order.push_front({key, std::move(failure), false});
  by_key.emplace(std::move(key), order.begin());
  trim(max);
}

void FailureLog::Shelf::trim(std::size_t max) {
  if (order.size() <= max) return;
  set_unwritten(order.back(), false);
  by_key.erase(order.back().key);
  order.pop_back();
}

void FailureLog::Shelf::set_unwritten(Kept& kept, bool is_unwritten) {
  if (std::exchange(kept.unwritten, is_unwritten) == is_unwritten) return;
  is_unwritten ? ++unwritten : --unwritten;
}

void FailureLog::Shelf::take_unwritten(std::size_t max, std::vector<Unwritten>& out) {
  for (auto& kept : order) {
    if (unwritten == 0 || out.size() == max) return;
    if (!kept.unwritten) continue;
    set_unwritten(kept, false);
    out.push_back({kept.key, kept.failure});
  }
}

void FailureLog::add(FailedHandshake failure) {
  const bool stranger = failure.endpoint.empty();
  auto key = key_of(failure);
  if (stranger)
    strangers_.add(std::move(key), std::move(failure), kFailuresOfStrangersMax);
  else
    devices_.add(std::move(key), std::move(failure), kFailuresOfDevicesMax);
}

void FailureLog::restore(FailedHandshake failure) {
  const bool stranger = failure.endpoint.empty();
  auto key = key_of(failure);
  if (stranger)
    strangers_.restore(std::move(key), std::move(failure), kFailuresOfStrangersMax);
  else
    devices_.restore(std::move(key), std::move(failure), kFailuresOfDevicesMax);
}

std::vector<FailureLog::Unwritten> FailureLog::take_unwritten(std::size_t max) {
  std::vector<Unwritten> taken;
  devices_.take_unwritten(max, taken);
  strangers_.take_unwritten(max, taken);
  return taken;
}

void FailureLog::not_written(const std::vector<Unwritten>& failures) {
  for (const auto& [key, failure] : failures) {
    auto& shelf = failure.endpoint.empty() ? strangers_ : devices_;
    if (const auto found = shelf.by_key.find(key); found != shelf.by_key.end())
      shelf.set_unwritten(*found->second, true);
  }
}

std::vector<FailedHandshake> FailureLog::list(std::string_view endpoint, std::size_t limit) const {
  std::vector<FailedHandshake> found;
  auto device = devices_.order.begin();
  auto stranger = endpoint.empty() ? strangers_.order.begin() : strangers_.order.end();
  while (found.size() < limit) {
    while (!endpoint.empty() && device != devices_.order.end() && device->failure.endpoint != endpoint)
      ++device;
    const bool have_device = device != devices_.order.end();
    const bool have_stranger = stranger != strangers_.order.end();
    if (!have_device && !have_stranger) break;
    const bool device_is_later =
        have_device && (!have_stranger || device->failure.last >= stranger->failure.last);
    found.push_back((device_is_later ? device++ : stranger++)->failure);
  }
  return found;
}

}  // namespace slipway::node
