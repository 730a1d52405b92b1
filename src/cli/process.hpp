// SPDX-License-Identifier: Apache-2.0
// A child process of the demo: this same program with other arguments.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include <slipway/net/file_descriptor.hpp>

namespace slipway::cli {

class Process {
 public:
  /// Starts /proc/self/exe with `arguments`; its standard error goes to `log`.
  [[nodiscard]] static std::expected<Process, std::string> start(const std::vector<std::string>& arguments,
                                                                 const std::string& log);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  /// Terminates it (SIGTERM, then SIGKILL after three seconds) and waits.
  ~Process();

  /// The next line of its standard output; nothing at its end or when `patience` is over.
  [[nodiscard]] std::optional<std::string> line(std::chrono::milliseconds patience);
  /// Waits for its end; the exit code, or 128 + signal.
  int wait();

 private:
  Process(pid_t pid, net::FileDescriptor out) : pid_(pid), out_(std::move(out)) {}
  pid_t pid_;
  net::FileDescriptor out_;
  std::string buffer_;
};

}  // namespace slipway::cli
