// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bitset>
#include <cctype>
#include <map>

#include <slipway/codec/payload.hpp>
#include <slipway/fleet/credential.hpp>

#include "lint.hpp"

namespace slipway::fleet {
namespace {

/// Fewer different bytes in a key of 16 are not chance: of random keys one in a million has so few.
constexpr std::size_t kDistinctMin = 10;
/// Text shorter than this holds less than 128 random bits, whatever its letters are.
constexpr std::size_t kTextMin = 22;

std::size_t distinct_bytes(ByteView key) {
  std::bitset<256> seen;
  for (const auto byte : key) seen.set(byte);
  return seen.count();
}

bool is_a_progression(ByteView key) {
  if (key.size() < 3) return false;
  const auto step = static_cast<std::uint8_t>(key[1] - key[0]);
  for (std::size_t i = 2; i < key.size(); ++i)
    if (static_cast<std::uint8_t>(key[i] - key[i - 1]) != step) return false;
  return true;
}

}  // namespace

const char* weakness_of(ByteView key) {
  if (key.size() < kPskMin) return "this key is shorter than 16 bytes";
  if (is_a_progression(key) || distinct_bytes(key) < kDistinctMin) return "this key is a pattern, not a key";
  const auto all = [&](int (*is)(int)) {
    return std::ranges::all_of(key, [&](auto byte) { return is(byte) != 0; });
  };
  const bool words = std::ranges::all_of(key, [](auto byte) {
    return std::isalpha(byte) != 0 || byte == ' ' || byte == '-' || byte == '_' || byte == '.';
  });
  if (words || (all(std::isprint) && key.size() < kTextMin)) return "this key is text that somebody chose";
  return nullptr;
}

namespace {

/// A key that stands in a plan.
struct Found {
  PlanDraft& plan;
  TableReader& table;
  const toml::node* where;
  std::string key;
  ByteView secret;
  bool from_file = false;
};

class SecretRules {
 public:
  explicit SecretRules(const ObjectCatalog& catalog) : catalog_(catalog) {}

  void visit(PlanDraft& draft) {
    auto& plan = *draft.plan;
    for (std::size_t i = 0; i < draft.servers.size(); ++i) visit_account(draft, i);
    for (std::size_t i = 0; i < draft.instances.size(); ++i)
      visit_values(draft, plan.instances[i].values, draft.instances[i]);
    for (std::size_t i = 0; i < draft.before.size(); ++i)
      visit_operation(draft, plan.before[i], draft.before[i]);
    for (std::size_t i = 0; i < draft.after.size(); ++i)
      visit_operation(draft, plan.after[i], draft.after[i]);
  }

 private:
  [[nodiscard]] bool is_secret(const PlanDraft& draft, const Path& path) const {
    const auto* definition = draft.model.find(path);
    return definition != nullptr && definition->confidentiality == Confidentiality::secret;
  }

  void visit_account(PlanDraft& draft, std::size_t index) {
    auto& table = draft.servers[index];
    for (const auto& [id, value] : draft.plan->servers[index].security_resources) {
      if (!is_secret(draft, Path(ObjectId(0), InstanceId(0), id))) continue;
      const auto name = std::to_string(id.value());
      judge({draft, table, table.table()["security_resources"][name].node(), "security_resources." + name,
             value.view().as_opaque()});
    }
  }

  void visit_values(PlanDraft& draft, const std::vector<std::pair<Path, OwnedValue>>& values,
                    PlacedPart& place) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto& [path, value] = values[i];
      if (!is_secret(draft, path)) continue;
      // A value from a file stands where its `file` is written.
      judge({draft, place.table, place.values[i], std::string(path.text().view()), value.view().as_opaque(),
             stands_in_a_file(place, place.values[i])});
    }
  }

  static bool stands_in_a_file(const PlacedPart& place, const toml::node* where) {
    const auto* values = place.table.table()["values"].as_array();
    return values != nullptr && std::ranges::any_of(*values, [&](const toml::node& item) {
             const auto* table = item.as_table();
             return table != nullptr && table->get("file") == where;
           });
  }

  void visit_operation(PlanDraft& draft, const OperationPlan& operation, PlacedPart& place) {
    visit_values(draft, operation.values, place);
    if (!operation.payload || !operation.format) return;
    std::vector<Entry> entries(codec::kEntriesMax);
    Bytes scratch(operation.payload->size());
    const auto read = codec::decode(*operation.format, operation.path, *operation.payload,
                                    {.catalog = &catalog_}, {.entries = entries, .scratch = scratch});
    if (read)
      for (const auto& entry : *read)
        if (entry.kind == EntryKind::value && is_secret(draft, entry.path))
          judge({draft, place.table, place.table.table().get("payload"), "payload", entry.value.as_opaque()});
    wipe(scratch);
  }

  void judge(const Found& found) {
    if (found.secret.empty()) return;
    auto& table = found.table;
    const auto wrong = [&](const std::string& message, const std::string& remedy) {
      table.wrong(found.where, found.key, message, remedy);
    };
    if (found.plan.audience == Audience::many)
      return wrong("every device of this plan would have this key",
                   "give it to one device: an enrolment with one name, and a plan of its own");
    const auto digest = security::sha256(found.secret);
    const auto [known, is_new] = seen_.emplace(digest, table.key(found.key));
    if (!is_new) return wrong("this is the key of " + known->second, "make another: openssl rand -hex 16");
    if (const auto* why = weakness_of(found.secret)) return wrong(why, "make one: openssl rand -hex 16");
    if (!found.from_file)
      table.warn(found.where, found.key, "a key stands in the configuration",
                 "move it into a file that others cannot read: values = [ { path = ..., file = \"...\" } ]");
  }

  const ObjectCatalog& catalog_;
  std::map<security::Sha256, std::string> seen_;
};

}  // namespace

void lint_secrets(std::span<PlanDraft> drafts, const ObjectCatalog& catalog) {
  SecretRules rules(catalog);
  for (auto& draft : drafts) rules.visit(draft);
}

}  // namespace slipway::fleet
