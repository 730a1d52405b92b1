// SPDX-License-Identifier: Apache-2.0
#include <slipway/device/connection_failure.hpp>

#include <charconv>

#include <nlohmann/json.hpp>

#include <slipway/security/dtls/facts.hpp>

namespace slipway::device {
namespace {

constexpr std::string_view kEvent = "connection failed";
constexpr std::string_view kOutcomes[] = {
    "handshake refused", "handshake failed", "no answer to the handshake",
    "unreachable",       "name unknown",     "failed"};

/// What separates parts, and what a terminal obeys, is not for a server to write.
std::string clean(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F || c == ';' ? '?' : c;
  }
  return out;
}

void add(std::string& text, std::string_view label, const std::string& value) {
  if (!value.empty()) (((text += "; ") += label) += clean(value));
}

/// The text behind a label; nothing when the part has another one.
std::optional<std::string> behind(std::string_view part, std::string_view label) {
  if (!part.starts_with(label)) return std::nullopt;
  return std::string(part.substr(label.size()));
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

/// "decrypt_error (51)".
std::optional<std::uint8_t> alert_in(std::string_view text) {
  const auto open = text.rfind('(');
  if (open == std::string_view::npos) return std::nullopt;
  return number_in<std::uint8_t>(text.substr(open + 1));
}

void read_part(std::string_view part, ConnectionFailure& failure) {
  using Alerted = ConnectionFailure::Alerted;
  for (const auto way : {Alerted::received, Alerted::sent})
    if (const auto alert = behind(part, way == Alerted::sent ? "sent alert " : "received alert ")) {
      failure.alert = alert_in(*alert);
      failure.alerted = way;
    }
  if (auto uri = behind(part, "server ")) failure.uri = std::move(*uri);
  for (const char* mode : {"psk", "rpk", "x509"})
    if (auto identity = behind(part, std::string(mode) + " identity ")) {
      failure.mode = mode;
      failure.identity_fingerprint = std::move(*identity);
    }
  if (auto offered = behind(part, "offered ")) failure.offered = std::move(*offered);
  if (auto chosen = behind(part, "chosen ")) failure.chosen = std::move(*chosen);
  if (auto certificate = behind(part, "shown ")) failure.certificate = std::move(*certificate);
  if (const auto after = behind(part, "after ")) failure.after_ms = number_in<std::int64_t>(*after);
}

std::optional<ConnectionFailure> read_text(std::string_view text) {
  const auto open = text.find(" (");
  if (open == std::string_view::npos) return std::nullopt;
  ConnectionFailure failure;
  failure.outcome = text.substr(0, open);
  bool known = false;
  for (const auto outcome : kOutcomes) known = known || outcome == failure.outcome;
  if (!known) return std::nullopt;
  auto rest = text.substr(open + 2);
  while (!rest.empty() && (rest.back() == '\r' || rest.back() == ' ')) rest.remove_suffix(1);
  if (rest.ends_with(')')) rest.remove_suffix(1);
  for (bool first = true; !rest.empty(); first = false) {
    const auto end = rest.find("; ");
    const auto part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
    if (!first) {
      read_part(part, failure);
      continue;
    }
    const auto colon = part.find(": ");
    const bool handshake = failure.outcome.find("handshake") != std::string::npos;
    if (handshake && colon != std::string_view::npos) {
      failure.reason = part.substr(0, colon);
      failure.detail = part.substr(colon + 2);
    } else {
      failure.detail = part;
    }
  }
  return failure;
}

}  // namespace

std::string to_text(const ConnectionFailure& failure) {
  auto text = clean(failure.outcome) + " (";
  if (!failure.reason.empty()) text += clean(failure.reason) + ": ";
  text += clean(failure.detail);
  if (failure.alert)
    text += std::string(failure.alerted == ConnectionFailure::Alerted::sent ? "; sent " : "; received ") +
            security::dtls::alert_text(static_cast<security::dtls::Alert>(*failure.alert));
  add(text, "server ", failure.uri);
  if (!failure.mode.empty()) add(text, failure.mode + " identity ", failure.identity_fingerprint);
  add(text, "offered ", failure.offered);
  add(text, "chosen ", failure.chosen);
  add(text, "shown ", failure.certificate);
  if (failure.after_ms) add(text, "after ", std::to_string(*failure.after_ms) + " ms");
  return text + ")";
}

std::optional<ConnectionFailure> read_failure(std::string_view line) {
  if (line.size() > kFailureLineMax) return std::nullopt;
  if (const auto brace = line.find_first_not_of(' '); brace != std::string_view::npos && line[brace] == '{') {
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("event") || event["event"] != kEvent) return std::nullopt;
    const auto detail = event.find("detail");
    if (detail == event.end() || !detail->is_string()) return std::nullopt;
    return read_text(detail->get<std::string>());
  }
  const auto at = line.find(kEvent);
  if (at == std::string_view::npos) return std::nullopt;
  auto text = line.substr(at + kEvent.size());
  while (!text.empty() && (text.front() == ' ' || text.front() == ':')) text.remove_prefix(1);
  return read_text(text);
}

}  // namespace slipway::device
