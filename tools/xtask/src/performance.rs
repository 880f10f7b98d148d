//! docs/performance.md and its charts, from the results in `benches/results`.

use placet_benches::results::Results;

use crate::files::{self, Generated};
use crate::spec;

const PATH: &str = "docs/performance.md";
const RESULTS: &str = "benches/results";
const CHARTS: &str = "docs/plots";

/// The page with every table filled in, and every chart.
pub fn all() -> Result<Vec<Generated>, String> {
    let results = Results::read(&files::root().join(RESULTS)).map_err(|e| e.to_string())?;
    let content = spec::fill(PATH, &files::read(PATH)?, &|name| results.section(name))?;
    let mut all = vec![Generated { path: PATH.to_owned(), content }];
    for chart in results.charts() {
        let path = format!("{CHARTS}/{}", chart.name);
        all.push(Generated { path, content: chart.svg });
    }
    Ok(all)
}
