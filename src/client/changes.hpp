// SPDX-License-Identifier: Apache-2.0
// Changes of the stored state that no bootstrap server makes: the smartcard's accounts come and go, and the
// factory reset. [LwM2M-CORE 1.2 §6.1.3.2, §6.1.4]
#pragma once

#include "client/bootstrap_session.hpp"
#include "client/decide.hpp"
#include "client/registration.hpp"

namespace slipway::client {

/// What the stored state says to the decision table.
[[nodiscard]] Situation situation_of(const Model& model, Situation::Cause cause);

///   idle --read_card--> reading --content--> storing --durable--> idle, and the table decides
///     |                    |                    |
///     |                    | unreadable, late:  | not durable: as before,
///     |                    v again later        v again later
///     |                  idle                 idle
///     +--factory_reset--> leaving --de-registered, or late--> storing --durable--> idle, and start anew
///
/// In `storing` the model's transaction is open and nobody else may touch the model: it is short, and ends by
/// itself when storage does not answer. While a bootstrap session is open nothing begins here.
class Changes {
 public:
  Changes(Services& services, BootstrapSession& bootstrap, Registrations& registrations)
      : services_(services), bootstrap_(bootstrap), registrations_(registrations) {}

  /// Step 1 of the order of precedence. True once the card was read, or found missing or unreadable.
  [[nodiscard]] bool card_tried() const {
    return card_tried_ || services_.config.smartcard == SmartcardUse::none;
  }
  void read_card(TimePoint now);
  void smartcard(TimePoint now, std::uint64_t id, const SmartcardContent& content);
  /// Step 2, where a device has no account but its factory has.
  void use_factory(TimePoint now);
  /// The device has no account: the card is read again in a while, as one may come.
  void hope_for_card(TimePoint now);

  void factory_reset(TimePoint now);
  [[nodiscard]] bool is_resetting() const { return reset_ != Reset::none; }
  [[nodiscard]] bool is_storing() const { return storing_ != Storing::nothing; }
  /// The factory's accounts could not be stored, and will be tried again.
  [[nodiscard]] bool is_waiting() const { return factory_at_.has_value(); }
  [[nodiscard]] bool may_find_card() const { return services_.config.smartcard != SmartcardUse::none; }

  void persisted(TimePoint now, std::uint64_t id, Client::Persisted outcome);
  void handle_timeout(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_timeout() const;
  [[nodiscard]] std::optional<NextAttempt> next_attempt() const;
  void stop();

  /// What the client must do now. `before` is the state that registrations were made with.
  struct Outcome {
    enum class Kind : std::uint8_t {
      suspend,    ///< a transaction is open: the others wait
      unchanged,  ///< the card was tried, or a change could not be stored: the others go on
      changed,    ///< other accounts: the table decides
      reset,      ///< the factory state: everything begins anew
    } kind;
    std::optional<Tree> before{};
  };
  [[nodiscard]] std::optional<Outcome> take_outcome();

 private:
  enum class Storing : std::uint8_t { nothing, card, removal, factory, reset };
  enum class Reset : std::uint8_t { none, wanted, leaving, pausing };
  void card_unreadable(TimePoint now, SmartcardEnd end, std::string_view reason);
  void card_absent(TimePoint now);
  void card_content(TimePoint now, ByteView file);
  [[nodiscard]] std::optional<std::string> apply(TimePoint now, ByteView content, std::uint64_t digest);
  void card_done(TimePoint now);
  void retry_card(TimePoint now);
  void begin_reset(TimePoint now);
  void follow_reset(TimePoint now);
  void store_reset(TimePoint now);
  void reset_failed(TimePoint now);
  bool store(TimePoint now, Storing what, Earlier earlier);
  void stored(TimePoint now);
  void not_stored(TimePoint now);

  Services& services_;
  BootstrapSession& bootstrap_;
  Registrations& registrations_;

  bool card_tried_ = false;
  std::uint64_t asked_ = 0;  // of the reading under way; 0: none is
  std::uint64_t last_asked_ = 0;
  std::optional<TimePoint> card_at_;  // the end of patience, or the next reading
  bool card_due_ = false;             // as soon as no bootstrap session is open
  unsigned card_failures_ = 0;

  Storing storing_ = Storing::nothing;
  std::uint64_t persist_ = 0;
  std::optional<TimePoint> storing_until_;
  std::optional<TimePoint> factory_at_;  // the next attempt to store the factory's accounts

  Reset reset_ = Reset::none;
  std::optional<TimePoint> reset_at_;
  unsigned reset_failures_ = 0;
  std::deque<Outcome> outcomes_;
};

}  // namespace slipway::client
