// SPDX-License-Identifier: Apache-2.0
// The catalogue: what it lists is whole, decodes as what it says it is, and is what the page shows.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include <slipway/codec/payload.hpp>
#include <slipway/lwm2m/bootstrap.hpp>
#include <slipway/lwm2m/registration.hpp>
#include <slipway/packets/catalogue.hpp>

#include "trace/body.hpp"

namespace slipway::packets {
namespace {

const std::vector<Packet>& packets() {
  static const auto all = catalogue();
  return all;
}

coap::Message parsed(const Packet& packet) {
  const auto message = coap::Message::parse(packet.bytes);
  EXPECT_TRUE(message) << packet.id;
  return message ? *message : coap::Message();
}

TEST(PacketCatalogue, HasEveryOperationOfEveryInterface) {
  std::map<Interface, std::set<std::string>> found;
  for (const auto& packet : packets()) found[packet.interface].insert(packet.operation);
  EXPECT_EQ(
      found[Interface::bootstrap],
      (std::set<std::string>{"Bootstrap-Request", "Bootstrap-Pack-Request", "Bootstrap-Discover",
                             "Bootstrap-Read", "Bootstrap-Write", "Bootstrap-Delete", "Bootstrap-Finish"}));
  EXPECT_EQ(found[Interface::registration], (std::set<std::string>{"Register", "Update", "De-register"}));
  EXPECT_EQ(found[Interface::management],
            (std::set<std::string>{"Read", "Discover", "Write", "Write-Attributes", "Execute", "Create",
                                   "Delete", "Read-Composite", "Write-Composite"}));
  EXPECT_EQ(found[Interface::reporting],
            (std::set<std::string>{"Observe", "Cancel Observation", "Observe-Composite",
                                   "Cancel Observation-Composite", "Send"}));
}

TEST(PacketCatalogue, IdsAreUniqueAndEveryPacketSaysWhereItComesFrom) {
  std::set<std::string> ids;
  for (const auto& packet : packets()) {
    EXPECT_TRUE(ids.insert(packet.id).second) << packet.id;
    EXPECT_FALSE(packet.sources.empty()) << packet.id;
    EXPECT_FALSE(packet.when.empty()) << packet.id;
    for (const auto& source : packet.sources)
      EXPECT_TRUE(source.starts_with("[LwM2M-") || source.starts_with("[RFC ")) << source;
  }
}

TEST(PacketCatalogue, IsTheSameOnEveryCall) {
  EXPECT_EQ(to_markdown(catalogue()), to_markdown(catalogue()));
}

TEST(PacketCatalogue, EveryAnswerBelongsToTheRequestBeforeIt) {
  const Packet* request = nullptr;
  for (const auto& packet : packets()) {
    if (packet.role == Role::request) request = &packet;
    if (packet.role == Role::request) continue;
    ASSERT_NE(request, nullptr);
    const auto asked = parsed(*request), answered = parsed(packet);
    EXPECT_NE(packet.direction, request->direction) << packet.id;
    if (answered.code != coap::Code::empty) {
      EXPECT_EQ(answered.token, asked.token) << packet.id;
    }
    const bool piggybacked =
        answered.type == coap::Type::acknowledgement || answered.type == coap::Type::reset;
    EXPECT_EQ(piggybacked, answered.message_id == asked.message_id) << packet.id;
  }
}

/// A reader who knows nothing of the catalogue calls each request what the catalogue calls it.
TEST(PacketCatalogue, EachRequestIsTheOperationThatItSays) {
  const std::map<std::string, std::string> spoken{{"Write (partial)", "Write"}};
  for (const auto& packet : packets()) {
    if (packet.role != Role::request || packet.interface == Interface::coap) continue;
    trace::Conversation talk(builtin_objects(), packet.interface == Interface::bootstrap
                                                    ? trace::Interface::bootstrap
                                                    : trace::Interface::management);
    const auto row = talk.describe(packet.direction, packet.bytes, packet.bytes.size());
    const auto found = spoken.find(row.operation);
    EXPECT_EQ(found == spoken.end() ? row.operation : found->second, packet.operation) << packet.id;
  }
}

TEST(PacketCatalogue, RequestsOfDevicesAreAcceptedByTheReadersOfServers) {
  std::array<lwm2m::ObjectLink, 16> links;
  for (const auto& packet : packets()) {
    const auto message = parsed(packet);
    if (packet.role != Role::request) continue;
    if (packet.operation == "Bootstrap-Request") {
      const auto request = lwm2m::parse_bootstrap_request(message);
      ASSERT_TRUE(request) << packet.id;
      EXPECT_EQ(request->endpoint, "urn:dev:os:example-0001");
    }
    if (packet.operation == "Bootstrap-Pack-Request") {
      const auto request = lwm2m::parse_pack_request(message);
      ASSERT_TRUE(request) << packet.id;
      EXPECT_EQ(request->account.size(), 1u);
    }
    if (packet.operation != "Register" && packet.operation != "Update") continue;
    const auto kind =
        packet.operation == "Register" ? lwm2m::RegistrationKind::initial : lwm2m::RegistrationKind::update;
    EXPECT_TRUE(lwm2m::parse_register(message, kind)) << packet.id;
    EXPECT_TRUE(lwm2m::parse_object_list(as_text(message.payload), links)) << packet.id;
  }
}

TEST(PacketCatalogue, RefusalsAreThoseThatTheSpecificationAllows) {
  for (const auto& packet : packets())
    if (packet.role == Role::error) {
      const auto code = parsed(packet).code;
      EXPECT_TRUE(coap::class_of(code) == 4 || coap::class_of(code) == 5) << packet.id;
    }
}

TEST(PacketCatalogue, DtlsAddsOneRecord) {
  for (const auto& packet : packets()) {
    EXPECT_EQ(dtls_size(packet, ConnectionId::without), packet.bytes.size() + 29);
    EXPECT_EQ(dtls_size(packet, ConnectionId::with), packet.bytes.size() + 36);
  }
}

TEST(PacketCatalogue, JsonHoldsEveryByte) {
  for (const auto& packet : packets()) {
    const auto json = to_json(packet);
    std::string bytes;
    for (const auto& field : json["fields"]) bytes += field["bytes"].get<std::string>();
    EXPECT_EQ(bytes, to_hex(packet.bytes)) << packet.id;
    EXPECT_EQ(json["sizes"]["coap"], packet.bytes.size());
  }
}

TEST(PacketCatalogue, AnUnknownInterfaceIsRefusedWithTheNamesOfAll) {
  const auto wrong = parse_interface("boot");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().find("bootstrap, registration, management, reporting, coap"), std::string::npos);
  EXPECT_EQ(parse_interface("reporting"), Interface::reporting);
}

TEST(PacketCatalogue, ThePageIsWhatTheCodeMakes) {
  std::ifstream file(SLIPWAY_SOURCE "/docs/reference/packets.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(page == to_markdown(catalogue()))
      << "docs/reference/packets.md is not what the code makes: run ./dev docs";
}

}  // namespace
}  // namespace slipway::packets
