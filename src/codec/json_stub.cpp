// SPDX-License-Identifier: Apache-2.0
#include "codec/formats.hpp"

namespace slipway::codec {

Encoded encode_senml_json(const Path&, Entries, AbsentAs, MutableBytes) {
  return fail(ErrorCode::unsupported, "SenML JSON is not written yet");
}
bool decode_senml_json(EntrySink& sink) {
  return sink.fail(ErrorCode::unsupported, "SenML JSON is not read yet", sink.begin());
}
bool decode_oma_json(EntrySink& sink) {
  return sink.fail(ErrorCode::unsupported, "OMA JSON is not read yet", sink.begin());
}

}  // namespace slipway::codec
