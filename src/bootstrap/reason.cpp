// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/reason.hpp"

#include <algorithm>

namespace slipway::bootstrap {
namespace {

constexpr std::size_t kDiagnosticMax = 120;

/// "the Write of /1/0"; a Finish has no target worth telling.
void append_operation(BoundedString<256>& text, const PlannedOperation& operation) {
  (void)text.append("the ");
  (void)text.append(to_string(operation.operation));
  if (operation.operation == Operation::finish) return;
  (void)text.append(" of ");
  (void)text.append(operation.path.text());
}

bool contains(ByteView text, ByteView part) {
  return !part.empty() && !std::ranges::search(text, part).empty();
}

bool repeats_a_key(const Session& session, ByteView text) {
  return std::ranges::any_of(session.credentials, [&](const fleet::Credential& credential) {
    const auto key = credential.key.reveal();
    auto hex = to_hex(key);
    const bool found = contains(text, key) || contains(text, as_bytes(hex));
    wipe({reinterpret_cast<std::uint8_t*>(hex.data()), hex.size()});
    return found;
  });
}

}  // namespace

void explain_refusal(Session& session, const PlannedOperation& operation, coap::Code answer,
                     ByteView diagnostic) {
  auto& text = session.reason;
  text.clear();
  (void)text.append("the device refused ");
  append_operation(text, operation);
  (void)text.append(" with ");
  (void)text.append(coap::describe(answer));
  if (diagnostic.empty() || repeats_a_key(session, diagnostic)) return;
  (void)text.append(": ");
  for (const auto byte : diagnostic.first(std::min(diagnostic.size(), kDiagnosticMax)))
    (void)text.append(byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '?');
}

void explain_silence(Session& session, const PlannedOperation& operation, coap::RequestFailure failure) {
  auto& text = session.reason;
  text.clear();
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
}

}  // namespace slipway::bootstrap
