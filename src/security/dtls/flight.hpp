// SPDX-License-Identifier: Apache-2.0
// A flight of the handshake, kept as plaintext so that each transmission gets fresh sequence numbers,
// and as few datagrams as the MTU allows. [RFC 6347 §4.2.4]
#pragma once

#include <cstdint>
#include <vector>

#include <slipway/base/time.hpp>

#include "security/dtls/record.hpp"

namespace slipway::security::dtls {

/// Datagrams that wait to be sent, in one buffer.
struct DatagramBatch {
  Bytes bytes;
  std::vector<std::size_t> ends;

  void clear() {
    bytes.clear();
    ends.clear();
  }
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    std::size_t start = 0;
    for (const auto end : ends) {
      visit(ByteView(bytes).subspan(start, end - start));
      start = end;
    }
  }
};

class Flight {
 public:
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  void add(ContentType type, std::uint16_t epoch, ByteView payload);
  /// A whole record that is sent as it is, also again.
  void add_sealed(ByteView record) { add(ContentType{}, kSealed, record); }
  /// Stands in the place of an epoch.
  static constexpr std::uint16_t kSealed = 0xFFFF;

  /// Visits (type, epoch, payload) in order.
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    for (ByteReader reader(bytes_); !reader.empty();) {
      const auto type = static_cast<ContentType>(*reader.u8());
      const auto epoch = *reader.u16();
      const auto size = *reader.u16();
      visit(type, epoch, *reader.take(size));
    }
  }

 private:
  Bytes bytes_;
};

/// Kept until the peer shows by a record that it has it.
struct LastFlight {
  Flight flight;
  TimePoint sent;
};
/// Plaintext records of a repeated last flight are numbered from here: their count is not kept, and any
/// number above those of a handshake will do.
inline constexpr std::uint64_t kLateSequence = 1 << 16;

/// How the records of a flight are written: the next sequence number of each epoch, and, once there
/// are keys, those.
struct FlightWriter {
  AeadEngine& engine;
  std::size_t mtu;
  std::uint64_t& next_plain;
  RecordState& protection;
  bool record_a_datagram = false;
  /// Appends the flight's datagrams to the batch. False when sequence numbers or libcrypto give out.
  [[nodiscard]] bool write(const Flight& flight, DatagramBatch& batch) const;
};

}  // namespace slipway::security::dtls
