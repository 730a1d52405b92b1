// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/reason.hpp"

#include <algorithm>

namespace slipway::bootstrap {
namespace {

constexpr std::size_t kDiagnosticMax = 100;

/// "the Write of /1/0"; a Finish and a Discover of everything have no target worth telling.
void append_operation(Note& text, const PlannedOperation& operation) {
  (void)text.append("the ");
  (void)text.append(to_string(operation.operation));
  if (!operation.path.has_object() && operation.operation != Operation::del) return;
  (void)text.append(" of ");
  (void)text.append(operation.path.text());
}

bool contains(ByteView text, ByteView part) {
  return !part.empty() && !std::ranges::search(text, part).empty();
}

/// Whether any eight bytes of a key stand in the text, as they are or in hex. A long key may be repeated in
/// part.
bool repeats(ByteView text, ByteView key) {
  constexpr std::size_t kPart = 8;
  for (std::size_t at = 0; at + kPart <= key.size(); at += kPart) {
    const auto part = key.subspan(at, kPart);
    auto hex = to_hex(part);
    const bool found = contains(text, part) || contains(text, as_bytes(hex));
    wipe({reinterpret_cast<std::uint8_t*>(hex.data()), hex.size()});
    if (found) return true;
  }
  return false;
}

bool repeats_a_key(const Session& session, ByteView text) {
  return std::ranges::any_of(session.credentials, [&](const fleet::Credential& credential) {
    return repeats(text, credential.key.reveal());
  });
}

}  // namespace

Note explain_refusal(const Session& session, const PlannedOperation& operation, coap::Code answer,
                     ByteView diagnostic) {
  Note text("the device refused ");
  append_operation(text, operation);
  (void)text.append(" with ");
  (void)text.append(coap::describe(answer));
  const auto shown = diagnostic.first(std::min(diagnostic.size(), kDiagnosticMax));
  if (shown.empty() || repeats_a_key(session, shown)) return text;
  (void)text.append(": ");
  for (const auto byte : shown)
    (void)text.append(byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '?');
  return text;
}

Note explain_silence(const PlannedOperation& operation, coap::RequestFailure failure) {
  Note text;
  append_operation(text, operation);
  switch (failure) {
    case coap::RequestFailure::timeout:
      (void)text.append(" got no answer from the device");
      break;
    case coap::RequestFailure::reset:
      (void)text.append(" was answered by a reset");
      break;
    case coap::RequestFailure::peer_dropped:
      (void)text.append(" ended with the secure session");
      break;
    case coap::RequestFailure::block_error:
      (void)text.append(" failed: the device broke the rules of block-wise transfer");
      break;
    case coap::RequestFailure::too_large:
      (void)text.append(" had an answer that is too large");
      break;
  }
  return text;
}

Note explain_unsent(const PlannedOperation& operation, const Error& error) {
  Note text("cannot send ");
  append_operation(text, operation);
  (void)text.append(": ");
  (void)text.append(error.detail);
  return text;
}

Note explain_unreadable(const PlannedOperation& operation, const Error& error) {
  Note text("the device's answer to ");
  append_operation(text, operation);
  (void)text.append(" cannot be read: ");
  (void)text.append(error.detail);
  return text;
}

}  // namespace slipway::bootstrap
