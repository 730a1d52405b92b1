// SPDX-License-Identifier: Apache-2.0
#include "doctor_report.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::cli::doctor {
namespace {

struct Look {
  const char* sign;
  const char* colour;
};

Look look_of(Mark mark) {
  switch (mark) {
    case Mark::good:
      return {"✓", "\033[32m"};
    case Mark::bad:
      return {"✗", "\033[31m"};
    case Mark::notable:
      return {"!", "\033[33m"};
    case Mark::skipped:
      break;
  }
  return {"–", "\033[2m"};
}

constexpr std::size_t kNameWidth = 16;

}  // namespace

const char* to_string(Mark mark) {
  switch (mark) {
    case Mark::good:
      return "passed";
    case Mark::bad:
      return "failed";
    case Mark::notable:
      return "noticed";
    case Mark::skipped:
      break;
  }
  return "skipped";
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7F) c = '?';
  return out;
}

std::string wrapped(std::string_view text, const std::string& indent, std::size_t width) {
  std::string out, line;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > width) {
      out += line + "\n" + indent;
      line.clear();
    }
    (line += line.empty() ? "" : " ") += word;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + line;
}

std::string lines_of(const Step& step, bool coloured, std::size_t width) {
  const auto look = look_of(step.mark);
  const std::string indent(4 + kNameWidth, ' ');
  std::string text =
      std::string("  ") + (coloured ? look.colour : "") + look.sign + (coloured ? "\033[0m" : "");
  auto name = step.name;
  name.resize(std::max(kNameWidth, name.size() + 1), ' ');
  text += " " + name + wrapped(printable(step.detail), indent, width) + "\n";
  if (!step.remedy.empty())
    text += std::string(2 + kNameWidth, ' ') + "→ " + wrapped(printable(step.remedy), indent, width) + "\n";
  return text;
}

void Report::add(Step step) {
  if (show_) show_(step);
  steps_.push_back(std::move(step));
}

bool Report::well() const {
  return !interrupted_ && !steps_.empty() &&
         std::ranges::none_of(steps_, [](const Step& step) { return step.mark == Mark::bad; });
}

std::string Report::conclusion() const {
  const auto bad = std::ranges::find(steps_, Mark::bad, &Step::mark);
  if (bad != steps_.end()) return "it fails at: " + bad->name;
  return interrupted_ ? "interrupted: this is how far it came" : "all is well";
}

nlohmann::json Report::to_json() const {
  auto steps = nlohmann::json::array();
  for (const auto& step : steps_)
    steps.push_back({{"name", step.name},
                     {"outcome", to_string(step.mark)},
                     {"detail", step.detail},
                     {"remedy", step.remedy}});
  return {{"target", target_},
          {"well", well()},
          {"interrupted", interrupted_},
          {"conclusion", conclusion()},
          {"steps", std::move(steps)}};
}

}  // namespace slipway::cli::doctor
