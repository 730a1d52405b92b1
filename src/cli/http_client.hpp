// SPDX-License-Identifier: Apache-2.0
// The commands' way to a running server: its HTTP API.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace slipway::cli {

/// Where the server is; options of every command that asks one.
struct ServerOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string token_file;
};

/// What a server said, or why it could not be asked.
struct Answer {
  unsigned status = 0;
  nlohmann::json body;
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  /// "message; remedy" of an error, or the device's own refusal.
  [[nodiscard]] std::string problem() const;
};

/// Bodies larger than this are not taken.
inline constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;

class HttpClient {
 public:
  /// Reads the token. The error is for a person.
  [[nodiscard]] static std::expected<HttpClient, std::string> create(const ServerOptions& options);

  /// `target` begins with /. Errors: a sentence (refused connection, time-out, not our API).
  [[nodiscard]] std::expected<Answer, std::string> call(const std::string& method, const std::string& target,
                                                        const nlohmann::json& body = nullptr) const;

  /// Server-sent events until `take` returns false or the connection ends. `ready` is called once the
  /// server has taken the subscription; `take` then sees an event `open`, and can end it all at once.
  [[nodiscard]] std::expected<void, std::string> events(
      const std::function<void()>& ready,
      const std::function<bool(std::string_view name, const nlohmann::json& event)>& take) const;

 private:
  [[nodiscard]] std::string authority() const;  ///< host:port, as the header Host has it
  std::string host_, port_, token_, url_;
};

/// Percent-encodes one path segment.
[[nodiscard]] std::string segment(std::string_view text);

}  // namespace slipway::cli
