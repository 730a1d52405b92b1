// SPDX-License-Identifier: Apache-2.0
#include "state_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <slipway/net/file_descriptor.hpp>

namespace slipway::device {
namespace {

std::unexpected<std::string> problem(const std::string& file, const char* what) {
  return std::unexpected(file + ": " + what + ": " + std::strerror(errno) + "; check the folder, its rights and its space");
}

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

}  // namespace

std::expected<std::optional<Bytes>, std::string> read_state(const std::string& file) {
  const net::FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::nullopt;
    return problem(file, "cannot be opened");
  }
  Bytes bytes(kStateBytesMax + 1);
  std::size_t size = 0;
  for (;;) {
    const auto count = ::read(fd.value(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return problem(file, "cannot be read");
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
    if (size == bytes.size()) return std::unexpected(file + ": larger than 1 MiB; this is not a device's state");
  }
  bytes.resize(size);
  return bytes;
}

std::expected<void, std::string> write_state(const std::string& file, ByteView bytes) {
  const std::string beside = file + ".new";
  {
    const net::FileDescriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd.valid()) return problem(beside, "cannot be made");
    for (std::size_t at = 0; at < bytes.size();) {
      const auto count = ::write(fd.value(), bytes.data() + at, bytes.size() - at);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return problem(beside, "cannot be written");
      at += static_cast<std::size_t>(count);
    }
    if (::fsync(fd.value()) != 0) return problem(beside, "cannot be synced");
  }
  if (::rename(beside.c_str(), file.c_str()) != 0) return problem(file, "cannot be replaced");
  const net::FileDescriptor folder(::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.value()) != 0) return problem(file, "its folder cannot be synced");
  return {};
}

}  // namespace slipway::device
