// SPDX-License-Identifier: Apache-2.0
#include "signals.hpp"

#include <algorithm>
#include <iterator>

#include "text.hpp"

namespace slipway::trace {
namespace {

enum class Kind : std::uint8_t { number, text, empty };

struct Known {
  coap::Code signal;
  unsigned number;
  Kind kind;
  const char* name;
  const char* meaning;
};
constexpr Known kOptions[] = {
    {coap::Code::csm, 2, Kind::number, "Max-Message-Size", "bytes of the largest message that is taken"},
    {coap::Code::csm, 4, Kind::empty, "Block-Wise-Transfer", "bodies are taken in blocks"},
    {coap::Code::ping, 2, Kind::empty, "Custody", "answer when all earlier requests are answered"},
    {coap::Code::pong, 2, Kind::empty, "Custody", "all earlier requests are answered"},
    {coap::Code::release, 2, Kind::text, "Alternative-Address", "where to connect instead"},
    {coap::Code::release, 4, Kind::number, "Hold-Off", "seconds before the next connection"},
    {coap::Code::abort, 2, Kind::number, "Bad-CSM-Option", "the option that is not known"},
};

}  // namespace

SignalOption signal_option(coap::Code signal, const coap::Option& option) {
  const auto number = static_cast<unsigned>(option.number);
  const auto* known = std::ranges::find_if(
      kOptions, [&](const Known& one) { return one.signal == signal && one.number == number; });
  if (known == std::end(kOptions))
    return {.name = "option " + std::to_string(number), .value = to_hex(option.value), .meaning = {}};
  SignalOption words{.name = known->name, .value = {}, .meaning = known->meaning};
  if (known->kind == Kind::text) words.value = '"' + printable(option.text()) + '"';
  if (known->kind == Kind::number) {
    const auto value = option.number_value();
    words.value = value ? std::to_string(*value) : value.error().detail;
  }
  return words;
}

}  // namespace slipway::trace
