// SPDX-License-Identifier: Apache-2.0
// What the store suite asks of a backend. A new backend adds one line to kBackends (backend.cpp).
#pragma once

#include <functional>
#include <memory>
#include <span>

#include <slipway/base/random.hpp>
#include <slipway/storage/store.hpp>

namespace slipway::storage {

/// An installation's storage, empty at first; the same data at every `open`, also from another process.
class Installation {
 public:
  virtual ~Installation() = default;
  [[nodiscard]] virtual StoreResult<std::unique_ptr<Store>> open(Random& random) = 0;
};

struct Backend {
  const char* name;
  std::unique_ptr<Installation> (*install)();
};

[[nodiscard]] std::span<const Backend> backends();

}  // namespace slipway::storage
