// SPDX-License-Identifier: Apache-2.0
#include "plan_reader.hpp"

#include <algorithm>

#include "account_reader.hpp"
#include "part_reader.hpp"

namespace slipway::fleet {
namespace {

constexpr ObjectId kSecurityObject{0};
constexpr ObjectId kAccessControlObject{2};
constexpr ObjectId kOscoreObject{21};

/// "RWED", "RWEDC", "R" ... in any order, each letter once.
std::optional<std::uint16_t> read_rights(std::string_view text) {
  constexpr std::string_view kLetters = "RWEDC";
  std::uint16_t rights = 0;
  for (const char c : text) {
    const auto bit = kLetters.find(c);
    if (bit == std::string_view::npos || (rights & 1u << bit) != 0) return std::nullopt;
    rights = static_cast<std::uint16_t>(rights | 1u << bit);
  }
  return rights;
}

bool has_server(const Plan& plan, std::uint16_t id) {
  return std::ranges::any_of(plan.servers, [&](const auto& server) { return server.id.value() == id; });
}

void read_target(TableReader& table, AccessControlPlan& access) {
  const auto target = table.text("target");
  if (!target) {
    if (table.node("target") == nullptr)
      table.missing("target", "write what the rights are about, such as \"/3303/0\"");
    return;
  }
  const std::string remedy = "write \"/3303/0\", or \"/3303\" for the right to create instances";
  const auto path = Path::parse(*target);
  const auto wrong = [&](const std::string& why) {
    table.wrong(table.node("target"), "target", in_quotes(*target) + why, remedy);
  };
  if (!path || path->depth() < 1 || path->depth() > 2)
    return wrong(" is not an object or an object instance");
  const auto object = path->object();
  if (object == kSecurityObject || object == kAccessControlObject || object == kOscoreObject)
    return wrong(" is for bootstrap alone: no server has rights on it");
  access.target_object = object;
  access.target_instance = path->has_instance() ? path->instance() : InstanceId(kReservedId);
}

void read_acl(TableReader& table, const Plan& plan, AccessControlPlan& access) {
  const auto* found = table.sub_table("rights");
  if (found == nullptr) return;
  TableReader rights(*found, table.key("rights"), table.findings());
  for (const auto& [name, node] : *found) {
    const auto key = name.str();
    const auto server = read_id(key);
    if (!server || (*server != 0 && !has_server(plan, *server))) {
      rights.wrong(&node, key, "no server of this plan has the short server id " + in_quotes(key),
                   "name one of its servers; \"0\" stands for all others");
      continue;
    }
    const auto letters = rights.text(key);
    if (!letters) continue;
    if (const auto bits = read_rights(*letters))
      access.acl.push_back({ShortServerId(*server), *bits});
    else
      rights.wrong(&node, key, in_quotes(*letters) + " are not rights",
                   "write letters of RWEDC, such as \"RWE\"");
  }
  std::ranges::sort(access.acl, {}, &AccessRight::server);
}

AccessControlPlan read_access(TableReader& table, const Plan& plan) {
  AccessControlPlan access;
  read_target(table, access);
  if (const auto owner = table.number("owner", 1, 65535)) {
    if (*owner != kReservedId && !has_server(plan, static_cast<std::uint16_t>(*owner)))
      table.wrong(table.node("owner"), "owner",
                  "no server of this plan has the short server id " + std::to_string(*owner),
                  "name one of its servers, or 65535 for the bootstrap server");
    access.owner = ShortServerId(static_cast<std::uint16_t>(*owner));
  }
  read_acl(table, plan, access);
  table.finish();
  return access;
}

/// One of two words for a choice; the first is the default.
template <class Choice>
void read_choice(TableReader& table, std::string_view name, std::pair<std::string_view, Choice> first,
                 std::pair<std::string_view, Choice> second, Choice& out) {
  const auto text = table.text(name);
  if (!text) return;
  if (*text == first.first)
    out = first.second;
  else if (*text == second.first)
    out = second.second;
  else
    table.wrong(table.node(name), name, in_quotes(*text) + " is not a choice here",
                "write \"" + std::string(first.first) + "\" or \"" + std::string(second.first) + "\"");
}

void read_manner(TableReader& table, Plan& plan) {
  read_choice<Existing>(table, "existing", {"incremental", Existing::incremental},
                        {"replace", Existing::replace}, plan.existing);
  read_choice<OtherAccounts>(table, "others", {"remove", OtherAccounts::remove},
                             {"keep", OtherAccounts::keep}, plan.others);
  if (const auto discover = table.boolean("discover"))
    plan.discover = *discover ? DiscoverFirst::yes : DiscoverFirst::no;
  plan.format = read_format(table, kInstanceFormats, "cannot carry an object instance",
                            "write \"tlv\", \"senml-cbor\", \"senml-json\" or \"lwm2m-cbor\"");
}

void read_servers(const PlanContext& context, PlanDraft& draft) {
  auto& plan = *draft.plan;
  each_table(draft.table, "server", kPlanPartsMax, [&](TableReader& part) {
    auto server = read_server_account(part, context);
    if (server.id.value() != 0 && has_server(plan, server.id.value()))
      part.wrong(part.node("id"), "id", "another server of this plan has this short server id",
                 "give each its own");
    plan.servers.push_back(std::move(server));
    draft.servers.push_back(part);
  });
  const auto key = draft.table.key("server");
  if (draft.table.node("server") == nullptr)
    draft.table.missing("server", "a device needs at least one management server: write [[" + key + "]]");
  else if (plan.servers.empty())
    draft.table.wrong(draft.table.node("server"), "server", "there is no server",
                      "write at least one [[" + key + "]]");
}

void read_access_controls(PlanDraft& draft) {
  auto& plan = *draft.plan;
  each_table(draft.table, "access", kPlanPartsMax, [&](TableReader& part) {
    auto access = read_access(part, plan);
    const auto same = [&](const auto& other) {
      return other.target_object == access.target_object && other.target_instance == access.target_instance;
    };
    if (std::ranges::any_of(plan.access, same))
      part.wrong(part.node("target"), "target", "the rights on this target stand twice in the plan",
                 "join the two");
    plan.access.push_back(std::move(access));
    draft.access.push_back(part);
  });
}

/// A plan may hold keys: their bytes are wiped with it.
void forget(Plan* plan) {
  for (auto& instance : plan->instances)
    for (auto& [path, value] : instance.values) value.wipe();
  for (auto* operations : {&plan->before, &plan->after})
    for (auto& operation : *operations) {
      for (auto& [path, value] : operation.values) value.wipe();
      if (operation.payload) wipe(*operation.payload);
    }
  for (auto& server : plan->servers)
    for (auto& [id, value] : server.security_resources) value.wipe();
  delete plan;
}

}  // namespace

PlanDraft read_plan(const toml::table& table, const std::string& name, const std::string& key,
                    const PlanContext& context, Findings& findings) {
  PlanDraft draft(table, key, findings, context.catalog);
  draft.plan = std::shared_ptr<Plan>(new Plan, forget);
  draft.plan->name = name;
  draft.model.read(draft.table);
  read_servers(context, draft);
  if (const auto* found = draft.table.sub_table("bootstrap")) {
    TableReader reader(*found, draft.table.key("bootstrap"), findings);
    draft.plan->bootstrap = read_bootstrap_account(reader, context);
    draft.bootstrap.emplace(reader);
  }
  read_access_controls(draft);
  each_table(draft.table, "instance", kPlanPartsMax,
             [&](TableReader& part) { read_instance(part, context, draft); });
  each_table(draft.table, "before", kPlanPartsMax, [&](TableReader& part) {
    read_operation(part, context, draft.model, draft.plan->before, draft.before);
  });
  each_table(draft.table, "after", kPlanPartsMax, [&](TableReader& part) {
    read_operation(part, context, draft.model, draft.plan->after, draft.after);
  });
  read_manner(draft.table, *draft.plan);
  draft.table.finish();
  return draft;
}

}  // namespace slipway::fleet
