// SPDX-License-Identifier: Apache-2.0
// What somebody wants of the world; a run lasts until it is reached.
#pragma once

#include <string>

namespace slipway::sim {

class Goal {
 public:
  Goal() = default;
  virtual ~Goal() = default;
  Goal(const Goal&) = delete;
  Goal& operator=(const Goal&) = delete;

  [[nodiscard]] virtual bool done() const = 0;
  /// Where it stands, for a person.
  [[nodiscard]] virtual std::string where() const = 0;
  /// After everything has ended.
  virtual void check_totals() const {}
};

}  // namespace slipway::sim
