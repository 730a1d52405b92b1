// SPDX-License-Identifier: Apache-2.0
// Datagrams on their way to sendmmsg, in order, in a ring of fixed size.
#pragma once

#include <sys/socket.h>

#include <array>
#include <functional>
#include <memory>

#include <slipway/net/udp_socket.hpp>

namespace slipway::net {

class SendQueue {
 public:
  /// As sendmmsg: how many were taken, or -1 and errno. A parameter, so that a test can refuse.
  using SendMany = std::function<int(mmsghdr*, unsigned)>;

  explicit SendQueue(int family) : family_(family), slots_(std::make_unique<Slots>()) {}

  [[nodiscard]] SendStatus push(const Address& peer, ByteView bytes, const Address& from);
  [[nodiscard]] FlushStatus flush(const SendMany& send_many);

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct Slot {
    Address peer;
    Address from;
    std::size_t size = 0;
    std::array<std::uint8_t, kDatagramBytesMax> bytes;
  };
  using Slots = std::array<Slot, kSendQueueMax>;

  int send_front(const SendMany& send_many);
  void pop(std::size_t count);

  int family_;
  std::unique_ptr<Slots> slots_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace slipway::net
