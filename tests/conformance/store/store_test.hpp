// SPDX-License-Identifier: Apache-2.0
// What the parts of the store suite share.
#pragma once

#include <gtest/gtest.h>

#include "backend.hpp"

namespace slipway::storage {

using fleet::Credential;
using fleet::CredentialState;
using fleet::ServerRole;

inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

inline Credential credential(std::string_view endpoint, std::string_view identity,
                             ServerRole role = ServerRole::management, std::uint16_t server = 101) {
  Credential out;
  out.endpoint = endpoint;
  out.role = role;
  out.server = ShortServerId(server);
  out.identity = bytes_of(identity);
  out.key = Secret(as_bytes("key of " + std::string(identity) + ", and some more"));
  out.created = UnixTime(milliseconds(1'700'000'000'123));
  return out;
}

class StoreTest : public ::testing::TestWithParam<Backend> {
 protected:
  StoreTest() : installation_(GetParam().install()), store_(open()) {}

  std::unique_ptr<Store> open() {
    auto opened = installation_->open(random_);
    if (opened) return std::move(*opened);
    ADD_FAILURE() << opened.error().what;
    return nullptr;
  }
  void reopen() {
    store_.reset();
    store_ = open();
  }

  StoreResult<void> put(const Credential& one) { return store_->put_credentials({&one, 1}); }
  std::optional<Credential> find(std::string_view identity, ServerRole role = ServerRole::management) {
    auto found = store_->find_credential(role, as_bytes(identity));
    if (found) return std::move(*found);
    ADD_FAILURE() << found.error().what;
    return std::nullopt;
  }
  bool live(std::string_view identity, ServerRole role = ServerRole::management) {
    return find(identity, role).has_value();
  }
  std::size_t count(std::string_view endpoint, CredentialState state) {
    std::size_t n = 0;
    const auto all = store_->credentials(endpoint);
    for (const auto& info : *all) n += info.state == state;
    return n;
  }

  SeededRandom random_{1};
  std::unique_ptr<Installation> installation_;
  std::unique_ptr<Store> store_;
};

}  // namespace slipway::storage

#define SLIPWAY_STORE_SUITE(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(Backends, suite, ::testing::ValuesIn(slipway::storage::backends()), \
                           [](const auto& parameter) { return std::string(parameter.param.name); })
