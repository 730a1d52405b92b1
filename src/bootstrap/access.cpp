// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/access.hpp"

#include <algorithm>

#include <slipway/lwm2m/access_control.hpp>

#include "bootstrap/compare.hpp"
#include "bootstrap/core_objects.hpp"

namespace slipway::bootstrap {
namespace {

/// Servers that the plan does not name and whose accounts it keeps; more is no device.
constexpr std::size_t kKeptServersMax = 64;

/// An instance of /2 that the device has. Without a target it was not read.
struct Rule {
  std::uint16_t id = 0;
  std::optional<std::uint16_t> object{}, instance{};
  std::uint16_t owner = kReservedId;
  std::vector<lwm2m::AclEntry> acl{};
  bool used = false;

  [[nodiscard]] bool governs(const fleet::AccessControlPlan& access) const {
    return object == access.target_object.value() && instance == access.target_instance.value();
  }
  [[nodiscard]] lwm2m::AccessRule view() const {
    return {
        .object = ObjectId(object.value_or(0)), .instance = instance.value_or(0), .owner = owner, .acl = acl};
  }
};

class AccessPlaces {
 public:
  AccessPlaces(const fleet::Plan& plan, const DeviceState& device, std::span<const PlannedOperation> earlier)
      : plan_(plan), earlier_(earlier) {
    for (const auto& link : device.discovered.links)
      if (is_instance_of(link, kAccessControl)) rule(link.path.instance().value());
    for (const auto& entry : device.access.value_or(std::span<const Entry>())) read(entry);
    chosen_.assign(plan.access.size(), kReservedId);
  }

  [[nodiscard]] bool empty() const { return rules_.empty(); }
  void choose_by_target();
  void choose_earlier();
  [[nodiscard]] Result<void> choose_free();
  void choose_lowest() {
    for (std::size_t i = 0; i < chosen_.size(); ++i) chosen_[i] = static_cast<std::uint16_t>(i);
  }
  void append_deletes(std::vector<PlannedOperation>& out) const;
  [[nodiscard]] Path at(std::size_t index) const { return Path(kAccessControl, InstanceId(chosen_[index])); }
  [[nodiscard]] const Rule* governing(const fleet::AccessControlPlan& access) const {
    const auto found = std::ranges::find_if(rules_, [&](const Rule& rule) { return rule.governs(access); });
    return found == rules_.end() ? nullptr : &*found;
  }

 private:
  Rule& rule(std::uint16_t id) {
    const auto found = std::ranges::find(rules_, id, &Rule::id);
    return found != rules_.end() ? *found : rules_.emplace_back(Rule{.id = id});
  }
  void read(const Entry& entry);
  [[nodiscard]] bool is_free(std::uint16_t id) const {
    return std::ranges::find(rules_, id, &Rule::id) == rules_.end() &&
           std::ranges::find(chosen_, id) == chosen_.end();
  }
  [[nodiscard]] bool is_chosen(std::uint16_t id) const {
    return std::ranges::find(chosen_, id) != chosen_.end();
  }
  [[nodiscard]] bool goes(const Rule& rule) const;

  const fleet::Plan& plan_;
  std::span<const PlannedOperation> earlier_;
  std::vector<Rule> rules_;
  std::vector<std::uint16_t> chosen_;  // by index of Plan::access
};

std::uint16_t id_of(const Value& value) {
  return static_cast<std::uint16_t>(std::clamp<std::int64_t>(value.as_integer(), 0, kReservedId));
}

void AccessPlaces::read(const Entry& entry) {
  if (!entry.path.has_instance() || entry.path.object() != kAccessControl) return;
  auto& its = rule(entry.path.instance().value());
  if (entry.kind != EntryKind::value || entry.value.type() != DataType::integer) return;
  switch (entry.path.resource().value()) {
    case 0:
      its.object = id_of(entry.value);
      break;
    case 1:
      its.instance = id_of(entry.value);
      break;
    case 2:
      its.acl.push_back(
          {.server = ShortServerId(entry.path.resource_instance().value()), .rights = id_of(entry.value)});
      break;
    case 3:
      its.owner = id_of(entry.value);
      break;
    default:
      break;
  }
}

void AccessPlaces::choose_by_target() {
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const auto found = std::ranges::find_if(
        rules_, [&](const Rule& rule) { return !rule.used && rule.governs(plan_.access[i]); });
    if (found == rules_.end()) continue;
    found->used = true;
    chosen_[i] = found->id;
  }
}

/// Where the first round has written: a device that does not let itself be read lists these among the others.
void AccessPlaces::choose_earlier() {
  for (const auto& operation : earlier_)
    if (operation.content == Content::access) chosen_[operation.index] = operation.path.instance().value();
}

Result<void> AccessPlaces::choose_free() {
  std::uint16_t next = 0;
  for (auto& chosen : chosen_) {
    if (chosen != kReservedId) continue;
    while (next < kReservedId && !is_free(next)) ++next;
    if (next == kReservedId) return fail(ErrorCode::exhausted, "the device has no free instance of /2");
    chosen = next;
  }
  return {};
}

/// An instance that nobody writes goes, unless it speaks of what the plan is silent about and others are
/// kept.
bool AccessPlaces::goes(const Rule& rule) const {
  if (is_chosen(rule.id)) return false;
  if (plan_.others == fleet::OtherAccounts::remove) return true;
  return std::ranges::any_of(plan_.access, [&](const auto& access) { return rule.governs(access); });
}

void AccessPlaces::append_deletes(std::vector<PlannedOperation>& out) const {
  if (plan_.access.empty() && plan_.others == fleet::OtherAccounts::remove) {  // all of them: one operation
    out.push_back({.operation = Operation::del, .path = Path(kAccessControl)});
    return;
  }
  for (const auto& rule : rules_)
    if (goes(rule))
      out.push_back({.operation = Operation::del, .path = Path(kAccessControl, InstanceId(rule.id))});
}

/// Servers that the plan does not name and that keep their accounts. Errors: limit.
Result<void> find_kept(const fleet::Plan& plan, const DeviceState& device, std::vector<ShortServerId>& out) {
  if (plan.others == fleet::OtherAccounts::remove) return {};
  for (const auto& link : device.discovered.links) {
    if (!is_instance_of(link, kServer) || !is_server(link.server)) continue;
    if (std::ranges::any_of(plan.servers, [&](const auto& account) { return account.id == link.server; }))
      continue;
    if (std::ranges::find(out, link.server) != out.end()) continue;
    if (out.size() == kKeptServersMax)
      return fail(ErrorCode::limit,
                  "the device has more than 64 accounts of servers that the plan does not name");
    out.push_back(link.server);
  }
  return {};
}

/// What `server` may do by a rule; create is by an entry of its own only. [LwM2M-CORE 1.2 §8.2.1]
std::uint16_t rights_by(const lwm2m::AccessRule& rule, ShortServerId server) {
  if (rule.instance != kReservedId) return lwm2m::rights_on_instance(&rule, server);
  for (const auto& entry : rule.acl)
    if (entry.server == server) return entry.rights;
  return 0;
}

/// Lets kept servers do on the target of an access control what they might do before.
void keep_rights(std::uint16_t index, const fleet::AccessControlPlan& access, const Rule& old,
                 std::span<const ShortServerId> kept, std::vector<KeptRight>& out) {
  std::vector<lwm2m::AclEntry> acl;
  for (const auto& right : access.acl) acl.push_back({.server = right.server, .rights = right.rights});
  const lwm2m::AccessRule planned{.object = access.target_object,
                                  .instance = access.target_instance.value(),
                                  .owner = access.owner.value(),
                                  .acl = acl};
  for (const auto server : kept) {
    if (std::ranges::find(acl, server, &lwm2m::AclEntry::server) != acl.end()) continue;  // the plan's word
    const auto before = rights_by(old.view(), server), after = rights_by(planned, server);
    if ((before & ~after) != 0)
      out.push_back({.access = index,
                     .right = {.server = server, .rights = static_cast<std::uint16_t>(before | after)}});
  }
}

bool lists_any(const DeviceState& device) {
  return std::ranges::any_of(device.discovered.links,
                             [](const auto& link) { return is_instance_of(link, kAccessControl); });
}

}  // namespace

Result<void> plan_access(const AccessInput& input, std::vector<PlannedOperation>& deletes,
                         std::vector<PlannedOperation>& writes, std::vector<KeptRight>& kept_rights) {
  const auto& [plan, device, round, rewrite, earlier, catalog] = input;
  if (plan.access.empty() && (plan.others == fleet::OtherAccounts::keep || !lists_any(device))) return {};
  AccessPlaces places(plan, device, earlier);
  const bool nothing_there = plan.existing == fleet::Existing::replace || places.empty();
  const bool keeping = plan.others == fleet::OtherAccounts::keep;
  if (nothing_there || (!device.access && !keeping)) {
    places.choose_lowest();
  } else {
    if (device.access)
      places.choose_by_target();
    else if (round == Round::repair)
      places.choose_earlier();
    SLIPWAY_TRY(places.choose_free());
  }
  if (!nothing_there) places.append_deletes(deletes);

  std::vector<ShortServerId> kept;
  SLIPWAY_TRY(find_kept(plan, device, kept));
  for (std::uint16_t i = 0; i < plan.access.size(); ++i) {
    const auto* old = device.access ? places.governing(plan.access[i]) : nullptr;
    if (old != nullptr && !kept.empty()) keep_rights(i, plan.access[i], *old, kept, kept_rights);
    const PlannedOperation operation{.content = Content::access, .index = i, .path = places.at(i)};
    if (old != nullptr && rewrite == Rewrite::what_differs &&
        is_as_planned(operation,
                      {.plan = plan, .credentials = {}, .kept_rights = kept_rights, .catalog = catalog},
                      *device.access))
      continue;
    writes.push_back(operation);
  }
  return {};
}

}  // namespace slipway::bootstrap
