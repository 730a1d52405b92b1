// SPDX-License-Identifier: Apache-2.0
// The key log: only where it was asked for, and the same from both ends.
#include <slipway/security/key_log.hpp>

#include <cstdlib>
#include <filesystem>

#include "dtls_link.hpp"
#include "pki.hpp"
#include "support/temporary_folder.hpp"

namespace slipway::security::dtls::test {
namespace {

/// What both ends of the sessions in its life tell.
class Listener {
 public:
  Listener() {
    set_key_log([this](const Secret& line) { lines.emplace_back(as_text(line.reveal())); });
  }
  ~Listener() { set_key_log({}); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  std::vector<std::string> lines;
};

std::string client_random_in(const Bytes& hello) {
  constexpr std::size_t kRandomAt = 13 + 12 + 2;  // headers of record and message, version
  return to_hex(ByteView(hello).subspan(kRandomAt, 32));
}

TEST(KeyLog, BothEndsTellTheSameSecretOfASession) {
  const Listener log;
  Link link;
  link.connect();
  ASSERT_EQ(link.seen.established.size(), 1u);
  ASSERT_EQ(log.lines.size(), 2u);
  EXPECT_EQ(log.lines[0], log.lines[1]);
  EXPECT_TRUE(log.lines[0].starts_with("CLIENT_RANDOM " + client_random_in(link.sent[0].second) + " "));
  EXPECT_EQ(log.lines[0].size(), std::string("CLIENT_RANDOM ").size() + 64 + 1 + 96);
}

TEST(KeyLog, EachSessionHasItsOwn) {
  const Listener log;
  Link link;
  link.connect();
  link.connect(client_config(), Address::v4(10, 0, 0, 2, 40000));
  ASSERT_EQ(log.lines.size(), 4u);
  EXPECT_NE(log.lines[0], log.lines[2]);
}

/// GnuTLS would by itself write the keys where SSLKEYLOGFILE says.
TEST(KeyLog, NobodyIsToldUnlessItWasAskedFor) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "keys";
  ::setenv("SSLKEYLOGFILE", file.c_str(), 1);
  Link link;
  link.connect();
  ::unsetenv("SSLKEYLOGFILE");
  EXPECT_EQ(link.seen.established.size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace slipway::security::dtls::test
