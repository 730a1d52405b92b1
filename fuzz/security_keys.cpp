// SPDX-License-Identifier: Apache-2.0
// Readers of keys, certificates and PEM, and the judges of chains: any bytes, and what is taken is what is
// given back.
#include <cstdlib>

#include <slipway/security/keys.hpp>
#include <slipway/security/trust.hpp>

using namespace slipway;
using namespace slipway::security;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void read_keys(ByteView bytes) {
  if (const auto pair = read_private_key(bytes)) {
    const auto again = read_private_key(pair->private_key.reveal());
    require(again && equal(again->public_key, pair->public_key));
    require(equal(again->private_key.reveal(), pair->private_key.reveal()));
    require(read_public_key(pair->public_key).has_value());
  }
  (void)read_public_key(bytes);
  if (const auto certificate = read_certificate(bytes))
    require(read_public_key(certificate->public_key).has_value());
}

void read_text(ByteView bytes) {
  const auto blocks = read_pem(as_text(bytes));
  if (!blocks) return;
  require(!blocks->empty() && blocks->size() <= kPemBlocksMax);
  for (const auto& block : *blocks) {
    read_keys(block.der.reveal());
    const auto again = read_pem(to_pem(block.label, block.der.reveal()));
    require(again && again->size() == 1 && equal(again->front().der.reveal(), block.der.reveal()));
  }
}

/// Somebody who presents these bytes is believed by nobody who does not store exactly them.
void judge(ByteView bytes, std::uint8_t choice) {
  static const auto authority = [] {
    const auto key = *make_key_pair();
    static constexpr std::array<std::uint8_t, 8> kSerial{1, 2, 3, 4, 5, 6, 7, 8};
    return *issue_certificate({.public_key = key.public_key,
                               .common_name = "CA",
                               .not_before = UnixTime(std::chrono::hours(24)),
                               .not_after = UnixTime(std::chrono::hours(24 * 365 * 100)),
                               .serial = kSerial,
                               .use = CertificateRequest::Use::authority},
                              {}, key.private_key.reveal());
  }();
  const std::array<ByteView, 2> chain{bytes.first(bytes.size() / 2), bytes.subspan(bytes.size() / 2)};
  ServerTrust trust{.server_key = authority,
                    .matching = static_cast<MatchingType>(choice & 3),
                    .usage = static_cast<CertificateUsage>(choice >> 2 & 3),
                    .anchors = {authority},
                    .name = "server.example"};
  const auto wall =
      (choice & 16) != 0 ? std::optional(UnixTime(std::chrono::hours(24 * 365 * 50))) : std::nullopt;
  require(distrust_of_server(trust, std::span(chain).first(1), wall).has_value());
  require(distrust_of_server(trust, chain, wall).has_value());
  static const auto authorities = *ClientAuthorities::from(std::vector<Bytes>{authority});
  require(authorities.distrust_of(chain, wall).has_value());
  trust.server_key.assign(bytes.begin(), bytes.end());
  (void)distrust_of_server(trust, chain, wall);
  trust.anchors = {Bytes(bytes.begin(), bytes.end())};
  (void)distrust_of_server(trust, chain, wall);
  (void)ClientAuthorities::from(trust.anchors);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView bytes{data + 1, size - 1};
  read_keys(bytes);
  read_text(bytes);
  judge(bytes, data[0]);
  return 0;
}
