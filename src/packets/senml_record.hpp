// SPDX-License-Identifier: Apache-2.0
// What SenML JSON and SenML CBOR share here: the members of a record, and where they lie. [RFC 8428 §4]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "packets/payload.hpp"

namespace slipway::packets {

struct SenmlMember {
  const std::uint8_t* end = nullptr;  ///< where it ends; it begins where what stands before it ends
  std::string label;                  ///< "bn", "n", "vs"
  std::string text;                   ///< of its value
  std::string meaning;                ///< how it is written
};

/// Base names persist from record to record.
class SenmlRecords {
 public:
  explicit SenmlRecords(Body& body) : body_(body) {}
  /// Writes the fields of one record.
  void add(const std::vector<SenmlMember>& members);

 private:
  Body& body_;
  std::string base_name_;
};

}  // namespace slipway::packets
