// SPDX-License-Identifier: Apache-2.0
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <slipway/base/secret.hpp>
#include <slipway/security/random.hpp>

namespace slipway::security {
namespace {

void fill_from_kernel(MutableBytes out) {
  while (!out.empty()) {
    const auto got = getrandom(out.data(), out.size(), 0);
    if (got > 0)
      out = out.subspan(static_cast<std::size_t>(got));
    else if (errno != EINTR)
      std::abort();
  }
}

}  // namespace

SystemRandom::~SystemRandom() {
  wipe(block_);
}

void SystemRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    if (used_ == kBlock) {
      fill_from_kernel(block_);
      used_ = 0;
    }
    const auto count = std::min(out.size(), kBlock - used_);
    std::memcpy(out.data(), block_.data() + used_, count);
    wipe(MutableBytes(block_).subspan(used_, count));
    used_ += count;
    out = out.subspan(count);
  }
}

}  // namespace slipway::security
