// SPDX-License-Identifier: Apache-2.0
// Errors of everything that reads bytes of a peer: one trivially copyable struct, no exceptions.
#pragma once

#include <cstdint>
#include <expected>

namespace slipway {

/// What was wrong with the input. One table (lwm2m/codes.hpp) maps these to CoAP response codes.
enum class ErrorCode : std::uint8_t {
  truncated,         ///< the input ends inside an element
  malformed,         ///< the input breaks its format's grammar
  limit,             ///< a named bound of ours would be exceeded
  no_space,          ///< the caller's output buffer is too small; nothing usable was written
  wrong_type,        ///< a value has another type than the object model says
  out_of_range,      ///< a value lies outside its type's or its resource's range
  unknown_object,    ///< no definition of that object
  unknown_resource,  ///< the object has no such resource
  duplicate,         ///< the same thing stands twice
  wrong_path,        ///< a path that does not fit the target or the operation
  unsupported,       ///< well-formed, but not something that is done here (format, version, option)
  not_found,         ///< the thing named does not exist
  refused,           ///< known, understood, and not allowed
  exhausted,         ///< a bounded table of ours is full; try later
};

/// `detail` is a string literal: it names the rule that was broken, never the data.
struct Error {
  ErrorCode code = ErrorCode::malformed;
  std::uint32_t offset = 0;  ///< byte of the input where it was noticed; 0 when there is no input
  const char* detail = "";
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] constexpr std::unexpected<Error> fail(ErrorCode code, const char* detail,
                                                    std::size_t offset = 0) {
  return std::unexpected(Error{code, static_cast<std::uint32_t>(offset), detail});
}

/// The field's short name of an error code, e.g. "truncated".
[[nodiscard]] const char* to_string(ErrorCode code);

}  // namespace slipway

/// Evaluates an expected; on an error returns that error from the enclosing function.
#define SLIPWAY_TRY(expression)                                        \
  do {                                                                 \
    if (auto&& slipway_try_result = (expression); !slipway_try_result) \
      return std::unexpected(slipway_try_result.error());              \
  } while (false)

#define SLIPWAY_CONCAT_INNER(a, b) a##b
#define SLIPWAY_CONCAT(a, b) SLIPWAY_CONCAT_INNER(a, b)

/// `SLIPWAY_ASSIGN(auto length, reader.u16())`: binds the value, or returns the error.
#define SLIPWAY_ASSIGN(declaration, expression) \
  SLIPWAY_ASSIGN_INNER(SLIPWAY_CONCAT(slipway_result_, __LINE__), declaration, expression)
#define SLIPWAY_ASSIGN_INNER(name, declaration, expression) \
  auto&& name = (expression);                               \
  if (!name) return std::unexpected(name.error());          \
  declaration = *std::move(name)
