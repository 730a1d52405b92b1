// SPDX-License-Identifier: Apache-2.0
#include "state_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <slipway/base/secret.hpp>
#include <slipway/net/file_descriptor.hpp>

namespace slipway::device {
namespace {

std::unexpected<std::string> problem(const std::string& file, const char* what) {
  return std::unexpected(file + ": " + what + ": " + std::strerror(errno) +
                         "; check the folder, its rights and its space");
}

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

/// Reads up to the end, or up to the buffer's; the size, or -1.
ssize_t read_all(int descriptor, MutableBytes out) {
  std::size_t size = 0;
  while (size < out.size()) {
    const auto count = ::read(descriptor, out.data() + size, out.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(size);
}

bool write_all(int descriptor, ByteView bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// Makes `file` anew, for its owner alone, and puts it on disk.
std::expected<void, std::string> write_new(const std::string& file, ByteView bytes) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return problem(file, "cannot be replaced");
  const net::FileDescriptor fd(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return problem(file, "cannot be made");
  if (!write_all(fd.value(), bytes)) return problem(file, "cannot be written");
  if (::fsync(fd.value()) != 0) return problem(file, "cannot be synced");
  return {};
}

}  // namespace

std::expected<std::optional<Bytes>, std::string> read_state(const std::string& file) {
  const net::FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::nullopt;
    return problem(file, "cannot be opened");
  }
  Bytes bytes(kStateBytesMax + 1);
  const auto size = read_all(fd.value(), bytes);
  if (size < 0) return problem(file, "cannot be read");
  if (static_cast<std::size_t>(size) > kStateBytesMax) {
    wipe(bytes);
    return std::unexpected(
        file +
        ": larger than 1 MiB, so not a device's state; delete it to begin again from the factory pack");
  }
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

std::expected<void, std::string> write_state(const std::string& file, ByteView bytes) {
  if (bytes.size() > kStateBytesMax)
    return std::unexpected(file +
                           ": a state of more than 1 MiB is not written; the device has too many values");
  const std::string beside = file + ".new";
  auto written = write_new(beside, bytes);
  if (written && ::rename(beside.c_str(), file.c_str()) != 0) written = problem(file, "cannot be replaced");
  if (!written) {
    ::unlink(beside.c_str());  // it holds keys
    return written;
  }
  const net::FileDescriptor folder(::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.value()) != 0) return problem(file, "its folder cannot be synced");
  return {};
}

}  // namespace slipway::device
