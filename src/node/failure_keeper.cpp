// SPDX-License-Identifier: Apache-2.0
#include "failure_keeper.hpp"

#include <memory>

#include "failure_record.hpp"

namespace slipway::node {
namespace {

constexpr storage::FailuresKept kKept{.of_devices = kFailuresOfDevicesMax,
                                      .of_strangers = kFailuresOfStrangersMax};

}  // namespace

void FailureKeeper::turn(TimePoint now) {
  if (writing_ || now < next_at_ || !log_.has_unwritten()) return;
  writing_ = true;
  next_at_ = now + kFailuresWritePause;
  write(kFailuresWrittenMax, [this](const storage::StoreResult<void>&) { writing_ = false; });
}

std::optional<TimePoint> FailureKeeper::next_timeout() const {
  return writing_ || !log_.has_unwritten() ? std::nullopt : std::optional(next_at_);
}

void FailureKeeper::finish() {
  if (log_.has_unwritten()) write(kFailuresOfDevicesMax + kFailuresOfStrangersMax, {});
}

void FailureKeeper::write(std::size_t max, storage::Worker::Done done) {
  auto taken = std::make_shared<std::vector<FailureLog::Unwritten>>(log_.take_unwritten(max));
  submit_(
      [taken](storage::Store& store) {
        std::vector<storage::FailureRecord> records;
        for (const auto& [key, failure] : *taken)
          records.push_back({.key = key,
                             .stranger = failure.endpoint.empty(),
                             .last = failure.last,
                             .document = to_record(failure)});
        return store.put_failures(records, kKept);
      },
      [this, taken, done = std::move(done)](storage::StoreResult<void> outcome) {
        if (!outcome) log_.not_written(*taken);
        if (done) done(std::move(outcome));
      });
}

storage::StoreResult<std::size_t> FailureKeeper::restore(storage::Store& store) {
  std::size_t unreadable = 0;
  auto read = store.each_failure([&](storage::FailureRecord&& record) {
    if (auto failure = from_record(record.document))
      log_.restore(std::move(*failure));
    else
      ++unreadable;
  });
  if (!read) return std::unexpected(std::move(read.error()));
  return unreadable;
}

}  // namespace slipway::node
