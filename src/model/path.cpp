// SPDX-License-Identifier: Apache-2.0
#include <slipway/model/path.hpp>

#include <charconv>

namespace slipway {

namespace {

constexpr std::size_t kDepthMax = 4;
constexpr std::uint32_t kIdMax = 65535;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads one id from `at`, which it moves behind the last digit.
Result<std::uint16_t> read_id(std::string_view text, std::size_t& at) {
  const auto start = at;
  std::uint32_t id = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    id = id * 10 + static_cast<std::uint32_t>(text[at] - '0');
    if (id > kIdMax) return fail(ErrorCode::out_of_range, "an id of a path is above 65535", start);
  }
  if (at == start) return fail(ErrorCode::malformed, "a path has something else than a decimal id", start);
  if (text[start] == '0' && at - start > 1)
    return fail(ErrorCode::malformed, "an id of a path has a leading zero", start);
  return static_cast<std::uint16_t>(id);
}

}  // namespace

Result<Path> Path::parse(std::string_view text) {
  Path path;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] != '/') return fail(ErrorCode::malformed, "a path has no slash before an id", at);
    ++at;
    if (at == text.size()) break;  // the root, or a trailing slash
    if (path.depth_ == kDepthMax) return fail(ErrorCode::limit, "a path has more than four ids", at);
    SLIPWAY_ASSIGN(const auto id, read_id(text, at));
    path.ids_[path.depth_++] = id;
  }
  return path;
}

PathText Path::text() const {
  if (is_root()) return PathText("/");
  std::array<char, PathText::capacity()> buffer;  // 4 x "/65535": to_chars cannot run out of it
  char* at = buffer.data();
  for (std::size_t i = 0; i < depth_; ++i) {
    *at++ = '/';
    if (ids_[i] < 10) {  // most ids, so that they go without a call
      *at++ = static_cast<char>('0' + ids_[i]);
    } else {
      at = std::to_chars(at, buffer.data() + buffer.size(), ids_[i]).ptr;
    }
  }
  return PathText(std::string_view(buffer.data(), static_cast<std::size_t>(at - buffer.data())));
}

}  // namespace slipway
