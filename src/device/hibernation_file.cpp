// SPDX-License-Identifier: Apache-2.0
#include "hibernation_file.hpp"

#include <cerrno>
#include <cstring>

#include "state_file.hpp"

namespace slipway::device {
namespace {

// FILE, big-endian:
//
//   | "SLWS" "leep" | version 8 | number 16 bytes | checksum 64 | client: size 16, bytes
//   | sessions 8, as many times: server 16 | account 64 | kind 8 | size 16, bytes
//
// The checksum (FNV-1a over the number and all that follows the checksum) finds damage: a sequence number
// that a medium has changed would be a nonce used twice.
constexpr std::string_view kMagic = "SLWSleep";
constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kChecksumAt = 8 + 1 + 16;
constexpr std::size_t kSessionRowMax = 2 + 8 + 1 + 2 + kKeptBytesMax;
constexpr std::size_t kFileBytesMax = 1024 + client::kHibernationBytesMax + kKeptSessionsMax * kSessionRowMax;

std::uint64_t checksum_of(ByteView file) {
  auto hash = fnv1a(file.subspan(9, 16));
  for (const auto byte : file.subspan(kChecksumAt + 8)) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

Result<void> any(ByteView) {
  return {};
}

Result<Secret> read_secret(ByteReader& in, std::size_t most) {
  SLIPWAY_ASSIGN(const auto size, in.u16());
  if (size > most) return fail(ErrorCode::malformed, "it is longer than what is kept", in.offset());
  SLIPWAY_ASSIGN(const auto bytes, in.take(size));
  return Secret(bytes);
}

struct Parsed {
  ByteView number;
  HibernationContent content;
};

Result<Parsed> parse(ByteView file) {
  ByteReader in(file);
  SLIPWAY_ASSIGN(const auto magic, in.take(kMagic.size()));
  if (as_text(magic) != kMagic) return fail(ErrorCode::malformed, "it is not a hibernation of a device");
  SLIPWAY_ASSIGN(const auto version, in.u8());
  if (version != kVersion) return fail(ErrorCode::unsupported, "it is of another version");
  Parsed parsed;
  SLIPWAY_ASSIGN(parsed.number, in.take(16));
  SLIPWAY_ASSIGN(const auto checksum, in.u64());
  if (checksum_of(file) != checksum) return fail(ErrorCode::malformed, "it is damaged");
  SLIPWAY_ASSIGN(parsed.content.client, read_secret(in, client::kHibernationBytesMax));
  SLIPWAY_ASSIGN(const auto sessions, in.u8());
  for (unsigned i = 0; i < sessions; ++i) {
    KeptSession session;
    SLIPWAY_ASSIGN(const auto server, in.u16());
    session.server = ShortServerId(server);
    SLIPWAY_ASSIGN(session.account, in.u64());
    SLIPWAY_ASSIGN(const auto kind, in.u8());
    if (kind > static_cast<std::uint8_t>(KeptSession::Kind::resumable))
      return fail(ErrorCode::malformed, "it has a session of an unknown kind", in.offset());
    session.kind = static_cast<KeptSession::Kind>(kind);
    SLIPWAY_ASSIGN(session.bytes, read_secret(in, kKeptBytesMax));
    parsed.content.sessions.push_back(std::move(session));
  }
  if (!in.empty()) return fail(ErrorCode::malformed, "it is longer than it says");
  if (!parsed.content.client.empty())
    SLIPWAY_TRY(client::Client::check_hibernation(parsed.content.client.reveal()));
  return parsed;
}

void write_secret(ByteWriter& out, const Secret& secret, std::size_t most) {
  if (secret.size() > most) return out.overflow();
  out.u16(static_cast<std::uint16_t>(secret.size()));
  out.bytes(secret.reveal());
}

}  // namespace

std::uint64_t account_digest(const client::ConnectWanted& account, std::span<const Bytes> trust_store) {
  if (account.mode != SecurityMode::x509 || account.certificate_usage > 1) trust_store = {};
  Bytes bytes;
  const auto add = [&](ByteView part) {
    const auto size = static_cast<std::uint32_t>(part.size());
    for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
    bytes.insert(bytes.end(), part.begin(), part.end());
  };
  // Known before anything is put in: a vector that grows leaves keys behind.
  bytes.reserve(64 + account.uri.size() + account.identity.size() + account.server_public_key.size() +
                account.key.size() + account.sni.size() + 8 * trust_store.size());
  add(as_bytes(account.uri));
  add(account.identity);
  add(account.server_public_key);
  add(account.key);
  add(as_bytes(account.sni));
  for (const auto value :
       {static_cast<std::uint8_t>(account.mode), account.matching_type, account.certificate_usage})
    bytes.push_back(value);
  for (const auto suite : account.cipher_suites) {
    bytes.push_back(static_cast<std::uint8_t>(suite >> 8));
    bytes.push_back(static_cast<std::uint8_t>(suite));
  }
  for (const auto& anchor : trust_store) {
    const auto one = fnv1a(anchor);
    for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(one >> (8 * i)));
  }
  const auto digest = fnv1a(bytes);
  wipe(bytes);
  return digest;
}

std::expected<void, std::string> HibernationFile::put(const HibernationContent& content) {
  if (auto discarded = discard(); !discarded) return discarded;
  Number number;
  random_.fill(number);
  Bytes buffer(kFileBytesMax);
  ByteWriter out(buffer);
  out.text(kMagic);
  out.u8(kVersion);
  out.bytes(number);
  out.skip(8);
  write_secret(out, content.client, client::kHibernationBytesMax);
  if (content.sessions.size() > kKeptSessionsMax) out.overflow();
  out.u8(static_cast<std::uint8_t>(content.sessions.size()));
  for (const auto& session : content.sessions) {
    out.u16(session.server.value());
    out.u64(session.account);
    out.u8(static_cast<std::uint8_t>(session.kind));
    write_secret(out, session.bytes, kKeptBytesMax);
  }
  if (!out.ok()) {
    wipe(buffer);
    return std::unexpected(file_ + ": the sessions and registrations are more than such a file holds");
  }
  ByteWriter checksum(MutableBytes(buffer).subspan(kChecksumAt, 8));
  checksum.u64(checksum_of(out.written()));
  auto written = StateFile(files_, file_, any).write(out.written(), StateFile::Keep::nothing);
  wipe(buffer);
  if (written) written = StateFile(files_, ticket(), any).write(number, StateFile::Keep::nothing);
  // Without its ticket nobody can use it.
  if (!written) (void)discard();
  return written;
}

HibernationFile::Taken HibernationFile::take() {
  auto file = files_.read(file_, kFileBytesMax + 1);
  const auto number = files_.read(ticket(), kNumberSize + 1);
  if (file && !*file && number && !*number) return {};
  const auto unused = [&](std::string_view why) {
    return Taken{.content = {}, .trouble = file_ + ": not used, " + std::string(why)};
  };
  // First the right to use it goes, then it is looked at.
  auto discarded = discard();
  if (!file || !number)
    return unused(std::string("it cannot be read: ") + std::strerror(!file ? file.error() : number.error()));
  if (!*file) return unused("there is only its ticket");
  auto parsed = (*file)->size() > kFileBytesMax
                    ? Result<Parsed>(fail(ErrorCode::malformed, "it is longer than what is kept"))
                    : parse(**file);
  const bool is_ours = parsed && *number && equal(**number, parsed->number);
  wipe(**file);
  if (!parsed)
    return unused(parsed.error().code == ErrorCode::truncated ? "it is cut off" : parsed.error().detail);
  if (!is_ours) return unused("it was used before, or is a copy");
  if (!discarded) return unused("it cannot be removed: " + discarded.error());
  return {.content = std::move(parsed->content), .trouble = {}};
}

std::expected<void, std::string> HibernationFile::discard() {
  // The ticket first, durably: no order in which names reach the disk leaves a ticket for a used content.
  if (auto removed = remove(ticket()); !removed) return removed;
  (void)files_.remove(file_ + ".new");  // a power cut may have left it, and it holds keys
  return remove(file_);
}

std::expected<void, std::string> HibernationFile::remove(const std::string& name) {
  const auto removed = files_.remove(name);
  if (!removed && removed.error() == ENOENT) return {};
  const auto synced = removed ? files_.sync_folder(folder_of(name)) : removed;
  if (synced) return {};
  return std::unexpected(name + ": cannot be removed: " + std::strerror(synced.error()) +
                         "; check the folder and its rights");
}

}  // namespace slipway::device
