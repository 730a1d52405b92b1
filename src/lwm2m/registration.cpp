// SPDX-License-Identifier: Apache-2.0
#include <slipway/lwm2m/registration.hpp>

namespace slipway::lwm2m {
namespace {

std::unexpected<Refusal> bad(const char* reason) {
  return std::unexpected(Refusal{coap::Code::bad_request, reason});
}

/// Letters of transports, and the Q of 1.0; each once. [LwM2M-CORE 1.2 §6.2.1.2]
bool valid_binding(std::string_view binding) {
  constexpr std::string_view kLetters = "UTSNMHQ";
  if (binding.empty() || binding.size() > kBindingMax) return false;
  for (std::size_t i = 0; i < binding.size(); ++i) {
    if (kLetters.find(binding[i]) == std::string_view::npos) return false;
    if (binding.find(binding[i], i + 1) != std::string_view::npos) return false;
  }
  return true;
}

bool printable(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  return true;
}

std::expected<void, Refusal> take(RegisterParameters& into, const Query& query) {
  const auto [name, value, has_value] = query;
  if (name == "ep") {
    if (into.endpoint) return bad("ep stands twice");
    if (!valid_endpoint(value)) return bad("ep is empty, too long or has control characters");
    into.endpoint = value;
  } else if (name == "lt") {
    if (into.lifetime) return bad("lt stands twice");
    const auto lifetime = parse_decimal(value, 0xFFFFFFFF);
    if (!lifetime) return bad("lt is not a number of seconds up to 4294967295");
    into.lifetime = seconds(static_cast<std::int64_t>(*lifetime));
  } else if (name == "lwm2m") {
    if (into.enabler) return bad("lwm2m stands twice");
    const auto version = Version::parse(value);
    if (!version) return bad("lwm2m is not a version such as 1.1");
    into.enabler = *version;
  } else if (name == "b") {
    if (into.binding) return bad("b stands twice");
    if (!valid_binding(value)) return bad("b is not a set of the letters U T S N M H (and Q)");
    into.binding = value;
    if (value.find('Q') != std::string_view::npos) into.queue_mode = true;
  } else if (name == "Q") {
    into.queue_mode = true;
  } else if (name == "sms") {
    if (into.sms) return bad("sms stands twice");
    if (value.empty() || value.size() > kSmsMax || !printable(value)) return bad("sms is empty or too long");
    into.sms = value;
  } else if (name == "pid") {
    if (into.profile) return bad("pid stands twice");
    if (value.empty()) return bad("pid is empty");
    into.profile = value;
  }
  return {};
}

}  // namespace

bool valid_endpoint(std::string_view name) {
  return !name.empty() && name.size() <= kEndpointMax && printable(name);
}

std::expected<RegisterParameters, Refusal> parse_register(const coap::Message& message,
                                                          RegistrationKind kind) {
  RegisterParameters parameters;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    if (option.number != coap::OptionNumber::uri_query) continue;
    if (auto taken = take(parameters, split_query(option.text())); !taken)
      return std::unexpected(taken.error());
  }
  if (kind == RegistrationKind::update) return parameters;

  if (!parameters.enabler) return bad("lwm2m, the version, is missing");
  if (!speaks(*parameters.enabler))
    return std::unexpected(Refusal{coap::Code::precondition_failed,
                                   "this version of LwM2M is not spoken here (1.0 to 1.2 are)"});
  if (!parameters.lifetime) {
    if (*parameters.enabler != Version{1, 0}) return bad("lt, the lifetime, is missing");
    parameters.lifetime = kDefaultLifetime;
  }
  return parameters;
}

bool add_register_queries(QueryList& queries, const RegisterParameters& parameters) {
  bool fits = true;
  const bool queue_in_binding = parameters.queue_mode && parameters.enabler == Version{1, 0};
  if (parameters.enabler) fits &= queries.add("lwm2m", parameters.enabler->text());
  if (parameters.endpoint) fits &= queries.add("ep", *parameters.endpoint);
  if (parameters.lifetime)
    fits &= queries.add("lt", static_cast<std::uint64_t>(parameters.lifetime->count()));
  if (parameters.binding || queue_in_binding) {
    BoundedString<kBindingMax + 1> binding(parameters.binding.value_or("U"));
    if (queue_in_binding && binding.view().find('Q') == std::string_view::npos) (void)binding.append('Q');
    fits &= queries.add("b", binding);
  }
  if (parameters.queue_mode && !queue_in_binding) fits &= queries.add("Q");
  if (parameters.sms) fits &= queries.add("sms", *parameters.sms);
  if (parameters.profile) fits &= queries.add("pid", *parameters.profile);
  return fits;
}

BoundedString<128> location_of(const coap::Message& message) {
  BoundedString<128> location;
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    if (option.number != coap::OptionNumber::location_path) continue;
    (void)location.append('/');
    (void)location.append(option.text());
  }
  return location;
}

}  // namespace slipway::lwm2m
