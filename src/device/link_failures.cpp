// SPDX-License-Identifier: Apache-2.0
#include "link_failures.hpp"

#include "secure_config.hpp"

namespace slipway::device {

namespace dtls = security::dtls;

void tell(ConnectionFailure& story, const dtls::HandshakeFailure& failure,
          const dtls::HandshakeFacts* facts) {
  const bool theirs = failure.refused_by == dtls::Side::peer;
  story.outcome = text_of(failure_of(failure));
  story.reason = dtls::to_string(failure.reason);
  story.detail = failure.detail;
  story.alert = code_of(failure.alert);
  story.alerted = theirs ? ConnectionFailure::Alerted::received : ConnectionFailure::Alerted::sent;
  if (facts != nullptr) tell(story, *facts);
}

void tell(ConnectionFailure& story, const dtls::HandshakeFacts& facts) {
  if (facts.suite) story.chosen = dtls::suite_text(*facts.suite);
  story.offered.clear();
  for (const auto number : facts.offered.suites)
    story.offered += (story.offered.empty() ? "" : ", ") + dtls::suite_text(number);
  if (!facts.chain.empty()) story.certificate = described(facts.chain.front());
}

}  // namespace slipway::device
