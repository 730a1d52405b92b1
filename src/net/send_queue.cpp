// SPDX-License-Identifier: Apache-2.0
#include "net/send_queue.hpp"

#include <cerrno>
#include <cstring>

#include "net/socket_address.hpp"

namespace slipway::net {
namespace {

constexpr std::size_t kSendBatchMax = 32;
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(in6_pktinfo));

struct Message {
  SocketAddress peer;
  iovec part;
  alignas(cmsghdr) std::array<std::uint8_t, kControlBytes> control;
};

template <class Info>
void attach(msghdr& header, Message& message, int level, int type, const Info& info) {
  message.control = {};
  header.msg_control = message.control.data();
  header.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(control), &info, sizeof info);
}

void attach_source(msghdr& header, Message& message, int family, const Address& from) {
  if (family == AF_INET) {
    if (!from.is_v4()) return;
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, &from.ip[12], 4);
    attach(header, message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, from.ip.data(), 16);
    info.ipi6_ifindex = from.scope;
    attach(header, message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace

SendStatus SendQueue::push(const Address& peer, ByteView bytes, const Address& from) {
  if (bytes.size() > kDatagramBytesMax) return SendStatus::too_long;
  if (family_ == AF_INET && !peer.is_v4()) return SendStatus::unreachable;
  if (count_ == kSendQueueMax) return SendStatus::full;
  auto& slot = (*slots_)[(head_ + count_) % kSendQueueMax];
  slot.peer = peer;
  slot.from = from;
  slot.size = bytes.size();
  if (!bytes.empty()) std::memcpy(slot.bytes.data(), bytes.data(), bytes.size());
  ++count_;
  return SendStatus::queued;
}

int SendQueue::send_front(const SendMany& send_many) {
  std::array<Message, kSendBatchMax> messages;
  std::array<mmsghdr, kSendBatchMax> headers{};
  const auto count = count_ < kSendBatchMax ? count_ : kSendBatchMax;
  for (std::size_t i = 0; i < count; ++i) {
    auto& slot = (*slots_)[(head_ + i) % kSendQueueMax];
    auto& message = messages[i];
    auto& header = headers[i].msg_hdr;
    message.peer = *to_socket_address(slot.peer, family_);
    message.part = {slot.bytes.data(), slot.size};
    header.msg_name = message.peer.data();
    header.msg_namelen = message.peer.size;
    header.msg_iov = &message.part;
    header.msg_iovlen = 1;
    if (!is_wildcard(slot.from)) attach_source(header, message, family_, slot.from);
  }
  return send_many(headers.data(), static_cast<unsigned>(count));
}

void SendQueue::pop(std::size_t count) {
  head_ = (head_ + count) % kSendQueueMax;
  count_ -= count;
}

FlushStatus SendQueue::flush(const SendMany& send_many) {
  bool first_refusal = true;
  while (count_ != 0) {
    const int taken = send_front(send_many);
    if (taken > 0) {
      sent_ += static_cast<std::uint64_t>(taken);
      pop(static_cast<std::size_t>(taken));
      first_refusal = true;
      continue;
    }
    if (taken == 0 || errno == EAGAIN || errno == EWOULDBLOCK) return FlushStatus::blocked;
    if (errno == EINTR) continue;
    // An ICMP error is reported to whatever is sent next, so the datagram in front may be innocent:
    // it has a second chance. What is refused twice goes, so that it does not hold up the others.
    if (std::exchange(first_refusal, false)) continue;
    ++refused_;
    pop(1);
    first_refusal = true;
  }
  return FlushStatus::done;
}

}  // namespace slipway::net
