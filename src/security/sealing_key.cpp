// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <slipway/security/sealing.hpp>

namespace slipway::security {
namespace {

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

using KeyBytes = std::array<std::uint8_t, SealingKey::kSize>;

std::unexpected<std::string> trouble(const std::string& path, const std::string& what) {
  return std::unexpected("sealing key " + path + ": " + what);
}
std::string system_error() {
  return std::strerror(errno);
}

bool write_all(int descriptor, ByteView bytes) {
  while (!bytes.empty()) {
    const auto count = write(descriptor, bytes.data(), bytes.size());
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool sync_folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const auto folder = slash == std::string::npos ? std::string(".") : path.substr(0, slash + 1);
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return file.open() && fsync(file.get()) == 0;
}

/// Written under another name and linked into place: a crash leaves a whole key or none, and of two
/// processes that begin at once one wins.
std::expected<void, std::string> create(const std::string& path, Random& random) {
  KeyBytes bytes;
  random.fill(bytes);
  std::array<std::uint8_t, 8> suffix;
  random.fill(suffix);
  const auto temporary = path + "." + to_hex(suffix);
  const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.open()) {
    wipe(bytes);
    return trouble(path,
                   "cannot be created (" + system_error() + "); make its folder, or name another place");
  }
  const bool written =
      fchmod(file.get(), 0600) == 0 && write_all(file.get(), bytes) && fsync(file.get()) == 0;
  wipe(bytes);
  const bool placed = written && (link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const auto why = system_error();
  unlink(temporary.c_str());
  if (!placed || !sync_folder_of(path)) return trouble(path, "cannot be written (" + why + ")");
  return {};
}

SealingKeyId id_of(ByteView key) {
  constexpr std::string_view kLabel = "slipway sealing key id";
  Bytes text(as_bytes(kLabel).begin(), as_bytes(kLabel).end());
  text.insert(text.end(), key.begin(), key.end());
  std::array<std::uint8_t, 32> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  wipe(text);
  ByteReader reader(digest);
  return *reader.u32();
}

}  // namespace

SealingKey::SealingKey(Secret key) : key_(std::move(key)), id_(id_of(key_.reveal())) {}

SealingKey SealingKey::generate(Random& random) {
  KeyBytes bytes;
  random.fill(bytes);
  SealingKey key{Secret(bytes)};
  wipe(bytes);
  return key;
}

std::expected<SealingKey, std::string> SealingKey::from_bytes(ByteView bytes) {
  if (bytes.size() != kSize)
    return std::unexpected("a sealing key has 32 bytes, not " + std::to_string(bytes.size()));
  return SealingKey{Secret(bytes)};
}

std::expected<SealingKey, std::string> SealingKey::load(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.open()) return trouble(path, "cannot be opened (" + system_error() + ")");
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return trouble(path, "cannot be examined (" + system_error() + ")");
  if (!S_ISREG(status.st_mode)) return trouble(path, "is not a regular file");
  if ((status.st_mode & 0077) != 0)
    return trouble(path, "can be opened by others than its owner; run: chmod 600 " + path);
  std::array<std::uint8_t, kSize + 1> bytes;
  const auto count = read(file.get(), bytes.data(), bytes.size());
  if (count != static_cast<ssize_t>(kSize)) {
    wipe(bytes);
    return trouble(path, "must hold exactly 32 bytes; put the right file there from a backup");
  }
  SealingKey key{Secret(ByteView(bytes).first(kSize))};
  wipe(bytes);
  return key;
}

std::expected<SealingKey, std::string> SealingKey::load_or_create(const std::string& path, Random& random) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0 && errno == ENOENT) {
    if (const auto made = create(path, random); !made) return std::unexpected(made.error());
  }
  return load(path);
}

}  // namespace slipway::security
