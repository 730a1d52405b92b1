// SPDX-License-Identifier: Apache-2.0
// How a client repeats a flight whose Finished GnuTLS has sealed. A server that has it drops the same record
// as a replay, and never sends its own last flight again; only GnuTLS can seal it anew. So it is told to
// repeat at once, which it does whenever it finds nothing to read, and of that only what our timer wants is
// sent. [RFC 6347 §4.2.4]
#include "security/dtls/handshake.hpp"

namespace slipway::security::dtls {

/// To be called before GnuTLS makes the flight.
void Handshake::let_library_repeat() {
  library_repeats_ = true;
  gnutls_dtls_set_timeouts(session_.get(), 0, kNeverMs);
}

/// Whether a record that GnuTLS pushes is to be sent. A repetition begins with the first message of its
/// flight; a ChangeCipherSpec and what is protected belong to the flight that they stand in.
bool Handshake::takes_from_library(const RecordHeader& record) {
  if (!library_repeats_ || record.type == ContentType::alert) return true;
  if (record.epoch != 0 || record.type != ContentType::handshake) return pushed_ != Pushed::unwanted;
  ByteReader messages(record.fragment);
  const auto fragment = read_handshake_fragment(messages);
  if (!fragment) return true;
  const int sequence = fragment->sequence;
  if (sequence > highest_sent_) {
    if (fresh_.empty()) flight_begins_with_ = sequence;
    highest_sent_ = sequence;
    pushed_ = Pushed::fresh;
  } else if (sequence == flight_begins_with_ && fragment->offset == 0) {
    pushed_ = std::exchange(repetition_wanted_, false) ? Pushed::repetition : Pushed::unwanted;
  }
  return pushed_ != Pushed::unwanted;
}

void Handshake::send_again(TimePoint now) {
  ++retransmissions_;
  last_sent_ = now;
  resend_at_ = now + resend_after_;
  if (library_repeats_) {
    repetition_wanted_ = true;
    const int code = gnutls_handshake(session_.get());
    repetition_wanted_ = false;
    if (code < 0 && gnutls_error_is_fatal(code) != 0) return fail_by_library(code);
    if (!fresh_.empty()) flight_ = std::exchange(fresh_, {});
  }
  send(flight_);
}

}  // namespace slipway::security::dtls
