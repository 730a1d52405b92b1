// SPDX-License-Identifier: Apache-2.0
#include "key_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace slipway::fleet {
namespace {

/// Closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

std::unexpected<std::string> system_error() {
  return std::unexpected(std::string("cannot be read: ") + std::strerror(errno));
}

}  // namespace

std::expected<KeyFile, std::string> read_key_file(const std::filesystem::path& file) {
  // Without O_NONBLOCK a pipe would make the server wait for whoever writes into it.
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) return system_error();
  if (!S_ISREG(status.st_mode)) return std::unexpected("is not a file");
  Bytes buffer(kKeyFileMax + 1);
  std::size_t size = 0;
  while (size < buffer.size()) {
    const auto count = ::read(descriptor.get(), buffer.data() + size, buffer.size() - size);
    if (count < 0) {
      wipe(buffer);
      return system_error();
    }
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  KeyFile read{.content = Secret(ByteView(buffer).first(std::min(size, kKeyFileMax))),
               .readable_by_others = (status.st_mode & (S_IRGRP | S_IROTH)) != 0};
  wipe(buffer);
  if (size > kKeyFileMax) return std::unexpected("is larger than 64 KiB");
  return read;
}

KeyFiles::File* KeyFiles::load(TableReader& table, std::string_view name) {
  const auto text = table.text(name);
  if (!text) return nullptr;
  const auto refuse = [&](const std::string& why, std::string remedy) {
    table.wrong(table.node(name), name, in_quotes(*text) + " " + why, std::move(remedy));
    return nullptr;
  };
  if (const auto known = files_.find(*text); known != files_.end()) return &known->second;
  if (text->find("-----BEGIN") != std::string::npos)
    return refuse("is no name of a file", "write what stands here into a file and name that");
  if (text->empty() || text->find('\0') != std::string::npos)
    return refuse("is no name of a file", "name one; it is looked for from the configuration's folder");
  if (files_.size() >= kKeyFilesMax)
    return refuse("is one file too many", "a configuration names at most 1024 files");
  auto content = read_(folder_ / *text);
  if (!content) return refuse(content.error(), "it is looked for from the configuration's folder");
  File file{.items = {}, .raw = std::move(*content)};
  return &files_.emplace(*text, std::move(file)).first->second;
}

const std::vector<KeyFiles::Item>* KeyFiles::items(TableReader& table, std::string_view name) {
  auto* file = load(table, name);
  if (file == nullptr) return nullptr;
  if (!file->items.empty()) return &file->items;
  const auto content = file->raw.content.reveal();
  if (as_text(content).find("-----BEGIN ") == std::string_view::npos) {
    const auto is = [](const auto& read) { return read || read.error().code == ErrorCode::unsupported; };
    auto kind = Kind::other;
    if (is(security::read_certificate(content)))
      kind = Kind::certificate;
    else if (is(security::read_public_key(content)))
      kind = Kind::public_key;
    else if (is(security::read_private_key(content)))
      kind = Kind::private_key;
    file->items.push_back({.kind = kind, .der = file->raw.content.clone()});
    return &file->items;
  }
  auto blocks = security::read_pem(as_text(content));
  if (!blocks) {
    table.wrong(table.node(name), name, std::string("this file is no PEM: ") + blocks.error().detail,
                "write it anew with openssl, unencrypted");
    return nullptr;
  }
  for (auto& block : *blocks) {
    auto kind = Kind::other;
    if (block.label == "CERTIFICATE") kind = Kind::certificate;
    if (block.label == "PUBLIC KEY") kind = Kind::public_key;
    if (block.label == "PRIVATE KEY" || block.label == "EC PRIVATE KEY") kind = Kind::private_key;
    file->items.push_back({.kind = kind, .der = std::move(block.der)});
  }
  return &file->items;
}

const KeyFiles::Item* KeyFiles::find(const std::vector<Item>& items, Kind kind) {
  const auto found = std::ranges::find(items, kind, &Item::kind);
  return found == items.end() ? nullptr : &*found;
}

void KeyFiles::warn_if_open(TableReader& table, std::string_view name, const File& file) {
  if (file.raw.readable_by_others)
    table.warn(table.node(name), name, "other users of this machine may read this key", "chmod 600 it");
}

std::optional<Bytes> KeyFiles::public_key(TableReader& table, std::string_view name) {
  const auto* all = items(table, name);
  if (all == nullptr) return std::nullopt;
  const auto wrong = [&](const std::string& message, std::string remedy) {
    table.wrong(table.node(name), name, message, std::move(remedy));
    return std::nullopt;
  };
  if (find(*all, Kind::private_key) != nullptr)
    return wrong("this file holds a private key",
                 "name one with the public half alone: openssl pkey -pubout");
  if (const auto* key = find(*all, Kind::public_key)) {
    const auto der = key->der.reveal();
    if (const auto read = security::read_public_key(der); !read)
      return wrong(std::string("the public key in this file cannot be used: ") + read.error().detail,
                   "devices take EC keys on prime256v1");
    return Bytes(der.begin(), der.end());
  }
  if (const auto* certificate = find(*all, Kind::certificate)) {
    auto read = security::read_certificate(certificate->der.reveal());
    if (read) return std::move(read->public_key);
    return wrong(std::string("the certificate in this file cannot be used: ") + read.error().detail,
                 "devices take EC keys on prime256v1");
  }
  return wrong("this file holds neither a public key nor a certificate",
               "name one in PEM or DER, as openssl pkey -pubout writes it");
}

std::optional<Bytes> KeyFiles::certificate(TableReader& table, std::string_view name) {
  const auto* all = items(table, name);
  if (all == nullptr) return std::nullopt;
  const auto wrong = [&](const std::string& message, std::string remedy) {
    table.wrong(table.node(name), name, message, std::move(remedy));
    return std::nullopt;
  };
  if (find(*all, Kind::private_key) != nullptr)
    return wrong("this file holds a private key", "name one with the certificate alone");
  const auto count = std::ranges::count(*all, Kind::certificate, &Item::kind);
  if (count == 0)
    return wrong(find(*all, Kind::public_key) != nullptr ? "this file holds a public key, not a certificate"
                                                         : "this file holds no certificate",
                 "name one in PEM or DER");
  if (count > 1) return wrong("this file holds several certificates", "keep the one that is meant");
  const auto der = find(*all, Kind::certificate)->der.reveal();
  if (const auto read = security::read_certificate(der); !read)
    return wrong(std::string("the certificate in this file cannot be used: ") + read.error().detail,
                 "devices take EC keys on prime256v1");
  return Bytes(der.begin(), der.end());
}

std::vector<Bytes> KeyFiles::certificates(TableReader& table, std::string_view name) {
  const auto* all = items(table, name);
  if (all == nullptr) return {};
  std::vector<Bytes> chain;
  for (const auto& item : *all) {
    const auto der = item.der.reveal();
    if (item.kind != Kind::certificate) continue;
    if (const auto read = security::read_certificate(der); !read) {
      table.wrong(table.node(name), name,
                  std::string("a certificate in this file cannot be used: ") + read.error().detail,
                  "sessions take EC keys");
      return {};
    }
    chain.emplace_back(der.begin(), der.end());
  }
  if (chain.empty())
    table.wrong(table.node(name), name, "this file holds no certificate", "name one in PEM or DER");
  return chain;
}

std::optional<security::KeyPair> KeyFiles::private_key(TableReader& table, std::string_view name) {
  const auto* all = items(table, name);
  if (all == nullptr) return std::nullopt;
  const auto* key = find(*all, Kind::private_key);
  auto read = key != nullptr ? security::read_private_key(key->der.reveal())
                             : fail(ErrorCode::not_found, "there is none in it, or it is encrypted");
  if (!read) {
    table.wrong(table.node(name), name, std::string("this file gives no private key: ") + read.error().detail,
                "name one in PEM or DER, unencrypted, as openssl pkey writes it");
    return std::nullopt;
  }
  warn_if_open(table, name, *load(table, name));
  return std::move(*read);
}

std::optional<Secret> KeyFiles::secret(TableReader& table, std::string_view name) {
  const auto* file = load(table, name);
  if (file == nullptr) return std::nullopt;
  warn_if_open(table, name, *file);
  const auto content = file->raw.content.reveal();
  if (content.empty()) {
    table.wrong(table.node(name), name, "this file is empty", "write the key into it, as hexadecimal text");
    return std::nullopt;
  }
  auto bytes = from_hex(as_text(content));
  if (!bytes || bytes->empty()) return file->raw.content.clone();
  Secret secret(*bytes);
  wipe(*bytes);
  return secret;
}

}  // namespace slipway::fleet
