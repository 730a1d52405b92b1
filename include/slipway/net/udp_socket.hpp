// SPDX-License-Identifier: Apache-2.0
// A UDP socket that receives and sends in batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/net/file_descriptor.hpp>
#include <slipway/net/system_error.hpp>

namespace slipway::net {

inline constexpr std::size_t kReceiveBatchMax = 32;     ///< datagrams of one receive
inline constexpr std::size_t kDatagramBytesMax = 2048;  ///< longer ones are dropped and counted
inline constexpr std::size_t kSendQueueMax = 64;        ///< datagrams that wait for the kernel

/// A datagram that came. Its bytes may be changed in place (decryption).
struct Datagram {
  Address peer;
  Address local;  ///< the address it was sent to; all zero where the kernel does not tell
  MutableBytes bytes;
};

/// Buffers for one receive; many sockets of one thread can share one.
class ReceiveBatch {
 public:
  ReceiveBatch();
  ReceiveBatch(ReceiveBatch&&) noexcept;
  ReceiveBatch& operator=(ReceiveBatch&&) noexcept;
  ~ReceiveBatch();

 private:
  friend class UdpSocket;
  struct Storage;
  std::unique_ptr<Storage> storage_;
};

enum class SendStatus : std::uint8_t {
  queued,
  full,         ///< the kernel takes no more and kSendQueueMax wait: dropped (CoAP retransmits)
  too_long,     ///< above kDatagramBytesMax: dropped
  unreachable,  ///< an IPv6 peer, and this is an IPv4 socket: dropped
};

enum class FlushStatus : std::uint8_t {
  done,
  blocked,  ///< some wait; watch the socket for writing, then flush again
};

struct UdpCounters {
  std::uint64_t received = 0;
  std::uint64_t truncated = 0;       ///< came longer than kDatagramBytesMax
  std::uint64_t receive_errors = 0;  ///< mostly an ICMP answer to something sent earlier
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;     ///< queued, then refused by the kernel (no route, firewall, ...)
  std::uint64_t overflowed = 0;  ///< not queued: SendStatus::full
};

enum class PortSharing : std::uint8_t {
  exclusive,
  shards,  ///< sockets of one process share the port; the kernel spreads peers over them
};

class SendQueue;

class UdpSocket {
 public:
  struct Options {
    PortSharing sharing = PortSharing::exclusive;
    int receive_buffer_bytes = 0;  ///< 0 keeps the system's default
  };

  /// Listens on `local`. Port 0 takes a free one; `[::]` takes IPv4 too, with mapped addresses.
  [[nodiscard]] static SystemResult<UdpSocket> bind(const Address& local, Options options);
  [[nodiscard]] static SystemResult<UdpSocket> bind(const Address& local) { return bind(local, Options()); }
  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  ~UdpSocket();

  /// With the port that was chosen.
  [[nodiscard]] const Address& local_address() const { return local_; }
  /// For EventLoop::watch.
  [[nodiscard]] int fd() const { return fd_.value(); }
  [[nodiscard]] UdpCounters counters() const;

  /// What has arrived, without waiting. The result lives until the next receive into `batch`; a full
  /// one means there may be more (the event loop will tell).
  [[nodiscard]] std::span<Datagram> receive(ReceiveBatch& batch);

  /// Copies a datagram into the queue; `flush` sends it. `from` (a Datagram's `local`) makes an
  /// answer leave from the address that was asked; a default Address lets the kernel choose.
  SendStatus send(const Address& peer, ByteView bytes, const Address& from = {});
  FlushStatus flush();

 private:
  UdpSocket(FileDescriptor fd, const Address& local);
  FileDescriptor fd_;
  Address local_;
  std::unique_ptr<SendQueue> queue_;
  UdpCounters counters_;
};

}  // namespace slipway::net
