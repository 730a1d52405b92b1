// SPDX-License-Identifier: Apache-2.0
#include "pin.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <slipway/lwm2m/smartcard_file.hpp>
#include <slipway/smartcard/reading.hpp>

namespace slipway::cli {
namespace {

/// At most `limit` bytes of a file, and one more where it is larger.
std::expected<Secret, std::string> read_bytes(const std::string& file, std::size_t limit) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return std::unexpected(file + ": cannot be read: " + std::strerror(errno) +
                           "; check its name and its rights");
  Bytes bytes(limit + 1);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (stream.bad()) return std::unexpected(file + ": cannot be read; it must be a regular file");
  Secret content(ByteView(bytes).first(static_cast<std::size_t>(stream.gcount())));
  wipe(bytes);
  return content;
}

}  // namespace

std::expected<Secret, std::string> read_pin(const std::string& file) {
  constexpr std::size_t kPinFileMax = 64;
  const auto content = read_bytes(file, kPinFileMax);
  if (!content) return std::unexpected(content.error());
  auto digits = content->reveal();
  while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r'))
    digits = digits.first(digits.size() - 1);
  if (!smartcard::valid_pin(digits))
    return std::unexpected(file + ": not a PIN; write 4 to 8 digits into it and nothing else");
  return Secret(digits);
}

std::expected<Secret, std::string> read_smartcard_file(const std::string& file) {
  auto content = read_bytes(file, lwm2m::kSmartcardFileMax);
  if (content && content->size() > lwm2m::kSmartcardFileMax)
    return std::unexpected(file + ": larger than 32 KiB; no smartcard's file is");
  return content;
}

}  // namespace slipway::cli
