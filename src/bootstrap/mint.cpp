// SPDX-License-Identifier: Apache-2.0
// The credentials of one session. [LwM2M-TRANSPORT 1.2 §5.2.1]
#include <array>

#include <slipway/bootstrap/operations.hpp>

namespace slipway::bootstrap {
namespace {

using fleet::CredentialSource;

Bytes random_identity(Random& random) {
  constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<std::uint8_t, 15> bits;
  random.fill(bits);
  Bytes identity(24);
  auto* at = identity.data();
  for (std::size_t i = 0; i < bits.size(); i += 5) {  // five bytes make eight characters
    std::uint64_t group = 0;
    for (std::size_t byte = 0; byte < 5; ++byte) group = group << 8 | bits[i + byte];
    for (unsigned shift = 40; shift != 0;) {
      shift -= 5;
      *at++ = static_cast<std::uint8_t>(kAlphabet[group >> shift & 31]);
    }
  }
  return identity;
}

void make_psk(Random& random, std::size_t size, fleet::Credential& out) {
  std::array<std::uint8_t, fleet::kPskMax> key;
  const MutableBytes used(key.data(), size);
  random.fill(used);
  out.identity = random_identity(random);
  out.key = Secret(used);
  wipe(used);
}

class Mint {
 public:
  Mint(std::string_view endpoint, Random& random, fleet::CredentialMaker* maker,
       std::vector<fleet::Credential>& out)
      : endpoint_(endpoint), random_(random), maker_(maker), out_(out) {}

  /// `account` is a ServerAccountPlan or a BootstrapAccountPlan.
  template <class Account>
  Result<void> make(const Account& account, fleet::ServerRole role, ShortServerId server) {
    if (account.credential == CredentialSource::none || account.credential == CredentialSource::device_own)
      return {};
    if (account.credential != CredentialSource::generate && maker_ == nullptr)
      return fail(ErrorCode::unsupported,
                  "the plan wants a raw public key or a certificate, and nobody here makes these");
    auto& credential = out_.emplace_back();
    credential.endpoint = endpoint_;
    credential.role = role;
    credential.server = server;
    if (account.credential != CredentialSource::generate)
      return maker_->make(account.credential, account.authority.get(), endpoint_, credential);
    make_psk(random_, account.psk_bytes, credential);
    return {};
  }

 private:
  std::string_view endpoint_;
  Random& random_;
  fleet::CredentialMaker* maker_;
  std::vector<fleet::Credential>& out_;
};

Result<void> mint_all(const fleet::Plan& plan, Mint& mint) {
  for (const auto& account : plan.servers)
    SLIPWAY_TRY(mint.make(account, fleet::ServerRole::management, account.id));
  if (!plan.bootstrap) return {};
  return mint.make(*plan.bootstrap, fleet::ServerRole::bootstrap, ShortServerId());
}

}  // namespace

Result<void> mint(const fleet::Plan& plan, std::string_view endpoint, Random& random,
                  fleet::CredentialMaker* maker, std::vector<fleet::Credential>& out) {
  out.clear();
  Mint mint(endpoint, random, maker, out);
  auto made = mint_all(plan, mint);
  if (!made) out.clear();
  return made;
}

}  // namespace slipway::bootstrap
