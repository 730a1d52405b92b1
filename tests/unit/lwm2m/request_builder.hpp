// SPDX-License-Identifier: Apache-2.0
// Requests as a device would send them.
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

#include <slipway/coap/message.hpp>

namespace slipway::test {

/// A POST with these queries; the message points into this object.
class Request {
 public:
  explicit Request(std::initializer_list<std::string_view> queries) {
    coap::MessageWriter writer(buffer_, coap::Type::confirmable, coap::Code::post, coap::MessageId(1), {});
    for (const auto query : queries) writer.option(coap::OptionNumber::uri_query, query);
    message = coap::Message::parse(writer.finish().value()).value();
  }
  coap::Message message;

 private:
  std::array<std::uint8_t, 2048> buffer_{};
};

}  // namespace slipway::test
