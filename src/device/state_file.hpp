// SPDX-License-Identifier: Apache-2.0
// The file that a device keeps its state in: replaced whole or not at all, also by a power cut.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include <slipway/base/bytes.hpp>
#include <slipway/base/result.hpp>

#include "files.hpp"

namespace slipway::device {

inline constexpr std::size_t kStateBytesMax = 1024 * 1024;

/// A power cut leaves the old content or the new one. `FILE.previous` is the content before the last write:
/// it stands in when the medium has damaged FILE, and holds keys as FILE does. Where a file system has no
/// hard links there is no previous content. FILE is deleted by hand: the device begins from its factory pack.
///
///     write FILE.new, sync it; remove FILE.previous; link FILE to it; rename FILE.new to FILE; sync folder
///
/// FILE is there at every moment, so that no order in which the names reach the disk can lose it.
class StateFile {
 public:
  /// Whether bytes are a whole state. `malformed` and `truncated` mean damage; other errors are told to the
  /// person, who has the wrong file or the wrong program.
  using Check = Result<void> (*)(ByteView);

  StateFile(Files& files, std::string file, Check check)
      : files_(files), file_(std::move(file)), check_(check) {}

  struct Content {
    std::optional<Bytes> bytes;  ///< holds secrets; nothing when there is no such file
    std::string damage;          ///< for a person: FILE was damaged, and this is the previous content
  };
  /// The error is for a person.
  [[nodiscard]] std::expected<Content, std::string> read();

  /// What stays of the content before. A factory reset leaves `nothing`: keys must not outlive it.
  enum class Keep : std::uint8_t { previous, nothing };
  /// When it returns without an error, the content is on disk. After an error the file holds the old content
  /// or the new one: write again.
  [[nodiscard]] std::expected<void, std::string> write(ByteView bytes, Keep keep = Keep::previous);

 private:
  using Written = std::expected<void, std::string>;
  [[nodiscard]] std::string previous() const { return file_ + ".previous"; }
  std::expected<Content, std::string> read_previous(const char* reason);
  Written write_new(const std::string& beside, ByteView bytes);
  Written fill(int handle, ByteView bytes);
  Written replace(const std::string& beside, Keep keep);
  Written sync_folder();

  Files& files_;
  std::string file_;
  Check check_;
};

}  // namespace slipway::device
