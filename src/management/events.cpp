// SPDX-License-Identifier: Apache-2.0
// What callers hear: queued without views, which are made when an event is polled.
#include "management/engine.hpp"

namespace slipway::management {

Server::Impl::QueuedEvent Server::Impl::event_of(EventKind kind, Slot slot) const {
  QueuedEvent event;
  event.kind = kind;
  event.slot = slot;
  return event;
}

std::optional<Event> Server::Impl::poll_event() {
  if (polled_end_ != kNoSlot) registry_.release(polled_end_);
  polled_end_ = kNoSlot;
  if (events_.empty()) return std::nullopt;
  polled_ = std::move(events_.front());
  events_.pop_front();
  return view(polled_);
}

Result<std::span<const Entry>> Server::Impl::decode(Slot slot, const Path& path, ContentFormat format,
                                                    ByteView payload) {
  polled_entries_.resize(codec::kEntriesMax);
  if (polled_scratch_.size() < payload.size()) polled_scratch_.resize(payload.size());
  codec::DecodeOptions options{.catalog = &catalog_};
  Version version;
  if (path.has_object()) {
    const auto& device = registry_[slot];
    version = implied_version(path.object(), device.enabler);
    if (device.links != kNoSlot)
      for (const auto& [object, given] : registry_.links_of(slot).versions)
        if (object == path.object()) version = given;
    options.object_version = &version;
  }
  SLIPWAY_ASSIGN(const auto entries, codec::decode(format, path, payload, options,
                                                   {.entries = polled_entries_, .scratch = polled_scratch_}));
  return std::span<const Entry>(entries);
}

/// The answer without its values.
Answer Server::Impl::view_answer(QueuedEvent& event) {
  return {.code = event.code,
          .format = event.format,
          .payload = event.payload,
          .entries = {},
          .location = event.text};
}

Event Server::Impl::view_operation(QueuedEvent& event) {
  OperationDone done{.operation = event.operation,
                     .endpoint = registry_[event.slot].endpoint.view(),
                     .path = event.path,
                     .result = OperationFailure::timeout};
  if (event.failure) {
    done.result = *event.failure;
    return done;
  }
  auto answer = view_answer(event);
  const bool has_values =
      answer.code == coap::Code::content && event.format && *event.format != ContentFormat::link_format;
  if (has_values) {
    const auto entries = decode(event.slot, event.path, *event.format, event.payload);
    if (!entries) {
      done.result = OperationFailure::undecodable;
      return done;
    }
    answer.entries = *entries;
  }
  done.result = answer;
  return done;
}

Event Server::Impl::view(QueuedEvent& event) {
  const auto registration = [&] { return registry_.view(event.slot, polled_location_); };
  switch (event.kind) {
    case EventKind::registered:
      return Registered{.registration = registration(), .replaced = event.flag};
    case EventKind::updated:
      return Updated{.registration = registration(), .changed = event.flag};
    case EventKind::deregistered:
      polled_end_ = event.slot;
      return Deregistered{.registration = registration(), .end = registry_[event.slot].end};
    case EventKind::operation:
      return view_operation(event);
    case EventKind::notified: {
      auto answer = view_answer(event);
      if (event.format)
        answer.entries =
            decode(event.slot, event.path, *event.format, event.payload).value_or(std::span<const Entry>());
      return Notified{.observation = event.observation,
                      .endpoint = registry_[event.slot].endpoint.view(),
                      .path = event.path,
                      .answer = answer};
    }
    case EventKind::observation_ended:
      return ObservationEnded{.observation = event.observation,
                              .endpoint = registry_[event.slot].endpoint.view(),
                              .path = event.path};
    case EventKind::sent: {
      auto answer = view_answer(event);
      answer.entries =
          decode(event.slot, Path(), *event.format, event.payload).value_or(std::span<const Entry>());
      return Sent{.endpoint = registry_[event.slot].endpoint.view(), .answer = answer};
    }
    case EventKind::refused:
      break;
  }
  return RegistrationRefused{
      .peer = event.peer, .endpoint = event.text, .code = event.code, .reason = event.reason};
}

}  // namespace slipway::management
