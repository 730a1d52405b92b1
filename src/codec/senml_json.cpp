// SPDX-License-Identifier: Apache-2.0
// application/senml+json and application/senml-etch+json. [RFC 8428 §5] [RFC 8790]
#include <cmath>

#include "codec/base64.hpp"
#include "codec/cbor_writer.hpp"
#include "codec/json_reader.hpp"
#include "codec/number.hpp"
#include "codec/senml.hpp"
#include "codec/utf8.hpp"

namespace slipway::codec {
namespace {

constexpr std::uint64_t kVersionMax = 10;  // RFC 8428's own

class SenmlJsonDecoder {
 public:
  explicit SenmlJsonDecoder(EntrySink& sink) : reader_(sink), resolver_(sink) {}

  bool decode() {
    if (!reader_.open('[')) return false;
    for (bool first = true;;) {
      const auto step = reader_.next(']', first);
      if (step == JsonReader::Step::failed) return false;
      if (step == JsonReader::Step::end) return reader_.finish();
      SenmlRecord entry;
      if (!record(entry) || !resolver_.add(entry)) return false;
    }
  }

 private:
  bool record(SenmlRecord& record) {
    record.at = reader_.at();
    if (!reader_.open('{')) return false;
    for (bool first = true;;) {
      const auto step = reader_.next('}', first);
      if (step != JsonReader::Step::item) return step == JsonReader::Step::end;
      ByteView label;
      if (!reader_.key(label) || !field(as_text(label), record)) return false;
    }
  }

  bool field(std::string_view label, SenmlRecord& record) {
    using Kind = Scalar::Kind;
    if (label == "n") return note(record, SenmlField::name) && reader_.string(record.name);
    if (label == "bn") return note(record, SenmlField::base_name) && reader_.string(record.base_name);
    if (label == "v") {
      return value(record) && (record.value.is_number() || is(record, Kind::null) || wrong_label());
    }
    if (label == "vs")
      return value(record) && (is(record, Kind::text) || is(record, Kind::null) || wrong_label());
    if (label == "vb")
      return value(record) && (is(record, Kind::boolean) || is(record, Kind::null) || wrong_label());
    if (label == "vd") return note(record, SenmlField::value) && reader_.base64(record.value);
    if (label == "vlo") return link(record);
    if (label == "t") return note(record, SenmlField::time) && seconds(record.time);
    if (label == "bt") return note(record, SenmlField::base_time) && seconds(record.base_time);
    if (label == "bver") return version();
    if (label == "bv" || label == "bs" || label == "s")
      return reader_.fail(ErrorCode::unsupported, "SenML base values and sums have no place in LwM2M");
    if (label.ends_with('_'))
      return reader_.fail(ErrorCode::unsupported, "a SenML label that must be understood");
    return reader_.skip();
  }

  static bool is(const SenmlRecord& record, Scalar::Kind kind) { return record.value.kind == kind; }
  bool note(SenmlRecord& record, SenmlField field) {
    return record.note(field) || reader_.fail(ErrorCode::malformed, "a SenML label stands twice in a record");
  }
  bool value(SenmlRecord& record) { return note(record, SenmlField::value) && reader_.scalar(record.value); }
  bool wrong_label() {
    return reader_.fail(ErrorCode::malformed, "a SenML value of another type than its label");
  }

  bool link(SenmlRecord& record) {
    if (!value(record)) return false;
    if (is(record, Scalar::Kind::null)) return true;
    if (!is(record, Scalar::Kind::text)) return wrong_label();
    record.value.kind = Scalar::Kind::link;
    return true;
  }

  bool seconds(double& out) {
    Scalar time;
    if (!reader_.scalar(time)) return false;
    out = time.as_double();
    return (time.is_number() && std::isfinite(out)) ||
           reader_.fail(ErrorCode::malformed, "a SenML time that is no number");
  }
  bool version() {
    Scalar version;
    if (!reader_.scalar(version)) return false;
    if (version.kind != Scalar::Kind::unsigned_integer)
      return reader_.fail(ErrorCode::malformed, "a SenML version is an integer");
    return version.number <= kVersionMax ||
           reader_.fail(ErrorCode::unsupported, "a SenML version that is not known");
  }

  JsonReader reader_;
  SenmlResolver resolver_;
};

class SenmlJsonEncoder {
 public:
  SenmlJsonEncoder(const SenmlSplit& split, AbsentAs absent, MutableBytes out)
      : out_(out), split_(split), absent_(absent) {}

  Encoded encode(Entries entries) {
    out_.u8('[');
    bool first = true;
    for (const auto& entry : entries) {
      if (!is_written(entry)) continue;
      if (!first) out_.u8(',');
      SLIPWAY_TRY(record(entry, first && !split_.base.is_root()));
      first = false;
    }
    out_.u8(']');
    if (!out_.ok()) return fail(ErrorCode::no_space, "the output buffer is too small");
    return out_.size();
  }

 private:
  Result<void> record(const Entry& entry, bool with_base) {
    out_.u8('{');
    field_ = 0;
    std::uint8_t text[kSenmlNameMax];
    if (with_base) {
      label("bn");
      plain_string({text, put_base_name(text, split_)});
    }
    if (!split_.whole) {
      label("n");
      plain_string({text, put_name(text, split_, entry.path)});
    }
    if (entry.time != 0) {
      label("t");
      put_number(entry.time, out_);
    }
    if (entry.kind == EntryKind::value) {
      SLIPWAY_TRY(value(entry.value));
    } else if (absent_ == AbsentAs::null) {
      label("v");
      out_.text("null");
    }
    out_.u8('}');
    return {};
  }

  void label(std::string_view name) {
    if (field_++ != 0) out_.u8(',');
    out_.u8('"');
    out_.text(name);
    out_.text("\":");
  }
  /// Text that needs no escapes.
  void plain_string(ByteView text) {
    out_.u8('"');
    out_.bytes(text);
    out_.u8('"');
  }

  Result<void> string(ByteView text) {
    if (!is_utf8(text)) return fail(ErrorCode::unsupported, "JSON cannot carry a string that is not UTF-8");
    out_.u8('"');
    for (const auto c : text) {
      if (c == '"' || c == '\\') {
        out_.u8('\\');
        out_.u8(c);
      } else if (c < 0x20) {
        constexpr char kHex[] = "0123456789abcdef";
        out_.text("\\u00");
        out_.u8(static_cast<std::uint8_t>(kHex[c >> 4]));
        out_.u8(static_cast<std::uint8_t>(kHex[c & 15]));
      } else {
        out_.u8(c);
      }
    }
    out_.u8('"');
    return {};
  }

  Result<void> value(const Value& value) {
    switch (value.type()) {
      case DataType::string:
      case DataType::corelnk:
        label("vs");
        return string(value.as_opaque());
      case DataType::opaque:
        label("vd");
        out_.u8('"');
        put_base64(value.as_opaque(), Base64::url, out_);
        out_.u8('"');
        return {};
      case DataType::boolean:
        label("vb");
        out_.text(value.as_boolean() ? "true" : "false");
        return {};
      case DataType::integer:
      case DataType::time:
        label("v");
        put_number(value.as_integer(), out_);
        return {};
      case DataType::unsigned_integer:
        label("v");
        put_number(value.as_unsigned(), out_);
        return {};
      case DataType::floating:
        if (!std::isfinite(value.as_floating()))
          return fail(ErrorCode::out_of_range, "JSON has no NaN and no infinity");
        label("v");
        put_number(value.as_floating(), out_);
        return {};
      case DataType::objlnk: {
        label("vlo");
        std::uint8_t text[kObjlnkTextMax];
        plain_string({text, put_objlnk(text, value.as_objlnk())});
        return {};
      }
      case DataType::none:
        break;
    }
    return fail(ErrorCode::unsupported, "an entry without a value");
  }

  ByteWriter out_;
  SenmlSplit split_;
  AbsentAs absent_;
  int field_ = 0;
};

}  // namespace

Encoded encode_senml_json(const Path& base, Entries entries, AbsentAs absent, MutableBytes out) {
  SLIPWAY_TRY(check_senml(base, entries));
  return SenmlJsonEncoder(split_names(entries), absent, out).encode(entries);
}

bool decode_senml_json(EntrySink& sink) {
  return SenmlJsonDecoder(sink).decode();
}

}  // namespace slipway::codec
