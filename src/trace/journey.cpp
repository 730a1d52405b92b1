// SPDX-License-Identifier: Apache-2.0
#include <slipway/trace/journey.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::trace {

using nlohmann::json;

void Journey::add(Row row) {
  auto& messages = row.direction == Direction::up ? traffic.messages_up : traffic.messages_down;
  auto& bytes = row.direction == Direction::up ? traffic.bytes_up : traffic.bytes_down;
  ++messages;
  bytes += row.wire_size;
  duration = std::max(duration, row.at);
  if (rows.size() >= kRowsMax) {
    ++rows_dropped;
    return;
  }
  std::size_t size = 0;
  for (const auto& value : row.values) size += value.size();
  if (text_bytes + size > kJourneyTextMax) {
    row.values = {"… " + std::to_string(row.values.size()) + " lines not kept"};
    size = row.values[0].size();
  }
  text_bytes += size + row.path.size() + row.detail.size();
  rows.push_back(std::move(row));
}

void Journey::annotate(std::string text) {
  if (rows.empty() || rows_dropped != 0 || text_bytes + text.size() > kJourneyTextMax) return;
  auto& values = rows.back().values;
  if (values.size() > kValueLinesMax) return;
  text_bytes += text.size();
  values.push_back(std::move(text));
}

const char* to_string(Interface interface) {
  switch (interface) {
    case Interface::unknown:
      return "unknown";
    case Interface::bootstrap:
      return "bootstrap";
    case Interface::management:
      return "management";
  }
  return "unknown";
}

namespace {

Interface interface_from(const std::string& text) {
  if (text == "bootstrap") return Interface::bootstrap;
  return text == "management" ? Interface::management : Interface::unknown;
}

/// Bytes of a peer may not be UTF-8; JSON must be.
std::string utf8(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

Row row_from(const json& in) {
  Row row;
  row.at = Duration(in.at("at_us").get<std::int64_t>());
  row.direction = in.at("direction") == "up" ? Direction::up : Direction::down;
  row.wire_size = in.at("wire_bytes").get<std::size_t>();
  row.type = in.at("type").get<std::string>();
  row.code = in.at("code").get<std::string>();
  row.path = in.value("path", "");
  row.operation = in.value("operation", "");
  row.detail = in.value("detail", "");
  for (const auto& value : in.value("values", json::array())) {
    if (row.values.size() > kValueLinesMax) break;  // one more says how many are not there
    row.values.push_back(value.get<std::string>());
  }
  return row;
}

}  // namespace

json to_json(const Row& row) {
  json out{{"at_us", row.at.count()},
           {"direction", row.direction == Direction::up ? "up" : "down"},
           {"wire_bytes", row.wire_size},
           {"type", utf8(row.type)},
           {"code", utf8(row.code)}};
  if (!row.path.empty()) out["path"] = utf8(row.path);
  if (!row.operation.empty()) out["operation"] = utf8(row.operation);
  if (!row.detail.empty()) out["detail"] = utf8(row.detail);
  if (!row.values.empty()) {
    out["values"] = json::array();
    for (const auto& value : row.values) out["values"].push_back(utf8(value));
  }
  return out;
}

json to_json(const Journey& journey) {
  json rows = json::array();
  for (const auto& row : journey.rows) rows.push_back(to_json(row));
  const auto& traffic = journey.traffic;
  json out{{"endpoint", utf8(journey.endpoint)},
           {"interface", to_string(journey.interface)},
           {"began_ms", journey.began.time_since_epoch().count()},
           {"duration_us", journey.duration.count()},
           {"peer", utf8(journey.peer)},
           {"outcome", utf8(journey.outcome)},
           {"traffic",
            {{"messages_up", traffic.messages_up},
             {"messages_down", traffic.messages_down},
             {"bytes_up", traffic.bytes_up},
             {"bytes_down", traffic.bytes_down}}},
           {"rows_dropped", journey.rows_dropped},
           {"rows", std::move(rows)}};
  if (!journey.reason.empty()) out["reason"] = utf8(journey.reason);
  if (!journey.remedy.empty()) out["remedy"] = utf8(journey.remedy);
  return out;
}

Result<Journey> journey_from_json(const json& in) {
  try {
    Journey journey;
    journey.endpoint = in.at("endpoint").get<std::string>();
    journey.interface = interface_from(in.at("interface").get<std::string>());
    journey.began = UnixTime(milliseconds(in.at("began_ms").get<std::int64_t>()));
    journey.duration = Duration(in.at("duration_us").get<std::int64_t>());
    journey.peer = in.value("peer", "");
    journey.outcome = in.value("outcome", "");
    journey.reason = in.value("reason", "");
    journey.remedy = in.value("remedy", "");
    for (const auto& row : in.at("rows")) {
      if (journey.rows.size() >= kRowsMax) return fail(ErrorCode::limit, "a journey has at most 512 rows");
      journey.rows.push_back(row_from(row));
    }
    const auto& traffic = in.at("traffic");
    journey.traffic = {traffic.at("messages_up"), traffic.at("messages_down"), traffic.at("bytes_up"),
                       traffic.at("bytes_down")};
    journey.rows_dropped = in.value("rows_dropped", std::uint64_t{0});
    return journey;
  } catch (const json::exception&) {
    return fail(ErrorCode::malformed, "this is not a journey as the HTTP API writes it");
  }
}

}  // namespace slipway::trace
