// SPDX-License-Identifier: Apache-2.0
#include <slipway/api/metrics.hpp>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>
#include <set>

namespace slipway::api {

void Counter::increment(double by) const {
  counter_->Increment(by);
}
void Gauge::set(double value) const {
  gauge_->Set(value);
}
void Gauge::add(double by) const {
  gauge_->Increment(by);
}
void Histogram::observe(double value) const {
  histogram_->Observe(value);
}

struct Metrics::Registry {
  prometheus::Registry registry;
  mutable std::mutex mutex;  // guards what follows
  std::map<std::string, std::set<Labels>> series;
  std::vector<std::function<void()>> refreshes;

  Labels bounded(const std::string& name, const Labels& labels) {
    const std::scoped_lock lock(mutex);
    auto& known = series[name];
    if (known.contains(labels) || known.size() < kSeriesMax - 1) {
      known.insert(labels);
      return labels;
    }
    auto other = labels;
    for (auto& [key, value] : other) value = "other";
    return other;
  }
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry_->registry);
  return Counter(family.Add(registry_->bounded(name, labels)));
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry_->registry);
  return Gauge(family.Add(registry_->bounded(name, labels)));
}

Histogram Metrics::histogram(const std::string& name, const std::string& help,
                             const std::vector<double>& bounds, const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry_->registry);
  return Histogram(family.Add(registry_->bounded(name, labels), bounds));
}

void Metrics::before_each_scrape(std::function<void()> refresh) {
  const std::scoped_lock lock(registry_->mutex);
  registry_->refreshes.push_back(std::move(refresh));
}

std::string Metrics::text() const {
  std::vector<std::function<void()>> refreshes;
  {
    const std::scoped_lock lock(registry_->mutex);
    refreshes = registry_->refreshes;
  }
  for (const auto& refresh : refreshes) refresh();
  return prometheus::TextSerializer().Serialize(registry_->registry.Collect());
}

}  // namespace slipway::api
