// SPDX-License-Identifier: Apache-2.0
// Real CoAP messages for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <slipway/coap/message.hpp>
#include <slipway/codec/payload.hpp>

namespace slipway::trace {

struct Draft {
  coap::Type type = coap::Type::confirmable;
  coap::Code code = coap::Code::get;
  std::string path = {};
  std::vector<std::string> queries = {};
  std::optional<std::uint32_t> observe = {};
  std::optional<ContentFormat> format = {};
  std::optional<ContentFormat> accept = {};
  std::optional<coap::Block> block1 = {}, block2 = {};
  std::string location = {};
  Bytes payload = {};
  std::uint16_t token = 1;
};

inline Bytes message(const Draft& draft) {
  using enum coap::OptionNumber;
  Bytes out(4096);
  const std::uint8_t token[] = {static_cast<std::uint8_t>(draft.token >> 8),
                                static_cast<std::uint8_t>(draft.token)};
  coap::MessageWriter writer(out, draft.type, draft.code, coap::MessageId(1), coap::Token(token));
  const auto number = [&](coap::OptionNumber option, auto value) {
    writer.option(option, static_cast<std::uint64_t>(value));
  };
  if (draft.observe) number(observe, *draft.observe);
  if (!draft.location.empty()) writer.path(location_path, draft.location);
  if (!draft.path.empty()) writer.path(uri_path, draft.path);
  if (draft.format) number(content_format, *draft.format);
  for (const auto& query : draft.queries) writer.option(uri_query, query);
  if (draft.accept) number(accept, *draft.accept);
  if (draft.block2) writer.block(block2, *draft.block2);
  if (draft.block1) writer.block(block1, *draft.block1);
  if (!draft.payload.empty()) writer.payload(draft.payload);
  const auto written = writer.finish();
  EXPECT_TRUE(written);
  return Bytes(written->begin(), written->end());
}

inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

inline Bytes encoded(ContentFormat format, const Path& base, std::span<const Entry> entries) {
  Bytes out(4096);
  const auto size = codec::encode(format, base, entries, out);
  EXPECT_TRUE(size) << size.error().detail;
  out.resize(size.value_or(0));
  return out;
}

inline Path path(std::string_view text) {
  return *Path::parse(text);
}

}  // namespace slipway::trace
