// SPDX-License-Identifier: Apache-2.0
// TLV taken apart. [LwM2M-CORE 1.2 §7.5.5]
#include "codec/tlv.hpp"
#include "packets/payload.hpp"

namespace slipway::packets {
namespace {

using codec::TlvKind;

//  |KKIL LSSS|  identifier |  length if LL!=0 | value
struct Head {
  TlvKind kind = TlvKind::instance;
  std::uint16_t id = 0;
  std::size_t id_size = 1;
  std::size_t length_size = 0;
  std::size_t length = 0;

  [[nodiscard]] std::size_t size() const { return 1 + id_size + length_size; }
};

Result<Head> read_head(ByteView content) {
  ByteReader reader(content);
  SLIPWAY_ASSIGN(const auto first, reader.u8());
  Head head{.kind = static_cast<TlvKind>(first & 0xC0),
            .id_size = (first & 0x20) != 0 ? 2u : 1u,
            .length_size = first >> 3 & 3u,
            .length = first & 7u};
  SLIPWAY_ASSIGN(const auto id, reader.unsigned_of(head.id_size));
  head.id = static_cast<std::uint16_t>(id);
  if (head.length_size != 0) {
    SLIPWAY_ASSIGN(const auto length, reader.unsigned_of(head.length_size));
    head.length = static_cast<std::size_t>(length);
  }
  if (head.length > reader.remaining()) return fail(ErrorCode::truncated, "a TLV ends before its value");
  return head;
}

const char* name_of(TlvKind kind) {
  switch (kind) {
    case TlvKind::instance:
      return "object instance";
    case TlvKind::resource_instance:
      return "resource instance";
    case TlvKind::multiple:
      return "multiple resource";
    case TlvKind::resource:
      return "resource";
  }
  return "?";
}

std::string bits_of(const Head& head) {
  constexpr const char* kKinds[] = {"00", "01", "10", "11"};
  const auto length = head.length_size == 0 ? std::string("length in the type")
                                            : std::to_string(8 * head.length_size) + "-bit length";
  return std::string("kind ") + kKinds[static_cast<unsigned>(head.kind) >> 6] + ", " +
         std::to_string(8 * head.id_size) + "-bit id, " + length;
}

/// Where the element lies, when its container is `above`.
Path path_of(const Head& head, const Path& above) {
  switch (head.kind) {
    case TlvKind::instance:
      return above.prefix(1).child(head.id);
    case TlvKind::resource_instance:
      return above.prefix(3).child(head.id);
    case TlvKind::multiple:
    case TlvKind::resource:
      break;
  }
  // Bare resources for an object are those of a Create without an id.
  const auto instance = above.has_instance() ? above.prefix(2) : above.child(kReservedId);
  return instance.child(head.id);
}

/// Instances hold resources, and these hold resource instances: three levels.
void walk(Body& body, const std::uint8_t* end, const Path& above,
          unsigned depth) {  // NOLINT(misc-no-recursion)
  while (body.sheet.at() < end) {
    const auto head = read_head({body.sheet.at(), end});
    if (!head || depth == 3) return;
    const auto path = path_of(*head, above);
    const auto* value = body.sheet.at() + head->size();
    body.sheet.upto(value, {"TLV of " + std::string(path.text().view()),
                            std::string(name_of(head->kind)) + ' ' + std::to_string(head->id) + ", " +
                                std::to_string(head->length) + (head->length == 1 ? " byte" : " bytes"),
                            bits_of(*head)});
    if (head->kind == TlvKind::instance || head->kind == TlvKind::multiple)
      walk(body, value + head->length, path, depth + 1);
    else
      body.sheet.upto(value + head->length, body.value_at(path, "value"));
  }
}

}  // namespace

void annotate_tlv(Body& body) {
  walk(body, body.sheet.end(), body.base, 0);
}

}  // namespace slipway::packets
