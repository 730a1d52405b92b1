// SPDX-License-Identifier: Apache-2.0
#include "remotes.hpp"

#include <atomic>
#include <fstream>
#include <map>
#include <thread>
#include <variant>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <nlohmann/json.hpp>

namespace slipway::node {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kAnswerMax = 64 * 1024;
constexpr std::size_t kTokenMin = 16;

/// What a push needs of a remote; shared, so that a reload does not pull it away.
struct Target {
  std::string name, url;
  fleet::HttpBase base;
  Secret token;
  std::unique_ptr<ssl::context> tls;  ///< of https
};

std::unexpected<std::string> problem(const Target& target, const std::string& what) {
  return std::unexpected("the management server \"" + target.name + "\" (" + target.url +
                         ") did not take the credentials: " + what);
}

std::expected<Secret, std::string> read_token(const fleet::Remote& remote) {
  if (remote.token_file.empty()) return Secret();
  std::ifstream stream(remote.token_file);
  std::string line;
  if (!stream || !std::getline(stream, line) || line.size() < kTokenMin)
    return std::unexpected("remote." + remote.name + ".token_file: " + remote.token_file +
                           " cannot be read, or its first line is no token of at least 16 characters");
  Secret token(as_bytes(line));
  wipe({reinterpret_cast<std::uint8_t*>(line.data()), line.size()});
  return token;
}

std::expected<std::unique_ptr<ssl::context>, std::string> make_tls(const fleet::Remote& remote) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  error_code error;
  context->set_verify_mode(ssl::verify_peer);
  context->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
  if (remote.ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(remote.ca_file, error);
  if (error)
    return std::unexpected("remote." + remote.name + ".ca_file: " + remote.ca_file + ": " + error.message() +
                           "; it must hold certificates in PEM");
  return context;
}

std::expected<std::shared_ptr<const Target>, std::string> make_target(const fleet::Remote& remote) {
  auto base = fleet::parse_http_base(remote.url);
  if (!base) return std::unexpected("remote." + remote.name + ".url: " + base.error().detail);
  auto token = read_token(remote);
  if (!token) return std::unexpected(token.error());
  auto target = std::make_shared<Target>();
  target->name = remote.name;
  target->url = remote.url;
  target->base = std::move(*base);
  target->token = std::move(*token);
  if (target->base.scheme == fleet::HttpScheme::https) {
    auto tls = make_tls(remote);
    if (!tls) return std::unexpected(tls.error());
    target->tls = std::move(*tls);
  }
  return target;
}

/// {"credentials": [...]} by hand, so that no copy of a key stays in a tree of JSON.
void append_credential(std::string& out, const fleet::Credential& credential) {
  const auto hex = [&](const char* name, ByteView bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += std::string(",\"") + name + "\":\"";
    for (const auto byte : bytes) (out += kDigits[byte >> 4]) += kDigits[byte & 15];
    out += '"';
  };
  out += "{\"endpoint\":" + nlohmann::json(credential.endpoint).dump() +
         ",\"server\":" + std::to_string(credential.server.value()) + ",\"mode\":\"" +
         to_string(credential.mode) + '"';
  if (credential.mode == SecurityMode::psk) {
    hex("identity", credential.identity);
    hex("key", credential.key.reveal());
  } else {
    hex("public_part", credential.public_part);
  }
  out += '}';
}

/// The request as it goes out. Wiped where it ends.
class RequestText {
 public:
  RequestText(const Target& target, const std::vector<fleet::Credential>& credentials) {
    std::size_t size = 1024;
    for (const auto& credential : credentials)
      size += 512 + 6 * credential.endpoint.size() +
              2 * (credential.identity.size() + credential.public_part.size() + credential.key.size());
    std::string body;
    body.reserve(size);  // growing would leave copies behind
    body += "{\"credentials\":[";
    for (const auto& credential : credentials) {
      if (body.back() == '}') body += ',';
      append_credential(body, credential);
    }
    body += "]}";
    const auto& host = target.base.host;
    text_.reserve(size + body.size());
    text_ += "PUT /api/v1/credentials HTTP/1.1\r\nHost: ";
    text_ += host.find(':') == std::string::npos ? host : "[" + host + "]";
    text_ += ":" + target.base.port + "\r\nUser-Agent: slipway\r\nConnection: close\r\n";
    if (!target.token.empty()) (text_ += "Authorization: Bearer ") += as_text(target.token.reveal());
    if (!target.token.empty()) text_ += "\r\n";
    text_ += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    text_ += body;
    clear(body);
  }
  ~RequestText() { clear(text_); }
  RequestText(const RequestText&) = delete;
  RequestText& operator=(const RequestText&) = delete;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static void clear(std::string& text) { wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); }
  std::string text_;
};

/// Only the acknowledgement of a node for all of them is one: a proxy's page is none.
std::expected<void, std::string> judge(const Target& target, std::size_t pushed, unsigned status,
                                       const std::string& body) {
  const auto parsed = nlohmann::json::parse(body, nullptr, false);
  if (status == 200 && parsed.is_object() && parsed.value("kept", nlohmann::json()) == pushed) return {};
  std::string message = "HTTP status " + std::to_string(status);
  if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_object())
    if (const auto said = parsed["error"].value("message", nlohmann::json()); said.is_string())
      message += ", " + said.get<std::string>().substr(0, 200);
  if (status == 200)
    message += ", but not the acknowledgement of a node; see url of [remote." + target.name + "]";
  if (status == 401) message += "; see token_file of [remote." + target.name + "]";
  return problem(target, message);
}

std::string words(const error_code& error) {
  if (error == asio::error::connection_refused) return "nobody answers; is `slipway serve` running there?";
  return error.message();
}

using Finish = std::function<void(std::expected<void, std::string>)>;

/// One exchange. Lives as long as its handlers do.
class Push : public std::enable_shared_from_this<Push> {
 public:
  Push(asio::io_context& io, std::shared_ptr<const Target> target, std::size_t pushed,
       std::unique_ptr<RequestText> request, Finish finish)
      : target_(std::move(target)),
        pushed_(pushed),
        request_(std::move(request)),
        finish_(std::move(finish)),
        timer_(io),
        resolver_(io) {
    if (target_->tls)
      stream_.emplace<Secure>(io, *target_->tls);
    else
      stream_.emplace<Plain>(io);
    parser_.body_limit(kAnswerMax);
  }

  void start(std::chrono::milliseconds time_max) {
    timer_.expires_after(time_max);
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->end(problem(*self->target_, "no answer in time"));
    });
    resolver_.async_resolve(target_->base.host, target_->base.port,
                            [self = shared_from_this()](const error_code& error, const auto& found) {
                              if (!self->failed(error)) self->connect(found);
                            });
  }

 private:
  using Plain = beast::tcp_stream;
  using Secure = beast::ssl_stream<beast::tcp_stream>;

  void connect(const tcp::resolver::results_type& found) {
    socket().async_connect(found, [self = shared_from_this()](const error_code& error, const auto&) {
      if (!self->failed(error)) self->secure();
    });
  }

  void secure() {
    auto* stream = std::get_if<Secure>(&stream_);
    if (stream == nullptr) return send();
    const auto& host = target_->base.host;
    error_code literal;  // a server name is never an address [RFC 6066 §3]
    (void)asio::ip::make_address(host, literal);
    if (literal) (void)SSL_set_tlsext_host_name(stream->native_handle(), host.c_str());
    stream->set_verify_callback(ssl::host_name_verification(host));
    stream->async_handshake(ssl::stream_base::client, [self = shared_from_this()](const error_code& error) {
      if (!self->failed(error)) self->send();
    });
  }

  void send() {
    with_stream([this](auto& stream) {
      asio::async_write(stream, asio::buffer(request_->text()),
                        [self = shared_from_this()](const error_code& error, std::size_t) {
                          self->request_.reset();
                          if (!self->failed(error)) self->receive();
                        });
    });
  }

  void receive() {
    with_stream([this](auto& stream) {
      http::async_read(stream, buffer_, parser_,
                       [self = shared_from_this()](const error_code& error, std::size_t) {
                         if (self->failed(error)) return;
                         const auto& answer = self->parser_.get();
                         self->end(judge(*self->target_, self->pushed_, answer.result_int(), answer.body()));
                       });
    });
  }

  template <class Function>
  void with_stream(const Function& function) {
    if (auto* secure = std::get_if<Secure>(&stream_)) return function(*secure);
    function(std::get<Plain>(stream_));
  }
  Plain& socket() {
    if (auto* secure = std::get_if<Secure>(&stream_)) return beast::get_lowest_layer(*secure);
    return std::get<Plain>(stream_);
  }

  bool failed(const error_code& error) {
    if (error) end(problem(*target_, words(error)));
    return static_cast<bool>(error) || !finish_;
  }
  /// Once; what is still under way is cancelled.
  void end(std::expected<void, std::string> outcome) {
    if (!finish_) return;
    const auto finish = std::exchange(finish_, nullptr);
    timer_.cancel();
    resolver_.cancel();
    socket().close();
    finish(std::move(outcome));
  }

  std::shared_ptr<const Target> target_;
  std::size_t pushed_;
  std::unique_ptr<RequestText> request_;
  Finish finish_;
  asio::steady_timer timer_;
  tcp::resolver resolver_;
  std::variant<std::monostate, Plain, Secure> stream_;
  beast::flat_buffer buffer_{kAnswerMax + 16 * 1024};
  http::response_parser<http::string_body> parser_;
};

}  // namespace

class Remotes::Impl {
 public:
  Impl(Post post, RemoteLimits limits) : post_(std::move(post)), limits_(limits) {
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Impl() {
    io_.stop();
    thread_.join();
  }

  std::expected<void, std::string> configure(const std::vector<fleet::Remote>& remotes) {
    std::map<std::string, std::shared_ptr<const Target>, std::less<>> targets;
    for (const auto& remote : remotes) {
      auto target = make_target(remote);
      if (!target) return std::unexpected(target.error());
      targets.emplace(remote.name, std::move(*target));
    }
    targets_ = std::move(targets);
    return {};
  }

  void push(std::string_view remote, const std::vector<fleet::Credential>& credentials, Done done) {
    auto answer = [this, done = std::move(done)](std::expected<void, std::string> outcome) {
      post_([done, outcome = std::move(outcome)] { done(outcome); });
    };
    const auto found = targets_.find(remote);
    if (found == targets_.end())
      return answer(std::unexpected("there is no [remote." + std::string(remote) + "] in the configuration"));
    const auto& target = found->second;
    if (under_way_.fetch_add(1) >= limits_.pushes_max) {
      --under_way_;
      return answer(problem(*target, "too many others are under way"));
    }
    auto finish = [this, answer](std::expected<void, std::string> outcome) {
      --under_way_;
      answer(std::move(outcome));
    };
    auto exchange = std::make_shared<Push>(io_, target, credentials.size(),
                                           std::make_unique<RequestText>(*target, credentials), finish);
    asio::post(io_, [exchange, time_max = limits_.time_max] { exchange->start(time_max); });
  }

 private:
  Post post_;
  RemoteLimits limits_;
  std::map<std::string, std::shared_ptr<const Target>, std::less<>> targets_;  // of the node's thread
  std::atomic<std::size_t> under_way_ = 0;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  std::thread thread_;
};

Remotes::Remotes(Post post, RemoteLimits limits) : impl_(std::make_unique<Impl>(std::move(post), limits)) {}
Remotes::~Remotes() = default;

std::expected<void, std::string> Remotes::configure(const std::vector<fleet::Remote>& remotes) {
  return impl_->configure(remotes);
}

void Remotes::push(std::string_view remote, const std::vector<fleet::Credential>& credentials, Done done) {
  impl_->push(remote, credentials, std::move(done));
}

}  // namespace slipway::node
