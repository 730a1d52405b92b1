// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/api/metrics.hpp>

namespace slipway::api {
namespace {

using testing::HasSubstr;

TEST(Metrics, TextHasHelpTypeAndValues) {
  Metrics metrics;
  metrics.counter("slipway_messages_total", "Messages.", {{"direction", "in"}}).increment(3);
  metrics.gauge("slipway_devices", "Devices registered.").set(5);
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# HELP slipway_messages_total Messages.\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE slipway_messages_total counter\n"));
  EXPECT_THAT(text, HasSubstr("slipway_messages_total{direction=\"in\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("slipway_devices 5\n"));
}

TEST(Metrics, SameNameAndLabelsAreOneSeries) {
  Metrics metrics;
  for (int i = 0; i < 2; ++i) metrics.counter("a_total", "A.", {{"x", "1"}}).increment();
  metrics.gauge("b", "B.").add(2);
  metrics.gauge("b", "B.").add(-1);
  EXPECT_THAT(metrics.text(), HasSubstr("a_total{x=\"1\"} 2\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("b 1\n"));
}

TEST(Metrics, HistogramHasBuckets) {
  Metrics metrics;
  const auto histogram = metrics.histogram("t_seconds", "T.", {0.1, 1});
  histogram.observe(0.05);
  histogram.observe(0.5);
  histogram.observe(5);
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("t_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("t_seconds_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("t_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("t_seconds_count 3\n"));
}

TEST(Metrics, SeriesOfOneNameAreBounded) {
  Metrics metrics;
  for (std::size_t i = 0; i < Metrics::kSeriesMax + 10; ++i)
    metrics.counter("a_total", "A.", {{"endpoint", std::to_string(i)}}).increment();
  const auto text = metrics.text();
  std::size_t series = 0;
  for (std::size_t at = 0; (at = text.find("\na_total{", at)) != std::string::npos; ++at) ++series;
  EXPECT_EQ(series, Metrics::kSeriesMax);
  EXPECT_THAT(text, HasSubstr("a_total{endpoint=\"other\"} 11\n"));
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.counter("a_total", "A.", {{"x", "q\"b\\n\n"}}).increment();
  EXPECT_THAT(metrics.text(), HasSubstr("a_total{x=\"q\\\"b\\\\n\\n\"} 1\n"));
}

TEST(Metrics, RefreshRunsBeforeEachText) {
  Metrics metrics;
  int scrapes = 0;
  metrics.before_each_scrape([&] { metrics.gauge("g", "G.").set(++scrapes); });
  EXPECT_THAT(metrics.text(), HasSubstr("g 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("g 2\n"));
}

}  // namespace
}  // namespace slipway::api
