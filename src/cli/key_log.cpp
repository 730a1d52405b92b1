// SPDX-License-Identifier: Apache-2.0
#include "key_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <CLI/CLI.hpp>

#include <slipway/net/file_descriptor.hpp>
#include <slipway/security/key_log.hpp>

namespace slipway::cli {
namespace {

std::unexpected<std::string> cannot(const std::string& file, const char* what) {
  return std::unexpected("the key log " + file + " " + what + ": " + std::strerror(errno));
}

std::unexpected<std::string> no_regular_file(const std::string& file) {
  return std::unexpected("the key log " + file + " is no regular file: use a new file");
}

/// Line by line, each in one call, so that several processes may share a file.
void append(int file, ByteView line) {
  Bytes whole;
  whole.reserve(line.size() + 1);  // before the copy: it must not move, as it is wiped below
  whole.insert(whole.end(), line.begin(), line.end());
  whole.push_back('\n');
  [[maybe_unused]] const auto written =
      ::write(file, whole.data(), whole.size());  // a full disk stops no session
  wipe(whole);
}

}  // namespace

void add_key_log_option(CLI::App& command, std::string& file) {
  command
      .add_option(
          "--key-log", file,
          "write the keys of all sessions to this file, for Wireshark: whoever reads it reads all traffic")
      ->type_name("FILE")
      ->envname("SSLKEYLOGFILE");
}

std::expected<std::string, std::string> start_key_log(const std::string& file) {
  if (file.empty()) return std::string();
  // not waiting: a FIFO that nobody reads would hold the process for ever
  auto opened = std::make_shared<net::FileDescriptor>(
      ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!opened->valid()) return errno == ENXIO ? no_regular_file(file) : cannot(file, "cannot be opened");
  struct stat about{};
  if (::fstat(opened->value(), &about) != 0) return cannot(file, "cannot be looked at");
  if (!S_ISREG(about.st_mode)) return no_regular_file(file);
  if (about.st_uid != ::geteuid())
    return std::unexpected("the key log " + file +
                           " belongs to another user, who may read it: use a new file");
  if ((about.st_mode & 077) != 0)
    return std::unexpected("the key log " + file + " may be read by others: use a new file, or chmod 600 " +
                           file);
  security::set_key_log([opened](const Secret& line) { append(opened->value(), line.reveal()); });
  return "the keys of all sessions are written to " + file +
         ": whoever reads it reads all that devices and servers say. For debugging only; delete it "
         "afterwards";
}

}  // namespace slipway::cli
