// SPDX-License-Identifier: Apache-2.0
// Configurations: any text gives settings or findings, each with a message and no control character; and what
// is accepted the bootstrap engine takes.
#include <slipway/bootstrap/operations.hpp>
#include <slipway/fleet/configuration.hpp>
#include <slipway/security/keys.hpp>

#include <cstdlib>

namespace {

using namespace slipway;

/// An authority, made once: "c" and "k" in a configuration.
struct Authority {
  security::KeyPair pair = security::make_key_pair().value();
  Bytes certificate = security::issue_certificate({.public_key = pair.public_key,
                                                   .common_name = "fuzz",
                                                   .not_before = UnixTime(seconds(0)),
                                                   .not_after = UnixTime(seconds(4'000'000'000)),
                                                   .serial = as_bytes("12345678"),
                                                   .use = security::CertificateRequest::Use::authority},
                                                  {}, pair.private_key.reveal())
                          .value();
};

/// Any other name is the file's content: in hexadecimal, else as it is.
std::expected<fleet::KeyFile, std::string> file_of(const std::filesystem::path& path) {
  static const Authority authority;
  const auto name = path.string();
  if (name == "c") return fleet::KeyFile{Secret(authority.certificate), false};
  if (name == "k") return fleet::KeyFile{authority.pair.private_key.clone(), true};
  if (name == "p") return fleet::KeyFile{Secret(authority.pair.public_key), false};
  if (name == "-") return std::unexpected("is not there");
  const auto bytes = from_hex(name);
  return fleet::KeyFile{Secret(bytes ? ByteView(*bytes) : as_bytes(name)), false};
}

void check(const std::vector<fleet::Finding>& findings) {
  if (findings.size() > fleet::kFindingsMax + 1) std::abort();
  for (const auto& finding : findings) {
    if (finding.message.empty()) std::abort();
    for (const char c : finding.text())
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fleet::ReadOptions options{.now = UnixTime(seconds(1'800'000'000)), .key_file = file_of};
  const auto read = fleet::parse_configuration(as_text({data, size}), "f.toml", builtin_objects(), options);
  if (!read) {
    if (read.error().empty()) std::abort();
    check(read.error());
    return 0;
  }
  check(read->warnings);
  (void)read->enrolments.find("urn:dev:os:1");
  for (const auto& [name, plan] : read->plans)
    if (!bootstrap::check_plan(*plan)) std::abort();
  return 0;
}
