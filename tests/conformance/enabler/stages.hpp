// SPDX-License-Identifier: Apache-2.0
// Who is on the stage in the cases of the bootstrap interface.
#pragma once

#include "lab.hpp"

namespace slipway::enabler {

using client::test::operator+;

/// The instances of one object.
inline std::vector<Entry> below(std::vector<Entry> entries, std::uint16_t object) {
  std::erase_if(entries, [&](const Entry& entry) { return entry.path.object() != ObjectId(object); });
  return entries;
}

/// The version whose cases these are: the device then knows no Bootstrap-Pack.
inline client::ClientConfig as_1_1() {
  return {.enabler = Version{1, 1}};
}

inline const Seen* bootstrap_request(const Lab& lab) {
  const auto found = lab.requests("BS", Direction::up, Code::post, "/bs");
  return found.empty() ? nullptr : found.back();
}

/// A device as C.13 has it, and a bootstrap server that a test plays.
struct ByHand {
  Device device{bootstrap_contact()};
  Lab lab{device, as_1_1()};
  Host& server = lab.scripted_server(kBootstrapUri);

  ByHand() {
    lab.accept_key(kBootstrapIdentity, kBootstrapKey);
    lab.accept_key(kServerIdentity, kServerKey);
    lab.start();
    EXPECT_TRUE(lab.until([&] { return bootstrap_request(lab) != nullptr; }));
    EXPECT_TRUE(lab.until([&] { return lab.answer_to(bootstrap_request(lab)) != nullptr; }));
  }
  std::optional<Code> write(std::uint16_t object) {
    return lab.put(server, "/" + std::to_string(object), below(basic_configuration(), object)).code;
  }
  client::test::Reply discover() { return lab.ask(server, {.code = Code::get, .path = "/", .accept = 40}); }
  client::test::Reply read(std::string_view path) {
    return lab.ask(server, {.code = Code::get, .path = path, .accept = 112});
  }
  std::optional<Code> remove(std::string_view path) {
    return lab.ask(server, {.code = Code::del, .path = path}).code;
  }
  client::test::Reply finish() { return lab.ask(server, {.code = Code::post, .path = "/bs"}); }
};

/// A device without an account, a bootstrap server with a plan, and the server of the plan.
struct ByPlan {
  explicit ByPlan(std::vector<Entry> factory = bootstrap_contact(), fleet::Plan plan = basic_plan(),
                  client::ClientConfig config = as_1_1())
      : device(std::move(factory)),
        lab(device, std::move(config)),
        bootstrap(lab.bootstrap_server(kBootstrapUri, std::move(plan))) {
    lab.accept_key(kBootstrapIdentity, kBootstrapKey);
    lab.accept_key(kServerIdentity, kServerKey);
  }
  /// The requests of the bootstrap server, but Finish.
  [[nodiscard]] std::vector<const Seen*> writes() const {
    return lab.requests("BS", Direction::down, Code::put, "/*");
  }
  [[nodiscard]] std::optional<Code> finish_answer() const {
    const auto found = lab.requests("BS", Direction::down, Code::post, "/bs");
    return found.empty() ? std::nullopt : lab.code_of_answer(found.back());
  }

  Device device;
  Lab lab;
  Host& bootstrap;
  Host& server = lab.management_server("X", kServerUri);
};

}  // namespace slipway::enabler
