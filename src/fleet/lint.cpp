// SPDX-License-Identifier: Apache-2.0
#include "lint.hpp"

#include <algorithm>
#include <set>

#include <slipway/coap/endpoint.hpp>
#include <slipway/codec/payload.hpp>

#include "certificate_rules.hpp"

namespace slipway::fleet {
namespace {

constexpr ObjectId kServerObject{1};
constexpr ObjectId kAccessControlObject{2};
constexpr ObjectId kOscoreObject{21};
constexpr ObjectId kCoseObject{23};
constexpr ObjectId kMqttObject{24};

std::string in_text(const Path& path) {
  return "\"" + std::string(path.text().view()) + "\"";
}

bool has_server(const Plan& plan, std::int64_t id) {
  return std::ranges::any_of(plan.servers, [&](const auto& server) { return server.id.value() == id; });
}

/// Both sections of explicit operations, with where each stands.
template <class Function>
void each_operation(PlanDraft& draft, const Function& function) {
  for (std::size_t i = 0; i < draft.before.size(); ++i) function(draft.plan->before[i], draft.before[i]);
  for (std::size_t i = 0; i < draft.after.size(); ++i) function(draft.plan->after[i], draft.after[i]);
}

/// Two wishes that exclude each other.
void lint_manner(PlanDraft& draft) {
  auto& table = draft.table;
  const auto& plan = *draft.plan;
  if (plan.existing == Existing::replace && plan.others == OtherAccounts::keep)
    table.wrong(table.node("others"), "others",
                "existing = \"replace\" deletes every account that the device has",
                "write existing = \"incremental\", or do not keep others");
  if (plan.bootstrap && plan.discover == DiscoverFirst::no)
    table.wrong(table.node("discover"), "discover",
                "the bootstrap account is to be replaced, and only a discover tells where it is",
                "remove it, or [" + table.key("bootstrap") + "]");
}

void lint_fixed_instances(PlanDraft& draft) {
  std::set<InstanceId> security, server;
  for (std::size_t i = 0; i < draft.servers.size(); ++i) {
    auto& table = draft.servers[i];
    const auto check = [&](std::string_view name, const std::optional<InstanceId>& id, auto& taken) {
      if (id && !taken.insert(*id).second)
        table.wrong(table.node(name), name, "another server of this plan has this instance",
                    "give each its own");
    };
    check("security_instance", draft.plan->servers[i].security_instance, security);
    check("server_instance", draft.plan->servers[i].server_instance, server);
  }
}

/// Whether an account says that its /1 instance is this one. 65535 stands for the object.
bool is_fixed(const Plan& plan, InstanceId instance) {
  return instance.value() == kReservedId || std::ranges::any_of(plan.servers, [&](const auto& server) {
           return server.server_instance == instance;
         });
}

/// With several servers every right has to be said. [LwM2M-CORE 1.2 §8.1.3]
void lint_access(PlanDraft& draft, const ObjectCatalog& catalog) {
  const auto& plan = *draft.plan;
  if (plan.servers.size() > 1 && plan.access.empty())
    draft.table.warn(
        draft.table.node("server"), "access",
        "several servers and no access control: each may do everything, if the device lets them at all",
        "write [[" + draft.table.key("access") + "]] for the objects that they share");
  for (std::size_t i = 0; i < draft.access.size(); ++i) {
    auto& table = draft.access[i];
    const auto object = plan.access[i].target_object;
    const auto who = "object " + std::to_string(object.value());
    if (!draft.model.has(object))
      table.wrong(table.node("target"), "target", who + " is not in the device's model",
                  "remove it, or add \"" + std::to_string(object.value()) + "\" to model");
    else if (object == kServerObject && !is_fixed(plan, plan.access[i].target_instance))
      table.warn(table.node("target"), "target",
                 "no server of this plan is fixed there: another account may come to stand in its place",
                 "write server_instance = " + std::to_string(plan.access[i].target_instance.value()) +
                     " in the account that is meant");
    else if (!draft.model.stated() && table.node("target") != nullptr && catalog.find(object) == nullptr)
      table.warn(table.node("target"), "target", who + " has no definition here: nobody may have it",
                 "put its XML file into the folder of --objects, or list the plan's model");
  }
  if (!plan.access.empty() && !draft.model.has(kAccessControlObject))
    draft.access[0].wrong(nullptr, "target",
                          "object 2 is not in the device's model: it knows no access control",
                          "remove this, or add \"2\" to model");
}

void lint_model(PlanDraft& draft) {
  const auto check = [&](PlacedPart& place, const Path& path, Need need) {
    if (path.is_root() || draft.model.has(path.object())) return;
    const auto id = std::to_string(path.object().value());
    const auto message = "object " + id + " is not in the device's model";
    if (need == Need::required)
      place.table.wrong(place.table.node("path"), "path", message,
                        "write optional = true, or add \"" + id + "\" to model");
    else
      place.table.warn(place.table.node("path"), "path", message + ": the device will refuse it",
                       "remove it");
  };
  for (std::size_t i = 0; i < draft.instances.size(); ++i)
    check(draft.instances[i], draft.plan->instances[i].instance, draft.plan->instances[i].need);
  each_operation(draft, [&](const OperationPlan& operation, PlacedPart& place) {
    check(place, operation.path, operation.need);
  });
}

/// The object that a link of /0 leads to. [LwM2M-CORE 1.2 App. E.1]
std::optional<ObjectId> linked_object(ResourceId resource) {
  switch (resource.value()) {
    case 17:
      return kOscoreObject;
    case 26:
      return kMqttObject;
    case 27:
      return kCoseObject;
    default:
      return std::nullopt;
  }
}

bool writes(const Plan& plan, const Path& instance) {
  const auto there = [&](const OperationPlan& operation) {
    return operation.kind == OperationPlan::Kind::write &&
           (instance.contains(operation.path) ||
            std::ranges::any_of(operation.values,
                                [&](const auto& value) { return instance.contains(value.first); }));
  };
  return std::ranges::any_of(plan.instances, [&](const auto& other) { return other.instance == instance; }) ||
         std::ranges::any_of(plan.before, there) || std::ranges::any_of(plan.after, there);
}

/// Links of accounts to /21, /23 and /24, and OSCORE contexts that nobody links to.
void lint_links(PlanDraft& draft) {
  const auto& plan = *draft.plan;
  std::set<Path> linked;
  for (std::size_t i = 0; i < draft.servers.size(); ++i)
    for (const auto& [id, value] : plan.servers[i].security_resources) {
      const auto object = linked_object(id);
      if (!object || value.type() != DataType::objlnk || value.view().as_objlnk().is_null()) continue;
      const auto link = value.view().as_objlnk();
      const Path target{ObjectId(link.object), InstanceId(link.instance)};
      auto& table = draft.servers[i];
      const auto* where = table.table()["security_resources"][std::to_string(id.value())].node();
      const auto wrong = [&](const std::string& message, const std::string& remedy) {
        table.wrong(where, "security_resources." + std::to_string(id.value()), message, remedy);
      };
      if (target.object() != *object)
        wrong("this links to an instance of object " + std::to_string(object->value()),
              "write \"" + std::to_string(object->value()) + ":0\"");
      else if (!writes(plan, target))
        wrong(in_text(target) + " is not in the plan", "add it as [[" + draft.table.key("instance") + "]]");
      else if (!linked.insert(target).second && *object == kOscoreObject)
        wrong("another account links to " + in_text(target),
              "give each its own: a context belongs to one server");
    }
  for (std::size_t i = 0; i < draft.instances.size(); ++i) {
    const auto& path = plan.instances[i].instance;
    auto& table = draft.instances[i].table;
    if (path.object() == kOscoreObject && !linked.contains(path))
      table.warn(
          table.node("path"), "path", "no account links to " + in_text(path),
          "write security_resources = { \"17\" = \"21:" + std::to_string(path.instance().value()) + "\" }");
  }
}

/// Sender and recipient IDs of OSCORE. [RFC 8613 §3.3] [LwM2M-TRANSPORT 1.2 §5.4]
void lint_oscore(PlanDraft& draft) {
  constexpr std::size_t kIdMax = 7;  // with the default AEAD
  for (std::size_t i = 0; i < draft.instances.size(); ++i) {
    const auto& instance = draft.plan->instances[i];
    if (instance.instance.object() != kOscoreObject) continue;
    auto& place = draft.instances[i];
    const OwnedValue* sender = nullptr;
    for (std::size_t at = 0; at < instance.values.size(); ++at) {
      const auto id = instance.values[at].first.resource().value();
      const auto& value = instance.values[at].second;
      if ((id == 1 || id == 2) && value.view().as_opaque().size() > kIdMax)
        place.table.warn(place.values[at], "path", "an OSCORE ID has at most 7 bytes with AES-CCM-16-64-128",
                         "shorten it, unless /21/x/3 names another algorithm");
      if (id == 1) sender = &value;
      if (id == 2 && sender != nullptr && *sender == value)
        place.table.wrong(place.values[at], "path", "sender and recipient have the same OSCORE ID",
                          "give each its own");
    }
  }
}

/// What the plan has written when its last operations come.
bool is_written(const Plan& plan, const Path& path) {
  const auto under = [&](ObjectId object) { return path.is_root() || path.object() == object; };
  if (under(ObjectId(0)) || under(kServerObject)) return true;
  if (under(kAccessControlObject) && !plan.access.empty()) return true;
  return std::ranges::any_of(plan.instances,
                             [&](const auto& other) { return path.contains(other.instance); });
}

/// Operations that undo the plan, or make half an account.
void lint_operations(PlanDraft& draft) {
  const auto& plan = *draft.plan;
  each_operation(draft, [&](const OperationPlan& operation, PlacedPart& place) {
    for (std::size_t i = 0; i < operation.values.size(); ++i) {
      const auto& [path, value] = operation.values[i];
      if (path.object() == kServerObject && path.resource() == ResourceId(0) &&
          !has_server(plan, value.view().as_integer()))
        place.table.wrong(place.values[i], "values",
                          "a server without an account in object 0: no device could reach it",
                          "write it as [[" + draft.table.key("server") + "]]");
    }
  });
  for (std::size_t i = 0; i < draft.after.size(); ++i) {
    const auto& operation = plan.after[i];
    auto& table = draft.after[i].table;
    const auto& path = operation.path;
    if (operation.kind == OperationPlan::Kind::del && is_written(plan, path))
      table.wrong(table.node("path"), "path", "this deletes what the plan has just written",
                  "move it to [[" + draft.table.key("before") + "]]");
    const auto same = [&](const auto& other) { return other.instance == path; };
    if (operation.kind == OperationPlan::Kind::write && std::ranges::any_of(plan.instances, same))
      table.warn(table.node("path"), "path", "this writes over an instance of the plan", "join the two");
  }
}

/// Servers have keys of their own. [LwM2M-TRANSPORT 1.2 §5.2.1]
void lint_server_keys(PlanDraft& draft, const Authorities& authorities) {
  const auto& plan = *draft.plan;
  const auto of_an_authority = [](const ServerIdentity& identity) {
    return is_of_an_authority(static_cast<CertificateUsage>(identity.certificate_usage.value_or(3)));
  };
  const auto key = [&](const ServerIdentity& identity) {
    return of_an_authority(identity) ? ByteView() : ByteView(identity.public_key);
  };
  for (std::size_t i = 0; i < draft.servers.size(); ++i) {
    const auto own = key(plan.servers[i].identity);
    if (own.empty()) continue;
    auto& table = draft.servers[i];
    const auto* where = table.node("server_public_key");
    for (std::size_t j = 0; j < i; ++j)
      if (equal(own, key(plan.servers[j].identity)))
        table.warn(where, "server_public_key", "another server of this plan has the same key",
                   "give each its own: who takes one over would have both");
    if (plan.bootstrap && equal(own, key(plan.bootstrap->identity)))
      table.warn(where, "server_public_key", "the bootstrap server has the same key",
                 "give each its own: who takes one over would have both");
    for (const auto& [name, authority] : authorities)
      if (equal(own, authority->certificate))
        table.wrong(where, "server_public_key",
                    "a server cannot have the key of the authority " + in_quotes(name),
                    "issue a certificate for it, or write certificate_usage = 2");
  }
}

/// Whether a write fits into one body, in the format of the plan or in the smallest one.
bool fits_body(ContentFormat format, const Path& base,
               const std::vector<std::pair<Path, OwnedValue>>& values) {
  std::vector<Entry> entries;
  for (const auto& [path, value] : values) entries.push_back({.path = path, .value = value.view()});
  Bytes body(coap::EndpointConfig{}.body_max);
  const auto size = codec::encode(format, base, entries, body);
  wipe(body);
  return size || size.error().code != ErrorCode::no_space;
}

/// A plan whose pieces no device would take in one.
void lint_bounds(PlanDraft& draft) {
  const auto& plan = *draft.plan;
  const auto check = [&](PlacedPart& place, const Path& base, const auto& values,
                         std::optional<ContentFormat> format) {
    if (values.size() > codec::kEntriesMax)
      place.table.wrong(nullptr, "resources", "more than 1024 values in one write", "split it");
    else if (!fits_body(format.value_or(plan.format.value_or(ContentFormat::tlv)), base, values))
      place.table.wrong(nullptr, "resources", "this write has more than 64 KiB", "split it");
  };
  for (std::size_t i = 0; i < draft.instances.size(); ++i)
    check(draft.instances[i], plan.instances[i].instance, plan.instances[i].values, std::nullopt);
  each_operation(draft, [&](const OperationPlan& operation, PlacedPart& place) {
    check(place, operation.path, operation.values, operation.format);
  });
}

/// A payload that is sent as it is may be meant to be odd; usually it is a slip.
void lint_payloads(PlanDraft& draft, const ObjectCatalog& catalog) {
  each_operation(draft, [&](const OperationPlan& operation, PlacedPart& place) {
    if (!operation.payload || !operation.format) return;
    std::vector<Entry> entries(codec::kEntriesMax);
    Bytes scratch(operation.payload->size());
    const codec::DecodeBuffers buffers{.entries = entries, .scratch = scratch};
    const auto read =
        codec::decode(*operation.format, operation.path, *operation.payload, {.catalog = &catalog}, buffers);
    if (!read)
      place.table.warn(
          place.table.node("payload"), "payload",
          std::string("this does not read as ") + to_string(*operation.format) + ": " + read.error().detail,
          "correct it, unless the device wants it so");
    wipe(scratch);
  });
}

}  // namespace

void lint_plan(PlanDraft& draft, const PlanContext& context) {
  lint_manner(draft);
  lint_fixed_instances(draft);
  lint_access(draft, context.catalog);
  lint_model(draft);
  lint_links(draft);
  lint_oscore(draft);
  lint_operations(draft);
  lint_server_keys(draft, context.authorities);
  lint_sessions(draft);
  lint_bounds(draft);
  lint_payloads(draft, context.catalog);
  if (draft.audience == Audience::nobody)
    draft.table.warn(nullptr, "", "no enrolment uses this plan", "name it in one, or remove it");
}

}  // namespace slipway::fleet
