// SPDX-License-Identifier: Apache-2.0
// A file system in memory whose power can be cut, and whose calls can fail.
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "device/files.hpp"

namespace slipway::device::test {

/// Names and contents as they are on the medium.
using Image = std::map<std::string, Bytes>;

/// What a file system may do to what was not synced: lose any part of the data of a file (what was written
/// last, or all), and any of the changes of names since the folder was synced. Data reach the medium in
/// order.
class FragileFiles final : public Files {
 public:
  static constexpr std::size_t kWriteMax = 128;  ///< bytes that one write takes, so that there are many
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

  FragileFiles() = default;
  explicit FragileFiles(const Image& image) {
    for (const auto& [name, bytes] : image) {
      files_.push_back({.data = bytes, .synced = bytes.size()});
      names_[name] = durable_names_[name] = files_.size() - 1;
    }
  }

  /// The power goes after so many calls: later ones do nothing and fail.
  std::size_t power_for = kNever;
  /// The call of this number fails once, and has no effect.
  std::size_t fails_at = kNever;
  [[nodiscard]] std::size_t calls() const { return calls_; }

  /// Calls `see` with everything that the medium may hold now.
  void for_each_image(const std::function<void(const Image&)>& see) const {
    const auto subsets = std::size_t{1} << pending_.size();
    for (std::size_t kept = 0; kept < subsets; ++kept) for_each_length(names_after(kept), see);
  }

  Outcome<std::optional<Bytes>> read(const std::string& file, std::size_t most) override {
    const auto found = names_.find(file);
    if (found == names_.end()) return std::nullopt;
    auto bytes = files_[found->second].data;
    bytes.resize(std::min(bytes.size(), most));
    return bytes;
  }
  Outcome<int> create(const std::string& file) override {
    if (auto error = next_call()) return std::unexpected(error);
    if (names_.contains(file)) return std::unexpected(EEXIST);
    files_.push_back({});
    change([file, id = files_.size() - 1](Names& names) { names[file] = id; });
    return static_cast<int>(files_.size() - 1);
  }
  Outcome<std::size_t> write(int handle, ByteView bytes) override {
    if (auto error = next_call()) return std::unexpected(error);
    auto& data = files_[static_cast<std::size_t>(handle)].data;
    const auto taken = bytes.first(std::min(bytes.size(), kWriteMax));
    data.insert(data.end(), taken.begin(), taken.end());
    return taken.size();
  }
  Outcome<void> sync(int handle) override {
    if (auto error = next_call()) return std::unexpected(error);
    auto& file = files_[static_cast<std::size_t>(handle)];
    file.synced = file.data.size();
    return {};
  }
  void close(int) override {}
  Outcome<void> link(const std::string& file, const std::string& name) override {
    if (auto error = next_call()) return std::unexpected(error);
    const auto found = names_.find(file);
    if (found == names_.end()) return std::unexpected(ENOENT);
    if (names_.contains(name)) return std::unexpected(EEXIST);
    change([name, id = found->second](Names& names) { names[name] = id; });
    return {};
  }
  Outcome<void> rename(const std::string& from, const std::string& to) override {
    if (auto error = next_call()) return std::unexpected(error);
    const auto found = names_.find(from);
    if (found == names_.end()) return std::unexpected(ENOENT);
    change([from, to, id = found->second](Names& names) {
      names.erase(from);
      names[to] = id;
    });
    return {};
  }
  Outcome<void> remove(const std::string& file) override {
    if (auto error = next_call()) return std::unexpected(error);
    if (!names_.contains(file)) return std::unexpected(ENOENT);
    change([file](Names& names) { names.erase(file); });
    return {};
  }
  Outcome<void> sync_folder(const std::string&) override {
    if (auto error = next_call()) return std::unexpected(error);
    durable_names_ = names_;
    pending_.clear();
    return {};
  }

 private:
  struct File {
    Bytes data;
    std::size_t synced = 0;
  };
  using Names = std::map<std::string, std::size_t>;
  using Change = std::function<void(Names&)>;

  int next_call() {
    const auto call = calls_++;
    return call >= power_for || call == fails_at ? EIO : 0;
  }
  void change(Change made) {
    made(names_);
    pending_.push_back(std::move(made));
  }
  [[nodiscard]] Names names_after(std::size_t kept) const {
    auto names = durable_names_;
    for (std::size_t i = 0; i < pending_.size(); ++i)
      if ((kept >> i & 1) != 0) pending_[i](names);
    return names;
  }
  /// Every length that the one file with data that are not synced may have.
  void for_each_length(const Names& names, const std::function<void(const Image&)>& see) const {
    Image image;
    std::vector<std::string> torn;
    for (const auto& [name, id] : names) {
      image[name] = files_[id].data;
      if (files_[id].synced < files_[id].data.size()) torn.push_back(name);
    }
    if (torn.empty()) return see(image);
    const auto& file = files_[names.at(torn.front())];
    for (auto size = file.synced; size <= file.data.size(); ++size) {
      for (const auto& name : torn)
        image[name] = Bytes(file.data.begin(), file.data.begin() + static_cast<std::ptrdiff_t>(size));
      see(image);
    }
  }

  std::size_t calls_ = 0;
  std::vector<File> files_;
  Names names_, durable_names_;
  std::vector<Change> pending_;
};

}  // namespace slipway::device::test
