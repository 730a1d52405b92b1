// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include <slipway/net/clock.hpp>

namespace slipway::cli {

bool coloured(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(fd) == 1 && (no_color == nullptr || *no_color == '\0');
}

trace::LadderStyle style_of_stdout() {
  trace::LadderStyle style;
  if (::isatty(STDOUT_FILENO) != 1) return style;
  if (coloured(STDOUT_FILENO)) style.colour = trace::Colour::on;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) style.width = size.ws_col;
  return style;
}

std::string clock_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[16];
  std::strftime(text, sizeof text, "%H:%M:%S", &local);
  return text;
}

TimePoint net_now() {
  return net::steady_now();
}

std::string age_text(std::int64_t unix_ms) {
  const auto age = (net::unix_now().time_since_epoch().count() - unix_ms) / 1000;
  if (age < 120) return std::to_string(age < 0 ? 0 : age) + " s ago";
  if (age < 7200) return std::to_string(age / 60) + " min ago";
  if (age < 172800) return std::to_string(age / 3600) + " h ago";
  return std::to_string(age / 86400) + " days ago";
}

}  // namespace slipway::cli
