// SPDX-License-Identifier: Apache-2.0
#include "sim/operator.hpp"

#include <array>

namespace slipway::sim {
namespace {

constexpr Path kDevice{ObjectId(3), InstanceId(0)};
constexpr Path kReboot{ObjectId(3), InstanceId(0), ResourceId(4)};

/// Before the lifetime is written again: longer than an Update takes.
constexpr unsigned kLooksForLifetime = 10;

std::string argument(unsigned number) {
  return "0='" + std::to_string(number) + "'";
}

}  // namespace

Operator::Operator(Timeline& timeline, Random& random, Journal& journal, SimServers& servers,
                   SimDevice& device)
    : timeline_(timeline),
      random_(random),
      journal_(journal),
      servers_(servers),
      device_(device),
      lifetime_(600 + static_cast<std::int64_t>(random.below(600))) {
  servers_.watch = {.registered =
                        [this](const management::Registered&) {
                          if (step_ == Step::registration) next(Step::read);
                        },
                    .operation = [this](const management::OperationDone& event) { on(event); },
                    .notified = [this](const management::Notified& event) { on(event); },
                    .observation_ended =
                        [this](const management::ObservationEnded&) {
                          if (step_ == Step::notifications) next(Step::observe);
                        },
                    .restarted =
                        [this] {
                          // What was under way, observations included, is gone with the process.
                          asked_.reset();
                          if (step_ == Step::notifications) step_ = Step::observe;
                          retry();
                        }};
}

void Operator::next(Step step) {
  step_ = step;
  // Not within an event of the engine that is asked.
  timeline_.after(milliseconds(100), [this, turn = ++turn_] {
    if (turn == turn_) act();
  });
}

void Operator::retry() {
  timeline_.after(between(random_, seconds(5), seconds(60)), [this, turn = ++turn_] {
    if (turn == turn_) act();
  });
}

void Operator::act() {
  if (step_ == Step::lifetime) {
    const auto registration = servers_.management().find(device_.endpoint());
    if (registration && registration->lifetime.count() == lifetime_) return next(Step::execute);
    // A loss of power may take a write back that was answered, and a bootstrap writes its own lifetime.
    if (--patience_ == 0) step_ = Step::write;
    return retry();
  }
  if (asked_ || step_ == Step::registration || step_ == Step::notifications || step_ == Step::done) return;
  const auto asked = ask();
  servers_.turn();
  if (!asked) return retry();  // not registered at present
}

Path Operator::lifetime_path() const {
  for (const Path& instance : client::instances(device_.tree(), ObjectId(1))) return instance.child(1);
  return Path(ObjectId(1), InstanceId(0), ResourceId(1));
}

Result<management::OperationId> Operator::ask() {
  const auto now = timeline_.now();
  auto& server = servers_.management();
  Result<management::OperationId> asked = fail(ErrorCode::not_found, "nothing to do");
  switch (step_) {
    case Step::read:
      asked = server.read(now, device_.endpoint(), kDevice);
      break;
    case Step::write: {
      const auto path = lifetime_path();
      const std::array entries{Entry{.path = path, .value = Value::integer(lifetime_)}};
      asked = server.write(now, device_.endpoint(), path, management::WriteMode::replace, entries);
      break;
    }
    case Step::execute:
      asked = server.execute(now, device_.endpoint(), kProbeExecute, argument(++execute_));
      if (asked) execute_succeeded_[execute_] = false;
      break;
    case Step::reboot:
      asked = server.execute(now, device_.endpoint(), kReboot);
      if (asked) ++reboots_sent_;
      break;
    case Step::observe: {
      const auto observing = server.observe(now, device_.endpoint(), kProbeReading);
      if (observing) asked = observing->operation;
      break;
    }
    case Step::registration:
    case Step::lifetime:
    case Step::notifications:
    case Step::done:
      break;
  }
  if (asked) asked_ = *asked;
  return asked;
}

void Operator::on(const management::OperationDone& event) {
  journal_.require(asked_ == event.operation, "every operation ends exactly once");
  asked_.reset();
  if (const auto* answer = std::get_if<management::Answer>(&event.result)) return on_answer(*answer);
  journal_.note(std::string("operator: no answer, ") +
                management::to_string(std::get<management::OperationFailure>(event.result)));
  retry();
}

void Operator::on_answer(const management::Answer& answer) {
  // Between two accounts a device may say that it does not serve just now.
  if (answer.code == coap::Code::service_unavailable) return retry();
  if (!coap::is_success(answer.code))
    return journal_.violated("the device refused: " + where() + ", " +
                             std::string(coap::describe(answer.code).view()));
  switch (step_) {
    case Step::read: {
      bool named = false;
      for (const auto& entry : answer.entries)
        named = named || (entry.path == kDevice.child(0) && entry.value.as_text() == "Slipway");
      journal_.require(named, "the device tells its manufacturer");
      return next(Step::write);
    }
    case Step::write:
      patience_ = kLooksForLifetime;
      return next(Step::lifetime);
    case Step::execute:
      execute_succeeded_[execute_] = true;
      journal_.require(device_.executed(argument(execute_)) == 1, "what was executed was executed once");
      return next(Step::reboot);
    case Step::reboot:
      ++reboots_succeeded_;
      return next(Step::observe);
    case Step::observe:
      return next(Step::notifications);
    case Step::registration:
    case Step::lifetime:
    case Step::notifications:
    case Step::done:
      return journal_.violated("an answer that nobody asked for");
  }
}

void Operator::on(const management::Notified& event) {
  journal_.require(event.answer.entries.size() == 1, "a notification has its value");
  if (event.answer.entries.size() != 1) return;
  const auto reading = event.answer.entries.front().value.as_integer();
  journal_.require(reading > last_reading_, "notifications come in order, and each once");
  last_reading_ = reading;
  ++notifications_;
  if (step_ == Step::notifications && notifications_ >= kNotificationsWanted) step_ = Step::done;
}

std::string Operator::where() const {
  switch (step_) {
    case Step::registration:
      return "waiting for the registration";
    case Step::read:
      return "reading the device";
    case Step::write:
      return "writing the lifetime";
    case Step::lifetime:
      return "waiting for an Update with the lifetime";
    case Step::execute:
      return "executing";
    case Step::reboot:
      return "executing /3/0/4";
    case Step::observe:
      return "observing";
    case Step::notifications:
      return "waiting for notifications";
    case Step::done:
      return "done";
  }
  return "nowhere";
}

void Operator::check_totals() const {
  for (const auto& [number, succeeded] : execute_succeeded_) {
    const auto count = device_.executed(argument(number));
    journal_.require(succeeded ? count == 1 : count <= 1,
                     "an Execute is carried out once, or, unanswered, at most once");
  }
  journal_.require(device_.reboots_asked() >= reboots_succeeded_ && device_.reboots_asked() <= reboots_sent_,
                   "a reboot is asked of the board as often as it was sent");
}

}  // namespace slipway::sim
