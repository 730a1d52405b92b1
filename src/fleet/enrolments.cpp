// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <unordered_map>

#include <slipway/fleet/plan.hpp>

namespace slipway::fleet {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using ByText = std::unordered_map<std::string, std::shared_ptr<const Enrolment>, TextHash, std::equal_to<>>;

}  // namespace

/// Patterns lie in one hash table per prefix length: a lookup tries each length that exists, the
/// longest first, so its cost depends on the endpoint's length and not on the number of enrolments.
struct Enrolments::Index {
  std::vector<std::shared_ptr<const Enrolment>> all;
  ByText exact;
  std::map<std::size_t, ByText, std::greater<>> prefixes;

  [[nodiscard]] bool has(std::string_view name) const {
    if (name.back() != '*') return exact.contains(name);
    const auto prefix = name.substr(0, name.size() - 1);
    const auto table = prefixes.find(prefix.size());
    return table != prefixes.end() && table->second.contains(prefix);
  }
};

Enrolments::Enrolments() : index_(std::make_unique<Index>()) {}
Enrolments::~Enrolments() = default;
Enrolments::Enrolments(Enrolments&&) noexcept = default;
Enrolments& Enrolments::operator=(Enrolments&&) noexcept = default;

Result<void> Enrolments::add(std::shared_ptr<const Enrolment> enrolment) {
  std::set<std::string_view> own;
  for (const auto& name : enrolment->endpoints) {
    if (name.empty()) return fail(ErrorCode::malformed, "an endpoint name or pattern is empty");
    if (name.size() > kEndpointMax) return fail(ErrorCode::limit, "an endpoint name has at most 255 bytes");
    const auto star = name.find('*');
    if (star != std::string::npos && star + 1 != name.size())
      return fail(ErrorCode::malformed, "a pattern has one `*`, at its end");
    if (index_->has(name) || !own.insert(name).second)
      return fail(ErrorCode::duplicate, "this endpoint name or pattern is enrolled twice");
  }
  for (const auto& name : enrolment->endpoints) {
    if (name.back() == '*')
      index_->prefixes[name.size() - 1].emplace(name.substr(0, name.size() - 1), enrolment);
    else
      index_->exact.emplace(name, enrolment);
  }
  index_->all.push_back(std::move(enrolment));
  return {};
}

std::shared_ptr<const Enrolment> Enrolments::find(std::string_view endpoint) const {
  if (const auto found = index_->exact.find(endpoint); found != index_->exact.end()) return found->second;
  for (const auto& [length, table] : index_->prefixes) {
    if (length > endpoint.size()) continue;
    if (const auto found = table.find(endpoint.substr(0, length)); found != table.end()) return found->second;
  }
  return nullptr;
}

const std::vector<std::shared_ptr<const Enrolment>>& Enrolments::all() const {
  return index_->all;
}

}  // namespace slipway::fleet
