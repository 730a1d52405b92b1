// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <slipway/trace/capture.hpp>

#include "support/temporary_folder.hpp"

namespace slipway::trace {
namespace {

using ::testing::HasSubstr;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes big16(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
Bytes little32(std::uint32_t value) {
  Bytes out;
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  return out;
}

const Bytes kPayload = {'c', 'o', 'a', 'p'};

Bytes udp(const Bytes& payload = kPayload) {
  return big16(61616) + big16(5683) + big16(payload.size() + 8) + big16(0) + payload;
}
Bytes ipv4(const Bytes& body, std::uint16_t fragment = 0, std::uint8_t protocol = 17) {
  return Bytes{0x45, 0} + big16(20 + body.size()) + big16(1) + big16(fragment) + Bytes{64, protocol, 0, 0} +
         Bytes{192, 0, 2, 1} + Bytes{192, 0, 2, 2} + body;
}
Bytes ipv6(const Bytes& body, std::uint8_t next = 17) {
  Bytes from(16), to(16);
  from[15] = 1;
  to[15] = 2;
  return Bytes{0x60, 0, 0, 0} + big16(body.size()) + Bytes{next, 64} + from + to + body;
}
Bytes ethernet(const Bytes& body, std::uint16_t type = 0x0800) {
  return Bytes(12) + big16(type) + body;
}

TEST(UdpFrame, ComesOutOfEveryLinkType) {
  const struct {
    int link;
    Bytes frame;
  } cases[] = {
      {DLT_EN10MB, ethernet(ipv4(udp()))},
      {DLT_EN10MB, ethernet(ipv6(udp()), 0x86DD)},
      {DLT_EN10MB, ethernet(big16(5) + big16(0x0800) + ipv4(udp()), 0x8100)},
      {DLT_EN10MB, ethernet(big16(5) + big16(0x8100) + big16(6) + big16(0x86DD) + ipv6(udp()), 0x88A8)},
      {DLT_LINUX_SLL, Bytes(14) + big16(0x0800) + ipv4(udp())},
      {DLT_LINUX_SLL2, big16(0x0800) + Bytes(18) + ipv4(udp())},
      {DLT_RAW, ipv4(udp())},
      {DLT_RAW, ipv6(udp())},
      {DLT_IPV4, ipv4(udp())},
      {DLT_IPV6, ipv6(udp())},
      {DLT_NULL, Bytes(4) + ipv4(udp())},
  };
  for (const auto& [link, frame] : cases) {
    const auto found = udp_of_frame(link, frame);
    ASSERT_TRUE(found) << link;
    EXPECT_EQ(Bytes(found->payload.begin(), found->payload.end()), kPayload) << link;
    EXPECT_EQ(found->from.port, 61616);
    EXPECT_EQ(found->to.port, 5683);
  }
}

TEST(UdpFrame, HasTheAddressesOfItsPacket) {
  EXPECT_EQ(udp_of_frame(DLT_RAW, ipv4(udp()))->from.to_string(), "192.0.2.1:61616");
  EXPECT_EQ(udp_of_frame(DLT_RAW, ipv6(udp()))->to.to_string(), "[::2]:5683");
}

TEST(UdpFrame, LeavesThePaddingOfTheLink) {
  EXPECT_EQ(udp_of_frame(DLT_EN10MB, ethernet(ipv4(udp()) + Bytes(18)))->payload.size(), kPayload.size());
}

TEST(UdpFrame, DoesNotReadPaddingAsPayload) {
  auto lying = udp();
  lying[5] = 30;  // longer than the packet that carries it
  EXPECT_FALSE(udp_of_frame(DLT_EN10MB, ethernet(ipv4(lying) + Bytes(40))));
}

TEST(UdpFrame, PassesIpv6ExtensionHeaders) {
  const Bytes options = {17, 0, 1, 4, 0, 0, 0, 0};
  EXPECT_TRUE(udp_of_frame(DLT_RAW, ipv6(options + udp(), 0)));
  EXPECT_TRUE(udp_of_frame(DLT_RAW, ipv6(Bytes{17, 0, 0, 0, 0, 0, 0, 7} + udp(), 44)))
      << "a fragment that is the whole";
  EXPECT_FALSE(udp_of_frame(DLT_RAW, ipv6(Bytes{17, 0, 0, 1, 0, 0, 0, 7} + udp(), 44))) << "more follow";
  EXPECT_FALSE(udp_of_frame(DLT_RAW, ipv6(Bytes{17, 0, 1, 0, 0, 0, 0, 7} + udp(), 44))) << "not the first";
  Bytes endless;
  for (int i = 0; i < 50; ++i) endless = endless + Bytes{0, 0, 1, 4, 0, 0, 0, 0};
  EXPECT_FALSE(udp_of_frame(DLT_RAW, ipv6(endless + udp(), 0)));
}

TEST(UdpFrame, FragmentsAndOtherProtocolsHaveNone) {
  EXPECT_FALSE(udp_of_frame(DLT_RAW, ipv4(udp(), 0x2000)));
  EXPECT_FALSE(udp_of_frame(DLT_RAW, ipv4(udp(), 10)));
  EXPECT_TRUE(udp_of_frame(DLT_RAW, ipv4(udp(), 0x4000))) << "only marked as not to be fragmented";
  EXPECT_FALSE(udp_of_frame(DLT_RAW, ipv4(udp(), 0, 6)));
  EXPECT_FALSE(udp_of_frame(DLT_EN10MB, ethernet(ipv4(udp()), 0x0806)));
  EXPECT_FALSE(udp_of_frame(DLT_EN10MB, ethernet(big16(5), 0x8100)));
  EXPECT_FALSE(udp_of_frame(9999, ipv4(udp())));
}

TEST(UdpFrame, ATruncatedFrameHasNone) {
  for (const auto& [link, frame] :
       {std::pair(DLT_EN10MB, ethernet(ipv4(udp()))), std::pair(DLT_RAW, ipv6(udp())),
        std::pair(DLT_LINUX_SLL2, big16(0x0800) + Bytes(18) + ipv4(udp()))})
    for (std::size_t size = 0; size < frame.size(); ++size)
      EXPECT_FALSE(udp_of_frame(link, ByteView(frame).first(size))) << link << " " << size;
}

TEST(UdpFrame, HostileHeadersHaveNone) {
  auto short_header = ipv4(udp());
  short_header[0] = 0x44;
  EXPECT_FALSE(udp_of_frame(DLT_RAW, short_header));
  auto other_version = ipv4(udp());
  other_version[0] = 0x75;
  EXPECT_FALSE(udp_of_frame(DLT_RAW, other_version));
  auto no_length = ipv4(udp());
  no_length[2] = no_length[3] = 0;
  EXPECT_TRUE(udp_of_frame(DLT_RAW, no_length)) << "as network cards that cut segments leave it";
  auto short_udp = udp();
  short_udp[5] = 7;
  EXPECT_FALSE(udp_of_frame(DLT_RAW, ipv4(short_udp)));
}

Bytes pcap_header(std::uint32_t link) {
  return little32(0xA1B2C3D4) + Bytes{2, 0, 4, 0} + little32(0) + little32(0) + little32(65535) +
         little32(link);
}
Bytes pcap_frame(std::uint32_t seconds, std::uint32_t us, const Bytes& frame) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  return little32(seconds) + little32(us) + little32(size) + little32(size) + frame;
}
Bytes pcapng_block(std::uint32_t type, Bytes body) {
  while (body.size() % 4 != 0) body.push_back(0);
  const auto size = static_cast<std::uint32_t>(body.size() + 12);
  return little32(type) + little32(size) + body + little32(size);
}

class CaptureFile : public ::testing::Test {
 protected:
  std::expected<CaptureSummary, std::string> read(const Bytes& content) {
    seen_.clear();
    testing::write_file(folder_.file("c.pcap"), as_text(content));
    return read_capture(folder_.file("c.pcap"), [this](const CapturedDatagram& datagram) {
      seen_.push_back(datagram);
      payloads_.emplace_back(datagram.payload.begin(), datagram.payload.end());
    });
  }
  testing::TemporaryFolder folder_;
  std::vector<CapturedDatagram> seen_;  // their payloads are gone
  std::vector<Bytes> payloads_;
};

TEST_F(CaptureFile, PcapIsReadInOrderWithItsTimes) {
  const auto summary = read(pcap_header(1) + pcap_frame(1'700'000'000, 500, ethernet(ipv4(udp()))) +
                            pcap_frame(1'700'000'001, 0, ethernet(ipv4(udp(), 0, 6))) +
                            pcap_frame(1'700'000'002, 0, ethernet(ipv6(udp({'x'})), 0x86DD)));
  ASSERT_TRUE(summary) << summary.error();
  EXPECT_EQ(summary->datagrams, 2u);
  EXPECT_EQ(summary->skipped, 1u);
  EXPECT_EQ(seen_[0].at, UnixTime(seconds(1'700'000'000)));
  EXPECT_EQ(seen_[0].since_first, Duration(0));
  EXPECT_EQ(seen_[1].since_first, Duration(1'999'500));
  EXPECT_EQ(payloads_[1], Bytes{'x'});
}

TEST_F(CaptureFile, PcapngIsReadToo) {
  const auto section = pcapng_block(
      0x0A0D0D0A, little32(0x1A2B3C4D) + Bytes{1, 0, 0, 0} + little32(0xFFFFFFFF) + little32(0xFFFFFFFF));
  const auto interface = pcapng_block(1, Bytes{1, 0, 0, 0} + little32(65535));
  const auto frame = ethernet(ipv4(udp()));
  const auto size = static_cast<std::uint32_t>(frame.size());
  const auto packet = pcapng_block(
      6, little32(0) + little32(0) + little32(1'000'000) + little32(size) + little32(size) + frame);
  const auto summary = read(section + interface + packet);
  ASSERT_TRUE(summary) << summary.error();
  EXPECT_EQ(summary->datagrams, 1u);
  EXPECT_EQ(payloads_[0], kPayload);
}

TEST_F(CaptureFile, AnEmptyCaptureHasNothing) {
  EXPECT_EQ(read(pcap_header(1))->datagrams, 0u);
}

TEST_F(CaptureFile, AFileThatEndsTooEarlyIsAnError) {
  auto content = pcap_header(1) + pcap_frame(1, 0, ethernet(ipv4(udp())));
  for (int i = 0; i < 3; ++i) content.pop_back();
  const auto summary = read(content);
  ASSERT_FALSE(summary);
  EXPECT_THAT(summary.error(), HasSubstr("is broken after 0 frames"));
  EXPECT_THAT(summary.error(), HasSubstr("c.pcap"));
}

TEST_F(CaptureFile, AFrameThatIsLargerThanAnyIsAnError) {
  EXPECT_FALSE(
      read(pcap_header(1) + little32(1) + little32(0) + little32(0xFFFFFFFF) + little32(0xFFFFFFFF)));
}

TEST_F(CaptureFile, AnotherFileIsNamedWithARemedy) {
  for (const auto& content : {Bytes{}, Bytes{'h', 'e', 'l', 'l', 'o'}, Bytes(100, 0xFF)}) {
    const auto summary = read(content);
    ASSERT_FALSE(summary);
    EXPECT_THAT(summary.error(), HasSubstr("c.pcap"));
    EXPECT_THAT(summary.error(), HasSubstr("give a pcap or pcapng file"));
  }
  EXPECT_THAT(read_capture("no/such.pcap", {}).error(), HasSubstr("no/such.pcap: No such file"));
}

TEST_F(CaptureFile, ALinkTypeThatIsNotReadIsNamed) {
  EXPECT_THAT(read(pcap_header(105)).error(), HasSubstr("IEEE802_11"));
}

}  // namespace
}  // namespace slipway::trace
