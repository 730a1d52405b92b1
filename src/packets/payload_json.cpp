// SPDX-License-Identifier: Apache-2.0
// SenML JSON taken apart. [RFC 8428 §5]
#include <algorithm>

#include "codec/json_reader.hpp"
#include "packets/senml_record.hpp"

namespace slipway::packets {
namespace {

using codec::JsonReader;

class SenmlJson {
 public:
  SenmlJson(Body& body, codec::EntrySink& sink) : body_(body), reader_(sink), records_(body) {}

  void annotate() {
    if (!reader_.open('[')) return;
    for (bool first = true; reader_.next(']', first) == JsonReader::Step::item;)
      if (!record()) return;
    body_.sheet.all({"JSON", "}]", "the end of the pack"});
  }

 private:
  bool record() {
    const auto* begin = reader_.at();
    if (!reader_.open('{')) return false;
    brackets(reader_.at(), begin);
    std::vector<SenmlMember> members;
    for (bool first = true;;) {
      const auto step = reader_.next('}', first);
      if (step != JsonReader::Step::item) {
        records_.add(members);
        return step == JsonReader::Step::end;
      }
      ByteView label;
      if (!reader_.key(label)) return false;
      const auto* value = reader_.at();
      if (!reader_.skip()) return false;
      auto text = std::string(as_text({value, reader_.at()}));
      text.erase(0, text.find_first_not_of(" \t\r\n"));
      members.push_back({reader_.at(), std::string(as_text(label)), std::move(text), "JSON member"});
    }
  }

  /// What stands before the members of a record.
  void brackets(const std::uint8_t* end, const std::uint8_t* record) {
    const bool first = body_.sheet.at() <= record && *body_.sheet.at() == '[';
    body_.sheet.upto(
        end, {"JSON", first ? "[{" : "},{", first ? "a pack, and its first record" : "the next record"});
  }

  Body& body_;
  JsonReader reader_;
  SenmlRecords records_;
};

}  // namespace

void annotate_senml_json(Body& body) {
  Bytes scratch(body.sheet.rest().size() + 64);
  const codec::DecodeOptions options;
  codec::EntrySink sink(body.base, body.sheet.rest(), options, {{}, scratch});
  SenmlJson(body, sink).annotate();
}

}  // namespace slipway::packets
