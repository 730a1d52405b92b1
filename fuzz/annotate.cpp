// SPDX-License-Identifier: Apache-2.0
// Taking messages apart. Input: a selector and a message, or a payload for a message of ours. Every byte has
// to lie in exactly one field; a secret of an account must not come out where secrets are masked.
#include <slipway/coap/message.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/packets/annotate.hpp>

#include <cstdlib>

using namespace slipway;

namespace {

constexpr std::string_view kCanary = "CANARYxyz0123456";
constexpr std::string_view kPaths[] = {"", "/", "/0/1", "/3/0", "/2", "/bspack", "/3/0/11/0", "/rd/1"};
constexpr ContentFormat kFormats[] = {
    ContentFormat::tlv,  ContentFormat::senml_cbor, ContentFormat::senml_json,  ContentFormat::lwm2m_cbor,
    ContentFormat::cbor, ContentFormat::text,       ContentFormat::link_format, ContentFormat::opaque};

void check(ByteView message, std::string_view path, packets::Secrets secrets) {
  std::size_t at = 0;
  for (const auto& field : packets::annotate(message, {builtin_objects(), path, secrets})) {
    if (field.offset != at || field.size == 0) std::abort();
    at += field.size;
    if (secrets == packets::Secrets::shown) continue;
    for (const auto& text :
         {field.name, field.value, field.meaning, packets::bytes_text(message, field, field.size)})
      if (text.find(kCanary) != std::string::npos ||
          text.find(to_hex(as_bytes(kCanary))) != std::string::npos)
        std::abort();
  }
  if (at != message.size()) std::abort();
}

/// A message that carries the payload to /0/1, with the canary as each of its secrets.
void check_masking(ByteView payload, ContentFormat format) {
  std::vector<Entry> entries(64);
  Bytes scratch(payload.size() + 64), body(8192), datagram(9000);
  const Path base(ObjectId(0), InstanceId(1));
  const auto decoded =
      codec::decode(format, base, payload, {.catalog = &builtin_objects()}, {entries, scratch});
  if (!decoded) return;
  const auto* object = builtin_objects().find(ObjectId(0));
  for (auto& entry : *decoded) {
    const auto* resource = entry.path.has_resource() ? object->find(entry.path.resource()) : nullptr;
    if (resource != nullptr && resource->confidentiality == Confidentiality::secret &&
        entry.kind == EntryKind::value)
      entry.value = Value::opaque(as_bytes(kCanary));
  }
  const auto size = codec::encode(format, base, *decoded, body);
  if (!size) return;
  coap::MessageWriter writer(datagram, coap::Type::confirmable, coap::Code::put, coap::MessageId(1),
                             coap::Token());
  writer.path(coap::OptionNumber::uri_path, "/0/1");
  writer.option(coap::OptionNumber::content_format, std::uint64_t{static_cast<std::uint16_t>(format)});
  writer.payload(ByteView(body).first(*size));
  if (const auto message = writer.finish()) check(*message, "", packets::Secrets::masked);
}

/// The payload as the answer to a request for `path`.
void check_answer(ByteView payload, std::string_view path, ContentFormat format) {
  Bytes datagram(payload.size() + 64);
  coap::MessageWriter writer(datagram, coap::Type::acknowledgement, coap::Code::content, coap::MessageId(1),
                             coap::Token());
  writer.option(coap::OptionNumber::content_format, std::uint64_t{static_cast<std::uint16_t>(format)});
  if (!payload.empty()) writer.payload(payload);
  if (const auto message = writer.finish())
    for (const auto secrets : {packets::Secrets::masked, packets::Secrets::shown})
      check(*message, path, secrets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest{data + 1, size - 1};
  const auto all = as_text(rest);
  // A canary of the input itself may lie where no secret is.
  if (all.find(kCanary) != std::string_view::npos ||
      all.find(to_hex(as_bytes(kCanary))) != std::string_view::npos)
    return 0;
  const auto path = kPaths[data[0] & 7];
  const auto format = kFormats[data[0] >> 3 & 7];
  for (const auto secrets : {packets::Secrets::masked, packets::Secrets::shown}) check(rest, path, secrets);
  check_answer(rest, path, format);
  check_masking(rest, format);
  return 0;
}
