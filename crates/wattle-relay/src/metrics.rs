//! What is measured, and the page that shows it.

use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use wattle_protocol::message::Code;

use crate::stats::Stats;

/// The content type of the page.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted; each is shared by the parts that count it.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    begun: Instant,
    uptime: Gauge,
    pub(crate) links: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) handshakes: Gauge,
    pub(crate) documents: Gauge,
    pub(crate) contexts: Gauge,
    pub(crate) graph_bytes: Gauge,
    pub(crate) changes_in: Counter,
    pub(crate) changes_out: Counter,
    pub(crate) frames_in: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) frames_waiting_bytes: Gauge,
    pub(crate) appends_waiting: Gauge,
    pub(crate) appends_waiting_bytes: Gauge,
    pub(crate) under_way_bytes: Gauge,
    pub(crate) commit_seconds: Histogram,
    pub(crate) fan_out_seconds: Histogram,
    pub(crate) store_failures: Counter,
    pub(crate) audit_lines_lost: Counter,
    pub(crate) snapshots: Counter,
    pub(crate) compactions_failed: Counter,
    pub(crate) panics: Counter,
    pub(crate) context_bytes: Gauge,
    pub(crate) context_bytes_max: Gauge,
    refusals: Family<RefusalLabels, Counter>,
    logins: Family<LoginLabels, Counter>,
}

/// What logins are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: Outcome,
}

/// What came of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Granted,
    Refused,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

/// What refusals are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    code: u32,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("wattle"),
            begun: Instant::now(),
            uptime: Gauge::default(),
            links: Gauge::default(),
            connections: Gauge::default(),
            handshakes: Gauge::default(),
            documents: Gauge::default(),
            contexts: Gauge::default(),
            graph_bytes: Gauge::default(),
            changes_in: Counter::default(),
            changes_out: Counter::default(),
            frames_in: Counter::default(),
            frames_out: Counter::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            frames_waiting_bytes: Gauge::default(),
            appends_waiting: Gauge::default(),
            appends_waiting_bytes: Gauge::default(),
            under_way_bytes: Gauge::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.0001, 2.0, 14)),
            fan_out_seconds: Histogram::new(exponential_buckets(0.00005, 2.0, 16)),
            store_failures: Counter::default(),
            audit_lines_lost: Counter::default(),
            snapshots: Counter::default(),
            compactions_failed: Counter::default(),
            panics: Counter::default(),
            context_bytes: Gauge::default(),
            context_bytes_max: Gauge::default(),
            refusals: Family::default(),
            logins: Family::default(),
        };
        metrics.register_state();
        metrics.register_traffic();
        metrics.register_work();
        metrics
    }

    /// The page.
    pub(crate) fn page(&self) -> String {
        self.uptime.set(i64::try_from(self.begun.elapsed().as_secs()).unwrap_or(i64::MAX));
        let mut page = String::new();
        match encode(&mut page, &self.registry) {
            Ok(()) => page,
            Err(std::fmt::Error) => String::new(),
        }
    }

    pub(crate) fn refused(&self, code: Code) {
        self.refusals.get_or_create(&RefusalLabels { code: u32::from(code.number()) }).inc();
    }

    pub(crate) fn login(&self, outcome: Outcome) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }

    pub(crate) fn fanned_out(&self, took: Duration) {
        self.fan_out_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn stats(&self) -> Stats {
        let held = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or_default();
        Stats {
            links: held(&self.links),
            documents: held(&self.documents),
            changes_in: self.changes_in.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            snapshots: self.snapshots.get(),
            panics: self.panics.get(),
        }
    }

    fn register_state(&mut self) {
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        let all = &mut self.registry;
        all.register("build", "The program", build);
        all.register("uptime_seconds", "Since the start", self.uptime.clone());
        all.register("connections", "Connections of any kind", self.connections.clone());
        all.register("links", "Links that are up", self.links.clone());
        all.register("handshakes", "Links without a proved key", self.handshakes.clone());
        all.register("contexts", "Contexts in memory", self.contexts.clone());
        all.register(
            "graph_bytes",
            "Memory of graphs and recent changes",
            self.graph_bytes.clone(),
        );
        all.register("documents", "Documents in memory", self.documents.clone());
        all.register(
            "context_bytes",
            "On the disk, of the contexts that were written since the start",
            self.context_bytes.clone(),
        );
        all.register(
            "context_bytes_largest",
            "The same of the largest of them",
            self.context_bytes_max.clone(),
        );
    }

    fn register_traffic(&mut self) {
        let all = &mut self.registry;
        all.register(
            "changes_in",
            "Changes from links that became durable",
            self.changes_in.clone(),
        );
        all.register("changes_out", "Changes given to links", self.changes_out.clone());
        all.register("frames_in", "Frames from links", self.frames_in.clone());
        all.register("frames_out", "Frames to links", self.frames_out.clone());
        all.register("bytes_in", "Bytes of frames from links", self.bytes_in.clone());
        all.register("bytes_out", "Bytes of frames to links", self.bytes_out.clone());
        all.register("refusals", "Refusals, by their code", self.refusals.clone());
        all.register("logins", "Logins, by what came of them", self.logins.clone());
        all.register(
            "fan_out_seconds",
            "From a frame's arrival until the sockets of others have taken what followed",
            self.fan_out_seconds.clone(),
        );
    }

    fn register_work(&mut self) {
        let all = &mut self.registry;
        all.register(
            "frames_waiting_bytes",
            "Wait for the machine",
            self.frames_waiting_bytes.clone(),
        );
        all.register(
            "appends_waiting",
            "Requests that wait for the disk",
            self.appends_waiting.clone(),
        );
        all.register(
            "appends_waiting_bytes",
            "Changes that wait for the disk",
            self.appends_waiting_bytes.clone(),
        );
        all.register(
            "under_way_bytes",
            "Given to links, not yet taken by sockets",
            self.under_way_bytes.clone(),
        );
        all.register("commit_seconds", "A commit with its sync", self.commit_seconds.clone());
        all.register(
            "store_failures",
            "Requests that the store failed",
            self.store_failures.clone(),
        );
        all.register(
            "audit_lines_lost",
            "Lines that are not in the audit log: its disk is full, or too slow",
            self.audit_lines_lost.clone(),
        );
        all.register("snapshots", "Snapshots made", self.snapshots.clone());
        all.register(
            "compactions_failed",
            "Documents left uncompacted",
            self.compactions_failed.clone(),
        );
        all.register("panics", "Panics caught; a bug unless zero", self.panics.clone());
    }
}
