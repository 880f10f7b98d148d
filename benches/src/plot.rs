//! Small charts as SVG 1.1, legible on light and on dark ground. The same figures give the same
//! bytes.

use std::fmt::Write as _;

/// Width and height of a chart in pixels.
const WIDTH: f64 = 760.0;
/// Where the plot of a line chart begins.
const AXIS: f64 = 70.0;
/// Where bars begin, behind their names.
const LEFT: f64 = 170.0;
const RIGHT: f64 = 30.0;
/// Height of the plot of a line chart.
const HEIGHT: f64 = 240.0;
const LINE: f64 = 18.0;
const BAR: f64 = 22.0;
const TICKS: u32 = 5;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}.n{fill:#59636e;\
font-size:12px}.g{stroke:#d1d9e0}.p{fill:none;stroke-width:2}.c0{stroke:#0969da}.c1{stroke:#9a6700;\
stroke-dasharray:6 3}.c2{stroke:#1a7f37;stroke-dasharray:2 3}.f0{fill:#0969da}.f1{fill:#9a6700}\
.f2{fill:#1a7f37}.b{fill:#ffffff}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.n{fill:#9198a1}.g{stroke:#3d444d}\
.c0{stroke:#4493f8}.c1{stroke:#d29922}.c2{stroke:#3fb950}.f0{fill:#4493f8}.f1{fill:#d29922}\
.f2{fill:#3fb950}.b{fill:#0d1117}}";

/// What stands around the plot.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What it shows, with the unit.
    pub title: String,
    /// Command, when an append counts, machine: one line each.
    pub notes: Vec<String>,
}

/// A line: a name and points with ascending x.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// x and y.
    pub points: Vec<(f64, f64)>,
}

/// A bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is.
    pub name: String,
    /// How long.
    pub value: f64,
    /// The value as people read it.
    pub label: String,
}

/// Up to three lines over a common x that begins at 0; y begins at 0, too.
#[must_use]
pub fn lines(frame: &Frame, x_name: &str, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|one| one.points.iter());
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let (x_end, y_end) = (round_up(most(|p| p.0)), round_up(most(|p| p.1)));
    let (top, right) = (34.0 + LINE, WIDTH - RIGHT);
    let bottom = top + HEIGHT;
    let x_at = |x: f64| AXIS + x / x_end * (right - AXIS);
    let y_at = |y: f64| bottom - y / y_end * HEIGHT;
    let mut out = String::new();
    let mut at = AXIS;
    for (n, one) in series.iter().enumerate() {
        let to = at + 26.0;
        put(&mut out, format_args!("<path class=\"p c{n}\" d=\"M{at:.1} 42H{to:.1}\"/>"));
        text(&mut out, Words::Start, to + 6.0, 46.0, &one.name);
        at = to + 24.0 + one.name.chars().count() as f64 * 7.2;
    }
    for tick in 0..=TICKS {
        let part = f64::from(tick) / f64::from(TICKS);
        let (x, y) = (x_at(part * x_end), y_at(part * y_end));
        put(&mut out, format_args!("<path class=\"g\" d=\"M{AXIS} {y:.1}H{right:.1}\"/>"));
        text(&mut out, Words::NoteEnd, AXIS - 8.0, y + 4.0, &number(part * y_end));
        text(&mut out, Words::NoteMiddle, x, bottom + 18.0, &number(part * x_end));
    }
    for (n, one) in series.iter().enumerate() {
        let mut path = String::new();
        for (at, (x, y)) in one.points.iter().enumerate() {
            let step = if at == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{step}{:.1} {:.1}", x_at(*x), y_at(*y)));
        }
        put(&mut out, format_args!("<path class=\"p c{n}\" d=\"{path}\"/>"));
    }
    text(&mut out, Words::NoteMiddle, WIDTH / 2.0, bottom + 36.0, x_name);
    framed(frame, &out, bottom + 44.0)
}

/// Bars below each other, on one scale that begins at 0.
#[must_use]
pub fn bars(frame: &Frame, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let end = if most > 0.0 { most } else { 1.0 };
    let mut out = String::new();
    let mut y = 40.0;
    for (n, bar) in bars.iter().enumerate() {
        let width = (bar.value / end * (WIDTH - LEFT - RIGHT - 110.0)).max(1.0);
        let (base, colour) = (y + BAR * 0.7, n % 3);
        let place = format!("x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{width:.1}\"");
        text(&mut out, Words::End, LEFT - 8.0, base, &bar.name);
        put(&mut out, format_args!("<rect class=\"f{colour}\" {place} height=\"{BAR:.1}\"/>"));
        text(&mut out, Words::Start, LEFT + width + 8.0, base, &bar.label);
        y += BAR + 10.0;
    }
    framed(frame, &out, y)
}

fn framed(frame: &Frame, inner: &str, mut y: f64) -> String {
    let mut notes = String::new();
    for note in &frame.notes {
        y += LINE;
        text(&mut notes, Words::Note, 12.0, y, note);
    }
    let height = (y + 12.0).ceil();
    let title = escaped(&frame.title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-labelledby=\"t\">\n\
         <title id=\"t\">{title}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"b\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"t\" x=\"12\" y=\"22\">{title}</text>\n{inner}{notes}</svg>\n"
    )
}

/// How a text looks, and which part of it is at its place.
#[derive(Clone, Copy)]
enum Words {
    Start,
    End,
    Note,
    NoteMiddle,
    NoteEnd,
}

fn text(out: &mut String, words: Words, x: f64, y: f64, text: &str) {
    let look = match words {
        Words::Start => "",
        Words::End => " text-anchor=\"end\"",
        Words::Note => " class=\"n\"",
        Words::NoteMiddle => " class=\"n\" text-anchor=\"middle\"",
        Words::NoteEnd => " class=\"n\" text-anchor=\"end\"",
    };
    put(out, format_args!("<text{look} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text)));
}

/// One element a line. Writing to a string can't fail.
fn put(out: &mut String, element: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{element}");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10 times a power of ten, so that ticks are round.
fn round_up(most: f64) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0];
    let step = steps.iter().find(|step| *step * power >= most * 0.999_999);
    step.unwrap_or(&10.0) * power
}

/// As people write it: 1.5 million, 40,000, 0.25.
pub fn number(value: f64) -> String {
    if value >= 1e6 {
        return format!("{} million", trimmed(value / 1e6));
    }
    if value < 1000.0 {
        return trimmed(value);
    }
    let digits = format!("{value:.0}");
    let (front, back) = digits.split_at(digits.len() - 3);
    format!("{front},{back}")
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame { title: "Rate <of> it".into(), notes: vec!["one".into(), "a & b".into()] }
    }

    /// What opens is closed, in order; attributes are quoted.
    fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1).map(|part| part.split('>').next().unwrap()) {
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            match tag {
                tag if tag.starts_with('/') => assert_eq!(open.pop(), Some(name)),
                tag if tag.ends_with('/') => {}
                _ => open.push(name),
            }
        }
        assert!(open.is_empty() && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn charts_are_well_formed_deterministic_and_show_every_name() {
        let points = vec![(1e6, 40_000.0), (1e7, 39_000.0)];
        let series =
            ["large & old", "empty"].map(|n| Series { name: n.into(), points: points.clone() });
        let chart = lines(&frame(), "entries", &series);
        assert_well_formed(&chart);
        assert_eq!(chart, lines(&frame(), "entries", &series));
        for text in ["Rate &lt;of&gt; it", "large &amp; old", "10 million", "40,000", "a &amp; b"] {
            assert!(chart.contains(text), "{text}");
        }
        assert!(chart.contains("prefers-color-scheme:dark"));
        let bar = |name: &str, value| Bar { name: name.into(), value, label: number(value) };
        let chart = bars(&frame(), &[bar("ours", 12.5), bar("theirs", 0.0)]);
        assert_well_formed(&chart);
        assert!(chart.contains("12.5") && chart.contains("theirs"));
    }

    #[test]
    fn nothing_to_show_is_a_chart_too() {
        assert_well_formed(&lines(&frame(), "x", &[]));
        assert_well_formed(&lines(&frame(), "x", &[Series { name: "a".into(), points: vec![] }]));
        assert_well_formed(&bars(&frame(), &[]));
    }

    #[test]
    fn numbers_and_ends_of_scales_are_round() {
        let written = [0.0, 0.25, 999.0, 40_000.0, 1.5e6].map(number);
        assert_eq!(written, ["0", "0.25", "999", "40,000", "1.5 million"]);
        let ends = [0.0, 0.7, 1.0, 7.5, 43_210.0, 1e7].map(round_up);
        assert_eq!(ends, [1.0, 0.8, 1.0, 8.0, 50_000.0, 1e7]);
    }
}
