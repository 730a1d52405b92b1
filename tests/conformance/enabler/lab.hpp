// SPDX-License-Identifier: Apache-2.0
// A device and its servers in one process and in virtual time, with real engines and real DTLS; every CoAP
// message is kept, so that a test can ask what was said.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <slipway/bootstrap/server.hpp>
#include <slipway/fleet/credential_maker.hpp>
#include <slipway/management/server.hpp>
#include <slipway/security/dtls/client.hpp>
#include <slipway/security/dtls/server.hpp>
#include <slipway/trace/describe.hpp>

#include "unit/client/stage.hpp"

namespace slipway::enabler {

using client::test::Device;
using client::test::entry;
using coap::Code;
using trace::Direction;

inline const UnixTime kToday{milliseconds(1'764'000'000'000)};

/// A message on the wire, before DTLS.
struct Seen {
  std::size_t number = 0;  ///< in the order of all messages
  TimePoint at{};
  std::string server;  ///< the name of the host
  Direction direction = Direction::up;
  Bytes bytes;
  coap::Message message;  ///< parsed from `bytes`
  [[nodiscard]] std::string path() const { return std::string(message.uri_path().view()); }
  [[nodiscard]] std::vector<std::string> queries() const;
  [[nodiscard]] std::string payload() const { return std::string(as_text(message.payload)); }
};

/// How an operation of a management server ended.
struct Done {
  Path path;
  std::optional<Code> code;
  std::vector<std::pair<Path, OwnedValue>> values;
};

class Lab;

/// A server at an address. One of its engines is there; `scripted` plays by hand what a test writes.
struct Host {
  std::string name;
  Address address;
  std::unique_ptr<security::dtls::DtlsServer> dtls;  ///< absent: NoSec
  std::unique_ptr<bootstrap::Server> bootstrap;
  std::unique_ptr<management::Server> management;
  std::unique_ptr<coap::Endpoint> scripted;
  std::shared_ptr<const fleet::Plan> plan;  ///< of `bootstrap`
  struct Peer {
    std::string endpoint;
    SecurityMode mode = SecurityMode::psk;
  };
  std::map<PeerId, Peer> peers;    ///< those that have proved who they are
  std::map<PeerId, PeerId> plain;  ///< of NoSec: the server's name for a peer -> the device's
  std::vector<bootstrap::Outcome> outcomes;
  std::map<management::OperationId, Done> done;
  std::map<coap::RequestId, client::test::Reply> replies;
  PeerId last_peer;  ///< who spoke last
};

class Lab {
 public:
  explicit Lab(Device& device, client::ClientConfig config = {});
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  // --- Who takes part -----------------------------------------------------------------------------------
  /// A bootstrap server that carries out `plan`.
  Host& bootstrap_server(std::string_view uri, fleet::Plan plan);
  /// `keys` are for devices that do not come with a pre-shared key.
  Host& management_server(std::string name, std::string_view uri, security::dtls::ServerKeys keys = {});
  /// A bootstrap server played by hand; answers requests with 2.04.
  Host& scripted_server(std::string_view uri);
  /// Servers accept this key from now on.
  void accept_key(std::string_view identity, std::string_view key);

  // --- Letting things happen -------------------------------------------------------------------------------
  void start();
  void pass(Duration duration);
  /// Lets time pass until something is true; false when it did not become so.
  [[nodiscard]] bool until(const std::function<bool()>& is_true, Duration most = std::chrono::hours(30));
  /// An operation that a server began, to its end.
  Done finished(Host& host, Result<management::OperationId> operation);
  /// A request of a scripted server within its session, to its answer.
  client::test::Reply ask(Host& host, const coap::OutgoingRequest& request);
  client::test::Reply put(Host& host, std::string_view path, const std::vector<Entry>& entries,
                          ContentFormat format = ContentFormat::senml_cbor);

  // --- What was seen -----------------------------------------------------------------------------
  [[nodiscard]] const std::deque<Seen>& wire() const { return wire_; }
  /// Requests of one kind, in order. `path` may end in `*`.
  [[nodiscard]] std::vector<const Seen*> requests(std::string_view server, Direction direction, Code code,
                                                  std::string_view path) const;
  /// The answer to a request.
  [[nodiscard]] const Seen* answer_to(const Seen* request) const;
  [[nodiscard]] std::optional<Code> code_of_answer(const Seen* request) const;
  /// Whether a server knows the device now.
  [[nodiscard]] bool registered(const Host& host) const;
  /// How many DTLS sessions the device has opened with a server.
  [[nodiscard]] unsigned sessions_opened(const Host& host) const;
  /// How often the device has said that it could not register.
  [[nodiscard]] unsigned registrations_failed() const { return registrations_failed_; }
  /// The conversation as a ladder, for a failing test.
  [[nodiscard]] std::string told() const;

  TimePoint now{seconds(1000)};
  std::optional<Bytes> card;  ///< the file of the smartcard in the device's reader
  client::Client& client() { return client_; }

 private:
  struct Session {
    Host* host = nullptr;
    Address local;
    std::unique_ptr<security::dtls::DtlsClient> dtls;  ///< absent: NoSec
  };
  struct Datagram {
    bool up;
    Address from, to;
    PeerId plain;  ///< of NoSec
    Bytes bytes;
  };

  Host& add(std::string name, std::string_view uri, security::dtls::ServerKeys keys);
  void note(Host& host, Direction direction, ByteView bytes);
  void settle();
  bool deliver();
  bool turn_device();
  bool turn(Host& host);
  void drain(PeerId peer, Session& session);
  void drain(Host& host);
  void receive(Host& host, PeerId peer, ByteView plaintext);
  void transmit(Host& host, const coap::Transmit& out);
  void handle_timeouts();
  [[nodiscard]] std::optional<TimePoint> next() const;

  void on(const client::Event& event);
  void connect(const client::ConnectWanted& event);
  void on(Host& host, const bootstrap::Event& event);
  void on(Host& host, const management::Event& event);
  void on(Host& host, const coap::Event& event);
  void on(Host& host, const security::dtls::ServerEvent& event);

  struct Key {
    std::string endpoint;
    Bytes key;
    SecurityMode mode = SecurityMode::psk;
  };
  std::string endpoint_;
  SeededRandom random_{1};
  SeededRandom key_random_{2};
  UnixTime wall_ = kToday;
  std::unique_ptr<fleet::CredentialMaker> maker_ =
      fleet::make_credential_maker([this] { return wall_; }, key_random_);
  client::Client client_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<PeerId, Session> sessions_;
  std::deque<Datagram> network_;
  std::map<Bytes, Key> keys_;
  std::deque<Seen> wire_;  // what points into it stays good
  std::map<std::string, unsigned> opened_;
  unsigned registrations_failed_ = 0;
  std::uint64_t last_peer_ = 0;
  std::uint16_t last_port_ = 40000;
};

// --- Configurations of the specification [LwM2M-ETS 1.2 App. C]
// ------------------------------------------------

inline constexpr std::string_view kBootstrapUri = "coaps://192.0.2.1:5784";
inline constexpr std::string_view kServerName = "server.example.com";
inline constexpr std::string_view kServerUri = "coaps://192.0.2.2:5684";

/// C.13: nothing but an account of the bootstrap server, at /0/1.
[[nodiscard]] std::vector<Entry> bootstrap_contact();
/// C.1: one account of a management server, /0/0 and /1/0, short server id 1, with a pre-shared key.
[[nodiscard]] std::vector<Entry> basic_configuration(std::string_view uri = kServerUri,
                                                     std::int64_t lifetime = 86400);
/// The plan that gives a device C.1.
[[nodiscard]] fleet::Plan basic_plan(std::string_view uri = kServerUri);

inline constexpr std::string_view kServerIdentity = "server-identity-1";
inline constexpr std::string_view kServerKey = "server-key-1-012";
inline constexpr std::string_view kBootstrapIdentity = "bootstrap-identity";
inline constexpr std::string_view kBootstrapKey = "bootstrap-key-01";

}  // namespace slipway::enabler
