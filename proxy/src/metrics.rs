//! `/metrics`: the status as Prometheus text (OpenMetrics 1.0).

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::status::Status;

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes `status` as Prometheus reads it.
pub(crate) fn encode(status: &Status) -> String {
    let mut registry = Registry::with_prefix("namedwebsockets");
    registry.register_collector(Box::new(Snapshot::of(status)));
    let mut out = String::new();
    text::encode(&mut out, &registry).expect("writing to a string does not fail");
    out
}

/// The numbers of one status.
#[derive(Debug)]
struct Snapshot {
    counters: Vec<(&'static str, &'static str, u64)>,
    gauges: [(&'static str, &'static str, i64); 7],
    uptime: f64,
}

impl Snapshot {
    fn of(status: &Status) -> Self {
        let sum = |of: fn(&crate::status::ChannelStatus) -> usize| {
            status.channels.iter().map(of).sum::<usize>() as i64
        };
        let queued: u64 = status.channels.iter().map(|channel| channel.queued_bytes).sum();
        Self {
            counters: status.counters.each().collect(),
            gauges: [
                ("connections", "WebSockets that others have open here", status.connections as i64),
                ("connections_max", "How many there may be", status.connections_max as i64),
                ("channels", "Channels with anybody on them", status.channels.len() as i64),
                ("clients", "Clients of this machine", sum(|channel| channel.clients)),
                ("links", "Links with other proxies", sum(|channel| channel.links.len())),
                (
                    "remotes",
                    "Proxies seen or configured, each once for each channel",
                    status.remotes.len() as i64,
                ),
                ("queued_bytes", "Bytes that wait to be written", queued as i64),
            ],
            uptime: status.uptime_seconds,
        }
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        for (name, help, value) in &self.counters {
            let counter = ConstCounter::new(*value);
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        for (name, help, value) in &self.gauges {
            let gauge = ConstGauge::new(*value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let uptime = ConstGauge::new(self.uptime);
        let help = "Time since the proxy started";
        uptime.encode(encoder.encode_descriptor(
            "uptime",
            help,
            Some(&Unit::Seconds),
            uptime.metric_type(),
        )?)
    }
}
