// SPDX-License-Identifier: Apache-2.0
// What the DTLS peers of the interop tests share: their command line, the lines that they read and say, one
// UDP socket. The library is behind `Stack`.
//
// Said, one line each: EVENT ready PORT (a server), EVENT named NAME (the one in a hello), EVENT connected
// SUITE, EVENT received HEX, EVENT closed (close_notify of the other end), EVENT alert NUMBER (a fatal one of
// the other end), EVENT failed WHY. Read: send HEX; again; close. Each is answered: ANSWER OK or ANSWER ERROR
// WHY. The end of the input ends the program.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace interop {

using Bytes = std::vector<unsigned char>;

[[noreturn]] inline void die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(2);
}

inline void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2)
    bytes.push_back(static_cast<unsigned char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16)));
  return bytes;
}

inline std::string to_hex(const unsigned char* data, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", data[i]);
    text += two;
  }
  return text;
}

/// `NAME=VALUE` words: role (client, server), port, suite, group, identity, key, certificate, private-key,
/// authority, mtu, resumes (by-ticket, by-id). Files are PEM. What is not given is empty.
class Options {
 public:
  Options(int count, char** words) {
    for (int i = 1; i < count; ++i) {
      const std::string word = words[i];
      const auto at = word.find('=');
      if (at == std::string::npos) die("not NAME=VALUE: " + word);
      values_[word.substr(0, at)] = word.substr(at + 1);
    }
  }
  [[nodiscard]] std::string operator[](const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? "" : found->second;
  }
  [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }
  [[nodiscard]] bool is_server() const { return (*this)["role"] == "server"; }
  [[nodiscard]] int number(const std::string& name) const { return has(name) ? std::stoi((*this)[name]) : 0; }

 private:
  std::map<std::string, std::string> values_;
};

/// One UDP socket on loopback. A server talks to whoever spoke last.
class Wire {
 public:
  explicit Wire(const Options& options) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    auto own = loopback(options.is_server() ? options.number("port") : 0);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) die("cannot bind the port");
    if (!options.is_server()) peer_ = loopback(options.number("port"));
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int port() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
    return ntohs(own.sin_port);
  }
  [[nodiscard]] Bytes peer() const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&peer_);
    return {bytes, bytes + sizeof peer_};
  }
  void send(const unsigned char* data, std::size_t size) const {
    (void)sendto(fd_, data, size, 0, reinterpret_cast<const sockaddr*>(&peer_), sizeof peer_);
  }
  /// Size of the next datagram, or 0 when none waits.
  std::size_t receive(unsigned char* data, std::size_t room) {
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const auto size = recvfrom(fd_, data, room, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (size <= 0) return 0;
    peer_ = from;
    return static_cast<std::size_t>(size);
  }
  /// Whether the datagram that waits is of another sender than the last one.
  bool peek_for_newcomer() {
    unsigned char buffer[1];
    sockaddr_in from{};
    socklen_t length = sizeof from;
    if (recvfrom(fd_, buffer, 1, MSG_PEEK, reinterpret_cast<sockaddr*>(&from), &length) < 0) return false;
    const bool is_new = from.sin_port != peer_.sin_port;
    peer_ = from;
    return is_new;
  }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }
  int fd_;
  sockaddr_in peer_{};
};

/// One library's session. It says its events itself.
class Stack {
 public:
  virtual ~Stack() = default;
  /// Forgets the session; a client begins a new one.
  virtual void reset() = 0;
  /// Takes what has arrived, or time that has passed.
  virtual void step() = 0;
  /// Milliseconds until time alone asks for a step.
  [[nodiscard]] virtual int patience_ms() const = 0;
  virtual bool send(const Bytes& data) = 0;
  /// Begins another handshake in the session; false where that is not done.
  virtual bool renegotiate() { return false; }
  virtual void close() = 0;
  /// A client leaves, and begins a session that resumes this one.
  virtual void again() = 0;
};

class Program {
 public:
  Program(const Options& options, Wire& wire, Stack& stack) : options_(options), wire_(wire), stack_(stack) {}

  int run() {
    stack_.reset();
    if (options_.is_server()) say("EVENT ready " + std::to_string(wire_.port()));
    if (!options_.is_server()) stack_.step();
    while (true) {
      pollfd wanted[2] = {{STDIN_FILENO, POLLIN, 0}, {wire_.fd(), POLLIN, 0}};
      (void)poll(wanted, 2, stack_.patience_ms());
      if (wanted[0].revents != 0 && !read_lines()) return 0;
      // A server has one client at a time: whoever comes from elsewhere begins anew.
      if (wanted[1].revents != 0 && options_.is_server() && wire_.peek_for_newcomer()) stack_.reset();
      stack_.step();
    }
  }

 private:
  bool read_lines() {
    char buffer[4096];
    const auto size = read(STDIN_FILENO, buffer, sizeof buffer);
    if (size <= 0) return false;
    text_.append(buffer, static_cast<std::size_t>(size));
    for (std::size_t end; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1))
      obey(text_.substr(0, end));
    return true;
  }
  void obey(const std::string& line) {
    if (line == "close") {
      stack_.close();
      say("ANSWER OK");
    } else if (line == "again") {
      stack_.again();
      say("ANSWER OK");
      stack_.step();
    } else if (line == "renegotiate") {
      say(stack_.renegotiate() ? "ANSWER OK" : "ANSWER ERROR not done here");
    } else if (line.starts_with("send ")) {
      say(stack_.send(from_hex(std::string_view(line).substr(5))) ? "ANSWER OK" : "ANSWER ERROR not sent");
    } else {
      say("ANSWER ERROR no such command");
    }
  }
  const Options& options_;
  Wire& wire_;
  Stack& stack_;
  std::string text_;
};

}  // namespace interop
