// SPDX-License-Identifier: Apache-2.0
// What the device asks for on the bootstrap interface, and how it is met.
#include <algorithm>

#include <slipway/lwm2m/registration.hpp>

#include "kit/rounds.hpp"

namespace slipway::kit {
namespace {

/// A request that comes sooner after an answer belongs to the same attempt: another `pct`, an older version.
constexpr Duration kSameAttempt = milliseconds(500);

bool is_post_bs(const coap::Message& message) {
  return message.code == coap::Code::post && message.uri_path().view().ends_with(lwm2m::kBootstrapPath);
}
bool is_get_pack(const coap::Message& message) {
  return message.code == coap::Code::get && message.uri_path().view().ends_with(lwm2m::kBootstrapPackPath);
}

}  // namespace

Cast Rounds::cast(const Scene& scene) {
  server_instance_ = scene.server;
  if (scene.is_known) enabler_ = scene.enabler;
  const auto number = stage_ == Stage::honest ? honest_account_ : account_;
  return {.scene = scene,
          .account = accounts_.at(number),
          .poison = poison_,
          .format = format_,
          .security = config_.security,
          .bootstrap_uri = config_.bootstrap_uri,
          .management_uri = config_.management_uri,
          .random = random_};
}

void Rounds::on_request(TimePoint now, PeerId peer, coap::IncomingId id, const coap::Message& message) {
  const bool is_pack = is_get_pack(message);
  if (!is_pack && !is_post_bs(message)) return session_.respond(now, id, {.code = coap::Code::not_found});
  const Session::Opening opening{
      .peer = peer, .id = id, .message_id = message.message_id, .token = message.token};
  if (!knows(now, opening, message)) return;
  on_bootstrap_request(now, opening, is_pack, message);
}

/// Takes the name and the format from the request. False when it is another device's.
bool Rounds::knows(TimePoint now, const Session::Opening& opening, const coap::Message& message) {
  const auto request = lwm2m::parse_bootstrap_request(message);
  if (!request) {
    session_.respond(now, *opening.id,
                     {.code = request.error().code, .payload = as_bytes(request.error().reason)});
    return false;
  }
  const auto name = request->endpoint.value_or(as_text(config_.identity));
  if (!lwm2m::valid_endpoint(name)) {
    session_.respond(now, *opening.id,
                     {.code = coap::Code::bad_request, .payload = as_bytes("no endpoint name")});
    return false;
  }
  if (endpoint_.empty()) endpoint_ = name;
  if (name != endpoint_) {
    say("another device came, and was refused: \"" + std::string(name) + "\" is not \"" + endpoint_ + "\"");
    session_.respond(now, *opening.id, {.code = coap::Code::bad_request});
    return false;
  }
  format_ = request->preferred.value_or(ContentFormat::tlv);
  const auto accept = message.accept();
  if (is_get_pack(message)) format_ = accept ? ContentFormat{*accept} : ContentFormat::senml_cbor;
  return true;
}

/// Whether this request begins another attempt, and not another form of the one at hand.
bool Rounds::is_new_attempt(TimePoint now, PeerId peer) {
  const bool is_same = peer == attempt_peer_ && attempt_answered_ && now - *attempt_answered_ < kSameAttempt;
  attempt_peer_ = peer;
  attempt_answered_ = now;
  return !is_same;
}

void Rounds::on_bootstrap_request(TimePoint now, const Session::Opening& opening, bool is_pack,
                                  const coap::Message&) {
  door_is_shut_ = false;
  const auto* const fault = faults_[index_];
  const bool spoils_packs = fault != nullptr && fault->greeting == Greeting::pack;
  if (is_pack) {
    asks_for_packs_ = true;
    if (spoils_packs && stage_ == Stage::calling) return give_pack(now, opening);
    // Packs are spoilt in rounds of their own; in the others the device is sent to POST /bs.
    return session_.respond(now, *opening.id, {.code = coap::Code::not_implemented});
  }
  if (is_new_attempt(now, opening.peer)) seen_.attempts.push_back(now);
  switch (stage_) {
    case Stage::idle:
    case Stage::done:
      return;
    case Stage::calling:
      if (fault == nullptr || (fault->greeting == Greeting::no_session && faults_done_ < fault->times) ||
          spoils_packs)
        return begin_honest(now, opening);
      return begin_fault(now, opening);
    case Stage::faulting: {
      const bool goes_on = fault->greeting == Greeting::refused && !session_.is_playing();
      const bool is_refused_again = goes_on && (faults_done_ < fault->times ||
                                                (fault->times > 1 && seen_.attempts.size() <= fault->times));
      if (is_refused_again) return refuse(now, opening);
      if (!seen_.ended) seen_.ended = now;
      return begin_honest(now, opening);
    }
    case Stage::aftermath:
    case Stage::honest:
    case Stage::registering:
      return begin_honest(now, opening);
  }
}

// --- The fault ------------------------------------------------------------------------------------------

void Rounds::begin_fault(TimePoint now, const Session::Opening& opening) {
  const auto& fault = *faults_[index_];
  stage_ = Stage::faulting;
  seen_.began = true;
  deadline_.reset();
  is_calling_ = false;
  account_ = new_account().number;
  switch (fault.greeting) {
    case Greeting::refused:
      return refuse(now, opening);
    case Greeting::reset:
      // The endpoint has taken the request already; its own acknowledgement must not follow.
      session_.reset(now, opening.peer, opening.message_id);
      session_.mute(opening);
      seen_.ended = now;
      return enter_aftermath(now);
    case Greeting::no_session:
    case Greeting::pack:
      return begin_honest(now, opening);
    case Greeting::answered:
    case Greeting::in_script:
    case Greeting::muted:
      break;
  }
  session_.play(now, opening,
                {.script = fault.script,
                 .cast = [this](const Scene& scene) { return cast(scene); },
                 .greeting = fault.greeting,
                 .sends_twice = fault.sends_twice});
}

void Rounds::refuse(TimePoint now, const Session::Opening& opening) {
  const auto& fault = *faults_[index_];
  coap::OutgoingResponse response{.code = fault.refusal};
  if (fault.max_age != 0) response.max_age = fault.max_age;
  session_.respond(now, *opening.id, response);
  faults_done_ = static_cast<unsigned>(seen_.attempts.size());
  attempt_answered_ = now;
  seen_.ended = now;
  wait(now, "the device to come again", fault.patience);
}

void Rounds::give_pack(TimePoint now, const Session::Opening& opening) {
  const auto& fault = *faults_[index_];
  stage_ = Stage::faulting;
  seen_.began = true;
  is_calling_ = false;
  seen_.attempts.push_back(now);
  account_ = new_account().number;
  coap::OutgoingResponse response{.code = fault.refusal};
  Steps steps;
  if (fault.script != nullptr) {
    const Scene usual;  // a pack is made without Discover
    steps = fault.script(cast(usual));
    response.content_format = steps.front().format;
    response.payload = steps.front().payload;
  }
  session_.respond(now, *opening.id, response);
  attempt_answered_ = now;
  enter_aftermath(now);
}

void Rounds::on_refused_handshake(TimePoint now, Door door, const std::string& identity) {
  if (door == Door::management) {
    const auto* const account = account_of(identity, seconds(0));
    say("the management server refused a handshake" +
        (account != nullptr ? " with the account of session " + std::to_string(account->number)
                            : std::string()));
    return;
  }
  const auto* const fault = faults_[index_];
  const bool is_ours = fault != nullptr && fault->greeting == Greeting::no_session &&
                       (stage_ == Stage::calling || stage_ == Stage::faulting) &&
                       as_text(config_.identity) == identity;
  if (!is_ours) return say("a handshake with the bootstrap server failed: another identity, or another key");
  stage_ = Stage::faulting;
  seen_.began = true;
  is_calling_ = false;
  ++faults_done_;
  seen_.attempts.push_back(now);
  if (faults_done_ < fault->times) return wait(now, "the device to try its handshake again", fault->patience);
  seen_.ended = now;
  enter_aftermath(now);
}

// --- The end of a script -------------------------------------------------------------------------

void Rounds::on_over(TimePoint now) {
  if (stage_ == Stage::faulting)
    fault_is_over(now);
  else if (stage_ == Stage::honest)
    honest_is_over(now);
}

void Rounds::take_observations() {
  seen_.replies = session_.replies();
  seen_.before = session_.before();
  seen_.during = session_.during();
  seen_.last_command = session_.last_command();
}

void Rounds::fault_is_over(TimePoint now) {
  const auto& fault = *faults_[index_];
  take_observations();
  seen_.ended = now;
  const bool is_finished = std::ranges::any_of(seen_.replies, [](const Reply& reply) {
    const bool is_finish = reply.mark == Mark::finish || reply.mark == Mark::early_finish;
    return is_finish && reply.code && coap::is_success(*reply.code);
  });
  // Without DTLS there is no key to refuse: the management server is silent instead.
  if (fault.management_refuses && config_.security == SecurityMode::nosec) door_is_shut_ = true;
  if (!is_finished || fault.management_refuses) return enter_aftermath(now);
  if (seen_.used_account) return conclude(now);
  stage_ = Stage::registering;
  wait(now, "the device to register", kRegistrationTime);
}

// --- The honest session --------------------------------------------------------------------------

void Rounds::begin_honest(TimePoint now, const Session::Opening& opening) {
  const auto* const fault = faults_[index_];
  if (stage_ == Stage::faulting && session_.is_playing()) take_observations();  // it began anew in the middle
  if (fault != nullptr && seen_.began && !seen_.returned) {
    seen_.returned = now;
    seen_.with_poison = identities_[opening.peer] == poison_.identity;
  }
  if (++honest_tries_ > kHonestTriesMax) {
    seen_.recovered = false;
    seen_.recovery = "five honest sessions in a row did not come to their end";
    session_.respond(now, *opening.id, {.code = coap::Code::service_unavailable, .max_age = 60});
    return conclude(now);
  }
  stage_ = Stage::honest;
  is_calling_ = false;
  honest_account_ = new_account().number;
  deadline_ = now + kHonestTime;
  session_.play(now, opening,
                {.script = honest_script, .cast = [this](const Scene& scene) { return cast(scene); }});
}

void Rounds::honest_is_over(TimePoint now) {
  if (!seen_.after) seen_.after = session_.before();
  const auto& replies = session_.replies();
  const auto refused = std::ranges::find_if(
      replies, [](const Reply& reply) { return !reply.code || !coap::is_success(*reply.code); });
  const bool is_finished =
      !replies.empty() && replies.back().mark == Mark::finish && refused == replies.end();
  if (!is_finished) {
    seen_.recovery =
        refused != replies.end()
            ? "the honest bootstrap failed: " + refused->what + " was answered " +
                  (refused->code ? std::string(coap::describe(*refused->code).view()) : "by nothing") +
                  (refused->diagnostic.empty() ? "" : " (" + refused->diagnostic + ")")
            : "the honest bootstrap was broken off by the device";
    seen_.recovered = false;
    return enter_aftermath(now);  // it may come once more
  }
  stage_ = Stage::registering;
  wait(now, "the device to register", kRegistrationTime);
}

}  // namespace slipway::kit
