// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <cstring>

#include <slipway/net/system_error.hpp>

namespace slipway::net {
namespace {

std::string reason(int errno_value) {
  const char* text = strerrordesc_np(errno_value);
  if (text == nullptr) return "error " + std::to_string(errno_value);
  std::string lowered = text;
  // "Address already in use" continues a sentence, "RPC ..." stays as it is.
  if (lowered.size() > 1 && std::islower(static_cast<unsigned char>(lowered[1])))
    lowered[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(lowered[0])));
  return lowered;
}

}  // namespace

std::string SystemError::message() const {
  std::string text = what;
  if (errno_value != 0) text += ": " + reason(errno_value);
  if (!remedy.empty()) text += "; " + remedy;
  return text;
}

}  // namespace slipway::net
