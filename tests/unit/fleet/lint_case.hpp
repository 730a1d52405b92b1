// SPDX-License-Identifier: Apache-2.0
// A case of lint: what stands in a file, and the findings that it must give. Plans to put the case into.
#pragma once

#include <gtest/gtest.h>

#include <slipway/fleet/configuration.hpp>
#include <slipway/model/ddf.hpp>

#include "key_material.hpp"

namespace slipway::fleet::test {

inline const ObjectCatalog& catalog() {
  static const auto loaded = load_directory(SLIPWAY_SOURCE "/examples/objects");
  return loaded.registry;
}

inline std::vector<std::string> findings(const std::string& text) {
  static const KeyMaterial material;
  std::vector<std::string> all;
  const auto read = parse_configuration(text, "f.toml", catalog(), material.options());
  for (const auto& finding : read ? read->warnings : read.error()) all.push_back(finding.text());
  return all;
}

inline const std::string kForMany = "[[enrolment]]\nendpoints = [\"d*\"]\nplan = \"p\"\n";  // lines 1 to 3
inline const std::string kForOne = "[[enrolment]]\nendpoints = [\"d\"]\nplan = \"p\"\n";    // lines 1 to 3
inline const std::string kServer = "[[plan.p.server]]\nid = 101\nuri = \"coaps://h\"\n";    // lines 4 to 6
inline const std::string kSecond = "[[plan.p.server]]\nid = 102\nuri = \"coaps://i\"\n";

/// A plan for many devices; `more` begins at line 7, inside its account.
inline std::string plan(const std::string& more) {
  return kForMany + kServer + more;
}
/// The same with a plan for one device, that may hold a key.
inline std::string plan_of_one(const std::string& more) {
  return kForOne + kServer + more;
}
/// An account with a certificate.
inline std::string x509(const std::string& more) {
  return plan("credential = \"own\"\n" + more);
}
/// An authority behind the plan; `more` begins at line 8.
inline std::string authority(const std::string& more) {
  return plan("[authority.a]\n" + more);
}
inline std::string instance(const std::string& text) {
  return "[[plan.p.instance]]\n" + text + "\n";
}
/// An OSCORE context that an account links to.
inline std::string oscore(const std::string& values) {
  return plan_of_one("security_resources = { \"17\" = \"21:0\" }\n" +
                     instance("path = \"/21/0\"\nvalues = [ " + values + " ]"));  // values at line 10
}

struct Case {
  const char* name;
  std::string text;
  std::vector<std::string> expected;
};
inline void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

}  // namespace slipway::fleet::test
