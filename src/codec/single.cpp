// SPDX-License-Identifier: Apache-2.0
// The formats of one value: plain text, opaque, CBOR. [LwM2M-CORE 1.2 §7.5.1-§7.5.3]
#include <cmath>

#include "codec/base64.hpp"
#include "codec/cbor_reader.hpp"
#include "codec/cbor_writer.hpp"
#include "codec/formats.hpp"
#include "codec/number.hpp"

namespace slipway::codec {
namespace {

DataType target_type(EntrySink& sink) {
  return sink.type_of(sink.base().object().value(), sink.base().resource().value());
}

/// The one entry of a payload, at the target's path.
Entry* only_entry(EntrySink& sink) {
  if (sink.base().depth() < 3) {
    sink.fail(ErrorCode::wrong_path, "a single value for more than a resource", sink.begin());
    return nullptr;
  }
  auto* entry = sink.next(sink.begin());
  if (entry != nullptr) *entry = {.path = sink.base()};
  return entry;
}

bool text_opaque(EntrySink& sink, ByteView text, Value& out) {
  Scalar scalar{.kind = Scalar::Kind::text, .data = text};
  if (!to_bytes(scalar, sink, sink.begin())) return false;
  out = Value::opaque(scalar.data);
  return true;
}

bool text_boolean(EntrySink& sink, std::string_view text, Value& out) {
  if (text != "0" && text != "1") return sink.fail(ErrorCode::malformed, "a Boolean is 0 or 1", sink.begin());
  out = Value::boolean(text == "1");
  return true;
}

bool text_number(EntrySink& sink, std::string_view text, DataType type, Value& out) {
  const auto number = parse_number(text, NumberGrammar::text);
  if (!number) return sink.fail(number.error().code, number.error().detail, sink.begin());
  return to_value(*number, type, sink, sink.begin(), out);
}

Encoded written(const ByteWriter& out) {
  if (!out.ok()) return fail(ErrorCode::no_space, "the output buffer is too small");
  return out.size();
}

}  // namespace

Encoded encode_text(const Entry& entry, MutableBytes buffer) {
  ByteWriter out(buffer);
  const Value& value = entry.value;
  switch (value.type()) {
    case DataType::string:
    case DataType::corelnk:
      out.bytes(value.as_opaque());
      break;
    case DataType::integer:
    case DataType::time:
      put_number(value.as_integer(), out);
      break;
    case DataType::unsigned_integer:
      put_number(value.as_unsigned(), out);
      break;
    case DataType::floating:
      if (!std::isfinite(value.as_floating()))
        return fail(ErrorCode::out_of_range, "text has no NaN and no infinity");
      put_number(value.as_floating(), out);
      break;
    case DataType::boolean:
      out.u8(value.as_boolean() ? '1' : '0');
      break;
    case DataType::opaque:
      put_base64(value.as_opaque(), Base64::padded, out);
      break;
    case DataType::objlnk: {
      std::uint8_t text[kObjlnkTextMax];
      out.bytes({text, put_objlnk(text, value.as_objlnk())});
      break;
    }
    case DataType::none:
      return fail(ErrorCode::unsupported, "an entry without a value");
  }
  return written(out);
}

bool decode_text(EntrySink& sink) {
  auto* entry = only_entry(sink);
  if (entry == nullptr) return false;
  const ByteView bytes{sink.begin(), sink.end()};
  const auto text = as_text(bytes);
  switch (const auto type = target_type(sink); type) {
    case DataType::none:
    case DataType::string:
      entry->value = Value::string(text);
      return true;
    case DataType::corelnk:
      entry->value = Value::corelnk(text);
      return true;
    case DataType::opaque:
      return text_opaque(sink, bytes, entry->value);
    case DataType::boolean:
      return text_boolean(sink, text, entry->value);
    case DataType::objlnk: {
      Objlnk link;
      if (!parse_objlnk(text, link))
        return sink.fail(ErrorCode::malformed, "an object link is written oid:iid", sink.begin());
      entry->value = Value::objlnk(link);
      return true;
    }
    default:
      return text_number(sink, text, type, entry->value);
  }
}

Encoded encode_opaque(const Entry& entry, MutableBytes buffer) {
  if (entry.value.type() != DataType::opaque)
    return fail(ErrorCode::unsupported, "only an Opaque value is an octet stream");
  ByteWriter out(buffer);
  out.bytes(entry.value.as_opaque());
  return written(out);
}

bool decode_opaque(EntrySink& sink) {
  auto* entry = only_entry(sink);
  if (entry == nullptr) return false;
  const auto type = target_type(sink);
  if (type != DataType::opaque && type != DataType::none)
    return sink.fail(ErrorCode::wrong_type, "an octet stream for a resource that is not Opaque",
                     sink.begin());
  entry->value = Value::opaque({sink.begin(), sink.end()});
  return true;
}

Encoded encode_cbor(const Entry& entry, MutableBytes buffer) {
  CborWriter out(buffer);
  out.value(entry.value);
  if (!out.ok()) return fail(ErrorCode::no_space, "the output buffer is too small");
  return out.size();
}

bool decode_cbor(EntrySink& sink) {
  auto* entry = only_entry(sink);
  if (entry == nullptr) return false;
  CborReader reader(sink);
  Scalar scalar;
  if (!reader.scalar(scalar)) return false;
  if (!reader.empty()) return reader.fail(ErrorCode::malformed, "bytes after the CBOR value");
  return to_value(scalar, target_type(sink), sink, sink.begin(), entry->value);
}

}  // namespace slipway::codec
