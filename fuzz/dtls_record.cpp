// SPDX-License-Identifier: Apache-2.0
// Records: what is sealed opens to itself, and never after a change; any bytes may be read. GnuTLS reads
// ours, and we read GnuTLS's.
#include <cstdlib>

#include "dtls_gnutls.hpp"
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

/// Our record layer beside GnuTLS's in a session of GnuTLS's, with its keys.
void with_gnutls(AeadEngine& engine, Aead aead, ByteView text, std::size_t where) {
  static fuzz::GnutlsPair pairs[] = {fuzz::GnutlsPair("AES-128-CCM-8"), fuzz::GnutlsPair("AES-128-CCM"),
                                     fuzz::GnutlsPair("AES-128-GCM")};
  static std::uint64_t next_number[3] = {};
  if (text.empty() || text.size() > 1000) return;
  auto& [client, server] = pairs[static_cast<std::size_t>(aead)];
  auto theirs = client.seal(text);
  auto receiver = server.state(aead);
  Bytes room(theirs.size());
  ByteReader reader(theirs);
  const auto record = read_record(reader, 0);
  require(record.has_value() && reader.empty());
  const auto opened = open_record(engine, receiver, *record, room);
  require(opened && opened->type == ContentType::application_data && equal(opened->plaintext, text));

  // From the server's end, so that the numbers of the two directions stay apart.
  auto sender = server.state(aead);
  auto& number = next_number[static_cast<std::size_t>(aead)];
  sender.next_sequence = number = std::max(number + 1, sender.next_sequence);
  Bytes sealed(text.size() + record_overhead(aead, {}));
  require(seal_record(engine, sender, ContentType::application_data, text, sealed).has_value());
  auto changed = sealed;  // behind the header, which may make GnuTLS give the session up
  changed[kRecordHeaderSize + where % (changed.size() - kRecordHeaderSize)] ^=
      static_cast<std::uint8_t>(1 << where % 8);
  require(client.open(changed).empty());
  require(equal(client.open(sealed), text));
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
  with_gnutls(fastest, state.aead, text, where);
  return 0;
}
