// SPDX-License-Identifier: Apache-2.0
#include <slipway/client/tree.hpp>

#include <limits>

namespace slipway::client {

StoredValue::StoredValue(const Value& value) {
  switch (value.type()) {
    case DataType::string:
      fixed_ = Value::string({});
      break;
    case DataType::corelnk:
      fixed_ = Value::corelnk({});
      break;
    case DataType::opaque:
      fixed_ = Value::opaque({});
      break;
    default:
      fixed_ = value;
      return;
  }
  bytes_ = Secret(value.as_opaque());
}

Value StoredValue::view() const {
  switch (fixed_.type()) {
    case DataType::string:
      return Value::string(as_text(bytes_.reveal()));
    case DataType::corelnk:
      return Value::corelnk(as_text(bytes_.reveal()));
    case DataType::opaque:
      return Value::opaque(bytes_.reveal());
    default:
      return fixed_;
  }
}

namespace {

std::size_t size_of(const Value& value) {
  switch (value.type()) {
    case DataType::string:
    case DataType::corelnk:
    case DataType::opaque:
      return value.as_opaque().size();
    default:
      return 0;
  }
}

}  // namespace

Result<void> Tree::insert(const Path& path, StoredValue value) {
  const auto found = values_.find(path);
  const auto old_size = found == values_.end() ? 0 : size_of(found->second.view());
  const auto new_bytes = bytes_ - old_size + size_of(value.view());
  if (new_bytes > bounds_.bytes_max) return fail(ErrorCode::limit, "the device stores no more bytes");
  if (found == values_.end()) {
    if (values_.size() >= bounds_.values_max)
      return fail(ErrorCode::limit, "the device stores no more values");
    values_.emplace(path, std::move(value));
  } else {
    found->second = std::move(value);
  }
  bytes_ = new_bytes;
  return {};
}

Result<void> Tree::put(const Path& path, const Value& value) {
  if (!path.has_resource()) return fail(ErrorCode::wrong_path, "a value is stored in a resource");
  if (!values_.contains(path.prefix(2))) SLIPWAY_TRY(mark(path.prefix(2)));
  StoredValue stored(value);  // first, as `value` may point into what is erased now
  if (path.has_resource_instance()) {
    const auto single = values_.find(path.prefix(3));
    if (single != values_.end()) erase(path.prefix(3));
  } else {
    erase(path);
  }
  return insert(path, std::move(stored));
}

Result<void> Tree::mark(const Path& path) {
  if (path.level() != PathLevel::instance && path.level() != PathLevel::resource)
    return fail(ErrorCode::wrong_path, "only object instances and multiple resources are marked");
  if (path.has_resource()) {
    if (!values_.contains(path.prefix(2))) SLIPWAY_TRY(mark(path.prefix(2)));
    erase(path);
  } else if (values_.contains(path)) {
    return {};
  }
  return insert(path, StoredValue());
}

bool Tree::erase(const Path& path) {
  const auto begin = values_.lower_bound(path);
  auto end = begin;
  for (; end != values_.end() && path.contains(end->first); ++end) bytes_ -= size_of(end->second.view());
  const bool any = begin != end;
  values_.erase(begin, end);
  return any;
}

void Tree::clear() {
  values_.clear();
  bytes_ = 0;
}

std::optional<Value> Tree::find(const Path& path) const {
  const auto found = values_.find(path);
  if (found == values_.end()) return std::nullopt;
  return found->second.view();
}

Tree::Range Tree::below(const Path& path) const {
  const auto begin = values_.lower_bound(path);
  auto end = begin;
  while (end != values_.end() && path.contains(end->first)) ++end;
  return {begin, end};
}

std::optional<std::int64_t> Tree::integer(const Path& path) const {
  const auto value = find(path);
  if (!value) return std::nullopt;
  if (value->type() == DataType::integer || value->type() == DataType::time) return value->as_integer();
  if (value->type() != DataType::unsigned_integer) return std::nullopt;
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  return value->as_unsigned() > static_cast<std::uint64_t>(kMax)
             ? kMax
             : static_cast<std::int64_t>(value->as_unsigned());
}

std::optional<bool> Tree::boolean(const Path& path) const {
  const auto value = find(path);
  if (!value || value->type() != DataType::boolean) return std::nullopt;
  return value->as_boolean();
}

std::string_view Tree::text(const Path& path) const {
  const auto value = find(path);
  return value && value->type() == DataType::string ? value->as_text() : std::string_view();
}

ByteView Tree::opaque(const Path& path) const {
  const auto value = find(path);
  return value && value->type() == DataType::opaque ? value->as_opaque() : ByteView();
}

}  // namespace slipway::client
