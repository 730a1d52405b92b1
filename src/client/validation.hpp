// SPDX-License-Identifier: Apache-2.0
// Whether accounts and the rest of a configuration make sense together. [LwM2M-CORE 1.2 §6.1.6]
#pragma once

#include <optional>

#include <slipway/client/credentials.hpp>
#include <slipway/client/model.hpp>

namespace slipway::client {

/// What is wrong, for the answer to a Finish and for a person. It never holds a value.
struct Inconsistency {
  Path place;
  const char* rule;
};

enum class Purpose : std::uint8_t {
  finish,   ///< a bootstrap session ends: there must be a complete server account
  factory,  ///< a device leaves the factory: some account must be there
};

/// What a validation may ask beyond the model.
struct Checks {
  const CredentialChecker* credentials = nullptr;
  OwnCertificate own_certificate = OwnCertificate::none;
  std::string_view endpoint{};
  std::optional<UnixTime> now{};
  std::string_view transports{};  ///< letters of those that the device has; empty: not known here
};

/// The first thing that is wrong with the model's stored part, or nothing.
[[nodiscard]] std::optional<Inconsistency> validate(const Model& model, Purpose purpose,
                                                    const Checks& checks = {});

}  // namespace slipway::client
