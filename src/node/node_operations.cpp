// SPDX-License-Identifier: Apache-2.0
// The operator's calls.
#include <slipway/net/clock.hpp>

#include "server_node.hpp"

namespace slipway::node {

using nlohmann::json;

namespace {

Device device_of(const management::Registration& registration) {
  return {.endpoint = std::string(registration.endpoint),
          .location = std::string(registration.location),
          .enabler = registration.enabler,
          .lifetime_s = registration.lifetime.count(),
          .binding = std::string(registration.binding),
          .queue_mode = registration.queue_mode,
          .links = std::string(registration.links),
          .address = registration.address.to_string(),
          .security = registration.security,
          .registered = registration.registered,
          .updated = registration.updated};
}

std::vector<Entry> entries_of(const std::vector<std::pair<Path, OwnedValue>>& values) {
  std::vector<Entry> entries;
  entries.reserve(values.size());
  for (const auto& [path, value] : values) entries.push_back({.path = path, .value = value.view()});
  return entries;
}

}  // namespace

std::string problem_of(const Error& error, std::string_view endpoint, const Path& path) {
  const std::string where = std::string(endpoint) + " " + std::string(path.text().view());
  switch (error.code) {
    case ErrorCode::not_found:
      return "there is no registered device " + std::string(endpoint) + "; see `slipway devices`";
    case ErrorCode::exhausted:
      return where + ": too many operations are waiting for this device; try again when some are done";
    default:
      return where + ": " + to_string(error.code) + ": " + error.detail;
  }
}

OperationResult ServerNode::result_of(const management::Answer& answer) const {
  OperationResult result;
  result.code = answer.code;
  result.format = answer.format;
  result.location = answer.location;
  for (const auto& entry : answer.entries)
    result.values.push_back(
        {.path = entry.path, .kind = entry.kind, .value = OwnedValue(entry.value), .time = entry.time});
  const bool links = answer.format == ContentFormat::link_format;
  if (links || !coap::is_success(answer.code)) {
    const auto text = as_text(answer.payload.first(std::min<std::size_t>(answer.payload.size(), 16384)));
    result.text =
        json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  }
  return result;
}

void ServerNode::started(Result<management::OperationId> operation, std::string_view endpoint,
                         const Path& path, OnResult done) {
  if (operation) {
    waiting_.emplace(*operation, std::move(done));
    return;
  }
  OperationResult result;
  result.unsent = operation.error().code;
  result.problem = problem_of(operation.error(), endpoint, path);
  done(std::move(result));
}

std::vector<Device> ServerNode::devices(std::string_view after, std::size_t limit) const {
  std::vector<Device> all;
  management_.list(
      after, limit,
      [](void* context, const management::Registration& registration) {
        static_cast<std::vector<Device>*>(context)->push_back(device_of(registration));
      },
      &all);
  return all;
}

std::optional<Device> ServerNode::device(std::string_view endpoint) const {
  const auto found = management_.find(endpoint);
  return found ? std::optional(device_of(*found)) : std::nullopt;
}

void ServerNode::read(std::string_view endpoint, const Path& path, std::optional<ContentFormat> format,
                      OnResult done) {
  started(management_.read(net::steady_now(), endpoint, path, format), endpoint, path, std::move(done));
}

void ServerNode::discover(std::string_view endpoint, const Path& path, OnResult done) {
  started(management_.discover(net::steady_now(), endpoint, path), endpoint, path, std::move(done));
}

void ServerNode::write(std::string_view endpoint, const Write& write, OnResult done) {
  const auto entries = entries_of(write.values);
  started(management_.write(net::steady_now(), endpoint, write.path, write.mode, entries), endpoint,
          write.path, std::move(done));
}

void ServerNode::write_attributes(std::string_view endpoint, const Path& path,
                                  const std::vector<std::string>& attributes, OnResult done) {
  const std::vector<std::string_view> views(attributes.begin(), attributes.end());
  started(management_.write_attributes(net::steady_now(), endpoint, path, views), endpoint, path,
          std::move(done));
}

void ServerNode::execute(std::string_view endpoint, const Path& path, std::string_view arguments,
                         OnResult done) {
  started(management_.execute(net::steady_now(), endpoint, path, arguments), endpoint, path, std::move(done));
}

void ServerNode::create(std::string_view endpoint, ObjectId object,
                        const std::vector<std::pair<Path, OwnedValue>>& values, OnResult done) {
  const auto entries = entries_of(values);
  started(management_.create(net::steady_now(), endpoint, object, entries), endpoint, Path(object),
          std::move(done));
}

void ServerNode::del(std::string_view endpoint, const Path& path, OnResult done) {
  started(management_.del(net::steady_now(), endpoint, path), endpoint, path, std::move(done));
}

void ServerNode::observe(std::string_view endpoint, const Path& path,
                         std::function<void(std::uint64_t, OperationResult)> done) {
  const auto observing = management_.observe(net::steady_now(), endpoint, path);
  if (!observing) {
    OperationResult result;
    result.unsent = observing.error().code;
    result.problem = problem_of(observing.error(), endpoint, path);
    return done(0, std::move(result));
  }
  const auto id = observing->observation;
  observations_[{std::string(endpoint), path}] = id;
  waiting_.emplace(observing->operation, [this, id, name = std::string(endpoint), path,
                                          done = std::move(done)](OperationResult result) {
    const bool observed = result.code && coap::is_success(*result.code);
    if (observed && observations_.contains({name, path})) keep_observation(name, path);
    done(observed ? id.value() : 0, std::move(result));
  });
}

void ServerNode::cancel_observation(std::string_view endpoint, const Path& path, OnResult done) {
  const auto found = observations_.find({std::string(endpoint), path});
  if (found == observations_.end()) {
    OperationResult result;
    result.unsent = ErrorCode::not_found;
    result.problem = "nothing observes " + std::string(path.text().view()) + " of " + std::string(endpoint);
    return done(std::move(result));
  }
  const auto id = found->second;
  observations_.erase(found);
  forget_observation(endpoint, path);
  started(management_.cancel_observation(net::steady_now(), id), endpoint, path, std::move(done));
}

void ServerNode::journeys(std::string_view endpoint, std::size_t limit,
                          std::function<void(storage::StoreResult<std::vector<json>>)> done) {
  auto all = std::make_shared<std::vector<json>>();
  for (const auto* journey : recorder_.active(endpoint))
    if (all->size() < limit) all->push_back(trace::to_json(*journey));
  auto name = std::make_shared<std::string>(endpoint);
  submit(
      [all, name, limit](storage::Store& store) -> storage::StoreResult<void> {
        auto stored = store.journeys(*name, limit - std::min(limit, all->size()));
        if (!stored) return std::unexpected(std::move(stored.error()));
        for (const auto& record : *stored)
          if (auto parsed = json::parse(record.document, nullptr, false); !parsed.is_discarded())
            all->push_back(std::move(parsed));
        return {};
      },
      [all, done = std::move(done)](storage::StoreResult<void> outcome) {
        if (outcome)
          done(std::move(*all));
        else
          done(std::unexpected(std::move(outcome.error())));
      });
}

}  // namespace slipway::node
