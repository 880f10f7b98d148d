//! Opening a page in the person's browser.

use std::process::{Command, Stdio};

/// Whether a browser can be expected to open: there is a screen, and a program that opens pages.
pub fn can_open() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let screen =
        cfg!(any(target_os = "macos", windows)) || set("DISPLAY") || set("WAYLAND_DISPLAY");
    screen && opener().is_some()
}

/// Opens a page. That it can't be opened is no failure: its address is printed.
pub fn open(url: &str) {
    let Some((program, args)) = opener() else { return };
    let started = Command::new(program)
        .args(args)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        tracing::warn!(%error, "no page could be opened");
    }
}

/// The program of this system that opens pages, with what comes before the address.
fn opener() -> Option<(&'static str, &'static [&'static str])> {
    if cfg!(target_os = "macos") {
        return Some(("open", &[]));
    }
    if cfg!(windows) {
        return Some(("rundll32", &["url.dll,FileProtocolHandler"]));
    }
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).any(|folder| folder.join("xdg-open").is_file());
    found.then_some(("xdg-open", &[]))
}
