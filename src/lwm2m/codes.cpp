// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/codes.hpp>

#include <array>

namespace slipway::lwm2m {
namespace {

using coap::Code;

/// One row of [LwM2M-TRANSPORT 1.2 Table 6.7-1]; a column for each kind of error.
struct Row {
  Operation operation;
  Code success;
  Code input;        ///< rubbish: truncated, malformed, wrong type, out of range, duplicate
  Code path;         ///< wrong_path: an operation that this kind of target does not have
  Code missing;      ///< not_found, unknown_object, unknown_resource
  Code refused;      ///< known and not allowed
  Code unsupported;  ///< a format, version or option that is not done here
  Code large;        ///< limit: more than is taken here
};

constexpr auto k400 = Code::bad_request;
constexpr auto k401 = Code::unauthorized;
constexpr auto k403 = Code::forbidden;
constexpr auto k404 = Code::not_found;
constexpr auto k405 = Code::method_not_allowed;
constexpr auto k406 = Code::not_acceptable;
constexpr auto k412 = Code::precondition_failed;
constexpr auto k413 = Code::request_entity_too_large;
constexpr auto k415 = Code::unsupported_content_format;
constexpr auto k500 = Code::internal_server_error;
constexpr auto k501 = Code::not_implemented;

// clang-format off
constexpr std::array<Row, 22> kRows{{
    // operation                     success        input path  miss  refus unsup large
    {Operation::bootstrap_request,  Code::changed, k400, k400, k400, k400, k415, k400},
    {Operation::bootstrap_discover, Code::content, k400, k400, k404, k400, k400, k500},
    {Operation::bootstrap_read,     Code::content, k400, k405, k404, k405, k406, k500},
    {Operation::bootstrap_write,    Code::changed, k400, k400, k400, k400, k415, k500},
    {Operation::bootstrap_delete,   Code::deleted, k400, k400, k400, k400, k400, k500},
    {Operation::bootstrap_finish,   Code::changed, k406, k400, k406, k406, k406, k406},
    {Operation::bootstrap_pack,     Code::content, k400, k405, k404, k405, k501, k500},
    {Operation::register_device,    Code::created, k400, k400, k400, k403, k412, k413},
    {Operation::update,             Code::changed, k400, k400, k404, k404, k400, k413},
    {Operation::deregister,         Code::deleted, k400, k400, k404, k404, k400, k413},
    {Operation::read,               Code::content, k400, k405, k404, k401, k406, k500},
    {Operation::discover,           Code::content, k400, k405, k404, k401, k400, k500},
    {Operation::write,              Code::changed, k400, k405, k404, k401, k415, k413},
    {Operation::write_attributes,   Code::changed, k400, k405, k404, k401, k400, k400},
    {Operation::execute,            Code::changed, k400, k405, k404, k401, k400, k413},
    {Operation::create,             Code::created, k400, k405, k404, k401, k415, k413},
    {Operation::del,                Code::deleted, k400, k405, k404, k401, k400, k400},
    {Operation::read_composite,     Code::content, k400, k405, k404, k401, k415, k413},
    {Operation::write_composite,    Code::changed, k400, k405, k404, k401, k415, k413},
    {Operation::observe,            Code::content, k400, k405, k404, k401, k406, k500},
    {Operation::observe_composite,  Code::content, k400, k405, k404, k401, k415, k413},
    {Operation::send,               Code::changed, k400, k400, k404, k400, k400, k413},
}};
// clang-format on

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].operation) != i) return false;
  return true;
}
static_assert(rows_stand_in_order());

const Row& row(Operation operation) {
  return kRows[static_cast<std::size_t>(operation)];
}

}  // namespace

coap::Code code_for(Operation operation, ErrorCode error) {
  const auto& codes = row(operation);
  switch (error) {
    case ErrorCode::truncated:
    case ErrorCode::malformed:
    case ErrorCode::wrong_type:
    case ErrorCode::out_of_range:
    case ErrorCode::duplicate:
      return codes.input;
    case ErrorCode::wrong_path:
      return codes.path;
    case ErrorCode::unknown_object:
    case ErrorCode::unknown_resource:
    case ErrorCode::not_found:
      return codes.missing;
    case ErrorCode::refused:
      return codes.refused;
    case ErrorCode::unsupported:
      return codes.unsupported;
    case ErrorCode::limit:
      return codes.large;
    case ErrorCode::no_space:
      return k500;
    case ErrorCode::exhausted:
      return Code::service_unavailable;
  }
  return k500;
}

coap::Code success_code(Operation operation) {
  return row(operation).success;
}

}  // namespace slipway::lwm2m
