// SPDX-License-Identifier: Apache-2.0
#include <slipway/trace/capture.hpp>

#include <pcap/pcap.h>

#include <algorithm>
#include <memory>

namespace slipway::trace {
namespace {

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86DD;
constexpr std::uint16_t kEtherVlan = 0x8100;
constexpr std::uint16_t kEtherServiceVlan = 0x88A8;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr int kVlanTagsMax = 2;
constexpr int kExtensionsMax = 8;

/// Captures of other times than people's are broken files.
constexpr std::int64_t kSecondsMax = 1LL << 36;

using Packet = std::optional<ByteView>;

/// What follows an EtherType and its VLAN tags, when that is IP.
Packet after_ether_type(ByteReader reader) {
  auto type = reader.u16();
  for (int tags = 0; type && (*type == kEtherVlan || *type == kEtherServiceVlan) && tags < kVlanTagsMax;
       ++tags) {
    if (!reader.u16()) return std::nullopt;
    type = reader.u16();
  }
  if (!type || (*type != kEtherIpv4 && *type != kEtherIpv6)) return std::nullopt;
  return reader.rest();
}

/// What follows the link layer's header, when that is IP.
Packet strip_link(int link_type, ByteView frame) {
  ByteReader reader(frame);
  switch (link_type) {
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return frame;
    case DLT_NULL:
    case DLT_LOOP:
      return reader.take(4) ? Packet(reader.rest()) : std::nullopt;
    case DLT_EN10MB:
      return reader.take(12) ? after_ether_type(reader) : std::nullopt;
    case DLT_LINUX_SLL:
      return reader.take(14) ? after_ether_type(reader) : std::nullopt;
    case DLT_LINUX_SLL2: {  // its EtherType stands at the front
      const auto type = reader.u16();
      if (!type || !reader.take(18) || (*type != kEtherIpv4 && *type != kEtherIpv6)) return std::nullopt;
      return reader.rest();
    }
    default:
      return std::nullopt;
  }
}

bool reads_link(int link_type) {
  constexpr int kLinks[] = {DLT_RAW,  DLT_IPV4,   DLT_IPV6,      DLT_NULL,
                            DLT_LOOP, DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2};
  return std::ranges::find(kLinks, link_type) != std::end(kLinks);
}

/// The header and what follows it within the packet's own length. [RFC 791 §3.1]
Packet udp_of_ipv4(ByteView packet, UdpFrame& out) {
  if (packet.size() < 20) return std::nullopt;
  const auto header = std::size_t{packet[0] & 15u} * 4;
  const auto total =
      std::size_t{packet[2]} << 8 | packet[3];  // 0 where the network card cuts segments itself
  if (header < 20 || packet.size() < header || (total != 0 && total < header)) return std::nullopt;
  const bool fragment = (packet[6] & 0x3F) != 0 || packet[7] != 0;
  if (packet[9] != kProtocolUdp || fragment) return std::nullopt;
  out.from = Address::v4(packet[12], packet[13], packet[14], packet[15], 0);
  out.to = Address::v4(packet[16], packet[17], packet[18], packet[19], 0);
  const auto end = total == 0 ? packet.size() : std::min(total, packet.size());
  return packet.subspan(header, end - header);
}

/// As above, past its extension headers. A whole packet may have a fragment header too. [RFC 8200 §4]
Packet udp_of_ipv6(ByteView packet, UdpFrame& out) {
  ByteReader reader(packet);
  const auto header = reader.take(40);
  if (!header) return std::nullopt;
  std::copy_n(header->begin() + 8, 16, out.from.ip.begin());
  std::copy_n(header->begin() + 24, 16, out.to.ip.begin());
  auto next = (*header)[6];
  for (int extensions = 0; next != kProtocolUdp; ++extensions) {
    constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;
    const bool known = next == kHopByHop || next == kRouting || next == kFragment || next == kDestination;
    const auto extension =
        known && extensions < kExtensionsMax ? reader.take(8) : reader.take(packet.size() + 1);
    if (!extension) return std::nullopt;
    if (next == kFragment) {
      if ((*extension)[2] != 0 || ((*extension)[3] & 0xF9) != 0) return std::nullopt;
    } else if (!reader.take(std::size_t{(*extension)[1]} * 8)) {
      return std::nullopt;
    }
    next = (*extension)[0];
  }
  return reader.rest();
}

std::optional<UdpFrame> udp_of_ip(ByteView packet) {
  if (packet.empty()) return std::nullopt;
  UdpFrame out;
  const auto version = packet[0] >> 4;
  const auto udp = version == 4   ? udp_of_ipv4(packet, out)
                   : version == 6 ? udp_of_ipv6(packet, out)
                                  : std::nullopt;
  if (!udp) return std::nullopt;
  ByteReader reader(*udp);
  const auto from = reader.u16(), to = reader.u16(), length = reader.u16(), checksum = reader.u16();
  if (!from || !to || !length || !checksum || *length < 8) return std::nullopt;
  const auto payload = reader.take(*length - 8u);  // padding of the link stays behind
  if (!payload) return std::nullopt;
  out.from.port = *from;
  out.to.port = *to;
  out.payload = *payload;
  return out;
}

}  // namespace

std::optional<UdpFrame> udp_of_frame(int link_type, ByteView frame) {
  const auto packet = strip_link(link_type, frame);
  return packet ? udp_of_ip(*packet) : std::nullopt;
}

std::expected<CaptureSummary, std::string> read_capture(
    const std::string& file, const std::function<void(const CapturedDatagram&)>& visit) {
  char message[PCAP_ERRBUF_SIZE] = "";
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> capture(pcap_open_offline(file.c_str(), message),
                                                           pcap_close);
  if (!capture)
    return std::unexpected(std::string(message).starts_with(file)
                               ? message
                               : file + ": " + message + "; give a pcap or pcapng file");
  const int link_type = pcap_datalink(capture.get());
  if (!reads_link(link_type)) {
    const char* name = pcap_datalink_val_to_name(link_type);
    return std::unexpected(file + ": captured on a link of type " +
                           (name == nullptr ? std::to_string(link_type) : name) +
                           ", which is not read here; capture on Ethernet, `any` or loopback");
  }
  CaptureSummary summary;
  std::optional<Duration> first;
  for (;;) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int more = pcap_next_ex(capture.get(), &header, &data);
    if (more == PCAP_ERROR_BREAK) return summary;
    if (more != 1)
      return std::unexpected(file + " is broken after " +
                             std::to_string(summary.datagrams + summary.skipped) +
                             " frames: " + pcap_geterr(capture.get()));
    const auto udp = udp_of_frame(link_type, {data, header->caplen});
    if (!udp) {
      ++summary.skipped;
      continue;
    }
    ++summary.datagrams;
    const Duration at = seconds(std::clamp<std::int64_t>(header->ts.tv_sec, 0, kSecondsMax)) +
                        std::chrono::microseconds(header->ts.tv_usec);
    if (!first) first = at;
    visit({.at = UnixTime(std::chrono::duration_cast<milliseconds>(at)),
           .since_first = at - *first,
           .from = udp->from,
           .to = udp->to,
           .payload = udp->payload});
  }
}

}  // namespace slipway::trace
