// SPDX-License-Identifier: Apache-2.0
#include <slipway/codec/payload.hpp>

#include "codec/formats.hpp"

namespace slipway::codec {
namespace {

Result<const Entry*> single(const Path& base, Entries entries) {
  if (entries.size() != 1 || entries[0].kind != EntryKind::value || entries[0].value.empty())
    return fail(ErrorCode::unsupported, "this format holds exactly one value");
  if (!base.contains(entries[0].path)) return fail(ErrorCode::wrong_path, "an entry outside the base path");
  if (entries[0].path != base || base.depth() < 3)
    return fail(ErrorCode::unsupported, "this format holds a single resource or resource instance");
  return &entries[0];
}

template <class Encoder>
Encoded encode_single(const Path& base, Entries entries, MutableBytes out, Encoder encoder) {
  SLIPWAY_ASSIGN(const auto* entry, single(base, entries));
  return encoder(*entry, out);
}

bool dispatch(ContentFormat format, EntrySink& sink) {
  switch (format) {
    [[likely]] case ContentFormat::tlv:
      return decode_tlv(sink);
    case ContentFormat::senml_cbor:
    case ContentFormat::senml_etch_cbor:
      return decode_senml_cbor(sink);
    case ContentFormat::senml_json:
    case ContentFormat::senml_etch_json:
      return decode_senml_json(sink);
    case ContentFormat::lwm2m_cbor:
      return decode_lwm2m_cbor(sink);
    case ContentFormat::text:
      return decode_text(sink);
    case ContentFormat::opaque:
      return decode_opaque(sink);
    case ContentFormat::cbor:
      return decode_cbor(sink);
    case ContentFormat::oma_json:
      return decode_oma_json(sink);
    case ContentFormat::link_format:
      break;
  }
  return sink.fail(ErrorCode::unsupported, "a content format that holds no values", sink.begin());
}

}  // namespace

Result<std::size_t> encode(ContentFormat format, const Path& base, Entries entries, MutableBytes out) {
  switch (format) {
    [[likely]] case ContentFormat::tlv:
      return encode_tlv(base, entries, out);
    case ContentFormat::senml_cbor:
      return encode_senml_cbor(base, entries, AbsentAs::no_value, out);
    case ContentFormat::senml_etch_cbor:
      return encode_senml_cbor(base, entries, AbsentAs::null, out);
    case ContentFormat::senml_json:
      return encode_senml_json(base, entries, AbsentAs::no_value, out);
    case ContentFormat::senml_etch_json:
      return encode_senml_json(base, entries, AbsentAs::null, out);
    case ContentFormat::lwm2m_cbor:
      return encode_lwm2m_cbor(base, entries, out);
    case ContentFormat::text:
      return encode_single(base, entries, out, encode_text);
    case ContentFormat::opaque:
      return encode_single(base, entries, out, encode_opaque);
    case ContentFormat::cbor:
      return encode_single(base, entries, out, encode_cbor);
    case ContentFormat::oma_json:  // only ever read: 1.0 clients send it, nobody has to be sent it
    case ContentFormat::link_format:
      break;
  }
  return fail(ErrorCode::unsupported, "a content format that is not written here");
}

Result<std::span<Entry>> decode(ContentFormat format, const Path& base, ByteView payload,
                                const DecodeOptions& options, const DecodeBuffers& buffers) {
  EntrySink sink(base, payload, options, buffers);
  if (!dispatch(format, sink)) return std::unexpected(sink.error());
  return sink.finish();
}

}  // namespace slipway::codec
