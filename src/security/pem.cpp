// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include <slipway/security/keys.hpp>

namespace slipway::security {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kLineLength = 64;  // [RFC 7468 §2]

/// A buffer that may hold a private key.
struct WipedBytes {
  Bytes bytes;
  explicit WipedBytes(std::size_t size) : bytes(size) {}
  ~WipedBytes() { wipe(bytes); }
  WipedBytes(const WipedBytes&) = delete;
  WipedBytes& operator=(const WipedBytes&) = delete;
};

Result<Secret> decode_base64(std::string_view text) {
  WipedBytes symbols(text.size());
  std::size_t count = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == ':') return fail(ErrorCode::unsupported, "a PEM block with headers: it is encrypted");
    if (c == '=')
      ++padding;
    else if (padding != 0)
      return fail(ErrorCode::malformed, "base64 goes on after its padding");
    symbols.bytes[count++] = static_cast<std::uint8_t>(c);
  }
  if (count == 0 || count % 4 != 0 || padding > 2) return fail(ErrorCode::malformed, "base64 is cut");
  WipedBytes decoded(count / 4 * 3);
  const auto size = EVP_DecodeBlock(decoded.bytes.data(), symbols.bytes.data(), static_cast<int>(count));
  if (size < 0) return fail(ErrorCode::malformed, "not base64");
  return Secret(ByteView(decoded.bytes).first(static_cast<std::size_t>(size) - padding));
}

/// Cuts the next block out of `rest`; nullopt when there is no more.
Result<std::optional<PemBlock>> next_block(std::string_view& rest) {
  const auto begin = rest.find(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(begin + kBegin.size());
  const auto label_end = rest.find(kDashes);
  if (label_end == std::string_view::npos || rest.substr(0, label_end).find('\n') != std::string_view::npos)
    return fail(ErrorCode::malformed, "a BEGIN line without an end");
  PemBlock block{.label = std::string(rest.substr(0, label_end)), .der = {}};
  rest.remove_prefix(label_end + kDashes.size());
  const auto footer = std::string(kEnd) + block.label + std::string(kDashes);
  const auto end = rest.find(footer);
  if (end == std::string_view::npos) return fail(ErrorCode::malformed, "a block without its END line");
  SLIPWAY_ASSIGN(block.der, decode_base64(rest.substr(0, end)));
  rest.remove_prefix(end + footer.size());
  return block;
}

}  // namespace

Result<std::vector<PemBlock>> read_pem(std::string_view text) {
  if (text.size() > kPemMax) return fail(ErrorCode::limit, "a PEM text has at most 64 KiB");
  std::vector<PemBlock> blocks;
  for (;;) {
    SLIPWAY_ASSIGN(auto block, next_block(text));
    if (!block) break;
    if (blocks.size() == kPemBlocksMax) return fail(ErrorCode::limit, "a PEM text has at most 16 blocks");
    blocks.push_back(std::move(*block));
  }
  if (blocks.empty()) return fail(ErrorCode::malformed, "no PEM block");
  return blocks;
}

std::string to_pem(std::string_view label, ByteView der) {
  WipedBytes symbols(der.size() / 3 * 4 + 5);  // the library ends it with a zero
  const auto size = static_cast<std::size_t>(
      EVP_EncodeBlock(symbols.bytes.data(), der.data(), static_cast<int>(der.size())));
  const auto text = as_text(symbols.bytes).substr(0, size);
  std::string pem;
  pem.reserve(size + size / kLineLength + 2 * label.size() +
              40);  // grows at once: no copy of a key stays behind
  pem.append(kBegin).append(label).append(kDashes).append("\n");
  for (std::size_t at = 0; at < size; at += kLineLength)
    pem.append(text.substr(at, kLineLength)).append("\n");
  return pem.append(kEnd).append(label).append(kDashes).append("\n");
}

}  // namespace slipway::security
