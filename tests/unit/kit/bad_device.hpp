// SPDX-License-Identifier: Apache-2.0
// A small device of the tests' own that does right by default and wrong by its vices: for each verdict of the
// bench there has to be a device that gets it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <slipway/coap/endpoint.hpp>
#include <slipway/codec/payload.hpp>
#include <slipway/kit/bench.hpp>
#include <slipway/security/dtls/client.hpp>

namespace slipway::kit::test {

struct Vices {
  bool takes_anything = false;        ///< what it cannot keep is answered 2.04, and so is every Finish
  bool never_returns = false;         ///< after a failure it is quiet for good
  bool keeps_unfinished = false;      ///< what a failed session has written stays, and is used
  bool loses_account = false;         ///< DELETE takes the bootstrap account, too
  bool hammers = false;               ///< no pause between two attempts
  bool gives_keys = false;            ///< answers reads of /0
  bool copies_instances = false;      ///< a write that comes twice makes two instances
  bool minds_garbage = false;         ///< ends its session where a message cannot be read
  bool gives_up_at_refusals = false;  ///< ends its session after it had to refuse something
  bool deaf_after_finish = false;
  bool takes_late_writes = false;   ///< after Finish, too
  bool wants_answer_first = false;  ///< refuses commands until its request is answered
  bool trusts_packs = false;        ///< uses what came, whatever it is
  bool is_quick_tempered = false;   ///< gives a session up after 30 s
  bool ignores_trigger = false;     ///< answers /1/x/9 with 4.05
  bool dies_at_delete = false;      ///< refuses DELETE / with 4.05
  bool knows_one_format = false;    ///< SenML CBOR
  bool minds_blocks = false;        ///< ends its session where a message is in blocks
  bool asks_for_packs = false;      ///< no vice: it speaks 1.2
};

class BadDevice {
 public:
  static constexpr std::string_view kEndpoint = "urn:dev:test:bad";
  struct Outgoing {
    Door door;
    Address from;
    Bytes bytes;
  };

  /// Its bootstrap account has this identity and key. The URIs of both servers are known by their scheme
  /// only: whatever is not of the bootstrap account goes to the management door.
  BadDevice(SecurityMode security, Bytes identity, Bytes key, Vices vices, Random& random);

  void boot(TimePoint now) { begin_bootstrap(now); }
  void handle_datagram(TimePoint now, const Address& to, ByteView datagram);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::vector<Outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }

 private:
  using Values = std::map<Path, OwnedValue>;
  struct Link {
    Door door;
    PeerId peer;
    Address local;
    std::unique_ptr<security::dtls::DtlsClient> dtls;
  };
  enum class State : std::uint8_t { idle, connecting, requesting, open, finished };

  void begin_bootstrap(TimePoint now);
  void begin_registration(TimePoint now);
  void connect(TimePoint now, std::optional<Link>& link, Door door, ByteView identity, ByteView key);
  void connected(TimePoint now, Link& link);
  void lost(TimePoint now, Door door);
  void drop(TimePoint now, std::optional<Link>& link);
  void drain(TimePoint now);
  void drain_dtls(TimePoint now, std::optional<Link>& link);
  void ask(TimePoint now);
  void handle(TimePoint now, const coap::RequestReceived& event);
  void handle(TimePoint now, const coap::ResponseReceived& event);
  void bootstrap_command(TimePoint now, const coap::RequestReceived& event);
  void fail_session(TimePoint now);
  void respond(TimePoint now, coap::IncomingId id, coap::Code code, ByteView payload = {},
               bool links = false);

  [[nodiscard]] coap::Code write(const coap::Message& message);
  [[nodiscard]] coap::Code remove(const Path& path);
  [[nodiscard]] coap::Code finish() const;
  [[nodiscard]] std::string discovered() const;
  [[nodiscard]] std::optional<std::uint16_t> account(bool is_bootstrap, const Values& values) const;

  const SecurityMode security_;
  const Vices vices_;
  Random& random_;
  coap::Endpoint endpoint_;
  std::vector<Outgoing> outgoing_;
  std::optional<Link> bootstrap_, management_;
  std::uint64_t last_peer_ = 0;
  std::uint16_t last_port_ = 40000;

  State state_ = State::idle;
  Values kept_, draft_;
  std::vector<std::string> written_;  // targets of this session
  unsigned failures_ = 0;
  std::optional<TimePoint> bootstrap_at_, give_up_at_;
  std::optional<coap::RequestId> request_;
  bool asked_for_pack_ = false;
  bool is_answered_ = false;
};

}  // namespace slipway::kit::test
