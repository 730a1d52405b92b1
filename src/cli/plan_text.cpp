// SPDX-License-Identifier: Apache-2.0
#include "plan_text.hpp"

#include <algorithm>

namespace slipway::cli {
namespace {

constexpr std::size_t kBytesPerLine = 16;

class Painter {
 public:
  explicit Painter(Paint paint) : on_(paint == Paint::colour) {}
  [[nodiscard]] std::string in(const char* code, const std::string& text) const {
    return on_ ? std::string("\033[") + code + "m" + text + "\033[0m" : text;
  }
  [[nodiscard]] std::string bold(const std::string& text) const { return in("1", text); }
  [[nodiscard]] std::string faint(const std::string& text) const { return in("2", text); }

 private:
  bool on_;
};

std::string bytes_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

/// "44", or ".." of a key.
std::string byte_text(const RehearsedMessage& message, std::size_t at) {
  return message.secret[at] ? ".." : to_hex(ByteView(message.bytes).subspan(at, 1));
}

std::string hex_line(const RehearsedMessage& message) {
  std::string text;
  for (std::size_t at = 0; at < message.bytes.size(); ++at) text += byte_text(message, at);
  return text;
}

/// "0010  ff 06 00 ..", letters beside it.
std::string hex_dump(const RehearsedMessage& message, const Painter& paint) {
  std::string text;
  for (std::size_t line = 0; line < message.bytes.size(); line += kBytesPerLine) {
    char offset[24];
    std::snprintf(offset, sizeof offset, "%04zx", line);
    std::string hex, letters;
    for (std::size_t at = line; at < line + kBytesPerLine; ++at) {
      if (at >= message.bytes.size()) {
        hex += "   ";
        continue;
      }
      hex += " " + byte_text(message, at);
      const auto byte = message.bytes[at];
      letters += !message.secret[at] && byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    text += "      " + paint.faint(std::string(offset) + " " + hex + "  " + letters) + "\n";
  }
  return text;
}

std::string headline(const RehearsedOperation& operation) {
  std::string text = operation.name;
  text += "  " + std::string(coap::describe(operation.code).view());
  if (!operation.path.empty()) text += " " + operation.path;
  if (operation.format && operation.payload_size != 0)
    text += "  " + std::string(to_string(*operation.format));
  return text;
}

std::string sizes(const RehearsedOperation& operation) {
  std::string text = bytes_text(operation.wire_size()) + " on the wire";
  if (operation.payload_size != 0) text += ", payload " + std::to_string(operation.payload_size);
  if (operation.messages.size() > 1)
    text += ", in " + std::to_string(operation.messages.size()) + " messages";
  return text;
}

struct Totals {
  std::size_t messages = 0, wire = 0, payload = 0;
};
Totals totals(const Rehearsal& rehearsal) {
  Totals all;
  for (const auto& operation : rehearsal.operations) {
    all.messages += operation.messages.size();
    all.wire += operation.wire_size();
    all.payload += operation.payload_size;
  }
  return all;
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string account_text(const fleet::ServerAccountPlan& server) {
  return "  server " + std::to_string(server.id.value()) + "  " + server.uri + "  " +
         fleet::to_string(server.credential) +
         (server.authority ? " of authority " + server.authority->name : "") + "\n";
}

/// What a plan has beside its servers, in words.
std::string parts_text(const fleet::Plan& plan) {
  std::vector<std::string> parts;
  const auto add = [&](std::size_t count, const std::string& what) {
    if (count != 0) parts.push_back(counted(count, what));
  };
  add(plan.access.size(), "access control");
  add(plan.instances.size(), "further instance");
  add(plan.before.size() + plan.after.size(), "explicit operation");
  if (plan.existing == fleet::Existing::replace) parts.emplace_back("replaces everything");
  if (plan.others == fleet::OtherAccounts::keep) parts.emplace_back("keeps other accounts");
  if (plan.discover == fleet::DiscoverFirst::no) parts.emplace_back("no discover");
  if (plan.format) parts.push_back(std::string("always in ") + to_string(*plan.format));
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "  " : ", ") + part;
  return text.empty() ? text : text + "\n";
}

}  // namespace

std::string to_line(const fleet::Finding& finding, Paint paint) {
  const Painter painter(paint);
  auto text = finding.text();
  if (paint == Paint::plain) return text;
  const bool error = finding.severity == fleet::Severity::error;
  const auto place = text.find(": ");
  if (place == std::string::npos) return text;
  return painter.bold(text.substr(0, place + 1)) + painter.in(error ? "31" : "33", error ? " error" : "") +
         (error ? ":" : "") + text.substr(place + 1);
}

nlohmann::json to_json(const fleet::Finding& finding) {
  return {{"severity", to_string(finding.severity)},
          {"file", finding.file},
          {"line", finding.line},
          {"column", finding.column},
          {"key", finding.key},
          {"message", finding.message},
          {"remedy", finding.remedy}};
}

std::string to_text(const Rehearsal& rehearsal, Paint paint) {
  const Painter painter(paint);
  std::string text;
  std::size_t number = 0;
  for (const auto& operation : rehearsal.operations) {
    char index[32];
    std::snprintf(index, sizeof index, "%4zu  ", ++number);
    text += index + painter.bold(headline(operation)) + "  (" + sizes(operation) + ")\n";
    for (const auto& value : operation.values) text += "      " + value + "\n";
    for (const auto& message : operation.messages) text += hex_dump(message, painter);
  }
  const auto all = totals(rehearsal);
  text += counted(all.messages, "message") + ", " + bytes_text(all.wire) + " of CoAP, " +
          bytes_text(all.payload) + " of them payload\n";
  return text;
}

nlohmann::json to_json(const Rehearsal& rehearsal) {
  auto operations = nlohmann::json::array();
  for (const auto& operation : rehearsal.operations) {
    auto messages = nlohmann::json::array();
    for (const auto& message : operation.messages) messages.push_back(hex_line(message));
    nlohmann::json one{{"operation", operation.name},
                       {"code", std::string(coap::describe(operation.code).view())},
                       {"path", operation.path},
                       {"payload_size", operation.payload_size},
                       {"wire_size", operation.wire_size()},
                       {"values", operation.values},
                       {"messages", std::move(messages)}};
    if (operation.format) one["format"] = to_string(*operation.format);
    operations.push_back(std::move(one));
  }
  const auto all = totals(rehearsal);
  return {{"outcome", to_string(rehearsal.outcome)},
          {"reason", rehearsal.reason},
          {"operations", std::move(operations)},
          {"messages", all.messages},
          {"wire_size", all.wire},
          {"payload_size", all.payload}};
}

std::string list_plans(const fleet::Configuration& configuration) {
  std::string text;
  for (const auto& enrolment : configuration.enrolments.all()) {
    text += "enrolment \"" + enrolment->name + "\"  " + to_string(enrolment->authentication) + "  plan " +
            enrolment->plan->name + "\n";
    for (const auto& endpoint : enrolment->endpoints) text += "  " + endpoint + "\n";
  }
  for (const auto& [name, plan] : configuration.plans) {
    text += "plan " + name + "\n";
    for (const auto& server : plan->servers) text += account_text(server);
    if (plan->bootstrap)
      text += "  bootstrap account  " + plan->bootstrap->uri + "  " +
              fleet::to_string(plan->bootstrap->credential) + "\n";
    text += parts_text(*plan);
  }
  return text;
}

nlohmann::json plans_json(const fleet::Configuration& configuration) {
  auto enrolments = nlohmann::json::array(), plans = nlohmann::json::array();
  for (const auto& enrolment : configuration.enrolments.all())
    enrolments.push_back({{"name", enrolment->name},
                          {"endpoints", enrolment->endpoints},
                          {"authentication", to_string(enrolment->authentication)},
                          {"plan", enrolment->plan->name}});
  for (const auto& [name, plan] : configuration.plans) {
    auto servers = nlohmann::json::array();
    for (const auto& server : plan->servers)
      servers.push_back({{"id", server.id.value()},
                         {"uri", server.uri},
                         {"credential", fleet::to_string(server.credential)}});
    plans.push_back({{"name", name},
                     {"servers", std::move(servers)},
                     {"replaces_bootstrap_account", plan->bootstrap.has_value()},
                     {"access_controls", plan->access.size()},
                     {"instances", plan->instances.size()},
                     {"operations", plan->before.size() + plan->after.size()}});
  }
  return {{"enrolments", std::move(enrolments)}, {"plans", std::move(plans)}};
}

}  // namespace slipway::cli
