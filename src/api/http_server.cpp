// SPDX-License-Identifier: Apache-2.0
#include <slipway/api/http_server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <system_error>
#include <thread>

#include "api/guard.hpp"
#include "api/http_answers.hpp"
#include "api/target.hpp"

namespace slipway::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kLingerBytesMax = 2 * 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::chrono::milliseconds kAcceptPause{100};

tcp::endpoint to_endpoint(const Address& address) {
  if (address.is_v4()) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy(address.ip.begin() + 12, address.ip.end(), bytes.begin());
    return {asio::ip::address_v4(bytes), address.port};
  }
  return {asio::ip::address_v6(address.ip, address.scope), address.port};
}

Address to_address(const tcp::endpoint& endpoint) {
  Address address;
  if (endpoint.address().is_v4()) {
    const auto bytes = endpoint.address().to_v4().to_bytes();
    return Address::v4(bytes[0], bytes[1], bytes[2], bytes[3], endpoint.port());
  }
  const auto v6 = endpoint.address().to_v6();
  std::copy_n(v6.to_bytes().begin(), address.ip.size(), address.ip.begin());
  address.port = endpoint.port();
  return address;
}

constexpr std::string_view kEventStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";

}  // namespace

/// Lives on its thread, but for `post`. The io_context goes in `stop`, with all connections in it.
class HttpServer::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(HttpOptions options, Router router)
      : options_(std::move(options)),
        router_(std::move(router)),
        io_(std::make_unique<asio::io_context>(1)) {}

  net::SystemResult<void> start();
  void stop();
  /// From any thread; does nothing when the server has stopped.
  void post(std::function<void()> work) {
    const std::scoped_lock lock(mutex_);
    if (io_) asio::post(*io_, std::move(work));
  }

  [[nodiscard]] const HttpOptions& options() const { return options_; }
  [[nodiscard]] const Router& router() const { return router_; }
  [[nodiscard]] const Address& local_address() const { return local_; }
  void count(std::string_view method, unsigned status);

 private:
  net::SystemResult<tcp::acceptor> listen();
  awaitable<void> accept(tcp::acceptor acceptor);
  void serve(tcp::socket socket);

  HttpOptions options_;
  Router router_;
  Address local_;
  std::size_t connections_ = 0;
  std::thread thread_;
  std::mutex mutex_;  // guards the pointer io_
  std::unique_ptr<asio::io_context> io_;
};

namespace {

using Core = HttpServer::Core;

/// One connection: request after request, until one side has had enough. `co_await` stands in statements
/// of its own: g++ 12 miscompiles some of those within conditions.
class Session {
 public:
  Session(Core& core, tcp::socket socket)
      : core_(core), stream_(std::move(socket)), buffer_(limits().header_bytes + kReadBytes) {
    error_code error;
    const auto endpoint = stream_.socket().remote_endpoint(error);
    if (!error) peer_ = to_address(endpoint);
  }

  awaitable<void> run() {
    for (bool more = true; more;) more = co_await serve_one();
    co_await close();
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  /// A handler's answer on its way to the connection that waits for it.
  struct Exchange {
    asio::steady_timer timer;
    std::optional<Response> answer;
  };

  /// What ends the wait of an event stream: news, or the reader's going.
  struct Wakeup {
    asio::steady_timer timer;
    bool closed = false;
    std::array<char, 64> scrap{};
  };

  [[nodiscard]] const HttpLimits& limits() const { return core_.options().limits; }

  awaitable<bool> serve_one();
  awaitable<bool> read_header(Parser& parser);
  awaitable<bool> read_body(Parser& parser);
  awaitable<bool> dispatch(Router::Match match, Request request);
  awaitable<Response> call(const Handler& handler, Request request);
  awaitable<bool> stream_events(EventStream& events, std::string_view last_event_id);
  awaitable<void> forward_events(EventStream::Subscription& subscription, std::shared_ptr<Wakeup> wakeup);
  awaitable<bool> answer(Response response);
  awaitable<bool> refuse(Response response);
  awaitable<bool> write(std::string_view text);
  awaitable<void> close();

  Core& core_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  Address peer_;
  bool first_ = true;
  bool unread_ = false;  // the client may still be sending
  // Of the request being served:
  std::string method_;
  unsigned version_ = 11;
  bool keep_alive_ = false;
};

Response answer_to(const error_code& error, const HttpLimits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return too_large(431, "the request's header", limits.header_bytes);
  if (error == http::error::body_limit) return too_large(413, "the body", limits.body_bytes);
  return bad_request();
}

bool is_bad_input(const error_code& error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

awaitable<bool> Session::read_header(Parser& parser) {
  if (buffer_.size() == 0) {
    stream_.expires_after(std::exchange(first_, false) ? limits().header_time : limits().idle_time);
    const auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    if (error) co_return false;
    buffer_.commit(size);
  }
  stream_.expires_after(limits().header_time);
  const auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
  if (!error) co_return true;
  if (is_bad_input(error)) co_await refuse(answer_to(error, limits()));
  co_return false;
}

awaitable<bool> Session::read_body(Parser& parser) {
  if (parser.is_done()) co_return true;
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    const bool written = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return false;
  }
  stream_.expires_after(limits().body_time);
  const auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kAwait);
  if (!error) co_return true;
  if (is_bad_input(error)) co_await refuse(answer_to(error, limits()));
  co_return false;
}

Request make_request(const http::request<http::string_body>& message, const Address& peer) {
  Request request;
  request.peer = peer;
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return request;
}

awaitable<bool> Session::serve_one() {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits().header_bytes));
  parser.body_limit(limits().body_bytes);
  method_.clear();
  version_ = 11;
  keep_alive_ = false;
  const bool has_header = co_await read_header(parser);
  if (!has_header) co_return false;

  const auto& message = parser.get();
  method_ = message.method_string();
  version_ = message.version();
  const std::string_view target(message.target().data(), message.target().size());
  if (target.size() > limits().target_bytes)
    co_return co_await refuse(too_large(414, "the URL", limits().target_bytes));
  const auto question = target.find('?');

  // The body is read only for a route that is there and a client that may use it.
  auto request = make_request(message, peer_);
  auto match = core_.router().find(method_, target.substr(0, question));
  const bool open = match && match->access == Access::open;
  if (auto refusal = check_access(request, core_.options().token); refusal && !open)
    co_return co_await refuse(std::move(*refusal));
  if (!match) co_return co_await refuse(std::move(match.error()));
  auto query = parse_query(question == std::string_view::npos ? "" : target.substr(question + 1));
  if (!query) co_return co_await refuse(bad_request());
  const bool has_body = co_await read_body(parser);
  if (!has_body) co_return false;

  keep_alive_ = message.keep_alive();
  std::erase_if(request.headers, [](const auto& field) { return field.first == "authorization"; });
  request.query = std::move(*query);
  request.parameters = std::move(match->parameters);
  request.body = std::move(parser.get().body());
  co_return co_await dispatch(std::move(*match), std::move(request));
}

awaitable<bool> Session::dispatch(Router::Match match, Request request) {
  for (const auto method : {Method::get, Method::put, Method::post, Method::patch, Method::del})
    if (to_string(method) == method_) request.method = method;
  if (const auto* events = std::get_if<EventStream*>(match.target)) {
    if (method_ == "HEAD") {
      co_await write(kEventStreamHead);
      co_return false;
    }
    co_return co_await stream_events(**events, request.header("last-event-id").value_or(""));
  }
  co_return co_await answer(co_await call(std::get<Handler>(*match.target), std::move(request)));
}

awaitable<Response> Session::call(const Handler& handler, Request request) {
  auto exchange = std::make_shared<Exchange>(Exchange{asio::steady_timer(stream_.get_executor()), {}});
  // Weak, and looked at on our thread only: whoever holds a Responder keeps nothing of ours alive.
  Responder responder([core = core_.weak_from_this(), weak = std::weak_ptr(exchange)](Response response) {
    if (const auto here = core.lock())
      here->post([weak, response = std::move(response)]() mutable {
        const auto waiting = weak.lock();
        if (!waiting || waiting->answer) return;
        waiting->answer = std::move(response);
        waiting->timer.cancel();
      });
  });
  try {
    handler(std::move(request), std::move(responder));
  } catch (...) {
    co_return handler_failed();
  }
  exchange->timer.expires_after(limits().handler_time);
  co_await exchange->timer.async_wait(kAwait);
  co_return exchange->answer ? std::move(*exchange->answer) : no_answer_in_time();
}

awaitable<bool> Session::stream_events(EventStream& events, std::string_view last_event_id) {
  auto wakeup = std::make_shared<Wakeup>(Wakeup{.timer = asio::steady_timer(stream_.get_executor())});
  auto subscription =
      events.subscribe(last_event_id, [core = core_.weak_from_this(), weak = std::weak_ptr(wakeup)] {
        if (const auto here = core.lock())
          here->post([weak] {
            if (const auto waiting = weak.lock()) waiting->timer.cancel();
          });
      });
  if (!subscription) co_return co_await answer(too_many_streams());
  core_.count(method_, 200);
  const bool written = co_await write(kEventStreamHead);
  if (!written) co_return false;
  // A reader says nothing more: whatever comes now, mostly the end, closes the stream.
  stream_.socket().async_read_some(asio::buffer(wakeup->scrap), [wakeup](const error_code&, std::size_t) {
    wakeup->closed = true;
    wakeup->timer.cancel();
  });
  co_await forward_events(*subscription, wakeup);
  co_return false;
}

awaitable<void> Session::forward_events(EventStream::Subscription& subscription,
                                        std::shared_ptr<Wakeup> wakeup) {
  bool more = true;
  while (more && !wakeup->closed) {
    const auto batch = subscription.take();
    if (!batch.text.empty()) {
      more = co_await write(batch.text);
      more = more && !batch.finished;
      continue;
    }
    wakeup->timer.expires_after(limits().heartbeat);
    const auto [cancelled] = co_await wakeup->timer.async_wait(kAwait);
    if (!cancelled) more = co_await write(": heartbeat\n\n");
  }
}

template <class Body>
void fill_header(http::response<Body>& message, const Response& response, unsigned version, bool keep_alive) {
  message.version(version);
  message.result(response.status);
  if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  if (response.status != 204) message.content_length(response.body.size());
}

awaitable<bool> Session::answer(Response response) {
  core_.count(method_, response.status);
  stream_.expires_after(limits().write_time);
  error_code failure;
  if (method_ == "HEAD") {
    http::response<http::empty_body> message;
    fill_header(message, response, version_, keep_alive_);
    http::response_serializer<http::empty_body> serializer(message);
    std::tie(failure, std::ignore) = co_await http::async_write_header(stream_, serializer, kAwait);
  } else {
    http::response<http::string_body> message;
    fill_header(message, response, version_, keep_alive_);
    message.body() = std::move(response.body);
    std::tie(failure, std::ignore) = co_await http::async_write(stream_, message, kAwait);
  }
  co_return !failure && keep_alive_;
}

/// Answers without having read the whole request, so the connection ends here.
awaitable<bool> Session::refuse(Response response) {
  keep_alive_ = false;
  unread_ = true;
  co_return co_await answer(std::move(response));
}

awaitable<bool> Session::write(std::string_view text) {
  stream_.expires_after(limits().write_time);
  std::size_t written = 0;
  while (written < text.size()) {
    const auto [error, size] =
        co_await stream_.async_write_some(asio::buffer(text.data() + written, text.size() - written), kAwait);
    if (error) co_return false;
    written += size;
  }
  co_return true;
}

/// Closing a socket with unread input resets the connection, and the client would lose the answer.
awaitable<void> Session::close() {
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  if (!unread_) co_return;
  stream_.expires_after(kLingerTime);
  std::array<char, 4096> scrap;
  for (std::size_t total = 0; total < kLingerBytesMax;) {
    const auto [error, size] = co_await stream_.async_read_some(asio::buffer(scrap), kAwait);
    if (error) co_return;
    total += size;
  }
}

net::SystemError cannot_listen(const Address& address, const error_code& error) {
  const char* remedy = "";
  if (error == asio::error::address_in_use) remedy = "stop the other program or choose another port";
  if (error == asio::error::access_denied) remedy = "choose a port above 1023, or grant CAP_NET_BIND_SERVICE";
  if (error.value() == EADDRNOTAVAIL) remedy = "use an address of this machine (see `ip address`)";
  return {.what = "cannot listen on " + address.to_string() + " (http)",
          .errno_value = error.value(),
          .remedy = remedy};
}

}  // namespace

net::SystemResult<tcp::acceptor> HttpServer::Core::listen() {
  const auto endpoint = to_endpoint(options_.address);
  tcp::acceptor acceptor(*io_);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return std::unexpected(cannot_listen(options_.address, error));
  local_ = to_address(acceptor.local_endpoint(error));
  return acceptor;
}

net::SystemResult<void> HttpServer::Core::start() {
  auto acceptor = listen();
  if (!acceptor) return std::unexpected(acceptor.error());
  asio::co_spawn(*io_, accept(std::move(*acceptor)), [](std::exception_ptr) {});
  try {
    thread_ = std::thread([io = io_.get()] { io->run(); });
  } catch (const std::system_error& error) {
    return std::unexpected(net::SystemError{
        .what = "cannot start a thread for HTTP", .errno_value = error.code().value(), .remedy = ""});
  }
  return {};
}

void HttpServer::Core::stop() {
  if (thread_.joinable()) {
    io_->stop();
    thread_.join();
  }
  std::unique_ptr<asio::io_context> gone;  // destroyed without the lock: what it holds may call `post`
  const std::scoped_lock lock(mutex_);
  gone = std::move(io_);
}

awaitable<void> HttpServer::Core::accept(tcp::acceptor acceptor) {
  asio::steady_timer pause(*io_);
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (!error) {
      serve(std::move(socket));
      continue;
    }
    // Mostly out of descriptors; trying again at once would spin.
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAwait);
  }
}

void HttpServer::Core::serve(tcp::socket socket) {
  error_code ignored;
  if (connections_ >= options_.limits.connections) {
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(too_many_connections()), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    count("", 503);
    return;
  }
  ++connections_;
  socket.set_option(tcp::no_delay(true), ignored);
  auto session = std::make_unique<Session>(*this, std::move(socket));
  auto& running = *session;
  asio::co_spawn(*io_, running.run(),
                 [this, session = std::move(session)](std::exception_ptr) { --connections_; });
}

void HttpServer::Core::count(std::string_view method, unsigned status) {
  if (options_.metrics == nullptr) return;
  constexpr std::array<std::string_view, 6> kKnown{"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"};
  const bool known = std::find(kKnown.begin(), kKnown.end(), method) != kKnown.end();
  options_.metrics
      ->counter("slipway_http_requests_total", "HTTP requests by method and status.",
                {{"method", known ? std::string(method) : "other"}, {"status", std::to_string(status)}})
      .increment();
}

HttpServer::HttpServer(std::shared_ptr<Core> core) : core_(std::move(core)) {}
HttpServer::~HttpServer() {
  stop();
}

net::SystemResult<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, Router router) {
  if (auto error = check_token_rules(options)) return std::unexpected(std::move(*error));
  auto core = std::make_shared<Core>(std::move(options), std::move(router));
  auto server = std::unique_ptr<HttpServer>(new HttpServer(core));
  if (auto started = core->start(); !started) return std::unexpected(started.error());
  return server;
}

const Address& HttpServer::local_address() const {
  return core_->local_address();
}
void HttpServer::stop() {
  core_->stop();
}

}  // namespace slipway::api
