// SPDX-License-Identifier: Apache-2.0
// Which code answers an operation of a bootstrap server, by what it is aimed at: one table.
// [LwM2M-TRANSPORT 1.2 §6.7] [LwM2M-CORE 1.2 §6.1.7]
#pragma once

#include <span>

#include <slipway/client/model.hpp>
#include <slipway/coap/message.hpp>

namespace slipway::client {

/// An operation, as method and options tell it. `finish` is a POST to /bs.
enum class BootstrapVerb : std::uint8_t { discover, read, write, del, finish, unknown };
[[nodiscard]] BootstrapVerb verb_of(const coap::Message& request);

/// What a path leads to on this device.
enum class Target : std::uint8_t {
  no_path,            ///< not a path of objects
  root,               ///< /
  unknown_object,     ///< of an object that the device does not have, at any depth
  object,             ///< /o
  instance,           ///< /o/i that is there
  missing_instance,   ///< /o/i that is not there and can be made
  closed_instance,    ///< /o/i that is not there and cannot be made
  account,            ///< the bootstrap account: its /0 instance, or what it links to
  device,             ///< /3/0
  permanent,          ///< /o/i that the maker declared
  resource,           ///< /o/i/r, there or not
  resource_instance,  ///< /o/i/r/ri
};
[[nodiscard]] Target target_of(const Model& model, const Path& path);

/// One line of the table. The first that fits decides.
struct CodeRow {
  BootstrapVerb verb;
  std::optional<Target> target;                                                    ///< absent: every other
  enum class Scope : std::uint8_t { any, servers_and_rights } scope = Scope::any;  ///< the latter: /1 and /2
  coap::Code code;
  const char* refusal = nullptr;  ///< for a person; none where the operation is carried out

  [[nodiscard]] bool is_refusal() const { return refusal != nullptr; }
};
[[nodiscard]] std::span<const CodeRow> bootstrap_code_rows();
/// The row for an operation that is not Finish.
[[nodiscard]] const CodeRow& code_row(BootstrapVerb verb, Target target, const Path& path);

}  // namespace slipway::client
