// SPDX-License-Identifier: Apache-2.0
// CBOR taken apart: SenML, LwM2M CBOR and single values. [RFC 8949 §3] [RFC 8428 §6] [LwM2M-CORE 1.2 §7.5.4]
#include "codec/cbor_reader.hpp"
#include "packets/senml_record.hpp"
#include "trace/text.hpp"

namespace slipway::packets {
namespace {

using codec::CborHead;
using codec::CborMajor;
using codec::CborReader;
using codec::Scalar;

/// "map of 3", "text of 22", "unsigned".
std::string head_text(const CborHead& head) {
  const auto number = head.indefinite() ? std::string("no given length") : std::to_string(head.argument);
  switch (head.major) {
    case CborMajor::unsigned_integer:
      return "unsigned";
    case CborMajor::negative:
      return "negative";
    case CborMajor::bytes:
      return "byte string of " + number;
    case CborMajor::text:
      return "text of " + number;
    case CborMajor::array:
      return "array of " + number;
    case CborMajor::map:
      return "map of " + number;
    case CborMajor::tag:
      return "tag " + number;
    case CborMajor::simple:
      break;
  }
  return head.info >= 25 && head.info <= 27 ? "float of " + std::to_string(8 << (head.info - 24)) + " bits"
                                            : "simple value";
}

std::string scalar_text(const Scalar& scalar) {
  switch (scalar.kind) {
    case Scalar::Kind::unsigned_integer:
      return std::to_string(scalar.number);
    case Scalar::Kind::negative:
      return std::to_string(scalar.as_negative());
    case Scalar::Kind::floating:
      return Value::floating(scalar.floating).to_display();
    case Scalar::Kind::text:
    case Scalar::Kind::link:
      return '"' + std::string(as_text(scalar.data)) + '"';
    case Scalar::Kind::bytes:
      return Value::opaque(scalar.data).to_display(32);
    case Scalar::Kind::boolean:
      return scalar.flag ? "true" : "false";
    case Scalar::Kind::null:
      return "null";
  }
  return "?";
}

/// The labels of SenML CBOR that have a name in JSON. [RFC 8428 Table 4]
std::string label_text(const Scalar& label) {
  constexpr std::string_view kBase[] = {"bver", "bn", "bt", "bu", "bv", "bs"};
  constexpr std::string_view kOwn[] = {"n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"};
  if (label.kind == Scalar::Kind::text) return std::string(as_text(label.data));
  if (label.kind == Scalar::Kind::unsigned_integer && label.number < std::size(kOwn))
    return std::string(kOwn[label.number]);
  if (label.kind == Scalar::Kind::negative && label.as_negative() >= -6)
    return std::string(kBase[static_cast<std::size_t>(-1 - label.as_negative())]);
  return "label " + scalar_text(label);
}

class SenmlCbor {
 public:
  SenmlCbor(Body& body, codec::EntrySink& sink) : body_(body), reader_(sink), records_(body) {}

  void annotate() {
    CborHead pack;
    if (!reader_.head(pack)) return;
    body_.sheet.upto(reader_.at(), {"SenML pack", {}, head_text(pack)});
    while (reader_.more(pack))
      if (!record()) return;
    body_.sheet.upto(reader_.at(), {"break", {}, "the end of the pack"});
  }

 private:
  bool record() {
    CborHead head;
    if (!reader_.head(head)) return false;
    body_.sheet.upto(reader_.at(), {"SenML record", {}, head_text(head)});
    std::vector<SenmlMember> members;
    while (reader_.more(head))
      if (!member(members)) return false;
    records_.add(members);
    body_.sheet.upto(reader_.at(), {"break", {}, "the end of the record"});
    return true;
  }

  bool member(std::vector<SenmlMember>& members) {
    Scalar label;
    if (!reader_.scalar(label)) return false;
    auto name = label_text(label);
    const auto* value = reader_.at();
    CborHead head;
    Scalar scalar;
    if (!reader_.head(head)) return false;
    const bool is_container = head.major == CborMajor::array || head.major == CborMajor::map;
    if (is_container ? (reader_.seek(value), !reader_.skip()) : !reader_.scalar(head, scalar)) return false;
    auto meaning = "label " + scalar_text(label) + " (" + name + "), " + head_text(head);
    members.push_back(
        {reader_.at(), std::move(name), is_container ? "" : scalar_text(scalar), std::move(meaning)});
    return true;
  }

  Body& body_;
  CborReader reader_;
  SenmlRecords records_;
};

class Lwm2mCbor {
 public:
  Lwm2mCbor(Body& body, codec::EntrySink& sink) : body_(body), reader_(sink), start_(sink.begin()) {}

  void annotate() {
    CborHead head;
    const bool absolute = body_.entries().empty() || first_path(Path()) == body_.entries()[0].path;
    reader_.seek(start_);
    if (!reader_.head(head)) return;
    body_.sheet.upto(reader_.at(), {"LwM2M CBOR", {}, head_text(head)});
    map(head, absolute ? Path() : body_.base, 0);
  }

 private:
  /// Where the first value lies if keys start at `path`.
  Path first_path(Path path) {
    reader_.seek(start_);
    for (CborHead head; path.depth() < 4 && reader_.head(head) && head.major == CborMajor::map;) {
      if (head.argument == 0) break;
      if (!key(path)) break;
    }
    return path;
  }

  bool key(Path& path) {
    CborHead head;
    if (!reader_.head(head)) return false;
    if (head.major != CborMajor::array) {
      path = path.child(static_cast<std::uint16_t>(head.argument));
      return head.major == CborMajor::unsigned_integer;
    }
    while (reader_.more(head)) {
      CborHead id;
      if (!reader_.head(id) || id.major != CborMajor::unsigned_integer) return false;
      path = path.child(static_cast<std::uint16_t>(id.argument));
    }
    return true;
  }

  bool map(CborHead head, const Path& above, unsigned depth) {  // NOLINT(misc-no-recursion)
    while (reader_.more(head)) {
      Path path = above;
      if (depth == 5 || !key(path)) return false;
      CborHead value;
      const auto* const key_end = reader_.at();
      body_.sheet.upto(key_end, {"key of " + std::string(path.text().view()), key_text(path, above),
                                 "id, or array of ids"});
      if (!reader_.head(value)) return false;
      if (value.major == CborMajor::map) {
        body_.sheet.upto(reader_.at(), {"map at " + std::string(path.text().view()), {}, head_text(value)});
        if (!map(value, path, depth + 1)) return false;
        continue;
      }
      Scalar scalar;
      if (!reader_.scalar(value, scalar)) return false;
      body_.sheet.upto(reader_.at(), body_.value_at(path, head_text(value)));
    }
    body_.sheet.upto(reader_.at(), {"break", {}, "the end of the map"});
    return true;
  }

  static std::string key_text(const Path& path, const Path& above) {
    std::string text;
    for (auto i = above.depth(); i < path.depth(); ++i)
      text += (text.empty() ? "" : ", ") + std::to_string(path.id_at(i));
    return text;
  }

  Body& body_;
  CborReader reader_;
  const std::uint8_t* start_;
};

/// A sink for reading alone: nothing is kept in it.
template <class Reader>
void read(Body& body) {
  Bytes scratch(body.sheet.rest().size() + 64);
  const codec::DecodeOptions options;
  codec::EntrySink sink(body.base, body.sheet.rest(), options, {{}, scratch});
  Reader(body, sink).annotate();
}

}  // namespace

void annotate_senml_cbor(Body& body) {
  read<SenmlCbor>(body);
}

void annotate_lwm2m_cbor(Body& body) {
  read<Lwm2mCbor>(body);
}

void annotate_cbor(Body& body) {
  const auto entries = body.entries();
  if (entries.size() != 1) return;
  const codec::DecodeOptions options;
  codec::EntrySink sink(body.base, body.sheet.rest(), options, {});
  CborReader reader(sink);
  CborHead head;
  if (!reader.head(head)) return;
  body.sheet.all(body.value_at(entries[0].path, head_text(head)));
}

}  // namespace slipway::packets
