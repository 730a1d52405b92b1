// SPDX-License-Identifier: Apache-2.0
// A TLS server with a certificate of the test's own authority: takes one connection, one request, and
// answers.
#pragma once

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <slipway/net/clock.hpp>
#include <slipway/security/keys.hpp>

namespace slipway::node::test {

/// An authority, and what it has issued for a server.
struct Issued {
  std::string authority_pem, certificate_pem, key_pem;
};

inline Issued issue_for(std::string_view dns_name) {
  constexpr std::uint8_t kSerial[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const auto now = net::unix_now();
  const auto authority_key = security::make_key_pair();
  const auto server_key = security::make_key_pair();
  security::CertificateRequest request{.public_key = authority_key->public_key,
                                       .common_name = "test authority",
                                       .not_before = now - std::chrono::hours(1),
                                       .not_after = now + std::chrono::hours(1),
                                       .serial = kSerial,
                                       .use = security::CertificateRequest::Use::authority};
  const auto authority = security::issue_certificate(request, {}, authority_key->private_key.reveal());
  request.public_key = server_key->public_key;
  request.common_name = dns_name;
  request.use = security::CertificateRequest::Use::server;
  request.dns_name = dns_name;
  const auto certificate =
      security::issue_certificate(request, *authority, authority_key->private_key.reveal());
  return {.authority_pem = security::to_pem("CERTIFICATE", *authority),
          .certificate_pem = security::to_pem("CERTIFICATE", *certificate),
          .key_pem = security::to_pem("PRIVATE KEY", server_key->private_key.reveal())};
}

class TlsAcceptor {
 public:
  explicit TlsAcceptor(const Issued& issued) {
    context_.use_certificate(boost::asio::buffer(issued.certificate_pem), boost::asio::ssl::context::pem);
    context_.use_private_key(boost::asio::buffer(issued.key_pem), boost::asio::ssl::context::pem);
    thread_ = std::thread([this] { serve_one(); });
  }
  ~TlsAcceptor() {
    // Whoever was never called is called, so that the thread ends.
    boost::system::error_code ignored;
    boost::asio::io_context io;
    boost::asio::ip::tcp::socket socket(io);
    socket.connect(acceptor_.local_endpoint(), ignored);
    socket.close(ignored);
    thread_.join();
  }
  TlsAcceptor(const TlsAcceptor&) = delete;
  TlsAcceptor& operator=(const TlsAcceptor&) = delete;

  [[nodiscard]] std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
  /// The head of the request that came, empty when the handshake failed.
  [[nodiscard]] std::string request() { return request_.get_future().get(); }

 private:
  void serve_one() {
    boost::system::error_code error;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(acceptor_.accept(), context_);
    stream.handshake(boost::asio::ssl::stream_base::server, error);
    std::string head;
    if (!error) boost::asio::read_until(stream, boost::asio::dynamic_buffer(head), "\r\n\r\n", error);
    if (!error)
      boost::asio::write(
          stream,
          boost::asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"kept\":1}")),
          error);
    request_.set_value(head);
  }

  boost::asio::io_context io_;
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
  boost::asio::ip::tcp::acceptor acceptor_{
      io_, boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::promise<std::string> request_;
  std::thread thread_;
};

}  // namespace slipway::node::test
