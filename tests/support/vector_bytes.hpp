// SPDX-License-Identifier: Apache-2.0
// Lets a fuzz harness start from files of vectors, which are text.
#pragma once

#include <string>
#include <string_view>

#include <slipway/base/bytes.hpp>

namespace slipway::testing {

/// Calls `each` with the bytes of every block of a file of vectors (all of its `hex` lines), and with an
/// input that is no such file as it is.
template <class Function>
void for_each_vector(ByteView input, const Function& each) {
  auto text = as_text(input);
  if (!text.starts_with("# ") || text.find("\nvector ") == std::string_view::npos) return each(input);
  for (auto block = text.find("\nvector "); block != std::string_view::npos;) {
    const auto end = text.find("\nvector ", block + 1);
    const auto lines = text.substr(block, end == std::string_view::npos ? end : end - block);
    Bytes bytes;
    for (auto at = lines.find("\nhex "); at != std::string_view::npos; at = lines.find("\nhex ", at + 1)) {
      const auto part = from_hex(lines.substr(at + 5, lines.find('\n', at + 1) - at - 5));
      if (part) bytes.insert(bytes.end(), part->begin(), part->end());
    }
    each(ByteView(bytes));
    block = end;
  }
}

}  // namespace slipway::testing
