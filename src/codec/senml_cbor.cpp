// SPDX-License-Identifier: Apache-2.0
// application/senml+cbor and application/senml-etch+cbor. [RFC 8428 §6] [RFC 8790]
#include <cmath>

#include "codec/cbor_reader.hpp"
#include "codec/cbor_writer.hpp"
#include "codec/copy.hpp"
#include "codec/senml.hpp"

namespace slipway::codec {
namespace {

// Integer labels; those below 0 are base fields. LwM2M adds the text label "vlo".
enum Label : int {
  kBaseVersion = -1,
  kBaseName = -2,
  kBaseTime = -3,
  kBaseUnit = -4,
  kBaseValue = -5,
  kBaseSum = -6,
  kName = 0,
  kUnit = 1,
  kNumber = 2,
  kText = 3,
  kBoolean = 4,
  kSum = 5,
  kTime = 6,
  kUpdateTime = 7,
  kBytes = 8,
};
constexpr std::uint64_t kVersionMax = 10;  // RFC 8428's own

/// What a record takes at most without a time, with a base name of three ids and a text of kShortTextMax.
constexpr std::size_t kShortRecordMax = 72 + 24;
constexpr std::size_t kShortTextMax = 32;

class SenmlCborDecoder {
 public:
  explicit SenmlCborDecoder(EntrySink& sink) : sink_(sink), reader_(sink), resolver_(sink) {}

  bool decode() {
    CborHead pack;
    if (!reader_.head(pack)) return false;
    if (pack.major != CborMajor::array) return reader_.fail(ErrorCode::malformed, "a SenML pack is an array");
    while (reader_.more(pack)) {
      if (const auto* end = short_record(reader_.at(), reader_.end()); end != nullptr) {
        reader_.seek(end);
        continue;
      }
      SenmlRecord entry;
      if (!record(entry) || !resolver_.add(entry)) return false;
    }
    return reader_.empty() || reader_.fail(ErrorCode::malformed, "bytes after the SenML pack");
  }

 private:
  //   a2 | a3 21 6n base name...   00 6n name...   03 text | 02 unsigned integer
  //
  /// The record that packs consist of, read without a detour: a name below the base name, and then text
  /// or a number of the resource's very type. Returns its end; nullptr for any other record, also for a
  /// broken one, which then is read again by record().
  const std::uint8_t* short_record(const std::uint8_t* at, const std::uint8_t* end) {
    if (end - at < 6) return nullptr;
    if (at[0] == 0xa3 && at[1] == 0x21) {  // the base name of the first record
      const std::size_t size = at[2] - 0x60u;
      if (size > 23 || static_cast<std::size_t>(end - at) < size + 8) return nullptr;
      resolver_.set_base_name({at + 3, size});
      at += 3 + size;
    } else if (*at++ != 0xa2) {
      return nullptr;
    }
    const std::size_t name_size = at[1] - 0x60u;
    const auto* const name = at + 2;
    if (at[0] != kName || name_size - 1 > 22 || static_cast<std::size_t>(end - name) < name_size + 2)
      return nullptr;
    const auto* content = name + name_size;
    const unsigned label = *content++;
    const unsigned head = *content++;
    std::uint64_t key = 0;
    unsigned depth = 0;
    if (!resolver_.short_name(name, content - 2, key, depth) || depth < 3 || sink_.full()) return nullptr;
    const auto type =
        sink_.type_of(static_cast<std::uint16_t>(key >> 48), static_cast<std::uint16_t>(key >> 16));
    Value value;
    if (label == kText) {
      std::size_t size = head - 0x60u;
      if (size > 23) {
        if (head != 0x78 || content == end) return nullptr;
        size = *content++;
      }
      if (static_cast<std::size_t>(end - content) < size || type != DataType::string) return nullptr;
      value = Value::string(as_text({content, size}));
      content += size;
    } else if (label == kNumber) {
      std::uint32_t number = head;
      if (head >= 24) {
        const std::size_t size = std::size_t{1} << ((head - 24) & 3);
        if (head > 26 || static_cast<std::size_t>(end - content) < size) return nullptr;
        number = 0;
        for (std::size_t i = 0; i < size; ++i) number = number << 8 | *content++;
      }
      if (type == DataType::integer) {
        value = Value::integer(number);
      } else if (type == DataType::time) {
        value = Value::time(number);
      } else {
        return nullptr;
      }
    } else {
      return nullptr;
    }
    sink_.note_order(key, depth);
    auto* entry = sink_.place();
    entry->path = path_of(key, depth);
    entry->value = value;
    entry->kind = EntryKind::value;
    entry->time = resolver_.base_time();
    sink_.set_place(entry + 1);
    return content;
  }

  bool record(SenmlRecord& record) {
    record.at = reader_.at();
    CborHead map;
    if (!reader_.head(map)) return false;
    if (map.major != CborMajor::map) return reader_.fail(ErrorCode::malformed, "a SenML record is a map");
    while (reader_.more(map)) {
      CborHead label;
      if (!reader_.head(label)) return false;
      if (label.major == CborMajor::unsigned_integer) {
        if (!field(label.argument < 64 ? static_cast<int>(label.argument) : 64, record)) return false;
      } else if (label.major == CborMajor::negative) {
        if (!field(label.argument < 64 ? -1 - static_cast<int>(label.argument) : -64, record)) return false;
      } else if (label.major == CborMajor::text) {
        if (!text_label(label, record)) return false;
      } else {
        return reader_.fail(ErrorCode::malformed, "a SenML label is an integer or text");
      }
    }
    return true;
  }

  bool field(int label, SenmlRecord& record) {
    switch (label) {
      case kName:
        return note(record, SenmlField::name) && reader_.text(record.name);
      case kBaseName:
        return note(record, SenmlField::base_name) && reader_.text(record.base_name);
      case kNumber:
        return value(record) &&
               (record.value.is_number() || record.value.kind == Scalar::Kind::null || wrong_label());
      case kText:
        return value(record) && (record.value.kind == Scalar::Kind::text || wrong_label());
      case kBoolean:
        return value(record) && (record.value.kind == Scalar::Kind::boolean || wrong_label());
      case kBytes:
        return value(record) && (record.value.kind == Scalar::Kind::bytes || wrong_label());
      case kTime:
        return note(record, SenmlField::time) && seconds(record.time);
      case kBaseTime:
        return note(record, SenmlField::base_time) && seconds(record.base_time);
      case kBaseValue:
      case kBaseSum:
      case kSum:
        return reader_.fail(ErrorCode::unsupported, "SenML base values and sums have no place in LwM2M");
      case kBaseVersion:
        return version();
      case kBaseUnit:
      case kUnit:
      case kUpdateTime:
      default:
        return reader_.skip();
    }
  }

  bool text_label(const CborHead& head, SenmlRecord& record) {
    ByteView label;
    if (!reader_.string(head, label)) return false;
    const auto text = as_text(label);
    if (text == "vlo") {
      if (!value(record)) return false;
      if (record.value.kind != Scalar::Kind::text) return wrong_label();
      record.value.kind = Scalar::Kind::link;
      return true;
    }
    if (text.ends_with('_'))
      return reader_.fail(ErrorCode::unsupported, "a SenML label that must be understood");
    return reader_.skip();
  }

  bool note(SenmlRecord& record, SenmlField field) {
    return record.note(field) || reader_.fail(ErrorCode::malformed, "a SenML label stands twice in a record");
  }
  bool value(SenmlRecord& record) { return note(record, SenmlField::value) && reader_.scalar(record.value); }
  bool wrong_label() {
    return reader_.fail(ErrorCode::malformed, "a SenML value of another type than its label");
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

  EntrySink& sink_;
  CborReader reader_;
  SenmlResolver resolver_;
};

class SenmlCborEncoder {
 public:
  SenmlCborEncoder(const SenmlSplit& split, AbsentAs absent, MutableBytes out)
      : out_(out), split_(split), absent_(absent) {}

  Encoded encode(Entries entries, std::size_t records) {
    out_.head(CborMajor::array, records);
    const SenmlSplit split = split_;  // a copy that no byte written can change
    const bool has_base = !split.base.is_root();
    const bool is_short = has_base && !split.whole;
    bool first = has_base;
    for (const auto& entry : entries) {
      if (is_short && entry.kind == EntryKind::value && short_record(entry, split, first)) {
        first = false;
        continue;
      }
      if (!is_written(entry)) continue;
      record(entry, first);
      first = false;
    }
    if (!out_.ok()) return fail(ErrorCode::no_space, "the output buffer is too small");
    return out_.size();
  }

 private:
  /// A record of a name and a short text, bytes, a number or a boolean, into a buffer with room enough: no
  /// checks on the way. False for any other, and then nothing has happened.
  [[gnu::always_inline]] bool short_record(const Entry& entry, const SenmlSplit& split, bool first) {
    const auto type = entry.value.type();
    if (entry.time != 0 || out_.room() < kShortRecordMax) return false;
    auto* at = out_.at();
    if (first) [[unlikely]] {
      auto* const name = put_base_name(at + 3, split);
      at[0] = 0xa3;
      at[1] = 0x21;  // -2
      at[2] = static_cast<std::uint8_t>(0x60 + (name - at - 3));
      at = name;
    } else {
      *at++ = 0xa2;
    }
    auto* end = put_name(at + 2, split, entry.path);
    at[0] = kName;
    at[1] = static_cast<std::uint8_t>(0x60 + (end - at - 2));
    if (type == DataType::string || type == DataType::opaque) {
      const auto content = entry.value.as_opaque();
      if (content.size() > kShortTextMax) return false;
      const unsigned major = type == DataType::string ? 0x60 : 0x40;
      *end++ = type == DataType::string ? kText : kBytes;
      if (content.size() > 23) *end++ = static_cast<std::uint8_t>(major + 24);
      *end++ = static_cast<std::uint8_t>(content.size() > 23 ? content.size() : major + content.size());
      out_.set_at(put_bytes(end, content.data(), content.size()));
      return true;
    }
    if (type == DataType::boolean) {
      *end++ = kBoolean;
      *end++ = entry.value.as_boolean() ? 0xf5 : 0xf4;
      out_.set_at(end);
      return true;
    }
    if (type == DataType::floating) {
      *end++ = kNumber;
      out_.set_at(end);
      out_.floating(entry.value.as_floating());
      return true;
    }
    if (type != DataType::integer && type != DataType::time) return false;
    const auto number = static_cast<std::uint64_t>(entry.value.as_integer());
    *end++ = kNumber;
    if (number > 0xffffffff) {  // and negative ones
      out_.set_at(end);
      out_.integer(entry.value.as_integer());
      return true;
    }
    out_.set_at(put_unsigned(end, static_cast<std::uint32_t>(number)));
    return true;
  }

  static std::uint8_t* put_unsigned(std::uint8_t* at, std::uint32_t number) {
    if (number < 24) {
      *at = static_cast<std::uint8_t>(number);
      return at + 1;
    }
    const unsigned info = number <= 0xff ? 24 : number <= 0xffff ? 25 : 26;
    *at++ = static_cast<std::uint8_t>(info);
    if (info == 26) {
      *at++ = static_cast<std::uint8_t>(number >> 24);
      *at++ = static_cast<std::uint8_t>(number >> 16);
    }
    if (info != 24) *at++ = static_cast<std::uint8_t>(number >> 8);
    *at++ = static_cast<std::uint8_t>(number);
    return at;
  }

  void record(const Entry& entry, bool first) {
    const bool has_value = entry.kind == EntryKind::value || absent_ == AbsentAs::null;
    out_.head(CborMajor::map, (first ? 1u : 0u) + (split_.whole ? 0u : 1u) + (entry.time != 0 ? 1u : 0u) +
                                  (has_value ? 1u : 0u));
    std::uint8_t text[kSenmlNameMax];
    if (first) {
      out_.byte(0x21);  // -2
      out_.string(CborMajor::text, {text, put_base_name(text, split_)});
    }
    if (!split_.whole) {
      out_.byte(kName);
      out_.string(CborMajor::text, {text, put_name(text, split_, entry.path)});
    }
    if (entry.time != 0) time(entry.time);
    if (has_value) value(entry.value);
  }

  void time(double seconds) {
    out_.byte(kTime);
    const bool whole = std::fabs(seconds) < 9e15 && seconds == std::trunc(seconds);
    whole ? out_.integer(static_cast<std::int64_t>(seconds)) : out_.floating(seconds);
  }

  void value(const Value& value) {
    switch (value.type()) {
      case DataType::string:
      case DataType::corelnk:
        out_.byte(kText);
        break;
      case DataType::boolean:
        out_.byte(kBoolean);
        break;
      case DataType::opaque:
        out_.byte(kBytes);
        break;
      case DataType::objlnk:
        out_.string(CborMajor::text, as_bytes("vlo"));
        break;
      default:
        out_.byte(kNumber);
    }
    out_.value(value);
  }

  CborWriter out_;
  SenmlSplit split_;
  AbsentAs absent_;
};

}  // namespace

Encoded encode_senml_cbor(const Path& base, Entries entries, AbsentAs absent, MutableBytes out) {
  SLIPWAY_ASSIGN(const auto records, check_senml(base, entries));
  return SenmlCborEncoder(split_names(entries), absent, out).encode(entries, records);
}

bool decode_senml_cbor(EntrySink& sink) {
  return SenmlCborDecoder(sink).decode();
}

}  // namespace slipway::codec
