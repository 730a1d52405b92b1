// SPDX-License-Identifier: Apache-2.0
// Conversations: any datagrams are described. Input: a direction, a length and a datagram, again and again.
// Each payload is also sent as an account with a secret in it: the secret must not come out.
#include <slipway/trace/describe.hpp>
#include <slipway/trace/journey.hpp>

#include <cstdlib>

using namespace slipway;

namespace {

constexpr std::string_view kCanary = "CANARYxyz0123456";

void check(const trace::Row& row) {
  const auto check_text = [](const std::string& text) {
    if (text.find(kCanary) != std::string::npos || text.find(to_hex(as_bytes(kCanary))) != std::string::npos)
      std::abort();
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
  };
  for (const auto& text : {row.type, row.code, row.path, row.operation, row.detail}) check_text(text);
  for (const auto& value : row.values) check_text(value);
  if (row.values.size() > trace::kValueLinesMax + 1) std::abort();
  (void)trace::ladder_row(row, {.width = 80});
}

/// Writes what decodes to /0/1 again, with the canary as every secret, and looks at what is shown.
void check_masking(trace::Conversation& talk, ByteView payload, ContentFormat format) {
  std::vector<Entry> entries(64);
  Bytes scratch(payload.size() + 64), body(8192), datagram(9000);
  const auto& catalog = builtin_objects();
  const Path base(ObjectId(0), InstanceId(1));
  const auto decoded = codec::decode(format, base, payload, {.catalog = &catalog}, {entries, scratch});
  if (!decoded) return;
  for (auto& entry : *decoded) {
    const auto* resource =
        entry.path.has_resource() ? catalog.find(ObjectId(0))->find(entry.path.resource()) : nullptr;
    const bool secret = resource != nullptr && resource->confidentiality == Confidentiality::secret;
    if (secret && entry.kind == EntryKind::value) entry.value = Value::opaque(as_bytes(kCanary));
  }
  const auto size = codec::encode(format, base, *decoded, body);
  if (!size) return;
  coap::MessageWriter writer(datagram, coap::Type::confirmable, coap::Code::put, coap::MessageId(1),
                             coap::Token());
  writer.path(coap::OptionNumber::uri_path, "/0/1");
  writer.option(coap::OptionNumber::content_format, std::uint64_t{static_cast<std::uint16_t>(format)});
  writer.payload(ByteView(body).first(*size));
  const auto message = writer.finish();
  if (message) check(talk.describe(trace::Direction::down, *message, message->size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all = as_text({data, size});
  // A canary of the input itself may lie where no secret is.
  if (all.find(kCanary) != std::string_view::npos ||
      all.find(to_hex(as_bytes(kCanary))) != std::string_view::npos)
    return 0;
  trace::Conversation talk(builtin_objects());
  trace::Conversation other(builtin_objects(), trace::Interface::bootstrap);
  ByteReader reader({data, size});
  for (;;) {
    const auto direction = reader.u8();
    const auto length = reader.u8();
    if (!direction || !length) return 0;
    const auto datagram = *reader.take(std::min<std::size_t>(std::size_t{*length} * 4, reader.remaining()));
    check(talk.describe((*direction & 1) != 0 ? trace::Direction::up : trace::Direction::down, datagram,
                        datagram.size()));
    for (const auto format : {ContentFormat::tlv, ContentFormat::senml_cbor, ContentFormat::senml_json,
                              ContentFormat::lwm2m_cbor})
      check_masking(other, datagram, format);
  }
}
