// SPDX-License-Identifier: Apache-2.0
// Further instances and explicit operations of a plan.
#pragma once

#include "plan_draft.hpp"
#include "resource_reader.hpp"

namespace slipway::fleet {

/// Reads one `[[plan.X.instance]]`; what is well of it goes into the draft.
void read_instance(TableReader& table, const PlanContext& context, PlanDraft& draft);

/// Reads one `[[plan.X.before]]` or `[[plan.X.after]]`, into `plans` and beside it into `places`.
void read_operation(TableReader& table, const PlanContext& context, const DeviceModel& model,
                    std::vector<OperationPlan>& plans, std::vector<PlacedPart>& places);

/// A format by its name; a finding where it is not among `allowed`.
[[nodiscard]] std::optional<ContentFormat> read_format(TableReader& table,
                                                       std::span<const ContentFormat> allowed,
                                                       const std::string& why, const std::string& remedy);
inline constexpr ContentFormat kInstanceFormats[] = {ContentFormat::tlv, ContentFormat::senml_cbor,
                                                     ContentFormat::senml_json, ContentFormat::lwm2m_cbor};

}  // namespace slipway::fleet
