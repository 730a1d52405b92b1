// SPDX-License-Identifier: Apache-2.0
// TCP connections, and the port that takes them. Nothing here waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <slipway/base/address.hpp>
#include <slipway/base/bytes.hpp>
#include <slipway/base/time.hpp>
#include <slipway/net/file_descriptor.hpp>
#include <slipway/net/system_error.hpp>

namespace slipway::net {

inline constexpr std::size_t kAcceptBatchMax = 32;          ///< connections of one accept
inline constexpr std::size_t kTcpSendQueueMax = 64 * 1024;  ///< bytes that wait for the kernel, a connection
/// How long nothing is accepted after this process has run out of descriptors or memory.
inline constexpr Duration kAcceptPause = seconds(1);

enum class TcpStatus : std::uint8_t {
  done,
  blocked,  ///< some bytes wait: watch the descriptor for writing, then flush
  full,     ///< kTcpSendQueueMax would be exceeded: nothing was taken
  broken,   ///< the connection is gone
};

/// Small messages leave at once (TCP_NODELAY). There is no TCP keep-alive: CoAP has its own Ping.
/// [RFC 8323 §5.4]
class TcpConnection {
 public:
  enum class Received : std::uint8_t {
    data,
    nothing,  ///< yet
    ended,    ///< the peer sends no more
    broken,   ///< the connection is gone
  };
  struct Reading {
    Received status;
    ByteView bytes;  ///< of `data`: the front of the buffer
  };

  /// Begins a connection; watch the descriptor for writing and ask `connected`. Errors at once: no route,
  /// no descriptor, no such family.
  [[nodiscard]] static SystemResult<TcpConnection> connect(const Address& peer);

  /// Of a connection that was begun here: false while it is under way. The error says why it failed.
  [[nodiscard]] SystemResult<bool> connected();
  [[nodiscard]] const Address& peer_address() const { return peer_; }
  /// For EventLoop::watch.
  [[nodiscard]] int fd() const { return fd_.value(); }

  /// What has arrived, up to the buffer's size. Call it again after `data`, or wait for the event loop.
  [[nodiscard]] Reading receive(MutableBytes buffer);
  /// Gives bytes to the kernel, and keeps what it does not take: all of them, or nothing when `full`.
  [[nodiscard]] TcpStatus send(ByteView bytes);
  [[nodiscard]] TcpStatus flush();
  /// Bytes that `send` would still take.
  [[nodiscard]] std::size_t room() const { return kTcpSendQueueMax - waiting(); }
  [[nodiscard]] std::size_t waiting() const { return queue_.size() - head_; }
  /// Ends our side of the stream when what waits is sent; reading goes on.
  void end_writing();

 private:
  friend class TcpListener;
  TcpConnection(FileDescriptor fd, const Address& peer) : fd_(std::move(fd)), peer_(peer) {}
  [[nodiscard]] std::optional<std::size_t> write(ByteView bytes);
  void shut_down_when_empty();

  FileDescriptor fd_;
  Address peer_;
  Bytes queue_;  // empty, without memory, as long as the kernel takes what comes
  std::size_t head_ = 0;
  bool ending_ = false;
};

class TcpListener {
 public:
  struct Batch {
    std::vector<TcpConnection> connections;
    /// Descriptors or memory ran out: look away for kAcceptPause. Who knocks waits in the kernel meanwhile.
    std::optional<SystemError> trouble{};
  };

  /// Listens on `local`. Port 0 takes a free one; `[::]` takes IPv4 too, with mapped addresses.
  [[nodiscard]] static SystemResult<TcpListener> listen(const Address& local);

  /// With the port that was chosen.
  [[nodiscard]] const Address& local_address() const { return local_; }
  /// For EventLoop::watch.
  [[nodiscard]] int fd() const { return fd_.value(); }

  /// Connections that wait, at most kAcceptBatchMax; the event loop tells when there are more.
  [[nodiscard]] Batch accept();

 private:
  TcpListener(FileDescriptor fd, const Address& local) : fd_(std::move(fd)), local_(local) {}
  FileDescriptor fd_;
  Address local_;
};

}  // namespace slipway::net
