// SPDX-License-Identifier: Apache-2.0
// Any bytes through the CoAP parser; what it accepts, written again, must read the same.
#include <cstdlib>

#include <slipway/coap/message.hpp>

using namespace slipway;
using namespace slipway::coap;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView datagram(data, size);
  (void)peek_header(datagram);
  const auto message = Message::parse(datagram);
  if (!message) {
    require(message.error().offset <= size);
    return 0;
  }
  Bytes buffer(size + 16);
  MessageWriter writer(buffer, message->type, message->code, message->message_id, message->token);
  for (std::size_t i = 0; i < message->option_count(); ++i) {
    const auto option = message->option(i);
    (void)option.number_value();
    (void)Block::decode(option);
    writer.option(option.number, option.value);
  }
  writer.payload(message->payload);
  (void)message->uri_path();
  (void)message->content_format();
  (void)message->accept();
  (void)message->observe();

  // Not byte for byte: a peer may spend more bytes on an option's header than it needs.
  const auto written = writer.finish();
  require(written.has_value());
  const auto again = Message::parse(*written);
  require(again.has_value());
  require(again->type == message->type && again->code == message->code);
  require(again->message_id == message->message_id && again->token == message->token);
  require(again->option_count() == message->option_count());
  for (std::size_t i = 0; i < message->option_count(); ++i) {
    require(again->option(i).number == message->option(i).number);
    require(equal(again->option(i).value, message->option(i).value));
  }
  require(equal(again->payload, message->payload));
  return 0;
}
