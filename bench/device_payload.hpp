// SPDX-License-Identifier: Apache-2.0
// The Device instance that codec measurements use: ten resources, two of them multiple.
#pragma once

#include <array>

#include <slipway/codec/payload.hpp>

namespace slipway::bench {

inline const Path kDevice{ObjectId(3), InstanceId(0)};

inline Path resource(std::uint16_t id) {
  return kDevice.child(id);
}

inline std::array<Entry, 11> device_entries() {
  return {{
      {.path = resource(0), .value = Value::string("Open Mobile Alliance")},
      {.path = resource(1), .value = Value::string("Lightweight M2M Client")},
      {.path = resource(2), .value = Value::string("345000123")},
      {.path = resource(3), .value = Value::string("1.0")},
      {.path = resource(6).child(0), .value = Value::integer(1)},
      {.path = resource(6).child(1), .value = Value::integer(5)},
      {.path = resource(9), .value = Value::integer(100)},
      {.path = resource(11).child(0), .value = Value::integer(0)},
      {.path = resource(13), .value = Value::time(1367491215)},
      {.path = resource(14), .value = Value::string("+02:00")},
      {.path = resource(16), .value = Value::string("U")},
  }};
}

}  // namespace slipway::bench
