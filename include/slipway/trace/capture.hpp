// SPDX-License-Identifier: Apache-2.0
// UDP datagrams out of a capture file (pcap or pcapng), for `slipway decode`.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/time.hpp>

namespace slipway::trace {

struct CapturedDatagram {
  UnixTime at;
  Duration since_first;
  Address from, to;
  ByteView payload;  ///< valid during the visit
};

struct CaptureSummary {
  std::uint64_t datagrams = 0;
  std::uint64_t skipped = 0;  ///< frames that are not UDP over IP, are fragments, or were cut when captured
};

/// Visits every UDP datagram of a capture in order. The error says what, where and what to do.
[[nodiscard]] std::expected<CaptureSummary, std::string> read_capture(
    const std::string& file, const std::function<void(const CapturedDatagram&)>& visit);

/// Takes the UDP payload out of one frame of a libpcap link type. Nothing when it has none.
struct UdpFrame {
  Address from, to;
  ByteView payload;
};
[[nodiscard]] std::optional<UdpFrame> udp_of_frame(int link_type, ByteView frame);

}  // namespace slipway::trace
