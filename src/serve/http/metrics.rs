//! Serves metrics in the OpenMetrics text format: the status board, plus values from the disk and the process.
//!
//! [`table`] lists the metrics. Values are read for each request; nothing is counted here.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::app_state::AppState;
use super::redact;
use crate::core::replication::timestamp::Timestamp;
use crate::index::histogram::Histogram;
use crate::index::tantivy::size::IndexSize;
use crate::observe::status::{
    DiskUsage, ProcessUsage, QueueStatus, RouteGroup, SourceStatus, StatusBoard,
};
use crate::serve::access::Grant;

mod metric;
mod table;

use metric::{Metric, MetricValue, Reader};
use table::metrics;

/// Prometheus accepts this content type.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Returns all metrics that the grant may see. Blocks on disk reads.
pub(super) fn text(app: &AppState, grant: &Grant) -> String {
    let snapshot = app.index.snapshot().ok();
    let mut scrape = Scrape::of(&app.board, grant);
    if grant.sees_all() {
        scrape.disk = DiskUsage::of(&app.board.data_dir);
        scrape.process = ProcessUsage::now();
        scrape.index = snapshot.map(|snapshot| snapshot.size());
    }
    scrape.text()
}

/// The data for one request. Every metric uses the same Sources and queues.
#[derive(Clone, Debug)]
struct Scrape {
    board: Arc<StatusBoard>,
    disk: DiskUsage,
    process: ProcessUsage,
    index: Option<IndexSize>,
    sources: Vec<Arc<SourceStatus>>,
    queues: Vec<Arc<QueueStatus>>,
    /// The time of the last large removal of each Source.
    large_removals: Vec<(String, Timestamp)>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        metrics().try_for_each(|metric| self.write(metric, &mut encoder))
    }
}

impl Scrape {
    /// Takes the Sources and queues that the grant may see. Leaves out values that are not on the board.
    fn of(board: &Arc<StatusBoard>, grant: &Grant) -> Self {
        let (mut sources, mut queues) = (board.sources(), board.queues());
        let pairs = sources.iter();
        let pairs = pairs.map(|source| (source.name.clone(), source.settings().queue_url));
        let pairs: Vec<_> = pairs.collect();
        let pairs = || pairs.iter().map(|(name, url)| (&**name, url.as_deref()));
        queues.retain(|queue| redact::may_see_queue(grant, &queue.url, pairs()));
        sources.retain(|source| grant.may_see(&source.name));
        let mut large_removals = board.large_removals.all();
        large_removals.retain(|(name, _)| grant.may_see(name));
        Self {
            board: Arc::clone(board),
            disk: DiskUsage::default(),
            process: ProcessUsage::default(),
            index: None,
            sources,
            queues,
            large_removals,
        }
    }

    fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)
            .expect("writing to a String never fails");
        text
    }

    fn write(&self, metric: &Metric, encoder: &mut DescriptorEncoder) -> fmt::Result {
        // The encoder adds the suffix.
        let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        let kind = metric.kind();
        let mut family = Family {
            encoder: encoder.encode_descriptor(name, metric.help, None, kind)?,
            is_counter: matches!(kind, MetricType::Counter),
        };
        match metric.read {
            Reader::Info(labels) => family.write(1_u64.into(), labels),
            Reader::Process(read) => {
                let mut numbers = read(self).into_iter();
                numbers.try_for_each(|number| family.write(number, &[]))
            }
            Reader::ProcessBy(label, read) => {
                let mut numbers = read(self).into_iter();
                numbers.try_for_each(|(value, number)| family.write(number, &[(label, value)]))
            }
            Reader::LargeRemovals => {
                let mut removals = self.large_removals.iter();
                removals.try_for_each(|(name, at)| family.write((*at).into(), &[("source", name)]))
            }
            Reader::Source(read) => self.of_sources(|source, name| {
                let mut numbers = read(source).into_iter();
                numbers.try_for_each(|number| family.write(number, &[name]))
            }),
            Reader::SourceBy(label, read) => self.of_sources(|source, name| {
                let mut numbers = read(source).into_iter();
                numbers
                    .try_for_each(|(value, number)| family.write(number, &[name, (label, value)]))
            }),
            Reader::Scan(read) => self.of_sources(|source, name| {
                let mut scans = source.scan().into_iter();
                scans.try_for_each(|scan| family.write(read(&scan), &[name]))
            }),
            Reader::SourceHistogram(read) => {
                self.of_sources(|source, name| family.write_histogram(read(source), &[name]))
            }
            Reader::Histogram(read) => family.write_histogram(read(self), &[]),
            Reader::RouteHistogram => RouteGroup::ALL.into_iter().try_for_each(|route| {
                let took = &self.board.http.of(route).took;
                family.write_histogram(took, &[("route", route.as_str())])
            }),
            Reader::Requests => RouteGroup::ALL.into_iter().try_for_each(|route| {
                let mut statuses = self.board.http.of(route).statuses().into_iter();
                statuses.try_for_each(|(status, count)| {
                    let labels = [("route", route.as_str()), ("status", &status.to_string())];
                    family.write(count.into(), &labels)
                })
            }),
            Reader::Queue(read) => self.queues.iter().try_for_each(|queue| {
                let mut numbers = read(queue).into_iter();
                numbers.try_for_each(|number| family.write(number, &[("queue", &queue.url)]))
            }),
        }
    }

    fn of_sources(
        &self,
        mut write: impl FnMut(&SourceStatus, (&str, &str)) -> fmt::Result,
    ) -> fmt::Result {
        let mut sources = self.sources.iter();
        sources.try_for_each(|source| write(source, ("source", &source.name)))
    }
}

/// Writes the series of one metric.
struct Family<'a> {
    encoder: MetricEncoder<'a>,
    is_counter: bool,
}

impl Family<'_> {
    fn write(&mut self, number: MetricValue, labels: &[(&str, &str)]) -> fmt::Result {
        if labels.is_empty() {
            return write_number(&mut self.encoder, number, self.is_counter);
        }
        let mut encoder = self.encoder.encode_family(&labels)?;
        write_number(&mut encoder, number, self.is_counter)
    }

    fn write_histogram(&mut self, histogram: &Histogram, labels: &[(&str, &str)]) -> fmt::Result {
        let buckets = histogram.buckets();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = histogram.sum().as_secs_f64();
        if labels.is_empty() {
            let encoder = &mut self.encoder;
            return encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None);
        }
        let mut encoder = self.encoder.encode_family(&labels)?;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

fn write_number(encoder: &mut MetricEncoder, number: MetricValue, is_counter: bool) -> fmt::Result {
    match (is_counter, number) {
        (true, MetricValue::Whole(n)) => encoder.encode_counter::<NoLabelSet, _, f64>(&n, None),
        (true, MetricValue::Fraction(n)) => encoder.encode_counter::<NoLabelSet, _, f64>(&n, None),
        (false, MetricValue::Whole(n)) => encoder.encode_gauge(&n),
        (false, MetricValue::Fraction(n)) => encoder.encode_gauge(&n),
    }
}

#[cfg(test)]
mod tests;
