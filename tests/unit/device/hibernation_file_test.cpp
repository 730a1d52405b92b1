// SPDX-License-Identifier: Apache-2.0
// What a device keeps over a sleep is given out once, whole, or not at all: also when the power goes or a
// call of the file system fails.
#include <gtest/gtest.h>

#include "device/hibernation_file.hpp"
#include "fragile_files.hpp"
#include "unit/client/stage.hpp"

namespace slipway::device::test {
namespace {

using client::test::operator+;

const std::string kFile = "/flash/state.sleep";
const std::string kTicket = "/flash/state.sleep.ticket";

/// Of a client that has hibernated.
Secret client_part() {
  client::test::Device device(client::test::security_entries("/0/1", 101) +
                              client::test::server_entries("/1/0", 101));
  client::test::Stage stage(device.model);
  stage.start();
  return stage.client.hibernate(stage.now).bytes;
}

HibernationContent content(std::string_view session) {
  HibernationContent made{.client = client_part(), .sessions = {}};
  made.sessions.push_back(
      {.server = ShortServerId(101), .account = 0x0123456789abcdef, .bytes = Secret(as_bytes(session))});
  made.sessions.push_back({.server = ShortServerId(102),
                           .account = 7,
                           .kind = KeptSession::Kind::resumable,
                           .bytes = Secret(as_bytes("other"))});
  return made;
}

bool is(const std::optional<HibernationContent>& taken, std::string_view session) {
  return taken && taken->sessions.size() == 2 && taken->sessions[0].server == ShortServerId(101) &&
         taken->sessions[0].account == 0x0123456789abcdef &&
         taken->sessions[0].kind == KeptSession::Kind::frozen &&
         equal(taken->sessions[0].bytes.reveal(), as_bytes(session)) &&
         taken->sessions[1].kind == KeptSession::Kind::resumable &&
         equal(taken->sessions[1].bytes.reveal(), as_bytes("other")) &&
         equal(taken->client.reveal(), client_part().reveal());
}

class Device {
 public:
  explicit Device(const Image& image = {}) : files(image) {}
  FragileFiles files;
  SeededRandom random{1};
  HibernationFile file{files, kFile, random};
};

Image after_sleep(std::string_view session = "session") {
  Device device;
  EXPECT_TRUE(device.file.put(content(session)));
  Image image;
  device.files.for_each_image([&](const Image& seen) { image = seen; });
  EXPECT_EQ(image.size(), 2u);
  return image;
}

TEST(HibernationFile, IsGivenOutOnce) {
  Device device(after_sleep());
  auto first = device.file.take();
  EXPECT_TRUE(is(first.content, "session"));
  EXPECT_EQ(first.trouble, "");
  auto second = device.file.take();
  EXPECT_FALSE(second.content);
  EXPECT_EQ(second.trouble, "") << "nothing is there, which is no trouble";
  device.files.for_each_image([](const Image& image) { EXPECT_TRUE(image.empty()); });
}

TEST(HibernationFile, ACopyThatComesBackIsNotUsed) {
  const auto image = after_sleep();
  Device device(image);
  ASSERT_TRUE(is(device.file.take().content, "session"));
  Device later(Image{{kFile, image.at(kFile)}});
  const auto taken = later.file.take();
  EXPECT_FALSE(taken.content);
  EXPECT_NE(taken.trouble.find("was used before, or is a copy"), std::string::npos);
}

TEST(HibernationFile, ACopyInThePlaceOfANewerOneIsNotUsed) {
  const auto old = after_sleep("old");
  Device device;
  device.random = SeededRandom(2);
  ASSERT_TRUE(device.file.put(content("new")));
  Image image;
  device.files.for_each_image([&](const Image& seen) { image = seen; });
  image[kFile] = old.at(kFile);
  Device later(image);
  EXPECT_FALSE(later.file.take().content);
}

TEST(HibernationFile, EveryDamagedByteIsFound) {
  const auto image = after_sleep();
  for (const auto& name : {kFile, kTicket})
    for (std::size_t i = 0; i < image.at(name).size(); ++i) {
      auto damaged = image;
      damaged[name][i] ^= 1;
      Device device(damaged);
      const auto taken = device.file.take();
      EXPECT_FALSE(taken.content) << name << " " << i;
      EXPECT_NE(taken.trouble, "") << name << " " << i;
      damaged = image;
      damaged[name].resize(i);
      EXPECT_FALSE(Device(damaged).file.take().content) << name << " " << i;
    }
}

TEST(HibernationFile, AForeignOrHugeFileIsToldAndNotUsed) {
  for (const auto& bytes : {Bytes{}, Bytes(200 * 1024, 0x53), Bytes(40, 0)}) {
    Device device(Image{{kFile, bytes}, {kTicket, Bytes(16, 0)}});
    const auto taken = device.file.take();
    EXPECT_FALSE(taken.content);
    EXPECT_TRUE(taken.trouble.starts_with(kFile + ": not used, it is ")) << taken.trouble;
  }
}

TEST(HibernationFile, WhatIsMoreThanItsBoundIsNotWritten) {
  Device device;
  auto much = content("session");
  for (unsigned i = 0; i < 60; ++i)
    much.sessions.push_back({.server = ShortServerId(1), .account = 0, .bytes = Secret(Bytes(4000, 1))});
  const auto put = device.file.put(much);
  ASSERT_FALSE(put);
  EXPECT_NE(put.error().find(kFile), std::string::npos);
  EXPECT_FALSE(device.file.take().content);
}

// --- The power goes, and calls fail -----------------------------------------------------------------

TEST(PowerCutOfHibernation, WhilePuttingLeavesAllOrNothing) {
  std::size_t most = 0;
  {
    Device device;
    ASSERT_TRUE(device.file.put(content("session")));
    most = device.files.calls();
  }
  bool all = false, nothing = false;
  for (std::size_t calls = 0; calls <= most; ++calls) {
    Device device;
    device.files.power_for = calls;
    const bool is_put = device.file.put(content("session")).has_value();
    device.files.for_each_image([&](const Image& image) {
      Device later(image);
      const auto taken = later.file.take();
      if (taken.content) {
        EXPECT_TRUE(is(taken.content, "session")) << calls;
        all = true;
      } else {
        EXPECT_FALSE(is_put) << "what was put is there, after " << calls << " calls";
        nothing = true;
      }
      EXPECT_FALSE(later.file.take().content);
      EXPECT_FALSE(HasFailure());
    });
    if (HasFailure()) return;
  }
  EXPECT_TRUE(all && nothing);
}

/// The device speaks in its session only when `take` has returned: so whatever the medium holds then gives
/// nothing.
TEST(PowerCutOfHibernation, AfterTakingNoPowerCutBringsItBack) {
  const auto image = after_sleep();
  std::size_t most = 0;
  {
    Device device(image);
    ASSERT_TRUE(device.file.take().content);
    most = device.files.calls();
  }
  for (std::size_t calls = 0; calls <= most; ++calls) {
    Device device(image);
    device.files.power_for = calls;
    const bool speaks = device.file.take().content.has_value();
    device.files.for_each_image([&](const Image& left) {
      const bool is_there = Device(left).file.take().content.has_value();
      EXPECT_FALSE(speaks && is_there) << "a second life, after " << calls << " calls";
    });
  }
}

TEST(PowerCutOfHibernation, ACallThatFailsCostsAHandshakeAtMost) {
  const auto image = after_sleep();
  for (std::size_t call = 0; call < 12; ++call) {
    Device device(image);
    device.files.fails_at = call;
    const bool speaks = device.file.take().content.has_value();
    device.files.for_each_image([&](const Image& left) {
      EXPECT_FALSE(speaks && Device(left).file.take().content.has_value()) << call;
    });
  }
  for (std::size_t call = 0; call < 40; ++call) {
    Device device;
    device.files.fails_at = call;
    const bool is_put = device.file.put(content("session")).has_value();
    device.files.fails_at = FragileFiles::kNever;
    EXPECT_TRUE(!is_put || is(device.file.take().content, "session")) << call;
  }
}

TEST(HibernationFile, TheAccountIsAllThatASessionDependsOn) {
  const Bytes one{1}, two{2};
  client::ConnectWanted account{.peer = PeerId(1),
                                .server = ShortServerId(101),
                                .uri = "coaps://a",
                                .mode = SecurityMode::psk,
                                .identity = one,
                                .server_public_key = {},
                                .key = one};
  const auto digest = account_digest(account);
  auto other = account;
  other.peer = PeerId(2);
  EXPECT_EQ(account_digest(other), digest);
  for (const auto change : std::to_array<void (*)(client::ConnectWanted&, ByteView)>({
           [](client::ConnectWanted& a, ByteView) { a.uri = "coaps://b"; },
           [](client::ConnectWanted& a, ByteView) { a.mode = SecurityMode::rpk; },
           [](client::ConnectWanted& a, ByteView other_bytes) { a.identity = other_bytes; },
           [](client::ConnectWanted& a, ByteView other_bytes) { a.server_public_key = other_bytes; },
           [](client::ConnectWanted& a, ByteView other_bytes) { a.key = other_bytes; },
           [](client::ConnectWanted& a, ByteView) { a.sni = "c"; },
           [](client::ConnectWanted& a, ByteView) { a.matching_type = 1; },
           [](client::ConnectWanted& a, ByteView) { a.certificate_usage = 1; },
           [](client::ConnectWanted& a, ByteView) { a.cipher_suites[0] = 0xC0A8; },
       })) {
    auto changed = account;
    change(changed, two);
    EXPECT_NE(account_digest(changed), digest);
  }
}

TEST(AccountDigest, NamesTheTrustStoreOfAnAccountThatNeedsIt) {
  const std::vector<Bytes> store{{1, 2, 3}, {4}}, without_the_second{{1, 2, 3}};
  client::ConnectWanted account{};
  account.mode = SecurityMode::x509;
  for (std::uint8_t usage = 0; usage < 4; ++usage) {
    account.certificate_usage = usage;
    EXPECT_EQ(account_digest(account, store) == account_digest(account, without_the_second), usage > 1)
        << int{usage};
    EXPECT_EQ(account_digest(account, store), account_digest(account, store));
  }
}

}  // namespace
}  // namespace slipway::device::test
