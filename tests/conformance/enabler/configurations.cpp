// SPDX-License-Identifier: Apache-2.0
// Configurations of the specification. [LwM2M-ETS 1.2 App. C]
#include "lab.hpp"

namespace slipway::enabler {

std::vector<Entry> bootstrap_contact() {
  return {entry("/0/1/0", Value::string(kBootstrapUri)),
          entry("/0/1/1", Value::boolean(true)),
          entry("/0/1/2", Value::integer(0)),
          entry("/0/1/3", Value::opaque(as_bytes(kBootstrapIdentity))),
          entry("/0/1/4", Value::opaque({})),
          entry("/0/1/5", Value::opaque(as_bytes(kBootstrapKey)))};
}

std::vector<Entry> basic_configuration(std::string_view uri, std::int64_t lifetime) {
  return {
      entry("/0/0/0", Value::string(uri)),       entry("/0/0/1", Value::boolean(false)),
      entry("/0/0/2", Value::integer(0)),        entry("/0/0/3", Value::opaque(as_bytes(kServerIdentity))),
      entry("/0/0/4", Value::opaque({})),        entry("/0/0/5", Value::opaque(as_bytes(kServerKey))),
      entry("/0/0/10", Value::integer(1)),       entry("/1/0/0", Value::integer(1)),
      entry("/1/0/1", Value::integer(lifetime)), entry("/1/0/6", Value::boolean(false)),
      entry("/1/0/7", Value::string("U"))};
}

fleet::Plan basic_plan(std::string_view uri) {
  fleet::Plan plan{.name = "ets"};
  plan.servers.push_back(
      {.id = ShortServerId(1), .uri = std::string(uri), .lifetime_s = 86400, .notification_storing = false});
  return plan;
}

}  // namespace slipway::enabler
