// SPDX-License-Identifier: Apache-2.0
// A node whose devices are what the test says, and the API over it on a real socket.
#pragma once

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <slipway/api/device_routes.hpp>
#include <slipway/api/http_server.hpp>
#include <slipway/node/node.hpp>

namespace slipway::api::test {

/// Works on the HTTP thread at once: `post` runs what it is given. Operations answer with `next`, and leave
/// in `asked` what they were asked for.
class FakeNode final : public node::Node {
 public:
  std::map<std::string, node::Device, std::less<>> registered;
  node::OperationResult next;
  bool silent = false;      ///< an operation is dropped without an answer
  bool overloaded = false;  ///< `post` refuses
  bool store_fails = false;
  bool conflicts = false;  ///< the store knows every identity already
  std::string asked;
  std::vector<fleet::Credential> taken;
  node::Write written;
  std::size_t limit_asked = 0;
  std::vector<nlohmann::json> kept_journeys;
  std::vector<storage::CredentialInfo> kept_credentials;
  std::vector<node::Figure> kept_figures;
  std::vector<node::FailedHandshake> kept_failures;

  FakeNode() {
    add("sensor-1");
    next.code = coap::Code::changed;
  }
  void add(const std::string& endpoint) {
    registered[endpoint].endpoint = endpoint;
    registered[endpoint].location = "a1";
  }

  void run() override {}
  void stop() noexcept override {}
  bool post(std::function<void()> work) override {
    if (overloaded) return false;
    work();
    return true;
  }
  const node::Listening& listening() const override { return listening_; }
  const ObjectCatalog& catalog() const override { return builtin_objects(); }
  std::expected<void, std::string> reconfigure(fleet::Enrolments,
                                               const std::vector<fleet::Remote>&) override {
    return {};
  }
  void on_event(std::function<void(std::string_view, const nlohmann::json&)>) override {}

  std::vector<node::Device> devices(std::string_view after, std::size_t limit) const override {
    const_cast<FakeNode*>(this)->limit_asked = limit;
    std::vector<node::Device> page;
    for (auto at = registered.upper_bound(after); at != registered.end() && page.size() < limit; ++at)
      page.push_back(at->second);
    return page;
  }
  std::optional<node::Device> device(std::string_view endpoint) const override {
    const auto found = registered.find(endpoint);
    return found == registered.end() ? std::nullopt : std::optional(found->second);
  }

  void read(std::string_view endpoint, const Path& path, std::optional<ContentFormat> format,
            node::OnResult done) override {
    finish("read", endpoint, path, done, format ? to_string(*format) : "");
  }
  void discover(std::string_view endpoint, const Path& path, node::OnResult done) override {
    finish("discover", endpoint, path, done);
  }
  void write(std::string_view endpoint, const node::Write& write, node::OnResult done) override {
    written = write;
    finish("write", endpoint, write.path, done,
           write.mode == management::WriteMode::partial ? "partial" : "replace");
  }
  void write_attributes(std::string_view endpoint, const Path& path,
                        const std::vector<std::string>& attributes, node::OnResult done) override {
    std::string joined;
    for (const auto& attribute : attributes) joined += (joined.empty() ? "" : "&") + attribute;
    finish("attributes", endpoint, path, done, joined);
  }
  void execute(std::string_view endpoint, const Path& path, std::string_view arguments,
               node::OnResult done) override {
    finish("execute", endpoint, path, done, std::string(arguments));
  }
  void create(std::string_view endpoint, ObjectId object,
              const std::vector<std::pair<Path, OwnedValue>>& values, node::OnResult done) override {
    written = {.path = Path(object), .values = values};
    finish("create", endpoint, Path(object), done, std::to_string(values.size()));
  }
  void del(std::string_view endpoint, const Path& path, node::OnResult done) override {
    finish("delete", endpoint, path, done);
  }
  void observe(std::string_view endpoint, const Path& path,
               std::function<void(std::uint64_t, node::OperationResult)> done) override {
    const bool observed = next.code && coap::is_success(*next.code);
    finish("observe", endpoint, path,
           [&](node::OperationResult result) { done(observed ? 7 : 0, std::move(result)); });
  }
  void cancel_observation(std::string_view endpoint, const Path& path, node::OnResult done) override {
    finish("cancel", endpoint, path, done);
  }

  void journeys(std::string_view, std::size_t limit,
                std::function<void(storage::StoreResult<std::vector<nlohmann::json>>)> done) override {
    limit_asked = limit;
    if (store_fails)
      done(std::unexpected(failure()));
    else
      done(kept_journeys);
  }
  void credentials(
      std::string_view,
      std::function<void(storage::StoreResult<std::vector<storage::CredentialInfo>>)> done) override {
    if (store_fails)
      done(std::unexpected(failure()));
    else
      done(kept_credentials);
  }
  void revoke(std::string_view endpoint, fleet::ServerRole role,
              std::function<void(storage::StoreResult<std::size_t>)> done) override {
    asked = "revoke " + std::string(endpoint) + " " + fleet::to_string(role);
    if (store_fails)
      done(std::unexpected(failure()));
    else
      done(std::size_t{1});
  }
  void keep_credentials(std::vector<fleet::Credential> credentials,
                        std::function<void(storage::StoreResult<void>)> done) override {
    taken = std::move(credentials);
    if (store_fails) return done(std::unexpected(failure()));
    if (!conflicts) return done({});
    done(std::unexpected(
        storage::StoreError{.kind = storage::StoreError::Kind::conflict, .what = "that identity is known"}));
  }
  void request_bootstrap(std::string_view endpoint, node::OnResult done) override {
    finish("bootstrap", endpoint, Path(), done);
  }
  std::vector<node::FailedHandshake> failed_handshakes(std::string_view endpoint,
                                                       std::size_t limit) const override {
    const_cast<FakeNode*>(this)->limit_asked = limit;
    std::vector<node::FailedHandshake> found;
    for (const auto& failure : kept_failures)
      if ((endpoint.empty() || failure.endpoint == endpoint) && found.size() < limit)
        found.push_back(failure);
    return found;
  }
  std::vector<node::Figure> figures() const override { return kept_figures; }

 private:
  void finish(const char* what, std::string_view endpoint, const Path& path, const node::OnResult& done,
              const std::string& rest = {}) {
    asked = std::string(what) + " " + std::string(endpoint) + " " + std::string(path.text().view()) +
            (rest.empty() ? "" : " " + rest);
    if (!silent) done(next);
  }
  static storage::StoreError failure() {
    return {.kind = storage::StoreError::Kind::unavailable, .what = "the disk is full"};
  }
  node::Listening listening_;
};

/// A FakeNode with the API over it, on a free port.
struct Served {
  FakeNode node;
  EventStream events{1};
  Metrics metrics;
  std::unique_ptr<HttpServer> server;

  explicit Served(Secret token = {}) {
    Router router;
    add_device_routes(router, node, events, metrics);
    auto started = HttpServer::start({.address = *Address::parse("127.0.0.1:0"), .token = std::move(token)},
                                     std::move(router));
    if (started) server = std::move(*started);
  }
};

}  // namespace slipway::api::test
