//! Figures for Prometheus, in its text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::App;
use super::problem::Fault;
use crate::{Error, LogId};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The route.
pub fn routes() -> Router<App> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<App>) -> Response {
    match app.run(collect).await {
        Ok(text) => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static(TEXT))], text).into_response()
        }
        Err(error) => Fault::from(error).response("/metrics"),
    }
}

fn collect(app: &App) -> Result<String, Error> {
    let mut out = Text::default();
    out.logs(app);
    out.witnesses(app);
    out.family("placet_requests", "gauge", "Requests by state.");
    for (state, count) in app.ledger().request_counts()? {
        out.sample("placet_requests", &[("state", state.name())], count);
    }
    out.outbound(app)?;
    Ok(out.0)
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn logs(&mut self, app: &App) {
        let health = app.ledger().health();
        let logs = [("main", &health.main), ("gov", &health.gov)];
        self.family("placet_log_size", "gauge", "Durable entries.");
        for (name, (log, _)) in logs {
            self.sample("placet_log_size", &[("log", name)], log.size);
        }
        self.family("placet_log_published_size", "gauge", "Size of the cosigned checkpoint.");
        for (name, (log, _)) in logs {
            self.sample("placet_log_published_size", &[("log", name)], log.published);
        }
        self.family("placet_log_queued", "gauge", "Calls that wait for the writer.");
        for (name, (log, _)) in logs {
            self.sample("placet_log_queued", &[("log", name)], log.queued as u64);
        }
        self.family("placet_log_stopped", "gauge", "1 when the log no longer writes.");
        for (name, (log, _)) in logs {
            self.sample("placet_log_stopped", &[("log", name)], u64::from(log.stopped.is_some()));
        }
        let help = "Rounds without a quorum since the last good one.";
        self.family("placet_publish_failed_rounds", "gauge", help);
        for (name, (_, publisher)) in logs {
            let rounds = u64::from(publisher.failed_rounds);
            self.sample("placet_publish_failed_rounds", &[("log", name)], rounds);
        }
        self.family("placet_checkpoint_age_seconds", "gauge", "Age of the cosigned checkpoint.");
        for id in LogId::ALL {
            if let Some(note) = app.ledger().log(id).checkpoint() {
                let age = app.ledger().now().0.saturating_sub(note.published_at);
                self.sample("placet_checkpoint_age_seconds", &[("log", name_of(id))], age);
            }
        }
    }

    fn witnesses(&mut self, app: &App) {
        let now = app.ledger().now().0;
        let all: Vec<_> = LogId::ALL
            .into_iter()
            .map(|id| (name_of(id), app.ledger().publisher(id).status().witnesses))
            .collect();
        let help = "Seconds since a witness last cosigned.";
        self.family("placet_witness_cosigned_age_seconds", "gauge", help);
        for (log, witnesses) in &all {
            for witness in witnesses {
                if let Some(at) = witness.last_success {
                    let labels = [("log", *log), ("witness", witness.name.as_str())];
                    let age = now.saturating_sub(at);
                    self.sample("placet_witness_cosigned_age_seconds", &labels, age);
                }
            }
        }
        let help = "Failures of a witness since it last cosigned.";
        self.family("placet_witness_failures", "gauge", help);
        for (log, witnesses) in &all {
            for witness in witnesses {
                let labels = [("log", *log), ("witness", witness.name.as_str())];
                self.sample("placet_witness_failures", &labels, witness.failures);
            }
        }
        let help = "1 after a witness has seen what an honest log never shows.";
        self.family("placet_witness_alarm", "gauge", help);
        for (log, witnesses) in &all {
            for witness in witnesses {
                let labels = [("log", *log), ("witness", witness.name.as_str())];
                let alarm = u64::from(witness.alarm.is_some());
                self.sample("placet_witness_alarm", &labels, alarm);
            }
        }
    }

    /// Browsers and agents are many: only those that the settings name have labels of their own.
    fn outbound(&mut self, app: &App) -> Result<(), Error> {
        let mut groups: BTreeMap<String, [u64; 4]> = BTreeMap::new();
        for status in app.ledger().outbound().status()?.1 {
            let group = match status.name.split_once(':') {
                Some(("notify", _)) => status.name.clone(),
                Some((kind, _)) => kind.to_owned(),
                None => "other".to_owned(),
            };
            let failing = u64::from(status.failures > 0);
            let values = [status.pending, failing, status.delivered, status.dead];
            for (sum, value) in groups.entry(group).or_default().iter_mut().zip(values) {
                *sum = sum.saturating_add(value);
            }
        }
        let families = [
            ("placet_outbound_pending", "gauge", "Deliveries that wait."),
            ("placet_outbound_failing", "gauge", "Endpoints whose last attempt failed."),
            ("placet_outbound_delivered_total", "counter", "Deliveries that were taken."),
            ("placet_outbound_dead_total", "counter", "Deliveries that were given up."),
        ];
        for (n, (name, kind, help)) in families.into_iter().enumerate() {
            self.family(name, kind, help);
            for (group, values) in &groups {
                let value = values.get(n).copied().unwrap_or_default();
                self.sample(name, &[("endpoint", group.as_str())], value);
            }
        }
        Ok(())
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string can't fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let _ = writeln!(self.0, "{name}{{{}}} {value}", labels.join(","));
    }
}

fn name_of(id: LogId) -> &'static str {
    match id {
        LogId::Main => "main",
        LogId::Gov => "gov",
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
