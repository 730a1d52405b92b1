// SPDX-License-Identifier: Apache-2.0
#include <slipway/base/result.hpp>

namespace slipway {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::truncated:
      return "truncated";
    case ErrorCode::malformed:
      return "malformed";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::no_space:
      return "no space";
    case ErrorCode::wrong_type:
      return "wrong type";
    case ErrorCode::out_of_range:
      return "out of range";
    case ErrorCode::unknown_object:
      return "unknown object";
    case ErrorCode::unknown_resource:
      return "unknown resource";
    case ErrorCode::duplicate:
      return "duplicate";
    case ErrorCode::wrong_path:
      return "wrong path";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::not_found:
      return "not found";
    case ErrorCode::refused:
      return "refused";
    case ErrorCode::exhausted:
      return "exhausted";
  }
  return "unknown error";
}

}  // namespace slipway
