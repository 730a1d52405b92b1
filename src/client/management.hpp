// SPDX-License-Identifier: Apache-2.0
// Device management: what a registered server may do, each operation with its codes.
// [LwM2M-CORE 1.2 §6.3] [LwM2M-TRANSPORT 1.2 §6.4.4, §6.7]
#pragma once

#include <vector>

#include "client/observe.hpp"

namespace slipway::client {

/// What follows from an operation, once its answer is on its way.
struct Effects {
  enum class Trigger : std::uint8_t { none, disable, update, bootstrap };
  std::vector<Path> changed;
  bool stored = false;  ///< the stored state has changed and wants to be made durable
  Trigger trigger = Trigger::none;
  ShortServerId server{};  ///< of /1/x, for a trigger
};

class Management {
 public:
  Management(Services& services, Observations& observations)
      : services_(services), observations_(observations) {}

  /// Carries out a request of a registered server and answers it.
  Effects handle(TimePoint now, const Server& server, const coap::RequestReceived& event);

 private:
  struct Request {
    TimePoint now;
    const Server& server;
    const coap::Message& message;
    Path path;
  };
  Answer dispatch(const Request& request, Effects& effects);
  Answer get(const Request& request);
  Answer put(const Request& request, Effects& effects);
  Answer post(const Request& request, Effects& effects);
  Answer observe(const Request& request);
  Answer discover(const Request& request);
  Answer write_attributes(const Request& request);
  Answer write(const Request& request, Model::Merge merge, Effects& effects);
  Answer execute(const Request& request, Effects& effects);
  Answer execute_server(const Request& request, Effects& effects);
  Answer create(const Request& request, Effects& effects);
  Answer remove(const Request& request, Effects& effects);

  Services& services_;
  Observations& observations_;
};

/// Whether Execute arguments follow `arg *("," arg)`, an arg being a digit or digit='text', each digit once.
[[nodiscard]] bool valid_arguments(std::string_view text);

}  // namespace slipway::client
