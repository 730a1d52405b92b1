// SPDX-License-Identifier: Apache-2.0
// What explains a failed handshake reads what strangers have written: a ClientHello, and a line of a device's
// log. What is read of a line is written and read again, and is the same.
#include <cstdlib>

#include <slipway/device/connection_failure.hpp>
#include <slipway/security/dtls/facts.hpp>

namespace {

using namespace slipway;

void check(bool right) {
  if (!right) std::abort();
}

void read_hello(ByteView body, security::dtls::SecureProtocol protocol) {
  const auto facts = security::dtls::read_hello_facts(body, protocol);
  check(facts.suites.size() <= security::dtls::kFactsListMax);
  check(facts.groups.size() <= security::dtls::kFactsListMax);
  check(facts.server_name.size() <= security::dtls::kServerNameMax);
  for (const auto suite : facts.suites) check(!security::dtls::suite_text(suite).empty());
}

void read_line(std::string_view line) {
  const auto failure = device::read_failure(line);
  if (!failure) return;
  const auto text = device::to_text(*failure);
  for (const char c : text) check(static_cast<unsigned char>(c) >= 0x20);
  const auto again = device::read_failure("connection failed " + text);
  // Longer than it was, because names of alerts are written out: then it may be above the bound.
  if (text.size() + 32 > device::kFailureLineMax) return;
  check(again && device::to_text(*again) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_hello({data, size}, security::dtls::SecureProtocol::dtls);
  read_hello({data, size}, security::dtls::SecureProtocol::tls);
  read_line({reinterpret_cast<const char*>(data), size});
  return 0;
}
