// SPDX-License-Identifier: Apache-2.0
// The Enabler Test case of bootstrap from a smartcard. [LwM2M-ETS 1.2 §6.1.1.4]
#include <slipway/lwm2m/smartcard_file.hpp>

#include "case.hpp"
#include "lab.hpp"

namespace slipway::enabler {
namespace {

constexpr std::string_view kX = "coaps://192.0.2.2:5684", kY = "coaps://192.0.2.3:5684";

/// EF(LwM2M_Bootstrap) with the account of a server.
Bytes card_of(std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::path);
  Bytes file(1024);
  const auto size = lwm2m::encode_smartcard_file(entries, file);
  EXPECT_TRUE(size);
  file.resize(size.value_or(0));
  return file;
}

/// A device between two switches of its power. Its memory is that of the factory.
struct Life {
  explicit Life(std::optional<Bytes> card)
      : lab(device, {.enabler = Version{1, 1}, .smartcard = client::SmartcardUse::present}) {
    lab.card = std::move(card);
    lab.accept_key(kServerIdentity, kServerKey);
    lab.start();
  }
  /// What a server reads as the lifetime of its account.
  std::optional<std::int64_t> lifetime(Host& server) {
    const auto registered = lab.requests(server.name, Direction::up, Code::post, "/rd");
    if (registered.empty()) return std::nullopt;
    // Which instance of /1 it is, the device has said when it registered.
    const auto list = registered.back()->payload();
    const auto at = list.find("</1/");
    const auto instance = list.substr(at + 4, list.find('>', at) - at - 4);
    const auto path = client::test::path("/1/" + instance + "/1");
    const auto read = lab.finished(server, server.management->read(lab.now, "urn:dev:ets", path));
    if (read.code != Code::content || read.values.size() != 1) return std::nullopt;
    return read.values[0].second.view().as_integer();
  }

  Device device{basic_configuration(kX)};
  Lab lab;
  Host& x = lab.management_server("X", kX);
  Host& y = lab.management_server("Y", kY);
};

TEST(Enabler, Int3SimpleBootstrapFromSmartcard) {
  Procedure procedure(3);
  {
    Life without(std::nullopt);
    {
      const auto c = procedure.criterion(1);
      ASSERT_TRUE(without.lab.until([&] { return without.lab.registered(without.x); }));
      const auto registers = without.lab.requests("X", Direction::up, Code::post, "/rd");
      EXPECT_EQ(without.lab.code_of_answer(registers[0]), Code::created);
    }
    {
      const auto c = procedure.criterion(2);
      EXPECT_EQ(without.lifetime(without.x), 86400);
    }
  }
  Life with(card_of(basic_configuration(kY, 43200)));
  {
    const auto c = procedure.criterion(3);
    ASSERT_TRUE(with.lab.until([&] { return with.lab.registered(with.y); }));
    EXPECT_FALSE(with.lab.registered(with.x)) << "the card comes before the factory";
  }
  {
    const auto c = procedure.criterion(4);
    EXPECT_EQ(with.lifetime(with.y), 43200);
  }
}

}  // namespace
}  // namespace slipway::enabler
