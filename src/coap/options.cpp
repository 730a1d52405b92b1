// SPDX-License-Identifier: Apache-2.0
#include "coap/options.hpp"

#include <algorithm>
#include <utility>

namespace slipway::coap {
namespace {

/// A critical option that is handled here, with the lengths that it may have [RFC 7252 §5.10].
struct Known {
  OptionNumber number;
  std::uint16_t length_min;
  std::uint16_t length_max;
  bool repeatable;
};
constexpr Known kKnownCritical[] = {
    {OptionNumber::if_match, 0, 8, true},       {OptionNumber::uri_host, 1, 255, false},
    {OptionNumber::if_none_match, 0, 0, false}, {OptionNumber::uri_port, 0, 2, false},
    {OptionNumber::uri_path, 0, 255, true},     {OptionNumber::uri_query, 0, 255, true},
    {OptionNumber::accept, 0, 2, false},        {OptionNumber::block2, 0, 3, false},
    {OptionNumber::block1, 0, 3, false},
};

/// kKnownCritical by number, so that the check is one load an option.
constexpr std::size_t kTableSize = 28;
constexpr auto kTable = [] {
  std::array<std::int8_t, kTableSize> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < std::size(kKnownCritical); ++i)
    table[static_cast<std::size_t>(kKnownCritical[i].number)] = static_cast<std::int8_t>(i);
  return table;
}();

bool is_acceptable(const Option& option, bool repeated) {
  const auto number = static_cast<std::size_t>(option.number);
  if (number >= kTableSize || kTable[number] < 0) return false;
  const auto& known = kKnownCritical[static_cast<std::size_t>(kTable[number])];
  return option.value.size() >= known.length_min && option.value.size() <= known.length_max &&
         (known.repeatable || !repeated);
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 29;
}

bool belongs_to_transfer(OptionNumber number) {
  switch (number) {
    case OptionNumber::observe:
    case OptionNumber::content_format:
    case OptionNumber::block1:
    case OptionNumber::block2:
    case OptionNumber::size1:
    case OptionNumber::size2:
      return true;
    default:
      return false;
  }
}

}  // namespace

OptionCheck check_options(const Message& message, Bert bert) {
  OptionCheck check;
  auto previous = OptionNumber{};
  for (std::size_t i = 0; i < message.option_count(); ++i) {
    const auto option = message.option(i);
    const bool repeated = option.number == previous;  // No option has the number 0.
    previous = option.number;
    if (!is_critical(option.number)) continue;
    if (!is_acceptable(option, repeated)) {
      const bool proxy =
          option.number == OptionNumber::proxy_uri || option.number == OptionNumber::proxy_scheme;
      check.verdict = proxy ? OptionVerdict::proxying : OptionVerdict::bad_option;
      return check;
    }
    if (option.number == OptionNumber::block1 || option.number == OptionNumber::block2) {
      const auto block = Block::decode(option, bert);
      if (!block) {
        check.blocks_readable = false;
      } else {
        (option.number == OptionNumber::block1 ? check.block1 : check.block2) = *block;
      }
    }
  }
  return check;
}

Result<std::optional<Block>> find_block(const Message& message, OptionNumber number, Bert bert) {
  const auto option = message.find(number);
  if (!option) return std::optional<Block>{};
  SLIPWAY_ASSIGN(auto block, Block::decode(*option, bert));
  return std::optional(block);
}

std::uint64_t request_key(const Message& request, std::uint64_t seed) {
  auto hash = mix(seed, static_cast<std::uint64_t>(request.code));
  for (std::size_t i = 0; i < request.option_count(); ++i) {
    const auto option = request.option(i);
    if (belongs_to_transfer(option.number)) continue;
    hash = mix(hash, static_cast<std::uint64_t>(option.number) << 32 | option.value.size());
    for (auto rest = option.value; !rest.empty();) {
      std::uint64_t word = 0;
      const auto count = std::min<std::size_t>(rest.size(), sizeof word);
      std::memcpy(&word, rest.data(), count);
      hash = mix(hash, word);
      rest = rest.subspan(count);
    }
  }
  return hash;
}

void write_follow_up(MessageWriter& writer, const Message& earlier, const FollowUp& next) {
  auto block2 = next.block2;
  auto block1 = next.block1;
  // The options of the transfer go in where their numbers stand among the copied ones.
  const auto add_below = [&](OptionNumber limit) {
    if (block2 && limit > OptionNumber::block2)
      writer.block(OptionNumber::block2, *std::exchange(block2, {}));
    if (block1 && limit > OptionNumber::block1)
      writer.block(OptionNumber::block1, *std::exchange(block1, {}));
  };
  for (std::size_t i = 0; i < earlier.option_count(); ++i) {
    const auto option = earlier.option(i);
    const bool kept = option.number == OptionNumber::content_format ||
                      (option.number == OptionNumber::observe && next.keep_observe);
    if (belongs_to_transfer(option.number) && !kept) continue;
    add_below(option.number);
    if (option.number == OptionNumber::observe && next.observe) {
      writer.option(option.number, std::uint64_t{*next.observe});
    } else {
      writer.option(option.number, option.value);
    }
  }
  add_below(OptionNumber{0xFFFF});
  // An endpoint writes no option above Size1 into a request.
  if (next.size1) writer.option(OptionNumber::size1, std::uint64_t{*next.size1});
  writer.payload(next.payload);
}

}  // namespace slipway::coap
