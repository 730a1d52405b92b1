// SPDX-License-Identifier: Apache-2.0
// Records: what is sealed opens to itself, and never after a change; any bytes may be read.
#include <cstdlib>

#include "security/dtls/record.hpp"

using namespace slipway;
using namespace slipway::security::dtls;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

RecordState state_of(std::uint8_t choice) {
  RecordState state;
  state.aead = static_cast<Aead>(choice % 3);
  state.write.key = state.read.key = {choice, 1, 2};
  state.cid_out.size = state.cid_in.size = static_cast<std::uint8_t>(choice / 3 % (kCidMax + 1));
  return state;
}

void read_any(AeadEngine& engine, RecordState state, ByteView bytes) {
  Bytes room(bytes.size());
  for (ByteReader reader(bytes); !reader.empty();) {
    const auto record = read_record(reader, state.cid_in.size);
    if (!record) return;
    require(!open_record(engine, state, *record, room));  // nobody guesses a tag
    for (ByteReader messages(record->fragment); !messages.empty();)
      if (!read_handshake_fragment(messages)) break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  static AeadEngine fastest, portable(AeadEngine::Implementation::portable);
  auto state = state_of(data[0]);
  state.next_sequence = data[1];
  const auto where = static_cast<std::size_t>(data[2]) << 8 | data[3];
  const ByteView text{data + 4, size - 4};
  read_any(fastest, state, text);
  if (text.size() > 2000) return 0;

  auto receiver = state;
  Bytes sealed(text.size() + record_overhead(state.aead, state.cid_out)), room(sealed.size());
  require(seal_record(fastest, state, ContentType::application_data, text, sealed).value() == sealed.size());
  auto changed = sealed;
  changed[where % changed.size()] ^= static_cast<std::uint8_t>(1 << where % 8);
  ByteReader reader(changed);
  if (const auto record = read_record(reader, receiver.cid_in.size))
    require(!open_record(fastest, receiver, *record, room));

  ByteReader whole(sealed);
  const auto record = read_record(whole, receiver.cid_in.size);
  require(record.has_value() && whole.empty());
  const auto opened = open_record(portable, receiver, *record, room);
  require(opened && opened->type == ContentType::application_data && equal(opened->plaintext, text));
  require(!open_record(fastest, receiver, *record, room));  // a replay
  return 0;
}
