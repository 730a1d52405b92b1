// SPDX-License-Identifier: Apache-2.0
// Figures for Prometheus: a small face of prometheus-cpp. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace slipway::api {

using Labels = std::map<std::string, std::string>;

/// Handles are cheap to copy and live as long as their Metrics.
class Counter {
 public:
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  void increment(double by = 1) const;

 private:
  prometheus::Counter* counter_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  void set(double value) const;
  void add(double by) const;

 private:
  prometheus::Gauge* gauge_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  void observe(double value) const;

 private:
  prometheus::Histogram* histogram_;
};

class Metrics {
 public:
  /// Series of one name. A label that a peer can choose must not grow this: further label values are
  /// counted together in one series whose values are all "other".
  static constexpr std::size_t kSeriesMax = 128;

  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  /// The same name and labels give the same series. Names are [a-zA-Z_:][a-zA-Z0-9_:]*, counters end in
  /// _total, units are base units (_seconds, _bytes); one name has one kind and one help.
  [[nodiscard]] Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  [[nodiscard]] Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// `bounds`: upper bounds of the buckets, ascending.
  [[nodiscard]] Histogram histogram(const std::string& name, const std::string& help,
                                    const std::vector<double>& bounds, const Labels& labels = {});

  /// Called before each `text`, to set gauges from figures that are kept elsewhere.
  void before_each_scrape(std::function<void()> refresh);

  /// The text exposition format, version 0.0.4.
  [[nodiscard]] std::string text() const;

  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Registry;
  std::unique_ptr<Registry> registry_;
};

}  // namespace slipway::api
