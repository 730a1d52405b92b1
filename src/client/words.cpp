// SPDX-License-Identifier: Apache-2.0
// The engine's enumerators in words.
#include "client/alerts.hpp"

namespace slipway::client {

const char* to_string(BootstrapEnd end) {
  switch (end) {
    case BootstrapEnd::succeeded:
      return "succeeded";
    case BootstrapEnd::refused:
      return "refused";
    case BootstrapEnd::inconsistent:
      return "inconsistent";
    case BootstrapEnd::timeout:
      return "timeout";
    case BootstrapEnd::session_failed:
      return "session failed";
    case BootstrapEnd::superseded:
      return "superseded";
  }
  return "unknown";
}

const char* to_string(State state) {
  switch (state) {
    case State::idle:
      return "idle";
    case State::holding_off:
      return "holding off";
    case State::bootstrapping:
      return "bootstrapping";
    case State::registering:
      return "registering";
    case State::registered:
      return "registered";
    case State::waiting_to_retry:
      return "waiting to retry";
    case State::resetting:
      return "resetting";
    case State::stuck:
      return "stuck";
  }
  return "unknown";
}

const char* to_string(SmartcardEnd end) {
  switch (end) {
    case SmartcardEnd::applied:
      return "applied";
    case SmartcardEnd::removed:
      return "removed";
    case SmartcardEnd::refused:
      return "refused";
    case SmartcardEnd::unreadable:
      return "unreadable";
  }
  return "unknown";
}

const char* to_string(ResetEnd end) {
  switch (end) {
    case ResetEnd::done:
      return "done";
    case ResetEnd::no_factory_state:
      return "there is no factory state";
    case ResetEnd::not_stored:
      return "the factory state could not be stored";
  }
  return "unknown";
}

const char* to_string(ConnectFailure failure) {
  switch (failure) {
    case ConnectFailure::unreachable:
      return "the server cannot be reached";
    case ConnectFailure::name_unknown:
      return "the server's name is unknown";
    case ConnectFailure::handshake_timeout:
      return "the handshake got no answer";
    case ConnectFailure::alert_retry:
      return "the handshake failed";
    case ConnectFailure::alert_fail:
      return "the handshake was refused";
  }
  return "no session";
}

const char* why_no_session(ConnectFailure failure, std::optional<std::uint8_t> alert) {
  if (failure == ConnectFailure::alert_retry && alert) return "the server broke off the handshake";
  if (failure != ConnectFailure::alert_fail) return to_string(failure);
  return alert ? "the server refuses the credentials"
               : "the device refuses the server: it does not trust its key";
}

const char* to_string(Attempt attempt) {
  switch (attempt) {
    case Attempt::read_smartcard:
      return "read the smartcard";
    case Attempt::bootstrap:
      return "bootstrap";
    case Attempt::register_with:
      return "register";
    case Attempt::update:
      return "update";
    case Attempt::store:
      return "store the state";
    case Attempt::reset:
      return "return to the factory state";
  }
  return "unknown";
}

}  // namespace slipway::client
