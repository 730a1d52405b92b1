// SPDX-License-Identifier: Apache-2.0
// What `slipway doctor` found out, step by step.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace slipway::cli::doctor {

enum class Mark : std::uint8_t {
  good,     ///< as it should be
  bad,      ///< this is what keeps a device out
  notable,  ///< works, and somebody should look at it
  skipped,  ///< could not be tried
};
[[nodiscard]] const char* to_string(Mark mark);

struct Step {
  std::string name;
  Mark mark = Mark::good;
  std::string detail;    ///< what was seen
  std::string remedy{};  ///< what to do; empty where nothing is to be done
};

/// Text of a peer for a terminal: control characters are shown as '?'.
[[nodiscard]] std::string printable(std::string_view text);
/// A step as lines that end in a newline, wrapped at `width`.
[[nodiscard]] std::string lines_of(const Step& step, bool coloured, std::size_t width = 110);
/// Puts words into lines of at most `width`, each but the first behind `indent`.
[[nodiscard]] std::string wrapped(std::string_view text, const std::string& indent, std::size_t width);

/// Steps as they are taken.
class Report {
 public:
  Report(std::string target, std::function<void(const Step&)> show)
      : target_(std::move(target)), show_(std::move(show)) {}
  void add(Step step);
  void interrupt() { interrupted_ = true; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  [[nodiscard]] bool well() const;
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  /// The sentence that ends it.
  [[nodiscard]] std::string conclusion() const;
  [[nodiscard]] nlohmann::json to_json() const;

 private:
  std::string target_;
  std::function<void(const Step&)> show_;
  std::vector<Step> steps_;
  bool interrupted_ = false;
};

}  // namespace slipway::cli::doctor
