// SPDX-License-Identifier: Apache-2.0
#include "http_client.hpp"

#include <fstream>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace slipway::cli {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::asio::ip::tcp;
using nlohmann::json;

namespace {

constexpr auto kTimeout = std::chrono::seconds(150);  // above the server's own for a slow device

http::verb verb_of(const std::string& method) {
  return http::string_to_verb(method);
}

std::string decode_error(const boost::system::error_code& error, const std::string& url) {
  if (error == boost::asio::error::connection_refused)
    return "nobody answers at " + url + "; is `slipway serve` running there? --url names another";
  if (error == beast::error::timeout) return url + " did not answer in time";
  return url + ": " + error.message();
}

}  // namespace

std::string Answer::problem() const {
  if (body.is_object() && body.contains("error")) {
    const auto& error = body["error"];
    auto text = error.value("message", "HTTP status " + std::to_string(status));
    if (const auto remedy = error.value("remedy", ""); !remedy.empty()) text += "; " + remedy;
    return text;
  }
  return "the server answered with HTTP status " + std::to_string(status);
}

std::string segment(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~' || c == ':')
      out += c;
    else
      (out += '%') += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

std::expected<HttpClient, std::string> HttpClient::create(const ServerOptions& options) {
  HttpClient client;
  client.url_ = options.url;
  std::string_view rest = options.url;
  if (!rest.starts_with("http://"))
    return std::unexpected("--url " + options.url + ": write http://host:port");
  rest.remove_prefix(7);
  rest = rest.substr(0, rest.find('/'));
  const auto colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos;
  client.host_ = rest.substr(0, has_port ? colon : rest.size());
  client.port_ = has_port ? std::string(rest.substr(colon + 1)) : "80";
  if (client.host_.starts_with('[') && client.host_.ends_with(']'))
    client.host_ = client.host_.substr(1, client.host_.size() - 2);
  if (client.host_.empty()) return std::unexpected("--url " + options.url + ": write http://host:port");
  if (!options.token_file.empty()) {
    std::ifstream stream(options.token_file);
    if (!stream || !std::getline(stream, client.token_))
      return std::unexpected(options.token_file + ": the token cannot be read");
  }
  return client;
}

std::string HttpClient::authority() const {
  return (host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]") + ":" + port_;
}

std::expected<Answer, std::string> HttpClient::call(const std::string& method, const std::string& target,
                                                    const json& body) const {
  boost::asio::io_context io;
  beast::tcp_stream stream(io);
  boost::system::error_code error;
  const auto addresses = tcp::resolver(io).resolve(host_, port_, error);
  if (error) return std::unexpected(decode_error(error, url_));
  stream.expires_after(kTimeout);
  stream.connect(addresses, error);
  if (error) return std::unexpected(decode_error(error, url_));
  http::request<http::string_body> request(verb_of(method), target, 11);
  request.set(http::field::host, authority());
  request.set(http::field::user_agent, "slipway");
  if (!token_.empty()) request.set(http::field::authorization, "Bearer " + token_);
  if (!body.is_null()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body.dump();
  }
  request.prepare_payload();
  http::write(stream, request, error);
  if (error) return std::unexpected(decode_error(error, url_));
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  http::read(stream, buffer, parser, error);
  if (error) return std::unexpected(decode_error(error, url_));
  Answer answer;
  answer.status = parser.get().result_int();
  answer.body = json::parse(parser.get().body(), nullptr, false);
  if (answer.body.is_discarded()) answer.body = parser.get().body();
  return answer;
}

std::expected<void, std::string> HttpClient::events(
    const std::function<void()>& ready,
    const std::function<bool(std::string_view, const json&)>& take) const {
  boost::asio::io_context io;
  beast::tcp_stream stream(io);
  boost::system::error_code error;
  const auto addresses = tcp::resolver(io).resolve(host_, port_, error);
  if (!error) stream.connect(addresses, error);
  if (error) return std::unexpected(decode_error(error, url_));
  http::request<http::empty_body> request(http::verb::get, "/api/v1/events", 11);
  request.set(http::field::host, authority());
  request.set(http::field::accept, "text/event-stream");
  if (!token_.empty()) request.set(http::field::authorization, "Bearer " + token_);
  http::write(stream, request, error);
  if (error) return std::unexpected(decode_error(error, url_));

  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  http::read_header(stream, buffer, parser, error);
  if (error) return std::unexpected(decode_error(error, url_));
  if (parser.get().result_int() != 200)
    return std::unexpected(url_ + " refused the event stream with HTTP status " +
                           std::to_string(parser.get().result_int()));
  if (ready) ready();
  if (!take("open", json::object())) return {};
  std::string pending, name, data;
  std::array<char, 4096> chunk;
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    parser.get().body().more = true;
    http::read_some(stream, buffer, parser, error);
    if (error == http::error::need_buffer) error = {};
    if (error) return std::unexpected("the event stream ended: " + error.message());
    pending.append(chunk.data(), chunk.size() - parser.get().body().size);
    // Lines: "event: name", "data: {...}", an empty one ends an event. [WHATWG HTML 9.2]
    for (std::size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
      std::string_view line(pending.data(), end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.starts_with("event:"))
        name = line.substr(line.find_first_not_of(' ', 6));
      else if (line.starts_with("data:"))
        data += line.substr(std::min(line.size(), line.find_first_not_of(' ', 5)));
      else if (line.empty() && !data.empty()) {
        const auto event = json::parse(data, nullptr, false);
        data.clear();
        if (!event.is_discarded() && !take(name, event)) return {};
      }
    }
  }
  return std::unexpected(std::string("the server closed the event stream"));
}

}  // namespace slipway::cli
