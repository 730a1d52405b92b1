// SPDX-License-Identifier: Apache-2.0
// The few calls of a file system that a state file is made of.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>

#include <slipway/base/bytes.hpp>

namespace slipway::device {

/// One method is one call of the system, so that a test can cut the power after each of them. Errors are
/// errno values.
class Files {
 public:
  template <class T>
  using Outcome = std::expected<T, int>;

  virtual ~Files() = default;
  /// The first bytes, `most` of them; nothing when there is no such file.
  [[nodiscard]] virtual Outcome<std::optional<Bytes>> read(const std::string& file, std::size_t most) = 0;
  /// Opens a new file, for its owner alone; where one stands, or a link, it fails (EEXIST).
  [[nodiscard]] virtual Outcome<int> create(const std::string& file) = 0;
  /// How many of the bytes were taken; at least one.
  [[nodiscard]] virtual Outcome<std::size_t> write(int handle, ByteView bytes) = 0;
  [[nodiscard]] virtual Outcome<void> sync(int handle) = 0;
  virtual void close(int handle) = 0;
  /// A second name for what `file` is now.
  [[nodiscard]] virtual Outcome<void> link(const std::string& file, const std::string& name) = 0;
  /// Replaces what stands at `to`, in one step.
  [[nodiscard]] virtual Outcome<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Outcome<void> remove(const std::string& file) = 0;
  /// Makes the names of a folder durable.
  [[nodiscard]] virtual Outcome<void> sync_folder(const std::string& folder) = 0;
};

/// Where the name of a file stands.
[[nodiscard]] std::string folder_of(const std::string& file);

/// The file system of this machine.
class SystemFiles final : public Files {
 public:
  [[nodiscard]] Outcome<std::optional<Bytes>> read(const std::string& file, std::size_t most) override;
  [[nodiscard]] Outcome<int> create(const std::string& file) override;
  [[nodiscard]] Outcome<std::size_t> write(int handle, ByteView bytes) override;
  [[nodiscard]] Outcome<void> sync(int handle) override;
  void close(int handle) override;
  [[nodiscard]] Outcome<void> link(const std::string& file, const std::string& name) override;
  [[nodiscard]] Outcome<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Outcome<void> remove(const std::string& file) override;
  [[nodiscard]] Outcome<void> sync_folder(const std::string& folder) override;
};

}  // namespace slipway::device
