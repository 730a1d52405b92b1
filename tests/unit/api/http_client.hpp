// SPDX-License-Identifier: Apache-2.0
// A small blocking HTTP client that can also send what no proper client would.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <slipway/base/address.hpp>
#include <slipway/net/file_descriptor.hpp>

namespace slipway::api::test {

struct Reply {
  int status = 0;  ///< 0: the server closed without an answer
  std::string head;
  std::string body;

  [[nodiscard]] bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body); }
  [[nodiscard]] std::string error_code() const { return json().at("error").at("code"); }
};

class Client {
 public:
  explicit Client(const Address& server) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port);
    std::memcpy(&to.sin_addr, &server.ip[12], 4);
    if (::connect(fd_.value(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error("cannot connect");
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_.value(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  void small_receive_buffer() {
    const int bytes = 1024;
    ::setsockopt(fd_.value(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }

  /// False when the server has closed.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(fd_.value(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  Reply request(std::string_view method, std::string_view target, std::string_view headers = "",
                std::string_view body = "") {
    std::string text(method);
    text.append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text.append("\r\n").append(body);
    send(text);
    return reply(method);
  }

  Reply get(std::string_view target, std::string_view headers = "") {
    return request("GET", target, headers);
  }

  /// One whole answer.
  Reply reply(std::string_view method = "GET") {
    Reply reply;
    const auto end = read_until("\r\n\r\n");
    if (end == std::string::npos) return reply;
    reply.head = buffer_.substr(0, end);
    buffer_.erase(0, end);
    reply.status = std::atoi(reply.head.c_str() + 9);
    if (method == "HEAD" || reply.status == 204 || reply.status == 100) return reply;
    const auto length = reply.head.find("Content-Length: ");
    if (length == std::string::npos) return reply;  // an event stream
    const auto size = static_cast<std::size_t>(std::atoi(reply.head.c_str() + length + 16));
    while (buffer_.size() < size && receive()) {
    }
    reply.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return reply;
  }

  /// Everything up to and with `mark`, e.g. the blank line after an event; empty at the end.
  std::string take_until(std::string_view mark) {
    const auto end = read_until(mark);
    if (end == std::string::npos) return "";
    auto text = buffer_.substr(0, end);
    buffer_.erase(0, end);
    return text;
  }

  /// True when the server closes; what it still sends is read away.
  bool closed() {
    while (receive()) buffer_.clear();
    return ended_;
  }
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  std::size_t read_until(std::string_view mark) {
    for (;;) {
      const auto at = buffer_.find(mark);
      if (at != std::string::npos) return at + mark.size();
      if (!receive()) return std::string::npos;
    }
  }

  bool receive() {
    char chunk[4096];
    const auto got = ::recv(fd_.value(), chunk, sizeof chunk, 0);
    if (got <= 0) {
      ended_ = got == 0 || errno == ECONNRESET;
      return false;
    }
    buffer_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }

  net::FileDescriptor fd_;
  std::string buffer_;
  bool ended_ = false;
};

}  // namespace slipway::api::test
