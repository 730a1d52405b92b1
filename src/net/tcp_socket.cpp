// SPDX-License-Identifier: Apache-2.0
#include <slipway/net/tcp_socket.hpp>

#include <netinet/tcp.h>

#include <cerrno>

#include "net/listening.hpp"
#include "net/socket_address.hpp"

namespace slipway::net {
namespace {

/// Connections that the kernel has made and nobody has accepted; it may allow fewer (somaxconn).
constexpr int kBacklog = 1024;

std::unexpected<SystemError> cannot_connect(const Address& peer, int errno_value) {
  SystemError error{.what = "cannot connect to " + peer.to_string() + " (tcp)", .errno_value = errno_value};
  switch (errno_value) {
    case ECONNREFUSED:
      error.remedy = "nothing listens there: check the port, and that the server runs";
      break;
    case EMFILE:
    case ENFILE:
      error.remedy = "raise the limit on open files (`ulimit -n`)";
      break;
    case ETIMEDOUT:
    case ENETUNREACH:
    case EHOSTUNREACH:
      error.remedy = "check the address, the route and the firewalls in between";
      break;
    default:
      break;
  }
  return std::unexpected(std::move(error));
}

bool would_block(int errno_value) {
  return errno_value == EAGAIN || errno_value == EWOULDBLOCK;
}

/// What accept reports of one connection that has died while it waited: the next one may be well.
bool of_one_connection(int errno_value) {
  switch (errno_value) {
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

SystemResult<TcpConnection> TcpConnection::connect(const Address& peer) {
  const int family = family_of(peer);
  FileDescriptor fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return cannot_connect(peer, errno);
  (void)set_option(fd.value(), IPPROTO_TCP, TCP_NODELAY, 1);
  const auto wanted = to_socket_address(peer, family);
  if (::connect(fd.value(), wanted->data(), wanted->size) != 0 && errno != EINPROGRESS && errno != EINTR)
    return cannot_connect(peer, errno);
  return TcpConnection(std::move(fd), peer);
}

SystemResult<bool> TcpConnection::connected() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.value(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return cannot_connect(peer_, error);
  SocketAddress there{.size = sizeof(sockaddr_storage)};
  return ::getpeername(fd_.value(), there.data(), &there.size) == 0;
}

TcpConnection::Reading TcpConnection::receive(MutableBytes buffer) {
  for (;;) {
    const auto count = ::recv(fd_.value(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) return {Received::data, ByteView(buffer).first(static_cast<std::size_t>(count))};
    if (count == 0) return {Received::ended, {}};
    if (errno == EINTR) continue;
    return {would_block(errno) ? Received::nothing : Received::broken, {}};
  }
}

/// Bytes that the kernel took; nothing when the connection is gone.
std::optional<std::size_t> TcpConnection::write(ByteView bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto left = bytes.subspan(done);
    const auto count = ::send(fd_.value(), left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
      continue;
    }
    if (would_block(errno)) break;
    if (errno != EINTR) return std::nullopt;
  }
  return done;
}

TcpStatus TcpConnection::send(ByteView bytes) {
  if (ending_) return TcpStatus::broken;
  if (bytes.size() > room()) return TcpStatus::full;
  if (waiting() == 0) {
    const auto taken = write(bytes);
    if (!taken) return TcpStatus::broken;
    bytes = bytes.subspan(*taken);
    if (bytes.empty()) return TcpStatus::done;
  } else if (head_ > queue_.size() / 2) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  return TcpStatus::blocked;
}

TcpStatus TcpConnection::flush() {
  const auto taken = write(ByteView(queue_).subspan(head_));
  if (!taken) return TcpStatus::broken;
  head_ += *taken;
  if (waiting() != 0) return TcpStatus::blocked;
  queue_ = Bytes();
  head_ = 0;
  shut_down_when_empty();
  return TcpStatus::done;
}

void TcpConnection::end_writing() {
  ending_ = true;
  shut_down_when_empty();
}

void TcpConnection::shut_down_when_empty() {
  if (ending_ && waiting() == 0) (void)::shutdown(fd_.value(), SHUT_WR);
}

SystemResult<TcpListener> TcpListener::listen(const Address& local) {
  const int family = family_of(local);
  FileDescriptor fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return cannot_listen(local, "tcp", errno);
  // Connections of the program that ran before linger in TIME_WAIT and would keep the port.
  bool ok = set_option(fd.value(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (family == AF_INET6) ok = ok && set_option(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const auto wanted = to_socket_address(local, family);
  if (!ok || ::bind(fd.value(), wanted->data(), wanted->size) != 0 || ::listen(fd.value(), kBacklog) != 0)
    return cannot_listen(local, "tcp", errno);
  const auto address = bound_address(fd.value(), local);
  return TcpListener(std::move(fd), address);
}

TcpListener::Batch TcpListener::accept() {
  Batch batch;
  for (std::size_t attempt = 0; attempt < kAcceptBatchMax; ++attempt) {
    SocketAddress peer{.size = sizeof(sockaddr_storage)};
    FileDescriptor fd(::accept4(fd_.value(), peer.data(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (of_one_connection(errno)) continue;
      if (!would_block(errno))
        batch.trouble = SystemError{.what = "cannot accept connections on " + local_.to_string() + " (tcp)",
                                    .errno_value = errno,
                                    .remedy =
                                        "raise the limit on open files (`ulimit -n`), or lower the limit "
                                        "on connections"};
      break;
    }
    const auto address = from_socket_address(peer.storage);
    if (!address) continue;
    (void)set_option(fd.value(), IPPROTO_TCP, TCP_NODELAY, 1);
    batch.connections.push_back(TcpConnection(std::move(fd), *address));
  }
  return batch;
}

}  // namespace slipway::net
