// SPDX-License-Identifier: Apache-2.0
// One device of one bootstrap server.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/codec/payload.hpp>

#include "unit/bootstrap/planning.hpp"

namespace slipway::test {

class BootstrapSession : public testing::Test {
 protected:
  using Adapter = BootstrapHarness::Adapter;

  void begin(std::vector<std::string_view> queries = {"ep=dev-1", "pct=112"}) {
    harness.attach(device, peer);
    device.post(harness.now, "/bs", std::move(queries));
    harness.settle();
  }
  void give(fleet::Plan plan) { harness.plan = std::make_shared<const fleet::Plan>(std::move(plan)); }
  /// What the device answers to one thing, each time.
  void answer(std::string asked, coap::Code code, std::string payload = {}) {
    answers_[std::move(asked)] = {code, std::move(payload)};
    device.reply = [this](const std::string& what) -> std::optional<Reply> {
      const auto found = answers_.find(what);
      return found == answers_.end() ? std::nullopt : std::optional<Reply>(found->second);
    };
  }
  [[nodiscard]] bootstrap::Outcome outcome() const { return harness.ended.at(0).outcome; }
  [[nodiscard]] const std::string& reason() const { return harness.ended.at(0).reason; }
  /// What the device was sent with the n-th request, as "/1/0/0 101" and so on.
  [[nodiscard]] std::vector<std::string> written(std::size_t index) const {
    const auto& asked = device.asked.at(index);
    return values(static_cast<ContentFormat>(asked.format.value()),
                  Path::parse(std::string_view(asked.what).substr(4)).value(), asked.payload);
  }
  [[nodiscard]] static std::vector<std::string> values(ContentFormat format, const Path& base,
                                                       ByteView payload) {
    std::vector<Entry> entries(64);
    Bytes scratch(payload.size() + 64);
    const auto decoded = codec::decode(format, base, payload, {.catalog = &builtin_objects()},
                                       {.entries = entries, .scratch = scratch});
    if (!decoded) return {decoded.error().detail};
    std::vector<std::string> lines;
    for (const auto& entry : *decoded)
      lines.push_back(std::string(entry.path.text().view()) + " " + entry.value.to_display());
    return lines;
  }

  BootstrapHarness harness;
  ScriptedDevice device{7};
  PeerContext peer = psk_peer(1, "dev-1");

 private:
  std::map<std::string, Reply> answers_;
};

}  // namespace slipway::test
