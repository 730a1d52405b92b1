// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include <slipway/net/resolver.hpp>

namespace slipway::net {
namespace {

struct Fixture {
  std::unique_ptr<EventLoop> loop = std::move(*EventLoop::create());
  std::unique_ptr<Resolver> resolver;

  explicit Fixture(Resolver::Lookup lookup)
      : resolver(std::move(*Resolver::create(*loop, std::move(lookup)))) {}
};

Resolver::Addresses fixed(const std::string&, std::uint16_t port) {
  return std::vector{Address::v4(192, 0, 2, 1, port)};
}

Resolver::Addresses no_lookup(const std::string& host, std::uint16_t) {
  ADD_FAILURE() << "looked up " << host;
  return std::unexpected(SystemError{});
}

TEST(Resolver, LiteralsAreAnsweredAtOnce) {
  Fixture f(no_lookup);
  struct {
    const char *host, *address;
  } const cases[] = {{"127.0.0.1", "127.0.0.1:5684"},
                     {"::1", "[::1]:5684"},
                     {"[::1]", "[::1]:5684"},
                     {"fe80::1%2", "[fe80::1%2]:5684"}};
  for (const auto& [host, address] : cases) {
    bool called = false;
    f.resolver->resolve(host, 5684, [&](Resolver::Addresses addresses) {
      called = true;
      ASSERT_TRUE(addresses) << host;
      EXPECT_EQ(addresses->at(0).to_string(), address);
    });
    EXPECT_TRUE(called) << host;
  }
}

TEST(Resolver, WhatCannotBeANameIsRefusedAtOnce) {
  Fixture f(no_lookup);
  for (const std::string& host : {std::string(), std::string("a b"), std::string("a/b"), std::string("[::1"),
                                  std::string("a\0b", 3), std::string(254, 'a')}) {
    bool called = false;
    f.resolver->resolve(host, 1, [&](Resolver::Addresses addresses) {
      called = true;
      ASSERT_FALSE(addresses);
      EXPECT_THAT(addresses.error().message(), testing::HasSubstr("not a host name"));
    });
    EXPECT_TRUE(called);
  }
}

TEST(Resolver, NamesAreAnsweredOnTheLoop) {
  Fixture f(fixed);
  const auto loop_thread = std::this_thread::get_id();
  bool called = false;
  f.resolver->resolve("device.example", 5683, [&](Resolver::Addresses addresses) {
    called = true;
    EXPECT_EQ(std::this_thread::get_id(), loop_thread);
    ASSERT_TRUE(addresses);
    EXPECT_EQ(addresses->at(0).to_string(), "192.0.2.1:5683");
    f.loop->stop();
  });
  EXPECT_FALSE(called);
  f.loop->run();
  EXPECT_TRUE(called);
}

TEST(Resolver, FailureIsToldByTheCallback) {
  Fixture f([](const std::string& host, std::uint16_t) -> Resolver::Addresses {
    return std::unexpected(
        SystemError{.what = "cannot find host '" + host + "'", .errno_value = 0, .remedy = ""});
  });
  f.resolver->resolve("nowhere.example", 1, [&](Resolver::Addresses addresses) {
    ASSERT_FALSE(addresses);
    EXPECT_EQ(addresses.error().message(), "cannot find host 'nowhere.example'");
    f.loop->stop();
  });
  f.loop->run();
}

TEST(Resolver, WaitingLookupsAreBoundedAndAllAreAnsweredOnce) {
  std::promise<void> gate;
  Fixture f([opened = gate.get_future().share()](const std::string& host, std::uint16_t port) {
    opened.wait();
    return fixed(host, port);
  });
  std::size_t answered = 0, refused = 0;
  const auto callback = [&](Resolver::Addresses addresses) {
    addresses ? ++answered : ++refused;
    if (answered == Resolver::kLookupsMax) f.loop->stop();
  };
  for (std::size_t i = 0; i < Resolver::kLookupsMax + 3; ++i) f.resolver->resolve("h.example", 1, callback);
  EXPECT_EQ(refused, 3u);
  EXPECT_EQ(answered, 0u);
  gate.set_value();
  f.loop->run();
  EXPECT_EQ(answered, Resolver::kLookupsMax);
  EXPECT_EQ(refused, 3u);
  f.resolver->resolve("h.example", 1, [&](Resolver::Addresses addresses) {
    EXPECT_TRUE(addresses) << "answered lookups make room";
    f.loop->stop();
  });
  f.loop->run();
}

TEST(Resolver, DestructionDoesNotWaitAndCallsNobody) {
  std::promise<void> gate, started, finished;
  auto done = finished.get_future();
  {
    Fixture f([&, opened = gate.get_future().share()](const std::string& host, std::uint16_t port) {
      started.set_value();
      opened.wait();
      finished.set_value();
      return fixed(host, port);
    });
    f.resolver->resolve("slow.example", 1, [](Resolver::Addresses) { FAIL(); });
    started.get_future().wait();
  }
  gate.set_value();
  done.wait();
}

TEST(SystemLookup, NumbersNeedNoNameServer) {
  const auto addresses = system_lookup("127.0.0.1", 7);
  ASSERT_TRUE(addresses) << addresses.error().message();
  EXPECT_EQ(*addresses, std::vector{Address::v4(127, 0, 0, 1, 7)});
}

TEST(SystemLookup, UnfindableNameIsToldWithRemedy) {
  const auto addresses = system_lookup("1.2.3.4.5", 7);  // a number of five parts: refused, or not found
  ASSERT_FALSE(addresses);
  EXPECT_THAT(addresses.error().message(), testing::StartsWith("cannot find host '1.2.3.4.5'"));
}

}  // namespace
}  // namespace slipway::net
