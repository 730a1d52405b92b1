// SPDX-License-Identifier: Apache-2.0
// Taking messages apart: every byte once, values as the codec reads them, no secret shown.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <slipway/base/random.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/packets/catalogue.hpp>

#include "trace/body.hpp"

namespace slipway::packets {
namespace {

void expect_every_byte_once(ByteView message, const std::vector<Field>& fields, std::string_view what) {
  std::size_t at = 0;
  for (const auto& field : fields) {
    EXPECT_EQ(field.offset, at) << what << ": " << field.name;
    EXPECT_GT(field.size, 0u) << what << ": " << field.name;
    EXPECT_FALSE(field.name.empty()) << what;
    at = field.offset + field.size;
  }
  EXPECT_EQ(at, message.size()) << what;
}

std::string all_of(const std::vector<Field>& fields, ByteView message) {
  std::string text;
  for (const auto& field : fields)
    text += bytes_text(message, field, field.size) + '\n' + field.name + '\n' + field.value + '\n' +
            field.meaning + '\n';
  return text;
}

TEST(Annotate, EveryByteOfEveryPacketLiesInOneField) {
  for (const auto& packet : catalogue()) expect_every_byte_once(packet.bytes, fields_of(packet), packet.id);
}

/// What the fields say of values is what the codec reads: same places, same order, same content.
TEST(Annotate, ValuesAreThoseThatTheCodecReads) {
  std::size_t checked = 0;
  for (const auto& packet : catalogue()) {
    const auto message = coap::Message::parse(packet.bytes);
    ASSERT_TRUE(message) << packet.id;
    const auto format = message->content_format();
    const auto base = trace::base_of(packet.path);
    if (!format || *format == 40 || !base || trace::is_partial(*message) || packet.operation == "Execute")
      continue;
    std::vector<Entry> entries(64);
    Bytes scratch(4096);
    const auto decoded = trace::decode_body(ContentFormat{*format}, *base, message->payload,
                                            builtin_objects(), {entries, scratch});
    ASSERT_TRUE(decoded) << packet.id;
    std::vector<std::pair<std::string, std::string>> expected, found;
    for (const auto& entry : *decoded)
      if (entry.kind == EntryKind::value && !entry.value.to_display(32).empty())
        expected.emplace_back(entry.path.text().view(), entry.value.to_display(32));
    for (const auto& field : fields_of(packet))
      if (field.part == Part::payload && field.name.starts_with('/') && !field.value.empty() &&
          field.value != "\"\"")
        found.emplace_back(field.name.substr(0, field.name.find(' ')), field.value);
    EXPECT_EQ(found, expected) << packet.id;
    checked += expected.size();
  }
  EXPECT_GT(checked, 150u);
}

TEST(Annotate, NoPayloadOfTheCatalogueIsLeftInOnePiece) {
  for (const auto& packet : catalogue()) {
    if (packet.id.starts_with("block1-")) continue;  // parts of a body say nothing alone
    for (const auto& field : fields_of(packet))
      EXPECT_NE(field.name, "Payload") << packet.id << ": " << field.meaning;
  }
}

TEST(Annotate, ATlvIsNamedDownToItsHeader) {
  const auto all = catalogue();
  const auto packet = std::ranges::find(all, "bootstrap-write-object-tlv", &Packet::id);
  ASSERT_NE(packet, all.end());
  std::vector<std::string> names;
  for (const auto& field : fields_of(*packet))
    if (field.part == Part::payload) names.push_back(field.name + "|" + field.value);
  ASSERT_GT(names.size(), 5u);
  EXPECT_EQ(names[1], "TLV of /0/1|object instance 1, 82 bytes");
  EXPECT_EQ(names[2], "TLV of /0/1/0|resource 0, 30 bytes");
  EXPECT_EQ(names[3], "/0/1/0 LwM2M Server URI|\"coaps://lwm2m.example.com:5684\"");
}

TEST(Annotate, MaskedSecretsAreNowhere) {
  constexpr std::string_view kKeys[] = {"AN-EXAMPLE-KEY-0", "AN-EXAMPLE-KEY-1"};
  std::size_t masked = 0;
  for (const auto& packet : catalogue()) {
    const auto fields = annotate(packet.bytes, {.catalog = builtin_objects(), .path = packet.path});
    expect_every_byte_once(packet.bytes, fields, packet.id);
    const auto text = all_of(fields, packet.bytes);
    for (const auto key : kKeys) {
      EXPECT_EQ(text.find(key), std::string::npos) << packet.id;
      EXPECT_EQ(text.find(to_hex(as_bytes(key))), std::string::npos) << packet.id;
      EXPECT_EQ(text.find(to_hex(as_bytes(key)).substr(4, 16)), std::string::npos) << packet.id;
      EXPECT_EQ(text.find("QU4tRVhBTVBMRS1LRVkt"), std::string::npos) << packet.id << ", base64";
    }
    masked += static_cast<std::size_t>(std::ranges::count(fields, true, &Field::secret));
  }
  EXPECT_GE(masked, 10u);
}

TEST(Annotate, AnAnswerWhoseRequestIsNotKnownIsNotShown) {
  const auto all = catalogue();
  const auto pack = std::ranges::find(all, "bootstrap-pack-request/2.05", &Packet::id);
  ASSERT_NE(pack, all.end());
  const auto fields = annotate(pack->bytes, {.catalog = builtin_objects()});
  EXPECT_EQ(fields.back().name, "Payload");
  EXPECT_TRUE(fields.back().secret);
}

TEST(Annotate, WhatIsNoCoapIsOneFieldThatSaysWhy) {
  for (const std::string_view hex :
       {"", "40", "00", "4f010001", "44010001ff", "40010001ff", "6045", "40000001aa"}) {
    const auto bytes = *from_hex(hex);
    const auto fields = annotate(bytes, {.catalog = builtin_objects(), .secrets = Secrets::shown});
    expect_every_byte_once(bytes, fields, hex);
  }
  const auto broken = *from_hex("40010001ff");
  const auto fields = annotate(broken, {.catalog = builtin_objects(), .secrets = Secrets::shown});
  EXPECT_EQ(fields.back().name, "not CoAP");
  EXPECT_NE(fields.back().meaning.find("payload marker"), std::string::npos);
}

/// The same message on a stream.
Bytes framed(ByteView datagram) {
  const auto message = coap::Message::parse(datagram);
  EXPECT_TRUE(message);
  Bytes buffer(datagram.size() + 16);
  coap::MessageWriter writer(buffer, message->code, message->token);
  for (std::size_t i = 0; i < message->option_count(); ++i)
    writer.option(message->option(i).number, message->option(i).value);
  writer.payload(message->payload);
  const auto frame = writer.finish();
  EXPECT_TRUE(frame);
  return Bytes(frame->begin(), frame->end());
}

TEST(Annotate, AFrameOfAStreamHasTheFieldsOfTheDatagramAfterItsHeader) {
  for (const auto& packet : catalogue()) {
    const auto frame = framed(packet.bytes);
    const auto fields = annotate(
        frame, {.catalog = builtin_objects(), .path = packet.path, .framing = coap::Framing::stream});
    expect_every_byte_once(frame, fields, packet.id);
    EXPECT_EQ(fields.front().name, "Length, token length") << packet.id;
    const auto words = [](const std::vector<Field>& all) {
      std::vector<std::string> text;
      for (const auto& field : all)
        if (field.part != Part::header) text.push_back(field.name + '|' + field.value + '|' + field.meaning);
      return text;
    };
    EXPECT_EQ(words(fields),
              words(annotate(packet.bytes, {.catalog = builtin_objects(), .path = packet.path})))
        << packet.id;
  }
}

TEST(Annotate, SignalsOfAStreamAreNamed) {
  const auto bytes = *from_hex("b1e1aa 23010400 20 ff626164aabb");
  for (const auto secrets : {Secrets::masked, Secrets::shown}) {
    const auto fields =
        annotate(bytes, {.catalog = builtin_objects(), .secrets = secrets, .framing = coap::Framing::stream});
    expect_every_byte_once(bytes, fields, "csm");
    std::string names;
    for (const auto& field : fields)
      names += field.name + (field.value.empty() ? "" : " " + field.value) + ", ";
    EXPECT_NE(names.find("Code 7.01 CSM, Token aa, Max-Message-Size option 2, Max-Message-Size 66560, "
                         "Block-Wise-Transfer, Payload marker 0xff, Diagnostic"),
              std::string::npos)
        << names;
    EXPECT_EQ(fields.back().secret, secrets == Secrets::masked) << "what is no text may be anything";
  }
}

TEST(Annotate, ABrokenFrameIsOneFieldThatSaysWhy) {
  for (const std::string_view hex : {"", "d0", "f00000", "0901", "50e1", "20", "10e1ff", "e0ffff45"}) {
    const auto bytes = *from_hex(hex);
    const auto fields = annotate(
        bytes, {.catalog = builtin_objects(), .secrets = Secrets::shown, .framing = coap::Framing::stream});
    expect_every_byte_once(bytes, fields, hex);
  }
}

/// Packets with some bytes changed, cut or added: still every byte once, and nothing that breaks.
TEST(Annotate, BrokenPacketsAreTakenApartToo) {
  SeededRandom random(7);
  const auto byte = [&] {
    std::uint8_t one[1];
    random.fill(one);
    return one[0];
  };
  for (const auto& packet : catalogue()) {
    for (int round = 0; round < 40; ++round) {
      auto bytes = packet.bytes;
      for (int change = byte() % 4; change >= 0; --change)
        bytes[(byte() << 8 | byte()) % bytes.size()] = byte();
      if (byte() % 4 == 0) bytes.resize(1 + byte() % bytes.size());
      if (byte() % 8 == 0) bytes.insert(bytes.end(), 3, byte());
      for (const auto secrets : {Secrets::masked, Secrets::shown})
        expect_every_byte_once(bytes, annotate(bytes, {builtin_objects(), packet.path, secrets}), packet.id);
    }
  }
}

TEST(Annotate, ManyNestedValuesEndEarly) {
  Bytes payload(3000, 0x81);  // arrays in arrays
  for (const auto format : {112, 11544, 60, 110}) {
    Bytes buffer(4096);
    coap::MessageWriter writer(buffer, coap::Type::confirmable, coap::Code::put, coap::MessageId(1),
                               coap::Token());
    writer.path(coap::OptionNumber::uri_path, "/3/0");
    writer.option(coap::OptionNumber::content_format, static_cast<std::uint64_t>(format));
    writer.payload(payload);
    const auto message = writer.finish();
    ASSERT_TRUE(message);
    expect_every_byte_once(*message, annotate(*message, {.catalog = builtin_objects()}), "nested");
  }
}

}  // namespace
}  // namespace slipway::packets
