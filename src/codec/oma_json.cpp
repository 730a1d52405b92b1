// SPDX-License-Identifier: Apache-2.0
// application/vnd.oma.lwm2m+json, which 1.0 clients may send and nobody has to be sent.
// [LwM2M-1.0 §6.4.4]
//
//   { "bn": base name, "bt": base time, "e": [ { "n": name, "t": time, "v" | "sv" | "bv" | "ov": value } ] }
#include <cmath>

#include "codec/json_reader.hpp"
#include "codec/senml.hpp"

namespace slipway::codec {
namespace {

class OmaJsonDecoder {
 public:
  explicit OmaJsonDecoder(EntrySink& sink) : sink_(sink), reader_(sink), resolver_(sink) {}

  // Keys may stand in any order: what the list needs is gathered first.
  bool decode() {
    const auto text = sink_.base().text();
    base_name_ = as_bytes(sink_.base().is_root() ? std::string_view() : text.view());
    if (!outline() || !reader_.finish()) return false;
    if (list_ == nullptr) return reader_.fail(ErrorCode::malformed, "an OMA JSON payload has a list e");
    reader_.seek(list_);
    if (!reader_.open('[')) return false;
    for (bool first = true;;) {
      const auto step = reader_.next(']', first);
      if (step != JsonReader::Step::item) return step == JsonReader::Step::end;
      if (!element()) return false;
    }
  }

 private:
  bool outline() {
    if (!reader_.open('{')) return false;
    for (bool first = true;;) {
      const auto step = reader_.next('}', first);
      if (step != JsonReader::Step::item) return step == JsonReader::Step::end;
      ByteView key;
      if (!reader_.key(key)) return false;
      const auto name = as_text(key);
      if (name == "bn") {
        if (!reader_.string(base_name_)) return false;
      } else if (name == "bt") {
        if (!seconds(base_time_)) return false;
      } else {
        if (name == "e") {
          if (list_ != nullptr) return reader_.fail(ErrorCode::malformed, "two lists in one payload");
          list_ = reader_.at();
        }
        // Strings of the list are rebuilt when it is read, not now.
        const auto mark = sink_.scratch_mark();
        if (!reader_.skip()) return false;
        sink_.scratch_reset(mark);
      }
    }
  }

  bool element() {
    SenmlRecord record{.at = reader_.at()};
    if (!reader_.open('{')) return false;
    for (bool first = true;;) {
      const auto step = reader_.next('}', first);
      if (step == JsonReader::Step::failed) return false;
      if (step == JsonReader::Step::end) break;
      ByteView label;
      if (!reader_.key(label) || !field(as_text(label), record)) return false;
    }
    if (!record.has(SenmlField::value))
      return reader_.fail(ErrorCode::malformed, "an element without a value");
    return add(record);
  }

  // The base name is a path on which names stand, with or without a slash between them.
  bool add(SenmlRecord& record) {
    SenmlName name;
    name.append(base_name_);
    const bool joined =
        base_name_.empty() || base_name_.back() == '/' || record.name.empty() || record.name.front() == '/';
    if (!joined) name.append(as_bytes("/"));
    name.append(record.name);
    record.time += base_time_;
    return resolver_.add(record, name);
  }

  bool field(std::string_view label, SenmlRecord& record) {
    using Kind = Scalar::Kind;
    if (label == "n") return note(record, SenmlField::name) && reader_.string(record.name);
    if (label == "t") return note(record, SenmlField::time) && seconds(record.time);
    if (label == "v") return value(record) && (record.value.is_number() || wrong_label());
    if (label == "bv") return value(record) && (record.value.kind == Kind::boolean || wrong_label());
    if (label == "sv") {
      if (!value(record) || record.value.kind != Kind::text) return wrong_label();
      record.value.maybe_base64 = true;
      return true;
    }
    if (label == "ov") {
      if (!value(record) || record.value.kind != Kind::text) return wrong_label();
      record.value.kind = Kind::link;
      return true;
    }
    return reader_.skip();
  }

  bool note(SenmlRecord& record, SenmlField field) {
    return record.note(field) || reader_.fail(ErrorCode::malformed, "a label stands twice in an element");
  }
  bool value(SenmlRecord& record) { return note(record, SenmlField::value) && reader_.scalar(record.value); }
  bool wrong_label() { return reader_.fail(ErrorCode::malformed, "a value of another type than its label"); }

  bool seconds(double& out) {
    Scalar time;
    if (!reader_.scalar(time)) return false;
    out = time.as_double();
    return (time.is_number() && std::isfinite(out)) ||
           reader_.fail(ErrorCode::malformed, "a time that is no number");
  }

  EntrySink& sink_;
  JsonReader reader_;
  SenmlResolver resolver_;
  ByteView base_name_;
  double base_time_ = 0;
  const std::uint8_t* list_ = nullptr;
};

}  // namespace

bool decode_oma_json(EntrySink& sink) {
  return OmaJsonDecoder(sink).decode();
}

}  // namespace slipway::codec
