// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on one thread of its own. Handlers run on that thread and answer from any.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include <slipway/api/metrics.hpp>
#include <slipway/api/router.hpp>
#include <slipway/base/address.hpp>
#include <slipway/base/secret.hpp>
#include <slipway/net/system_error.hpp>

namespace slipway::api {

/// What a client can make grow or wait, each with its answer when exceeded. A connection has one
/// request at a time: a pipelined one waits in the socket.
struct HttpLimits {
  std::size_t connections = 256;                    ///< 503
  std::size_t header_bytes = 16 * 1024;             ///< request line and headers: 431
  std::size_t target_bytes = 4 * 1024;              ///< path and query: 414
  std::size_t body_bytes = 1024 * 1024;             ///< 413
  std::chrono::milliseconds header_time{10'000};    ///< from a request's first byte: closed
  std::chrono::milliseconds body_time{30'000};      ///< closed
  std::chrono::milliseconds idle_time{60'000};      ///< between requests: closed
  std::chrono::milliseconds write_time{30'000};     ///< for a client that does not read: closed
  std::chrono::milliseconds handler_time{120'000};  ///< a handler that never answers: 504
  std::chrono::milliseconds heartbeat{15'000};      ///< comment on a silent event stream
};

struct HttpOptions {
  Address address;  ///< port 0 takes a free one
  Secret token;     ///< at least kTokenBytesMin; may be empty on a loopback address only
  HttpLimits limits = {};
  Metrics* metrics = nullptr;  ///< counts requests there; must outlive the server
};

class HttpServer {
 public:
  static constexpr std::size_t kTokenBytesMin = 16;

  /// Listens and serves until `stop`. Refuses an address that others can reach without a token.
  [[nodiscard]] static net::SystemResult<std::unique_ptr<HttpServer>> start(HttpOptions options,
                                                                            Router router);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// With the port that was chosen.
  [[nodiscard]] const Address& local_address() const;
  /// Closes every connection and waits for the thread; not to be called by a handler. Later answers
  /// of handlers are ignored.
  void stop();

  class Core;

 private:
  explicit HttpServer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace slipway::api
