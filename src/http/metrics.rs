//! The board as metrics, in the text format of OpenMetrics.
//!
//! [`table`] says which there are. They are read from the board at each request: nothing is counted
//! here.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::visible;
use crate::access::Grant;
use crate::status::lag::BUCKETS_MILLIS;
use crate::status::{Board, Lag, QueueBoard, SourceBoard};

mod metric;
mod table;

use metric::{Metric, Number, Read};
use table::METRICS;

/// What the text is; Prometheus takes it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the board now that the grant shows; `index_bytes` is what
/// [`crate::status::index_bytes`] found.
pub fn text(board: &Arc<Board>, index_bytes: Option<u64>, grant: &Grant) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape::of(board, index_bytes, grant)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)
        .expect("writing to a String cannot fail");
    text
}

/// What one request reads: the same Sources and queues for each metric.
#[derive(Debug)]
struct Scrape {
    board: Arc<Board>,
    index_bytes: Option<u64>,
    sources: Vec<Arc<SourceBoard>>,
    queues: Vec<Arc<QueueBoard>>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        METRICS
            .iter()
            .try_for_each(|metric| self.write(metric, &mut encoder))
    }
}

impl Scrape {
    fn of(board: &Arc<Board>, index_bytes: Option<u64>, grant: &Grant) -> Self {
        let (mut sources, mut queues) = (board.sources(), board.queues());
        let pairs = sources.iter();
        let pairs = pairs.map(|source| (source.name.clone(), source.facts().queue_url));
        let pairs: Vec<_> = pairs.collect();
        let pairs = || pairs.iter().map(|(name, url)| (&**name, url.as_deref()));
        queues.retain(|queue| visible::shows_queue(grant, &queue.url, pairs()));
        sources.retain(|source| grant.may_see(&source.name));
        Self {
            board: Arc::clone(board),
            index_bytes: index_bytes.filter(|_| grant.sees_all()),
            sources,
            queues,
        }
    }

    fn write(&self, metric: &Metric, encoder: &mut DescriptorEncoder) -> fmt::Result {
        // The encoder adds it.
        let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        let kind = metric.kind();
        let mut family = Family {
            encoder: encoder.encode_descriptor(name, metric.help, None, kind)?,
            is_counter: matches!(kind, MetricType::Counter),
        };
        match metric.read {
            Read::Process(read) => {
                let mut numbers = read(self).into_iter();
                numbers.try_for_each(|number| family.write(number, &[]))
            }
            Read::ProcessBy(label, read) => {
                let mut numbers = read(self).into_iter();
                numbers.try_for_each(|(value, number)| family.write(number, &[(label, value)]))
            }
            Read::Source(read) => self.of_sources(|source, name| {
                let mut numbers = read(source).into_iter();
                numbers.try_for_each(|number| family.write(number, &[name]))
            }),
            Read::SourceBy(label, read) => self.of_sources(|source, name| {
                let mut numbers = read(source).into_iter();
                numbers
                    .try_for_each(|(value, number)| family.write(number, &[name, (label, value)]))
            }),
            Read::Scan(read) => self.of_sources(|source, name| {
                let mut scans = source.scan().into_iter();
                scans.try_for_each(|scan| family.write(read(&scan), &[name]))
            }),
            Read::Lags => self.of_sources(|source, name| family.write_lags(&source.lag, &[name])),
            Read::Queue(read) => self.queues.iter().try_for_each(|queue| {
                let mut numbers = read(queue).into_iter();
                numbers.try_for_each(|number| family.write(number, &[("queue", &queue.url)]))
            }),
        }
    }

    fn of_sources(
        &self,
        mut write: impl FnMut(&SourceBoard, (&str, &str)) -> fmt::Result,
    ) -> fmt::Result {
        let mut sources = self.sources.iter();
        sources.try_for_each(|source| write(source, ("source", &source.name)))
    }
}

/// The series of one metric, being written.
struct Family<'a> {
    encoder: MetricEncoder<'a>,
    is_counter: bool,
}

impl Family<'_> {
    fn write(&mut self, number: Number, labels: &[(&str, &str)]) -> fmt::Result {
        if labels.is_empty() {
            return write_number(&mut self.encoder, number, self.is_counter);
        }
        let mut encoder = self.encoder.encode_family(&labels)?;
        write_number(&mut encoder, number, self.is_counter)
    }

    fn write_lags(&mut self, lag: &Lag, labels: &[(&str, &str)]) -> fmt::Result {
        let counts = lag.buckets();
        let bounds = BUCKETS_MILLIS.iter().map(|millis| *millis as f64 / 1000.0);
        let bounds = bounds.chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let sum = lag.sum().as_secs_f64();
        let mut encoder = self.encoder.encode_family(&labels)?;
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }
}

fn write_number(encoder: &mut MetricEncoder, number: Number, is_counter: bool) -> fmt::Result {
    match (is_counter, number) {
        (true, Number::Whole(n)) => encoder.encode_counter::<NoLabelSet, _, f64>(&n, None),
        (true, Number::Real(n)) => encoder.encode_counter::<NoLabelSet, _, f64>(&n, None),
        (false, Number::Whole(n)) => encoder.encode_gauge(&n),
        (false, Number::Real(n)) => encoder.encode_gauge(&n),
    }
}

#[cfg(test)]
mod tests;
