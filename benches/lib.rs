//! Benchmarks of Placet: `cargo bench -p placet-benches`. See `benches/placet.rs`.

#![forbid(unsafe_code)]
