// SPDX-License-Identifier: Apache-2.0
#include "files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <slipway/base/secret.hpp>
#include <slipway/net/file_descriptor.hpp>

namespace slipway::device {
namespace {

std::unexpected<int> failed() {
  return std::unexpected(errno);
}

Files::Outcome<void> outcome(int result) {
  if (result != 0) return failed();
  return {};
}

}  // namespace

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

Files::Outcome<std::optional<Bytes>> SystemFiles::read(const std::string& file, std::size_t most) {
  const net::FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::nullopt;
    return failed();
  }
  Bytes bytes(most);
  std::size_t size = 0;
  while (size < most) {
    const auto count = ::read(fd.value(), bytes.data() + size, most - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const auto error = failed();
      wipe(bytes);
      return error;
    }
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

Files::Outcome<int> SystemFiles::create(const std::string& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  return fd;
}

Files::Outcome<std::size_t> SystemFiles::write(int handle, ByteView bytes) {
  for (;;) {
    const auto count = ::write(handle, bytes.data(), bytes.size());
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) return std::unexpected(ENOSPC);
    if (errno != EINTR) return failed();
  }
}

Files::Outcome<void> SystemFiles::sync(int handle) {
  return outcome(::fsync(handle));
}
void SystemFiles::close(int handle) {
  ::close(handle);
}
Files::Outcome<void> SystemFiles::link(const std::string& file, const std::string& name) {
  return outcome(::link(file.c_str(), name.c_str()));
}
Files::Outcome<void> SystemFiles::rename(const std::string& from, const std::string& to) {
  return outcome(std::rename(from.c_str(), to.c_str()));
}
Files::Outcome<void> SystemFiles::remove(const std::string& file) {
  return outcome(::unlink(file.c_str()));
}
Files::Outcome<void> SystemFiles::sync_folder(const std::string& folder) {
  const net::FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return failed();
  return outcome(::fsync(fd.value()));
}

}  // namespace slipway::device
