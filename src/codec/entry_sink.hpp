// SPDX-License-Identifier: Apache-2.0
// Where every decoder puts what it reads: bounded, typed by the object model, with one error slot.
#pragma once

#include <functional>
#include <optional>

#include <slipway/codec/payload.hpp>

namespace slipway::codec {

/// A path as one number, so that paths compare in one instruction: object in the top 16 bits.
[[nodiscard]] inline std::uint64_t key_of(const Path& path) {
  return std::uint64_t{path.id_at(0)} << 48 | std::uint64_t{path.id_at(1)} << 32 |
         std::uint64_t{path.id_at(2)} << 16 | std::uint64_t{path.id_at(3)};
}

[[nodiscard]] inline Path path_of(std::uint64_t key, unsigned depth) {
  const ObjectId object(static_cast<std::uint16_t>(key >> 48));
  const InstanceId instance(static_cast<std::uint16_t>(key >> 32));
  const ResourceId resource(static_cast<std::uint16_t>(key >> 16));
  if (depth == 3) return {object, instance, resource};
  if (depth == 4) return {object, instance, resource, ResourceInstanceId(static_cast<std::uint16_t>(key))};
  if (depth == 2) return {object, instance};
  return depth == 1 ? Path(object) : Path();
}

/// Decoders report failure as `false` and leave the reason here: a check per call, no wrapped values.
class EntrySink {
 public:
  EntrySink(const Path& base, ByteView payload, const DecodeOptions& options, const DecodeBuffers& buffers)
      : base_(base),
        payload_(payload),
        options_(options),
        first_(buffers.entries.data()),
        at_(first_),
        end_(first_ + buffers.entries.size()),
        scratch_(buffers.scratch) {}

  [[nodiscard]] const Path& base() const { return base_; }
  [[nodiscard]] const std::uint8_t* begin() const { return payload_.data(); }
  [[nodiscard]] const std::uint8_t* end() const { return payload_.data() + payload_.size(); }
  /// What was read so far.
  [[nodiscard]] std::span<const Entry> entries() const { return {first_, at_}; }

  /// Keeps the first reason; `at` points into the payload. Returns false.
  bool fail(ErrorCode code, const char* detail, const std::uint8_t* at) {
    keep_error(code, detail, at);
    return false;
  }
  [[nodiscard]] const Error& error() const { return error_ ? *error_ : kNoReason; }

  /// The definition of an object, looked up once per run of entries of that object.
  [[nodiscard]] const ObjectDefinition* definition_of(std::uint16_t object) {
    if (object != object_) look_up(object);
    return definition_;
  }
  /// `none` where nothing is defined.
  [[nodiscard]] DataType type_of(std::uint16_t object, std::uint16_t resource) {
    return type_in(definition_of(object), resource);
  }
  [[nodiscard]] static DataType type_in(const ObjectDefinition* definition, std::uint16_t resource) {
    if (definition == nullptr) return DataType::none;
    const auto* found = definition->find(ResourceId(resource));
    return found == nullptr ? DataType::none : found->type;
  }

  /// The place for one more entry, or nullptr when the buffer is full (and then it has failed).
  [[nodiscard]] Entry* next(const std::uint8_t* at) {
    if (at_ == end_) [[unlikely]] {
      fail_full(at);
      return nullptr;
    }
    return at_++;
  }
  bool fail_full(const std::uint8_t* at) {
    return fail(ErrorCode::limit, "more entries than the reader takes", at);
  }
  /// The same in three steps, for a loop that holds the place itself.
  [[nodiscard]] Entry* place() const { return at_; }
  [[nodiscard]] const Entry* limit() const { return end_; }
  void set_place(Entry* place) { at_ = place; }
  [[nodiscard]] bool full() const { return at_ == end_; }
  /// Says that entries did not come in strictly ascending order, so that finish() has to look for
  /// duplicates.
  void mark_unordered() { unordered_ = true; }
  /// The same, told from one path to the next.
  void note_order(std::uint64_t key, unsigned depth) {
    // Ascending, and not below the path before: then nothing can stand twice.
    if (key <= last_key_ || (depth > last_depth_ && (key ^ last_key_) <= last_rest_)) unordered_ = true;
    if (depth != last_depth_) {
      last_depth_ = depth;
      last_rest_ = depth == 4 ? 0 : ~std::uint64_t{0} >> (16 * depth);
    }
    last_key_ = key;
  }

  /// Room for rebuilt text of at least one byte, or nullptr when the scratch is full (and then it has
  /// failed).
  [[nodiscard]] std::uint8_t* take_scratch(std::size_t size, const std::uint8_t* at);
  /// Gives back the end of the last take_scratch().
  void return_scratch(std::size_t size) { scratch_used_ -= size; }

  [[nodiscard]] std::size_t scratch_mark() const { return scratch_used_; }
  /// Gives back all that was taken since the mark.
  void scratch_reset(std::size_t mark) { scratch_used_ = mark; }
  /// Where a view of the scratch can be written, or nullptr for a view of the payload.
  [[nodiscard]] std::uint8_t* scratch_at(ByteView view) const {
    const std::less<const std::uint8_t*> before;
    const auto* end = scratch_.data() + scratch_.size();
    const bool inside =
        !scratch_.empty() && !before(view.data(), scratch_.data()) && before(view.data(), end);
    return inside ? scratch_.data() + (view.data() - scratch_.data()) : nullptr;
  }

  /// Forgets what was read, for a second attempt with another meaning of the keys.
  void restart();

  [[nodiscard]] Result<std::span<Entry>> finish() {
    if (error_ || (unordered_ && !check_duplicates())) return std::unexpected(error());
    return std::span<Entry>(first_, at_);
  }

 private:
  void keep_error(ErrorCode code, const char* detail, const std::uint8_t* at);
  void look_up(std::uint16_t object);
  [[nodiscard]] bool check_duplicates();

  const Path& base_;
  ByteView payload_;
  const DecodeOptions& options_;
  Entry* first_;
  Entry* at_;
  Entry* end_;
  MutableBytes scratch_;
  std::uint32_t object_ = 0x10000;  // no object has this id
  unsigned last_depth_ = 4;
  std::size_t scratch_used_ = 0;
  const ObjectDefinition* definition_ = nullptr;
  std::uint64_t last_key_ = 0;
  std::uint64_t last_rest_ = 0;  // the bits of the ids that the last path does not have
  bool unordered_ = false;
  std::optional<Error> error_;
  static constexpr Error kNoReason{};
};

}  // namespace slipway::codec
