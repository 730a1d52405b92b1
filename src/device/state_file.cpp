// SPDX-License-Identifier: Apache-2.0
#include "state_file.hpp"

#include <cerrno>
#include <cstring>

#include <slipway/base/secret.hpp>

namespace slipway::device {
namespace {

std::unexpected<std::string> problem(const std::string& file, const char* what, int error) {
  return std::unexpected(file + ": " + what + ": " + std::strerror(error) +
                         "; check the folder, its rights and its space");
}

bool is_damage(const Error& error) {
  return error.code == ErrorCode::malformed || error.code == ErrorCode::truncated;
}

}  // namespace

std::expected<StateFile::Content, std::string> StateFile::read() {
  auto found = files_.read(file_, kStateBytesMax + 1);
  if (!found) return problem(file_, "cannot be read", found.error());
  if (!*found) return Content{};
  if ((*found)->size() > kStateBytesMax) {
    wipe(**found);
    return std::unexpected(file_ +
                           ": larger than 1 MiB, so not a device's state; --factory-reset begins again from "
                           "the factory pack");
  }
  const auto whole = check_(**found);
  if (whole) return Content{.bytes = std::move(*found), .damage = {}};
  wipe(**found);
  if (is_damage(whole.error())) return read_previous(whole.error().detail);
  return std::unexpected(file_ + ": not a state that this device reads (" + whole.error().detail +
                         "); use the program that wrote it, or begin again from the factory pack with "
                         "--factory-reset");
}

/// FILE is damaged. The previous content takes its place at once: the next write must not push it out.
std::expected<StateFile::Content, std::string> StateFile::read_previous(const char* reason) {
  const std::string what = file_ + ": damaged (" + reason + ")";
  auto found = files_.read(previous(), kStateBytesMax + 1);
  const bool is_whole = found && *found && (*found)->size() <= kStateBytesMax && check_(**found).has_value();
  if (!is_whole) {
    if (found && *found) wipe(**found);
    return std::unexpected(what +
                           ", and there is no previous state; begin again from the factory pack with "
                           "--factory-reset");
  }
  if (const auto moved = files_.rename(previous(), file_); !moved) {
    wipe(**found);
    return problem(file_, "damaged, and cannot be replaced by its previous content", moved.error());
  }
  if (auto synced = sync_folder(); !synced) {
    wipe(**found);
    return std::unexpected(std::move(synced.error()));
  }
  return Content{.bytes = std::move(*found), .damage = what + "; the state before it is used"};
}

StateFile::Written StateFile::write(ByteView bytes, Keep keep) {
  if (bytes.size() > kStateBytesMax)
    return std::unexpected(file_ +
                           ": a state of more than 1 MiB is not written; the device has too many values");
  const std::string beside = file_ + ".new";
  auto written = write_new(beside, bytes);
  if (written) written = replace(beside, keep);
  if (!written) {
    (void)files_.remove(beside);  // it holds keys
    return written;
  }
  return sync_folder();
}

/// Makes a file anew and puts its content on disk.
StateFile::Written StateFile::write_new(const std::string& beside, ByteView bytes) {
  if (const auto removed = files_.remove(beside); !removed && removed.error() != ENOENT)
    return problem(beside, "cannot be replaced", removed.error());
  const auto handle = files_.create(beside);
  if (!handle) return problem(beside, "cannot be made", handle.error());
  auto filled = fill(*handle, bytes);
  files_.close(*handle);
  return filled;
}

StateFile::Written StateFile::fill(int handle, ByteView bytes) {
  while (!bytes.empty()) {
    const auto taken = files_.write(handle, bytes);
    if (!taken) return problem(file_, "cannot be written", taken.error());
    bytes = bytes.subspan(*taken);
  }
  if (const auto synced = files_.sync(handle); !synced)
    return problem(file_, "cannot be synced", synced.error());
  return {};
}

StateFile::Written StateFile::replace(const std::string& beside, Keep keep) {
  if (const auto removed = files_.remove(previous()); !removed && removed.error() != ENOENT)
    return problem(previous(), "cannot be replaced", removed.error());
  if (keep == Keep::previous) {
    // Without hard links, or without a file, there is no previous content.
    (void)files_.link(file_, previous());
  } else if (auto synced = sync_folder(); !synced) {
    return synced;
  }
  if (const auto moved = files_.rename(beside, file_); !moved)
    return problem(file_, "cannot be replaced", moved.error());
  return {};
}

StateFile::Written StateFile::sync_folder() {
  if (const auto synced = files_.sync_folder(folder_of(file_)); !synced)
    return problem(file_, "its folder cannot be synced", synced.error());
  return {};
}

}  // namespace slipway::device
