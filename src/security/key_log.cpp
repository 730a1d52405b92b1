// SPDX-License-Identifier: Apache-2.0
#include "security/key_log.hpp"

#include <mutex>
#include <string_view>

#include <slipway/base/bytes.hpp>

namespace slipway::security {
namespace {

struct Switch {
  std::mutex mutex;
  KeyLog log;
};
Switch& the_switch() {
  static Switch one;
  return one;
}

void append(Bytes& line, std::string_view text) {
  line.insert(line.end(), text.begin(), text.end());
}
void append_hex(Bytes& line, const gnutls_datum_t& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (unsigned i = 0; i < bytes.size; ++i) {
    line.push_back(static_cast<std::uint8_t>(kDigits[bytes.data[i] >> 4]));
    line.push_back(static_cast<std::uint8_t>(kDigits[bytes.data[i] & 15]));
  }
}

int tell(gnutls_session_t session, const char* label, const gnutls_datum_t* secret) {
  auto& [mutex, log] = the_switch();
  const std::lock_guard lock(mutex);
  if (!log) return 0;
  gnutls_datum_t client{}, server{};
  gnutls_session_get_random(session, &client, &server);
  const std::string_view name(label);
  Bytes line;
  line.reserve(name.size() + 2 +
               2 * (std::size_t{client.size} + secret->size));  // it must not move: it is wiped below
  append(line, name);
  append(line, " ");
  append_hex(line, client);
  append(line, " ");
  append_hex(line, *secret);
  log(Secret(line));
  wipe(line);
  return 0;
}

}  // namespace

void set_key_log(KeyLog log) {
  auto& one = the_switch();
  const std::lock_guard lock(one.mutex);
  one.log = std::move(log);
}

void heed_key_log(gnutls_session_t session) {
  gnutls_session_set_keylog_function(session, tell);
}

}  // namespace slipway::security
