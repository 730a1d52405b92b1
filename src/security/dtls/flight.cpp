// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/flight.hpp"

#include <algorithm>

#include <slipway/security/dtls/types.hpp>

namespace slipway::security::dtls {

void Flight::add(ContentType type, std::uint16_t epoch, ByteView payload) {
  const auto size = payload.size();
  bytes_.push_back(static_cast<std::uint8_t>(type));
  for (const auto value : {static_cast<std::size_t>(epoch), size}) {
    bytes_.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes_.push_back(static_cast<std::uint8_t>(value));
  }
  bytes_.insert(bytes_.end(), payload.begin(), payload.end());
}

namespace {

void write_plain(ContentType type, std::uint64_t sequence, ByteView payload, MutableBytes out) {
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(type));
  writer.u16(kDtls12);
  writer.u16(0);
  writer.unsigned_of(sequence, 6);
  writer.u16(static_cast<std::uint16_t>(payload.size()));
  writer.bytes(payload);
}

}  // namespace

bool FlightWriter::write(const Flight& flight, DatagramBatch& batch) const {
  auto begin = batch.bytes.size();
  bool ok = true;
  flight.for_each([&](ContentType type, std::uint16_t epoch, ByteView payload) {
    const bool is_sealed = epoch == Flight::kSealed;
    const auto overhead = is_sealed    ? 0
                          : epoch == 0 ? kRecordHeaderSize
                                       : record_overhead(protection.aead, protection.cid_out);
    const auto at = batch.bytes.size();
    if (at != begin && (record_a_datagram || at - begin + overhead + payload.size() > mtu)) {
      batch.ends.push_back(at);
      begin = at;
    }
    batch.bytes.resize(at + overhead + payload.size());
    const auto out = MutableBytes(batch.bytes).subspan(at);
    if (is_sealed)
      std::ranges::copy(payload, out.begin());
    else if (epoch == 0)
      write_plain(type, next_plain++, payload, out);
    else if (!seal_record(engine, protection, type, payload, out))
      ok = false;
  });
  if (batch.bytes.size() != begin) batch.ends.push_back(batch.bytes.size());
  return ok;
}

}  // namespace slipway::security::dtls
