// SPDX-License-Identifier: Apache-2.0
#include "client/changes.hpp"

#include <slipway/lwm2m/smartcard_file.hpp>

namespace slipway::client {
namespace {

/// A reading serves the requests of so long.
constexpr Duration kCardFresh = seconds(1);
/// Storage that says nothing counts as failed.
constexpr Duration kStoringPatience = seconds(60);
/// A factory reset that cannot be stored so often is given up, so that the device stays in service.
constexpr unsigned kResetAttemptsMax = 3;
constexpr unsigned kDoublingsMax = 16;

Duration doubled(Duration base, unsigned times, Duration most) {
  return std::min<Duration>(base * (std::int64_t{1} << std::min(times, kDoublingsMax)), most);
}

/// The part of a card's file that is content; nothing when the file is blank.
Result<std::optional<ByteView>> content_of(ByteView file) {
  const auto size = lwm2m::smartcard_content_size(file);
  if (!size && size.error().code == ErrorCode::not_found) return std::nullopt;
  if (!size) return std::unexpected(size.error());
  if (*size > file.size()) return fail(ErrorCode::truncated, "the card's file is cut off");
  return file.first(*size);
}

std::uint64_t digest_of(ByteView content) {
  return std::max<std::uint64_t>(fnv1a(content), 1);  // 0 stands for no card
}

}  // namespace

Situation situation_of(const Model& model, Situation::Cause cause) {
  const auto& tree = model.tree();
  Situation situation{.cause = cause};
  situation.bootstrap_account =
      bootstrap_account(tree) ? Situation::Account::present : Situation::Account::absent;
  for (const Path& path : instances(tree, kServer))
    if (find_security(tree, server_of(tree, path.instance()))) ++situation.servers;
  const bool is_bare = instances(tree, kSecurity).empty();
  situation.factory =
      is_bare && has_factory_accounts(model) ? Situation::Factory::available : Situation::Factory::used;
  return situation;
}

// --- The smartcard ----------------------------------------------------------------------------------

void Changes::read_card(TimePoint now) {
  services_.card_wanted = false;
  if (asked_ != 0 || is_storing() || is_resetting()) return;
  asked_ = ++last_asked_;
  card_due_ = false;
  card_at_ = now + services_.config.smartcard_patience;
  services_.tell(SmartcardWanted{asked_});
}

void Changes::smartcard(TimePoint now, std::uint64_t id, const SmartcardContent& content) {
  if (id == 0 || id != asked_) return;
  asked_ = 0;
  card_at_.reset();
  if (bootstrap_.in_session()) {
    // The model is the bootstrap server's now. The card is read again when that is over.
    card_due_ = true;
    return card_done(now);
  }
  if (std::holds_alternative<SmartcardAbsent>(content)) return card_absent(now);
  if (const auto* unreadable = std::get_if<SmartcardUnreadable>(&content))
    return card_unreadable(now, SmartcardEnd::unreadable, unreadable->reason);
  card_content(now, std::get<ByteView>(content));
}

void Changes::card_unreadable(TimePoint now, SmartcardEnd end, std::string_view reason) {
  services_.tell(SmartcardRead{end, {}}, std::string(reason));
  retry_card(now);
  card_done(now);
}

void Changes::card_absent(TimePoint now) {
  card_failures_ = 0;
  if (services_.model.memory().card.digest == 0) return card_done(now);
  services_.model.begin();
  remove_card(services_.model);
  if (decide(situation_of(services_.model, Situation::Cause::start)) == Action::use_factory)
    (void)use_factory_accounts(services_.model);  // they fitted before
  if (!store(now, Storing::removal, Earlier::may_stay)) card_done(now);
}

void Changes::card_content(TimePoint now, ByteView file) {
  const auto content = content_of(file);
  if (!content) return card_unreadable(now, SmartcardEnd::refused, content.error().detail);
  if (!*content) return card_absent(now);
  const auto digest = digest_of(**content);
  if (digest == services_.model.memory().card.digest) {
    card_failures_ = 0;
    return card_done(now);
  }
  services_.model.begin();
  if (const auto wrong = apply(now, **content, digest)) {
    services_.model.rollback();
    return card_unreadable(now, SmartcardEnd::refused, *wrong);
  }
  card_failures_ = 0;
  if (!store(now, Storing::card, Earlier::may_stay)) card_done(now);
}

/// What is wrong with the content, or nothing. It never holds a value.
std::optional<std::string> Changes::apply(TimePoint now, ByteView content, std::uint64_t digest) {
  std::vector<Entry> buffer(codec::kEntriesMax);
  const auto entries = lwm2m::decode_smartcard_file(content, services_.model.catalog(), buffer);
  if (!entries) return std::string(entries.error().detail);
  const auto wrong = apply_card(services_.model, *entries, digest, services_.checks(now));
  if (!wrong) return std::nullopt;
  std::string reason(wrong->place.text().view());
  return reason + ": " + wrong->rule;
}

/// Step 1 is done, and requests that waited for the card go on.
void Changes::card_done(TimePoint now) {
  card_tried_ = true;
  services_.card_fresh_until = now + kCardFresh;
  outcomes_.push_back({Outcome::Kind::unchanged});
}

void Changes::retry_card(TimePoint now) {
  const auto& config = services_.config;
  card_at_ = now + doubled(config.smartcard_retry, card_failures_, config.smartcard_retry_max);
  ++card_failures_;
}

void Changes::hope_for_card(TimePoint now) {
  if (may_find_card() && asked_ == 0 && !card_at_) retry_card(now);
}

// --- The factory reset ------------------------------------------------------------------------------

void Changes::use_factory(TimePoint now) {
  factory_at_.reset();
  services_.model.begin();
  if (use_factory_accounts(services_.model) && store(now, Storing::factory, Earlier::may_stay)) return;
  if (services_.model.in_transaction()) services_.model.rollback();
  factory_at_ = now + services_.config.persist_retry_max;
}

void Changes::factory_reset(TimePoint now) {
  if (is_resetting()) return;
  if (services_.model.factory() == nullptr)
    return services_.tell(FactoryResetEnded{ResetEnd::no_factory_state});
  // It begins when the caller, who may be a function of the maker inside a request, has gone.
  reset_ = Reset::wanted;
  reset_at_ = now;
  reset_failures_ = 0;
}

void Changes::begin_reset(TimePoint now) {
  bootstrap_.stop();
  registrations_.shut_down(now);
  reset_ = Reset::leaving;
  reset_at_ = now + services_.config.goodbye_patience;
}

void Changes::follow_reset(TimePoint now) {
  if (is_storing()) return;
  if (reset_ == Reset::wanted) begin_reset(now);
  const bool is_late = reset_at_ && *reset_at_ <= now;
  if (reset_ == Reset::leaving && (registrations_.is_empty() || is_late)) store_reset(now);
  if (reset_ == Reset::pausing && is_late) store_reset(now);
}

void Changes::store_reset(TimePoint now) {
  registrations_.clear();
  reset_at_.reset();
  asked_ = 0;  // a card that is being read is read again
  card_at_.reset();
  factory_at_.reset();
  services_.model.begin();
  services_.model.return_to_factory();
  if (!store(now, Storing::reset, Earlier::must_go)) reset_failed(now);
}

void Changes::reset_failed(TimePoint now) {
  if (++reset_failures_ < kResetAttemptsMax) {
    reset_ = Reset::pausing;
    reset_at_ = now + doubled(services_.config.persist_retry, reset_failures_ - 1,
                              services_.config.persist_retry_max);
    return;
  }
  reset_ = Reset::none;
  reset_at_.reset();
  services_.tell(FactoryResetEnded{ResetEnd::not_stored});
  outcomes_.push_back({Outcome::Kind::changed});
}

// --- Making it durable ------------------------------------------------------------------------------

/// False when it could not even be asked for; the transaction is over then.
bool Changes::store(TimePoint now, Storing what, Earlier earlier) {
  const auto id = services_.persist(earlier);
  if (!id) {
    services_.model.rollback();
    if (what == Storing::card || what == Storing::removal) {
      services_.tell(SmartcardRead{SmartcardEnd::refused, {}}, id.error().detail);
      retry_card(now);
    }
    return false;
  }
  storing_ = what;
  persist_ = *id;
  storing_until_ = now + kStoringPatience;
  outcomes_.push_back({Outcome::Kind::suspend});
  return true;
}

void Changes::persisted(TimePoint now, std::uint64_t id, Client::Persisted outcome) {
  if (!is_storing() || id != persist_) return;
  if (outcome == Client::Persisted::durable)
    stored(now);
  else
    not_stored(now);
}

void Changes::stored(TimePoint now) {
  const auto what = std::exchange(storing_, Storing::nothing);
  storing_until_.reset();
  const auto before = services_.model.before();
  services_.model.commit();
  const auto old_account = bootstrap_account(before);
  const auto new_account = bootstrap_account(services_.model.tree());
  const bool same_server =
      old_account && new_account && same_account(before, *old_account, services_.model.tree(), *new_account);
  if (!same_server) bootstrap_.stop();
  if (what == Storing::reset) {
    reset_ = Reset::none;
    card_tried_ = false;
    card_failures_ = 0;
    services_.tell(FactoryResetEnded{ResetEnd::done});
    outcomes_.push_back({Outcome::Kind::reset, before});
    return;
  }
  if (what == Storing::factory) return outcomes_.push_back({Outcome::Kind::changed, before});
  services_.tell(SmartcardRead{what == Storing::card ? SmartcardEnd::applied : SmartcardEnd::removed, {}});
  card_tried_ = true;
  services_.card_fresh_until = now + kCardFresh;
  outcomes_.push_back({Outcome::Kind::changed, before});
}

void Changes::not_stored(TimePoint now) {
  const auto what = std::exchange(storing_, Storing::nothing);
  storing_until_.reset();
  services_.model.rollback();
  services_.mark_dirty();  // what was asked to be kept is not the state: the old one is
  if (what == Storing::reset) return reset_failed(now);
  if (what == Storing::factory) {
    factory_at_ = now + services_.config.persist_retry_max;
    return outcomes_.push_back({Outcome::Kind::unchanged});
  }
  card_unreadable(now, SmartcardEnd::unreadable, "its accounts could not be stored");
}

// --- Time -------------------------------------------------------------------------------------------

void Changes::handle_timeout(TimePoint now) {
  if (storing_until_ && *storing_until_ <= now) not_stored(now);
  if (is_resetting()) return follow_reset(now);
  if (factory_at_ && *factory_at_ <= now && !is_storing()) use_factory(now);
  if (card_at_ && *card_at_ <= now && !is_storing()) {
    card_at_.reset();
    if (std::exchange(asked_, 0) != 0)
      card_unreadable(now, SmartcardEnd::unreadable, "the reader gave no answer in time");
    else
      card_due_ = true;
  }
  const bool is_wanted = services_.card_wanted || (card_due_ && !bootstrap_.in_session());
  if (is_wanted) read_card(now);
}

std::optional<TimePoint> Changes::next_timeout() const {
  return earlier(earlier(card_at_, storing_until_), earlier(factory_at_, reset_at_));
}

std::optional<NextAttempt> Changes::next_attempt() const {
  if (is_resetting()) {
    const auto at = earlier(reset_at_, storing_until_);
    if (at) return NextAttempt{*at, Attempt::reset};
  }
  if (storing_until_) return NextAttempt{*storing_until_, Attempt::store};
  if (factory_at_) return NextAttempt{*factory_at_, Attempt::store};
  if (card_at_) return NextAttempt{*card_at_, Attempt::read_smartcard};
  return std::nullopt;
}

void Changes::stop() {
  if (is_storing()) {
    services_.model.rollback();
    services_.mark_dirty();
  }
  storing_ = Storing::nothing;
  storing_until_.reset();
  reset_ = Reset::none;
  reset_at_.reset();
  asked_ = 0;
  card_at_.reset();
  card_due_ = false;
  factory_at_.reset();
}

std::optional<Changes::Outcome> Changes::take_outcome() {
  if (outcomes_.empty()) return std::nullopt;
  auto outcome = std::move(outcomes_.front());
  outcomes_.pop_front();
  return outcome;
}

}  // namespace slipway::client
