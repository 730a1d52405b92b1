// SPDX-License-Identifier: Apache-2.0
// The one table that turns an error of ours into the CoAP code that a peer hears.
// [LwM2M-TRANSPORT 1.2 §6.7]
#pragma once

#include <cstdint>

#include <slipway/base/result.hpp>
#include <slipway/coap/message.hpp>

namespace slipway::lwm2m {

/// Every request of the Enabler, by interface.
enum class Operation : std::uint8_t {
  bootstrap_request,
  bootstrap_discover,
  bootstrap_read,
  bootstrap_write,
  bootstrap_delete,
  bootstrap_finish,
  bootstrap_pack,
  register_device,
  update,
  deregister,
  read,
  discover,
  write,
  write_attributes,
  execute,
  create,
  del,
  read_composite,
  write_composite,
  observe,
  observe_composite,
  send,
};

/// What to answer when `operation` ended in `error`. Only codes that the specification allows for the
/// operation come out; where none of its 4.xx fits, a 5.xx does. "Target not allowed" is `refused` for a
/// bootstrap operation (4.05) and "no right" for a management one (4.01); a wrong kind of target of a
/// management operation is `wrong_path` (4.05).
[[nodiscard]] coap::Code code_for(Operation operation, ErrorCode error);

/// The answer to a success: 2.04 for a Write, 2.05 for a Read, 2.01 for a Register ...
[[nodiscard]] coap::Code success_code(Operation operation);

/// A request refused before anything was done.
struct Refusal {
  coap::Code code = coap::Code::bad_request;
  const char* reason = "";  ///< a sentence for a person: a string literal, never the peer's data
};

}  // namespace slipway::lwm2m
