// SPDX-License-Identifier: Apache-2.0
// application/vnd.oma.lwm2m+cbor. [LwM2M-CORE 1.2 §7.5.4]
//
//   payload := map { key => value }     key   := id | [ id, ... ]
//                                       value := CBOR value | map { key => value }
//
// A path is all keys on the way down, one after the other.
#include "codec/cbor_reader.hpp"
#include "codec/cbor_writer.hpp"
#include "codec/formats.hpp"

namespace slipway::codec {
namespace {

class Lwm2mCborDecoder {
 public:
  /// `start` stands before every key of the outermost map: the root, or the target where keys are
  /// relative to it.
  Lwm2mCborDecoder(EntrySink& sink, const Path& start) : sink_(sink), reader_(sink), start_(start) {}

  bool decode() {
    CborHead head;
    if (!reader_.head(head)) return false;
    if (head.major != CborMajor::map) return reader_.fail(ErrorCode::malformed, "LwM2M CBOR is a map");
    return map(head, start_) &&
           (reader_.empty() || reader_.fail(ErrorCode::malformed, "bytes after the LwM2M CBOR map"));
  }

 private:
  /// Recursion ends at four: every key adds an id, and a fifth is refused.
  bool map(CborHead& head, const Path& above) {  // NOLINT(misc-no-recursion)
    while (reader_.more(head)) {
      Path path = above;
      if (!key(path)) return false;
      const auto* at = reader_.at();
      CborHead value;
      if (!reader_.head(value)) return false;
      if (value.major != CborMajor::map) {
        if (!leaf(value, path, at)) return false;
      } else if (!value.indefinite() && value.argument == 0) {
        if (!empty(path, at)) return false;
      } else if (path.depth() == 4) {
        return sink_.fail(ErrorCode::wrong_path, "a map below a resource instance", at);
      } else if (!inside(path, at) || !map(value, path)) {
        return false;
      }
    }
    return true;
  }

  bool key(Path& path) {
    CborHead head;
    if (!reader_.head(head)) return false;
    if (head.major == CborMajor::unsigned_integer) return id(head.argument, path);
    if (head.major != CborMajor::array)
      return reader_.fail(ErrorCode::malformed, "a key is an id or an array");
    const auto depth = path.depth();
    while (reader_.more(head)) {
      CborHead item;
      if (!reader_.head(item)) return false;
      if (item.major != CborMajor::unsigned_integer)
        return reader_.fail(ErrorCode::malformed, "an id is a number");
      if (!id(item.argument, path)) return false;
    }
    return path.depth() > depth || reader_.fail(ErrorCode::malformed, "an empty key");
  }

  bool id(std::uint64_t id, Path& path) {
    if (path.depth() == 4) return reader_.fail(ErrorCode::wrong_path, "a path of more than four ids");
    // 65535 stands for an instance whose id the device chooses.
    const std::uint64_t most = path.depth() == 1 ? kReservedId : kReservedId - 1;
    if (id > most) return reader_.fail(ErrorCode::out_of_range, "an identifier above 65534");
    path = path.child(static_cast<std::uint16_t>(id));
    return true;
  }

  /// Whether `path` can lead into the target.
  bool inside(const Path& path, const std::uint8_t* at) {
    return path.contains(sink_.base()) || sink_.base().contains(path) ||
           sink_.fail(ErrorCode::wrong_path, "a key outside the target", at);
  }

  Entry* next(const Path& path, const std::uint8_t* at) {
    if (!sink_.base().contains(path)) {
      sink_.fail(ErrorCode::wrong_path, "a key outside the target", at);
      return nullptr;
    }
    sink_.note_order(key_of(path), static_cast<unsigned>(path.depth()));
    return sink_.next(at);
  }

  bool empty(const Path& path, const std::uint8_t* at) {
    if (path.depth() != 2 && path.depth() != 3)
      return path.depth() == 1 ? inside(path, at)
                               : sink_.fail(ErrorCode::wrong_path, "a map below a resource instance", at);
    auto* entry = next(path, at);
    if (entry == nullptr) return false;
    *entry = {.path = path, .kind = path.depth() == 2 ? EntryKind::instance : EntryKind::multiple};
    return true;
  }

  bool leaf(const CborHead& head, const Path& path, const std::uint8_t* at) {
    Scalar scalar;
    if (!reader_.scalar(head, scalar)) return false;
    auto* entry = next(path, at);
    if (entry == nullptr) return false;
    *entry = {.path = path, .kind = EntryKind::absent};
    if (scalar.kind == Scalar::Kind::null) return true;
    if (path.depth() < 3) return sink_.fail(ErrorCode::wrong_path, "a value that is no resource's", at);
    entry->kind = EntryKind::value;
    return to_value(scalar, sink_.type_of(path.object().value(), path.resource().value()), sink_, at,
                    entry->value);
  }

  EntrySink& sink_;
  CborReader reader_;
  Path start_;
};

class Lwm2mCborEncoder {
 public:
  Lwm2mCborEncoder(Entries entries, MutableBytes out)
      : out_(out), entry_(entries.data()), last_(entry_ + entries.size()) {}

  Encoded encode() {
    const auto head = out_.open_map();
    std::size_t pairs = 0;
    for (; entry_ != last_; ++pairs) object();
    out_.close_map(head, pairs);
    if (!out_.ok()) return fail(ErrorCode::no_space, "the output buffer is too small");
    return out_.size();
  }

 private:
  /// All entries of an object under one key: the ids that they share.
  void object() {
    const Path& first = entry_->path;
    const auto* end = entry_ + 1;
    while (end != last_ && end->path.object() == first.object()) ++end;
    const Path& last = (end - 1)->path;
    std::size_t shared = 1;
    const auto most = std::min(first.depth(), last.depth());
    while (shared < most && first.id_at(shared) == last.id_at(shared)) ++shared;
    if (shared == 1) {
      out_.head(CborMajor::unsigned_integer, first.id_at(0));
    } else {
      out_.head(CborMajor::array, shared);
      for (std::size_t i = 0; i < shared; ++i) out_.head(CborMajor::unsigned_integer, first.id_at(i));
    }
    below(end, shared);
  }

  /// What lies below `depth` ids that all entries up to `end` share; at most three levels.
  void below(const Entry* end, std::size_t depth) {  // NOLINT(misc-no-recursion)
    if (entry_->path.depth() == depth) {
      leaf(*entry_++);
      return;
    }
    const auto head = out_.open_map();
    std::size_t pairs = 0;
    for (; entry_ != end; ++pairs) {
      const auto id = entry_->path.id_at(depth);
      const auto* group = entry_ + 1;
      while (group != end && group->path.id_at(depth) == id) ++group;
      out_.head(CborMajor::unsigned_integer, id);
      below(group, depth + 1);
    }
    out_.close_map(head, pairs);
  }

  void leaf(const Entry& entry) {
    if (entry.kind == EntryKind::instance || entry.kind == EntryKind::multiple) return out_.byte(0xa0);
    out_.value(entry.value);
  }

  CborWriter out_;
  const Entry* entry_;
  const Entry* last_;
};

/// LwM2M CBOR has one value for a key: no history, and no null beside what lies below it.
Result<void> check_tree(Entries entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].path.is_root()) return fail(ErrorCode::unsupported, "LwM2M CBOR needs a path");
    if (i != 0 && entries[i - 1].path.contains(entries[i].path))
      return fail(ErrorCode::duplicate, "two values for one key");
  }
  return {};
}

}  // namespace

Encoded encode_lwm2m_cbor(const Path& base, Entries entries, MutableBytes out) {
  SLIPWAY_TRY(check_entries(base, entries));
  SLIPWAY_TRY(check_tree(entries));
  return Lwm2mCborEncoder(entries, out).encode();
}

// Keys start at the object. For Write and Create the first 1.2 text has them start below the target;
// where reading them as absolute leaves the target, they are read that way. (facts G.2 item 8)
bool decode_lwm2m_cbor(EntrySink& sink) {
  if (Lwm2mCborDecoder(sink, Path()).decode()) return true;
  if (sink.base().is_root() || sink.error().code != ErrorCode::wrong_path) return false;
  const Error absolute = sink.error();
  sink.restart();
  if (Lwm2mCborDecoder(sink, sink.base()).decode()) return true;
  if (sink.error().code != ErrorCode::wrong_path) return false;
  sink.restart();
  return sink.fail(absolute.code, absolute.detail, sink.begin() + absolute.offset);
}

}  // namespace slipway::codec
