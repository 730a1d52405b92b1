// SPDX-License-Identifier: Apache-2.0
#include <slipway/api/event_stream.hpp>

#include <cassert>
#include <charconv>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

namespace slipway::api {
namespace {

using Frame = std::shared_ptr<const std::string>;

/// One write; a batch ends with the event that passes this.
constexpr std::size_t kBatchBytes = 64 * 1024;

constexpr std::string_view kTooSlow =
    ": dropped, because the reader is too slow; come back with Last-Event-ID\n\n";

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return value;
}

/// The number in "<run>-<number>"; nothing for another run's id.
std::optional<std::uint64_t> number_of(std::string_view id, std::uint64_t run) {
  const auto dash = id.find('-');
  if (dash == std::string_view::npos || read_number(id.substr(0, dash)) != run) return std::nullopt;
  return read_number(id.substr(dash + 1));
}

}  // namespace

struct EventStream::Hub {
  struct Reader {
    std::function<void()> wake;
    std::deque<Frame> missed;  // from the ring, once
    std::deque<Frame> queue;   // what came since
    bool dropped = false;
    bool awake = false;  // has been woken and has not taken since
  };

  explicit Hub(std::uint64_t run_id) : run(run_id) {}

  const std::uint64_t run;
  mutable std::mutex mutex;  // guards what follows
  std::uint64_t last_number = 0;
  std::deque<Frame> ring;  // the last one is `last_number`
  std::size_t ring_bytes = 0;
  std::map<std::uint64_t, Reader> readers;
  std::uint64_t last_reader = 0;

  void keep(const Frame& frame) {
    ring.push_back(frame);
    ring_bytes += frame->size();
    while (ring.size() > kReplayMax || ring_bytes > kReplayBytesMax) {
      ring_bytes -= ring.front()->size();
      ring.pop_front();
    }
  }

  void replay(Reader& reader, std::string_view last_event_id) const {
    if (last_event_id.empty()) return;
    const auto oldest = last_number - ring.size() + 1;
    const auto seen = number_of(last_event_id, run);
    std::uint64_t next = seen ? *seen + 1 : oldest;
    if (!seen || *seen > last_number || next < oldest) {
      reader.missed.push_back(std::make_shared<const std::string>(
          "event: lost\ndata: {\"message\":\"events were missed; read the state anew\"}\n\n"));
      next = oldest;
    }
    for (; next <= last_number; ++next) reader.missed.push_back(ring[next - oldest]);
  }
};

EventStream::EventStream(std::uint64_t run) : hub_(std::make_shared<Hub>(run)) {}
EventStream::~EventStream() = default;

bool EventStream::publish(std::string_view name, const nlohmann::json& data) {
  assert(name.find_first_of("\r\n") == std::string_view::npos);
  // One line: dump() escapes line ends within strings.
  const auto text = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kEventBytesMax) return false;

  std::vector<std::function<void()>> wakes;  // called without the lock, as they may end a subscription
  {
    const std::scoped_lock lock(hub_->mutex);
    const auto number = ++hub_->last_number;
    std::string frame = "id: " + std::to_string(hub_->run) + "-" + std::to_string(number) + "\nevent: ";
    frame.append(name).append("\ndata: ").append(text).append("\n\n");
    const auto shared = std::make_shared<const std::string>(std::move(frame));
    hub_->keep(shared);
    for (auto& [id, reader] : hub_->readers) {
      if (reader.dropped) continue;
      if (reader.queue.size() >= kSubscriberQueueMax) {
        reader.dropped = true;
        reader.missed.clear();
        reader.queue.clear();
      } else {
        reader.queue.push_back(shared);
      }
      if (!std::exchange(reader.awake, true)) wakes.push_back(reader.wake);
    }
  }
  for (const auto& wake : wakes) wake();
  return true;
}

std::size_t EventStream::subscribers() const {
  const std::scoped_lock lock(hub_->mutex);
  return hub_->readers.size();
}

std::unique_ptr<EventStream::Subscription> EventStream::subscribe(std::string_view last_event_id,
                                                                  std::function<void()> wake) {
  const std::scoped_lock lock(hub_->mutex);
  if (hub_->readers.size() >= kSubscribersMax) return nullptr;
  const auto id = ++hub_->last_reader;
  auto& reader = hub_->readers[id];
  reader.wake = std::move(wake);
  reader.awake = true;  // it will take at once
  hub_->replay(reader, last_event_id);
  return std::make_unique<Subscription>(hub_, id);
}

EventStream::Subscription::~Subscription() {
  Hub::Reader gone;  // its `wake` is destroyed after the lock
  const std::scoped_lock lock(hub_->mutex);
  if (const auto found = hub_->readers.find(id_); found != hub_->readers.end()) {
    gone = std::move(found->second);
    hub_->readers.erase(found);
  }
}

EventStream::Subscription::Batch EventStream::Subscription::take() {
  const std::scoped_lock lock(hub_->mutex);
  auto& reader = hub_->readers.at(id_);
  reader.awake = false;
  if (reader.dropped) return {.text = std::string(kTooSlow), .finished = true};
  Batch batch;
  while (batch.text.size() < kBatchBytes) {
    auto& from = reader.missed.empty() ? reader.queue : reader.missed;
    if (from.empty()) break;
    batch.text += *from.front();
    from.pop_front();
  }
  return batch;
}

}  // namespace slipway::api
