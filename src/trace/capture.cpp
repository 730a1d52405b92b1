// SPDX-License-Identifier: Apache-2.0
#include <slipway/trace/capture.hpp>

#include <pcap/pcap.h>

#include <memory>

namespace slipway::trace {
namespace {

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86DD;
constexpr std::uint16_t kEtherVlan = 0x8100;
constexpr std::uint8_t kProtocolUdp = 17;

/// What follows the link layer's header: an EtherType, or the IP version where there is none.
std::optional<ByteView> strip_link(int link_type, ByteView frame) {
  ByteReader reader(frame);
  std::uint16_t protocol = 0;
  switch (link_type) {
    case DLT_RAW: return frame;
    case DLT_NULL: return reader.take(4) ? std::optional(reader.rest()) : std::nullopt;
    case DLT_EN10MB: {
      if (!reader.take(12)) return std::nullopt;
      auto type = reader.u16();
      if (type && *type == kEtherVlan) type = reader.u16() ? reader.u16() : type;
      if (!type) return std::nullopt;
      protocol = *type;
      break;
    }
    case DLT_LINUX_SLL: {
      if (!reader.take(14)) return std::nullopt;
      const auto type = reader.u16();
      if (!type) return std::nullopt;
      protocol = *type;
      break;
    }
    case DLT_LINUX_SLL2: {
      const auto type = reader.u16();
      if (!type || !reader.take(18)) return std::nullopt;
      protocol = *type;
      break;
    }
    default: return std::nullopt;
  }
  if (protocol != kEtherIpv4 && protocol != kEtherIpv6) return std::nullopt;
  return reader.rest();
}

std::optional<UdpFrame> udp_of_ip(ByteView packet) {
  ByteReader reader(packet);
  const auto first = reader.peek_u8();
  if (!first) return std::nullopt;
  UdpFrame out;
  if (*first >> 4 == 4) {
    const auto header = reader.take(std::size_t{*first & 15u} * 4);
    if (!header || header->size() < 20) return std::nullopt;
    const bool fragment = ((*header)[6] & 0x3F) != 0 || (*header)[7] != 0;
    if ((*header)[9] != kProtocolUdp || fragment) return std::nullopt;
    const auto& h = *header;
    out.from = Address::v4(h[12], h[13], h[14], h[15], 0);
    out.to = Address::v4(h[16], h[17], h[18], h[19], 0);
  } else if (*first >> 4 == 6) {
    const auto header = reader.take(40);
    if (!header || (*header)[6] != kProtocolUdp) return std::nullopt;
    std::copy_n(header->begin() + 8, 16, out.from.ip.begin());
    std::copy_n(header->begin() + 24, 16, out.to.ip.begin());
  } else {
    return std::nullopt;
  }
  const auto from = reader.u16(), to = reader.u16(), length = reader.u16(), checksum = reader.u16();
  if (!from || !to || !length || !checksum || *length < 8) return std::nullopt;
  const auto payload = reader.take(*length - 8u);  // link padding stays behind
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

std::expected<CaptureSummary, std::string> read_capture(const std::string& file,
                                                        const std::function<void(const CapturedDatagram&)>& visit) {
  char message[PCAP_ERRBUF_SIZE] = "";
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> capture(pcap_open_offline(file.c_str(), message), pcap_close);
  if (!capture) return std::unexpected(file + " is not a capture that can be read: " + message);
  const int link_type = pcap_datalink(capture.get());
  CaptureSummary summary;
  std::optional<Duration> first;
  for (;;) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int more = pcap_next_ex(capture.get(), &header, &data);
    if (more == PCAP_ERROR_BREAK) return summary;
    if (more != 1)
      return std::unexpected(file + " is broken after " + std::to_string(summary.datagrams + summary.skipped) +
                             " frames: " + pcap_geterr(capture.get()));
    const auto udp = udp_of_frame(link_type, {data, header->caplen});
    if (!udp) {
      ++summary.skipped;
      continue;
    }
    ++summary.datagrams;
    const Duration at = seconds(header->ts.tv_sec) + std::chrono::microseconds(header->ts.tv_usec);
    if (!first) first = at;
    visit({.at = UnixTime(std::chrono::duration_cast<milliseconds>(at)), .since_first = at - *first, .from = udp->from,
           .to = udp->to, .payload = udp->payload});
  }
}

}  // namespace slipway::trace
