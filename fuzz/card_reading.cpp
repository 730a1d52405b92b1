// SPDX-License-Identifier: Apache-2.0
// A card that answers anything: the reading ends, presents its PIN at most once, and closes what it opened.
//
// The first byte says whether there is a PIN (1) and whether EF(DIR) is skipped (2); then each answer with
// its length before it. Of a file of traces the answers of each are taken.
#include <slipway/smartcard/reading.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <slipway/lwm2m/smartcard_file.hpp>

using namespace slipway;

namespace {

std::array<std::uint8_t, lwm2m::kSmartcardFileMax> file;
std::array<Entry, 64> entries;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

ByteView next_answer(ByteReader& input) {
  static constexpr std::array<std::uint8_t, 2> kSilent{0x6F, 0x00};
  const auto size = input.u8();
  if (!size) return kSilent;
  const auto answer = input.take(std::min<std::size_t>(*size, input.remaining()));
  return answer.value_or(ByteView(kSilent));
}

void read_card(ByteView input) {
  if (input.empty()) return;
  ByteReader answers(input.subspan(1));
  const bool with_pin = (input[0] & 1) != 0;
  smartcard::CardReading reading(
      {.pin = with_pin ? Secret(as_bytes("1234")) : Secret(),
       .directory = (input[0] & 2) != 0 ? smartcard::ReadingConfig::Directory::skip
                                        : smartcard::ReadingConfig::Directory::evaluate},
      file);
  std::size_t commands = 0, pins = 0;
  bool opened = false, closed = false;
  while (const auto command = reading.poll_command()) {
    require(++commands <= smartcard::kCommandsMax + 1, "too many commands");
    require(command->size() >= 4, "a command of less than four bytes");
    const bool is_pin = (*command)[1] == 0x20 && command->size() > 5;
    pins += is_pin ? 1 : 0;
    const bool opens = (*command)[1] == 0x70 && (*command)[2] == 0;
    closed = closed || (*command)[2] == 0x80;
    const auto answer = next_answer(answers);
    reading.handle_response(answer);
    opened = opened || (opens && answer.size() == 3 && answer[1] == 0x90 && answer[2] == 0 && answer[0] > 0 &&
                        answer[0] < 20);
  }
  require(reading.done(), "it does not end");
  require(pins <= (with_pin ? 1u : 0u), "the PIN was presented again");
  require(!opened || closed, "the channel was left open");
  const auto outcome = reading.outcome();
  if (outcome)
    (void)lwm2m::decode_smartcard_file(*outcome, builtin_objects(), entries);
  else
    require(!smartcard::text_of(outcome.error()).empty(), "a failure without words");
}

/// The answers of each trace of a file of them.
void read_traces(std::string_view text) {
  Bytes input;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with("vector ")) {
      read_card(input);
      input = {1};
    }
    if (line.starts_with("directory skip") && !input.empty()) input[0] |= 2;
    const auto answer = line.starts_with("< ") ? from_hex(line.substr(2)) : Bytes();
    if (input.empty() || !answer || answer->empty() || answer->size() > 255) continue;
    input.push_back(static_cast<std::uint8_t>(answer->size()));
    input.insert(input.end(), answer->begin(), answer->end());
  }
  read_card(input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  if (text.starts_with("# "))
    read_traces(text);
  else
    read_card({data, size});
  return 0;
}
