// SPDX-License-Identifier: Apache-2.0
// How often this program has called operator new.
#pragma once

#include <cstddef>

namespace slipway::test {
extern std::size_t allocations;
}  // namespace slipway::test
