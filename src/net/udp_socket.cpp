// SPDX-License-Identifier: Apache-2.0
#include <slipway/net/udp_socket.hpp>

#include <array>
#include <cerrno>
#include <cstring>

#include "net/listening.hpp"
#include "net/send_queue.hpp"
#include "net/socket_address.hpp"

namespace slipway::net {
namespace {

/// ICMP errors read in one receive; a flood of them must not keep the thread here.
constexpr int kReceiveErrorsMax = 8;
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));

/// Address and port come from the kernel: from the packet information where it is there.
Address local_of(msghdr& header, const Address& bound) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      return address_of(info.ipi_spec_dst, bound.port);
    }
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      return address_of(info.ipi6_addr, bound.port, info.ipi6_ifindex);
    }
  }
  return bound;
}

}  // namespace

struct ReceiveBatch::Storage {
  struct Slot {
    sockaddr_storage peer;
    iovec part;
    alignas(cmsghdr) std::array<std::uint8_t, kControlBytes> control;
    std::array<std::uint8_t, kDatagramBytesMax> bytes;
  };
  std::array<Slot, kReceiveBatchMax> slots;
  std::array<mmsghdr, kReceiveBatchMax> headers{};
  std::array<Datagram, kReceiveBatchMax> datagrams;

  /// The kernel overwrites lengths, so each receive sets them anew.
  void prepare() {
    for (std::size_t i = 0; i < kReceiveBatchMax; ++i) {
      auto& slot = slots[i];
      slot.part = {slot.bytes.data(), slot.bytes.size()};
      headers[i].msg_hdr = {.msg_name = &slot.peer,
                            .msg_namelen = sizeof slot.peer,
                            .msg_iov = &slot.part,
                            .msg_iovlen = 1,
                            .msg_control = slot.control.data(),
                            .msg_controllen = slot.control.size(),
                            .msg_flags = 0};
    }
  }
};

ReceiveBatch::ReceiveBatch() : storage_(std::make_unique<Storage>()) {}
ReceiveBatch::ReceiveBatch(ReceiveBatch&&) noexcept = default;
ReceiveBatch& ReceiveBatch::operator=(ReceiveBatch&&) noexcept = default;
ReceiveBatch::~ReceiveBatch() = default;

UdpSocket::UdpSocket(FileDescriptor fd, const Address& local)
    : fd_(std::move(fd)), local_(local), queue_(std::make_unique<SendQueue>(family_of(local))) {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

SystemResult<UdpSocket> UdpSocket::bind(const Address& local, Options options) {
  const int family = family_of(local);
  FileDescriptor fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return cannot_listen(local, "udp", errno);

  bool ok = true;
  if (family == AF_INET6) ok = set_option(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (options.sharing == PortSharing::shards) ok = ok && set_option(fd.value(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (is_wildcard(local)) {
    ok = ok && (family == AF_INET ? set_option(fd.value(), IPPROTO_IP, IP_PKTINFO, 1)
                                  : set_option(fd.value(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
  }
  if (!ok) return cannot_listen(local, "udp", errno);
  // The system caps the buffer (net.core.rmem_max); a smaller one than asked for still works.
  if (options.receive_buffer_bytes > 0)
    (void)set_option(fd.value(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);

  const auto wanted = to_socket_address(local, family);
  if (::bind(fd.value(), wanted->data(), wanted->size) != 0) return cannot_listen(local, "udp", errno);
  const auto address = bound_address(fd.value(), local);
  return UdpSocket(std::move(fd), address);
}

UdpCounters UdpSocket::counters() const {
  auto counters = counters_;
  counters.sent = queue_->sent();
  counters.refused = queue_->refused();
  return counters;
}

std::span<Datagram> UdpSocket::receive(ReceiveBatch& batch) {
  auto& storage = *batch.storage_;
  int count = -1;
  for (int attempt = 0; count < 0 && attempt < kReceiveErrorsMax; ++attempt) {
    storage.prepare();
    count = ::recvmmsg(fd_.value(), storage.headers.data(), kReceiveBatchMax, MSG_DONTWAIT, nullptr);
    if (count >= 0) break;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
    if (errno != EINTR) ++counters_.receive_errors;
  }
  std::size_t kept = 0;
  for (int i = 0; i < count; ++i) {
    auto& header = storage.headers[i].msg_hdr;
    if (header.msg_flags & MSG_TRUNC) {
      ++counters_.truncated;
      continue;
    }
    const auto peer = from_socket_address(storage.slots[i].peer);
    if (!peer) continue;
    storage.datagrams[kept++] = {.peer = *peer,
                                 .local = local_of(header, local_),
                                 .bytes = {storage.slots[i].bytes.data(), storage.headers[i].msg_len}};
  }
  counters_.received += kept;
  return {storage.datagrams.data(), kept};
}

SendStatus UdpSocket::send(const Address& peer, ByteView bytes, const Address& from) {
  auto status = queue_->push(peer, bytes, from);
  if (status == SendStatus::full && flush() == FlushStatus::done) status = queue_->push(peer, bytes, from);
  if (status == SendStatus::full) ++counters_.overflowed;
  return status;
}

FlushStatus UdpSocket::flush() {
  return queue_->flush([this](mmsghdr* headers, unsigned count) {
    return ::sendmmsg(fd_.value(), headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

}  // namespace slipway::net
