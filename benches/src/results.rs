//! What the results in `benches/results` look like in docs/performance.md: charts and tables.
//!
//! A result is the JSON that a run printed, as it is. What is not there is shown as not measured.

use std::path::Path;

use serde_json::Value;

use crate::Error;
use crate::plot::{Bar, Frame, Series, bars, lines, number};
use crate::stats::ratio;

/// Where a table has nothing to show.
const NONE: &str = "Not measured yet.\n";

/// A chart: the name of its file and the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// As in `growth-rate.svg`.
    pub name: &'static str,
    /// The SVG.
    pub svg: String,
}

/// The results of a folder.
#[derive(Debug, Clone, Default)]
pub struct Results {
    append: Option<Value>,
    grow: Option<Value>,
    peers: Option<Value>,
    http: Option<Value>,
    decide: Option<Value>,
    export: Option<Value>,
}

impl Results {
    /// Reads those that there are of `append.json`, `grow.json`, `peers.json`, `http.json`,
    /// `decide.json` and `export.json`.
    ///
    /// # Errors
    /// `bench.io`; `bench.failed` for what is no JSON.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = folder.join(name);
            match std::fs::read(&path) {
                Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(Error::failed),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Error::io(&path)(error)),
            }
        };
        let (append, grow) = (read("append.json")?, read("grow.json")?);
        let (peers, http, decide) = (read("peers.json")?, read("http.json")?, read("decide.json")?);
        Ok(Self { append, grow, peers, http, decide, export: read("export.json")? })
    }

    /// All charts of what was measured.
    #[must_use]
    pub fn charts(&self) -> Vec<Chart> {
        let shown = [(&self.append, APPEND), (&self.peers, PEERS), (&self.grow, GROWTH)];
        let measured =
            shown.into_iter().filter_map(|(result, shown)| Some((result.as_ref()?, shown)));
        let charts = measured.flat_map(|(result, shown)| {
            shown.charts.iter().map(|(name, draw)| Chart { name, svg: draw(result) })
        });
        charts.collect()
    }

    /// The section of this name, if there is one: `append`, `peers`, `growth`, `http`, `decide` or
    /// `export`. A table, and the charts, which are in a folder `plots` beside the page.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<String> {
        let (result, shown) = match name {
            "append" => (&self.append, APPEND),
            "peers" => (&self.peers, PEERS),
            "growth" => (&self.grow, GROWTH),
            "http" => (&self.http, HTTP),
            "decide" => (&self.decide, DECIDE),
            "export" => (&self.export, EXPORT),
            _ => return None,
        };
        let Some(result) = result else { return Some(NONE.to_owned()) };
        let mut out = (shown.table)(result);
        for (file, _) in shown.charts {
            let words = file.trim_end_matches(".svg").replace('-', ", ");
            out.push_str(&format!("\n![Chart: {words}](plots/{file})\n"));
        }
        Some(out)
    }
}

type Draw = fn(&Value) -> String;

/// How a sort of result is shown.
#[derive(Clone, Copy)]
struct Shown {
    table: Draw,
    /// File name and chart.
    charts: &'static [(&'static str, Draw)],
}

const APPEND: Shown = Shown {
    table: append_table,
    charts: &[("append-rate.svg", append_rate), ("append-latency.svg", append_latency)],
};
const PEERS: Shown = Shown {
    table: peers_table,
    charts: &[("peers-rate.svg", peers_rate), ("peers-proof.svg", peers_proof)],
};
const HTTP: Shown = Shown { table: http_table, charts: &[] };
const DECIDE: Shown = Shown { table: decide_table, charts: &[] };
const EXPORT: Shown = Shown { table: export_table, charts: &[] };
const GROWTH: Shown = Shown {
    table: growth_table,
    charts: &[
        ("growth-rate.svg", growth_rate),
        ("growth-proof.svg", growth_proof),
        ("growth-memory.svg", growth_memory),
    ],
};

// - Fields. What is missing is 0 or empty: a result of an older build shows what it has.

fn of(result: &Value, path: &str) -> f64 {
    result.pointer(path).and_then(Value::as_f64).unwrap_or(0.0)
}

fn word<'a>(result: &'a Value, path: &str) -> &'a str {
    result.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// What a figure was measured on.
fn machine(result: &Value) -> String {
    // What is not flushed is of no file system.
    let file_system = match word(result, "/file_system") {
        "" => String::new(),
        name => format!("{name}, "),
    };
    format!(
        "{}, {} cores, {} GiB, {}, {file_system}load {} before; commit {}, {}",
        word(result, "/machine/processor"),
        of(result, "/machine/cores"),
        (of(result, "/machine/memory_mib") / 1024.0).round(),
        word(result, "/machine/kernel"),
        of(result, "/machine/load_before"),
        word(result, "/commit"),
        word(result, "/date"),
    )
}

fn frame(title: &str, command: &str, result: &Value, fsync: &str) -> Frame {
    let notes = vec![command.to_owned(), fsync.to_owned(), machine(result)];
    Frame { title: title.to_owned(), notes }
}

fn row(out: &mut String, cells: &[String]) {
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn millis(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0} ms"),
        v if v >= 1.0 => format!("{v:.1} ms"),
        v => format!("{v:.3} ms"),
    }
}

// - Appending.

fn append_command(result: &Value) -> String {
    format!("placet bench append --seconds {}", of(result, "/seconds"))
}

fn append_rate(result: &Value) -> String {
    let sorts = [
        ("bare loop", "/floor_per_s"),
        ("engine in process", "/engine_per_s"),
        ("service over HTTP", "/http_per_s"),
    ];
    let bar = |(name, path): (&str, &str)| {
        let value = of(result, path);
        Bar { name: name.to_owned(), value, label: format!("{} a second", number(value.round())) }
    };
    let fsync = format!("flush: {}", word(result, "/fsync"));
    let frame = frame("Approvals, recorded durably", &append_command(result), result, &fsync);
    bars(&frame, &sorts.map(bar))
}

fn append_latency(result: &Value) -> String {
    let sorts = [
        ("fdatasync, p99", "/fdatasync_p99_ms"),
        ("to proof, p50", "/proof_p50_ms"),
        ("to proof, p99", "/proof_p99_ms"),
    ];
    let bar = |(name, path): (&str, &str)| {
        let value = of(result, path);
        Bar { name: name.to_owned(), value, label: millis(value) }
    };
    let fsync = format!("flush: {}", word(result, "/fsync"));
    let title = "From submitting an approval to its proof, at half load";
    bars(&frame(title, &append_command(result), result, &fsync), &sorts.map(bar))
}

fn append_table(result: &Value) -> String {
    let mut out = "| | a second | of the bare loop |\n|---|---:|---:|\n".to_owned();
    let floor = of(result, "/floor_per_s");
    for (name, path) in [
        ("bare loop: verify, sign, hash, flush", "/floor_per_s"),
        ("engine in process", "/engine_per_s"),
        ("service over HTTP", "/http_per_s"),
        ("records without an assertion", "/records_per_s"),
    ] {
        let value = of(result, path);
        let share = format!("{:.2}", ratio(value, floor));
        row(&mut out, &[name.to_owned(), number(value.round()), share]);
    }
    let times = ["/fdatasync_p99_ms", "/proof_p50_ms", "/proof_p99_ms"];
    let [flush, half, most] = times.map(|path| millis(of(result, path)));
    out.push_str(&format!(
        "\nAt half load: from submitting to the proof under a signed checkpoint p50 {half}, p99 \
         {most}; `fdatasync` p99 in the same run {flush}.\n\n"
    ));
    let command = append_command(result);
    out.push_str(&format!("`{command}`; flush: {}; {}\n", word(result, "/fsync"), machine(result)));
    out
}

// - Beside others.

fn peers_fsync(result: &Value) -> String {
    format!(
        "flush: ours {}; Tessera {}",
        word(result, "/placet/fsync"),
        word(result, "/tessera/fsync")
    )
}

fn peers_bars(
    result: &Value,
    title: &str,
    paths: &[(&str, &str)],
    label: fn(f64) -> String,
) -> String {
    let bar = |(name, path): &(&str, &str)| {
        let value = of(result, path);
        Bar { name: (*name).to_owned(), value, label: label(value) }
    };
    let frame = frame(title, word(result, "/command"), result, &peers_fsync(result));
    bars(&frame, &paths.iter().map(bar).collect::<Vec<_>>())
}

fn peers_rate(result: &Value) -> String {
    let paths = [("Placet", "/placet/rate_per_s"), ("Tessera, POSIX", "/tessera/rate_per_s")];
    let label = |value: f64| format!("{} a second", number(value.round()));
    peers_bars(result, "Records without an assertion, recorded durably", &paths, label)
}

fn peers_proof(result: &Value) -> String {
    let paths = [
        ("Placet, p50", "/placet/proof_p50_ms"),
        ("Tessera, p50", "/tessera/proof_p50_ms"),
        ("Placet, p99", "/placet/proof_p99_ms"),
        ("Tessera, p99", "/tessera/proof_p99_ms"),
    ];
    let title = "From submitting a record to proof, each at half of its own rate";
    peers_bars(result, title, &paths, millis)
}

fn peers_table(result: &Value) -> String {
    let mut out = "| | records a second | to proof, p50 | to proof, p99 |\n".to_owned();
    out.push_str("|---|---:|---:|---:|\n");
    for (name, key) in [("Placet", "placet"), ("Tessera, POSIX driver", "tessera")] {
        let field = |field: &str| of(result, &format!("/{key}/{field}"));
        let version = word(result, &format!("/{key}/version"));
        let rate = number(field("rate_per_s").round());
        let times = ["proof_p50_ms", "proof_p99_ms"].map(|path| millis(field(path)));
        row(&mut out, &[format!("{name} {version}"), rate, times[0].clone(), times[1].clone()]);
    }
    let ratios = ["/ratio_rate", "/ratio_proof_p50", "/ratio_proof_p99"].map(|p| of(result, p));
    let ratios = ratios.map(|ratio| format!("{ratio:.3}"));
    row(&mut out, &[&["ours by theirs".to_owned()], &ratios[..]].concat());
    out.push_str(&format!(
        "\nMedians of {} rounds; batches of up to {} for Tessera, the best of those tried. `{}`; \
         {}; {}\n",
        result.pointer("/rounds").and_then(Value::as_array).map_or(0, Vec::len),
        of(result, "/tessera/batch"),
        word(result, "/command"),
        peers_fsync(result),
        machine(result)
    ));
    out
}

// - Over HTTP.

fn http_table(result: &Value) -> String {
    let mut out = "| | calls a second | p50 | p99 | `fdatasync` p99 meanwhile |\n".to_owned();
    out.push_str("|---|---:|---:|---:|---:|\n");
    for (name, key) in [
        ("AuthZEN evaluation, recorded", "decisions"),
        ("GET through nginx alone", "nginx"),
        ("the same through the gateway, the ledger in another process", "gateway"),
        ("the same through the gateway, the ledger in its process", "embedded"),
        ("POST through nginx alone, one after the other", "alone"),
        ("the same through the gateway, each spends an approval", "enforced"),
    ] {
        if result.get(key).is_none() {
            continue;
        }
        let field = |field: &str| millis(of(result, &format!("/{key}/{field}")));
        let rate = number(of(result, &format!("/{key}/answered_per_s")).round());
        let times = ["p50_ms", "p99_ms", "fdatasync_p99_ms"].map(field);
        row(&mut out, &[&[name.to_owned(), rate], &times[..]].concat());
    }
    let added = ["gateway", "embedded"].map(|way| of(result, &format!("/{way}_adds_p50_ms")));
    let enforced = match result.get("enforced_adds_p50_ms").and_then(Value::as_f64) {
        None => String::new(),
        Some(ms) => format!(
            "A call that spends an approval, with its durable commits (decision, execution, \
             outcome), costs {ms:.3} ms more than nginx alone at the median. "
        ),
    };
    out.push_str(&format!(
        "\nDecisions: p99 is {:.1} ms beyond `fdatasync`'s of the same run. The gateway adds {:.3} \
         ms to nginx's median, with the ledger in its own process {:.3} ms. {enforced}Medians of \
         {} rounds. `{}`; flush: {}; {}\n",
        of(result, "/decisions_p99_beyond_fdatasync_ms"),
        added[0],
        added[1],
        result.pointer("/rounds").and_then(Value::as_array).map_or(0, Vec::len),
        word(result, "/command"),
        word(result, "/fsync"),
        machine(result)
    ));
    out
}

// - Deciding.

fn decide_table(result: &Value) -> String {
    let mut out =
        "| policies | prebuilt, p50 | p99 | from JSON, p50 | p99 | two passes of a step-up, \
                   prebuilt, p50 | p99 |\n"
            .to_owned();
    out.push_str("|---:|---:|---:|---:|---:|---:|---:|\n");
    let rows = result.pointer("/rows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut sizes: Vec<f64> = rows.iter().map(|one| of(one, "/policies")).collect();
    sizes.dedup();
    for size in sizes {
        let mut cells = vec![number(size)];
        for what in ["prebuilt", "json", "step-up"] {
            let is = |one: &&Value| of(one, "/policies") == size && word(one, "/what") == what;
            let found = rows.iter().find(is).unwrap_or(&Value::Null);
            cells.extend(["/p50_us", "/p99_us"].map(|path| format!("{:.1} µs", of(found, path))));
        }
        row(&mut out, &cells);
    }
    let optimised = match result.pointer("/optimised").and_then(Value::as_bool) {
        Some(false) => "; not an optimised build",
        _ => "",
    };
    out.push_str(&format!(
        "\n{} decisions each; nothing is recorded. `{}`{optimised}; {}\n",
        number(of(result, "/samples")),
        word(result, "/command"),
        machine(result)
    ));
    out
}

// - Exports.

fn export_table(result: &Value) -> String {
    let mut out = "| | events a second | processor time an event |\n|---|---:|---:|\n".to_owned();
    for (name, key) in [("into a file", "file"), ("over TLS to a syslog receiver", "syslog")] {
        let rate = number(of(result, &format!("/{key}/events_per_s")));
        let cpu = format!("{:.0} µs", of(result, &format!("/{key}/cpu_per_event_us")));
        row(&mut out, &[name.to_owned(), rate, cpu]);
    }
    out.push_str("\n| decisions recorded over HTTP | alone | exported meanwhile | of alone |\n");
    out.push_str("|---|---:|---:|---:|\n");
    let pair = |name: &str, alone: String, exported: String, ratio: f64| {
        [name.to_owned(), alone, exported, format!("{ratio:.2}")]
    };
    let rate = |key: &str| number(of(result, key).round());
    row(
        &mut out,
        &pair(
            "as many a second as 16 connections get",
            rate("/alone_per_s"),
            rate("/exported_per_s"),
            of(result, "/exported_of_alone"),
        ),
    );
    let p99 = |key: &str| millis(of(result, key));
    row(
        &mut out,
        &pair(
            &format!("p99 at half of that, {} a second", rate("/half_rate")),
            p99("/half_alone_p99_ms"),
            p99("/half_exported_p99_ms"),
            of(result, "/half_p99_ratio"),
        ),
    );
    out.push_str(&format!(
        "\nThe exporter takes {:.2} cores meanwhile. {} events, OCSF. Medians of {} rounds. `{}`; \
         flush: {}; {}\n",
        of(result, "/exporter_cores"),
        number(of(result, "/file/events")),
        result.pointer("/rounds").and_then(Value::as_array).map_or(0, Vec::len),
        word(result, "/command"),
        word(result, "/fsync"),
        machine(result)
    ));
    out
}

// - Growing.

fn growth_command(result: &Value) -> String {
    let (entries, size) = (of(result, "/entries"), of(result, "/size"));
    format!("placet bench grow --entries {entries} --size {size}")
}

fn growth_chart(result: &Value, title: &str, series: &[(&str, &str)], scale: f64) -> String {
    let stretches = result.pointer("/stretches").and_then(Value::as_array);
    let series = series.iter().map(|(name, path)| {
        let points = stretches.into_iter().flatten();
        let points = points.map(|one| (of(one, "/entries"), of(one, path) * scale)).collect();
        Series { name: (*name).to_owned(), points }
    });
    let fsync = format!("flush: {}", word(result, "/fsync"));
    let frame = frame(title, &growth_command(result), result, &fsync);
    lines(&frame, "entries", &series.collect::<Vec<_>>())
}

fn growth_rate(result: &Value) -> String {
    let series = [("this log", "/rate_per_s"), ("an empty log at that time", "/empty_per_s")];
    growth_chart(result, "Records a second, recorded durably, as the log grows", &series, 1.0)
}

fn growth_proof(result: &Value) -> String {
    let series = [("p50", "/proof_p50_ms"), ("p99", "/proof_p99_ms")];
    growth_chart(result, "Inclusion proof of a random entry, in microseconds", &series, 1e3)
}

fn growth_memory(result: &Value) -> String {
    let series = [("now", "/rss_kib"), ("the most so far", "/rss_peak_kib")];
    growth_chart(result, "Memory of the process, in MiB", &series, 1.0 / 1024.0)
}

fn growth_table(result: &Value) -> String {
    let mut out = "| | measured | goal |\n|---|---:|---:|\n".to_owned();
    let disk = |path: &str| format!("{} B", of(result, &format!("/disk/{path}")));
    let each = |path: &str| {
        let entries = of(result, "/restart/entries").max(1.0);
        format!("{:.1} B", of(result, &format!("/disk/{path}/length")) / entries)
    };
    let restart = millis(of(result, "/restart/until_appended_ms"));
    for (name, value, goal) in [
        ("rate, by that of an empty log", format!("{:.2}", of(result, "/ratio")), "0.90"),
        ("proof of a random entry, p99", millis(of(result, "/proof_p99_ms")), "1 ms"),
        ("memory, at most", format!("{} MiB", of(result, "/rss_peak_mib")), "256 MiB"),
        ("from `kill -9` to the next durable append", restart, "1000 ms"),
        ("disk beside the bodies, an entry", disk("per_entry"), "100 B"),
        ("of that: journal (hash, once key, length)", each("journal"), ""),
        ("of that: tiles of hashes", each("tiles"), ""),
        ("of that: tiles of entries", each("entry_tiles"), ""),
        ("once index, rebuildable, an entry", disk("once_index_per_entry"), "apart"),
    ] {
        row(&mut out, &[name.to_owned(), value, goal.to_owned()]);
    }
    out.push_str(&format!(
        "\n{} entries of {} bytes, one once key each; left out: {}. `{}`; flush: {}; {}\n",
        number(of(result, "/entries")),
        of(result, "/size"),
        word(result, "/left_out"),
        growth_command(result),
        word(result, "/fsync"),
        machine(result)
    ));
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_measured_is_shown_and_what_was_not_is_said() {
        let tmp = tempfile::tempdir().unwrap();
        let none = Results::read(tmp.path()).unwrap();
        assert!(none.charts().is_empty());
        assert_eq!(none.section("growth").as_deref(), Some(NONE));
        assert_eq!(none.section("nothing"), None);
        let stretch = json!({"entries": 1000, "rate_per_s": 5e4, "empty_per_s": 6e4,
            "proof_p99_ms": 0.07, "rss_kib": 20480});
        let grow = json!({"entries": 1000, "size": 512, "ratio": 0.93, "stretches": [stretch],
            "disk": {"per_entry": 135.5}, "machine": {"processor": "A <fast> one", "cores": 2}});
        std::fs::write(tmp.path().join("grow.json"), grow.to_string()).unwrap();
        let peers =
            json!({"ratio_rate": 3.25, "placet": {"rate_per_s": 65_000.0}, "rounds": [1, 2]});
        std::fs::write(tmp.path().join("peers.json"), peers.to_string()).unwrap();
        let results = Results::read(tmp.path()).unwrap();
        let names: Vec<_> = results.charts().iter().map(|chart| chart.name).collect();
        assert_eq!(
            names,
            [
                "peers-rate.svg",
                "peers-proof.svg",
                "growth-rate.svg",
                "growth-proof.svg",
                "growth-memory.svg"
            ]
        );
        assert!(results.charts()[2].svg.contains("A &lt;fast&gt; one, 2 cores"));
        let table = results.section("growth").unwrap();
        assert!(table.contains("| rate, by that of an empty log | 0.93 | 0.90 |"), "{table}");
        assert!(table.contains("135.5 B"), "{table}");
        assert!(table.contains("(plots/growth-memory.svg)"), "{table}");
        let table = results.section("peers").unwrap();
        assert!(table.contains("65,000") && table.contains("3.250"), "{table}");
        assert!(table.contains("Medians of 2 rounds"), "{table}");
        assert_eq!(results.section("decide").as_deref(), Some(NONE));
        assert_eq!(results.section("export").as_deref(), Some(NONE));
        let row = |policies: u32, what: &str, p50: f64| json!({"policies": policies, "what": what, "p50_us": p50, "p99_us": 2.0 * p50});
        let rows = [row(10, "prebuilt", 1.5), row(10, "json", 30.0), row(10, "step-up", 6.0)];
        let rows = [&rows[..], &[row(1000, "prebuilt", 1.6)]].concat();
        let decide = json!({"rows": rows, "samples": 20_000, "optimised": false});
        std::fs::write(tmp.path().join("decide.json"), decide.to_string()).unwrap();
        let table = Results::read(tmp.path()).unwrap().section("decide").unwrap();
        let first = "| 10 | 1.5 µs | 3.0 µs | 30.0 µs | 60.0 µs | 6.0 µs | 12.0 µs |";
        assert!(table.contains(first) && table.contains("| 1,000 | 1.6 µs"), "{table}");
        assert!(table.contains("20,000 decisions") && table.contains("not an optimised build"));
        std::fs::write(tmp.path().join("append.json"), "{").unwrap();
        assert_eq!(Results::read(tmp.path()).unwrap_err().code(), "bench.failed");
    }
}
