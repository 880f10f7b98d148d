//! Targets and path templates of the gateway: what is read stays as it came, in one reading.
//! The first line is a template, the rest a target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::gateway::target::Target;
use placet_fuzz::gateway::template::Template;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (template, target) = text.split_once('\n').unwrap_or(("/users/{id}/{rest...}", text));
    let Ok(target) = Target::parse(target) else { return };
    let raw = target.raw();
    let path = raw.split('?').next().expect("there is a first");
    let segments: Vec<&str> = target.segments().iter().map(|s| s.raw.as_str()).collect();
    assert_eq!(format!("/{}", segments.join("/")), path, "nothing is normalised");
    for segment in target.segments() {
        assert!(!matches!(segment.text.as_str(), "." | ".."));
        let decoded = segment.text.replace("%2F", "").replace("%2f", "");
        assert!(!decoded.contains(['/', '\\', '%', '\0']), "{:?}", segment.text);
    }
    for member in target.query() {
        let _ = member.value();
    }
    let Ok(template) = Template::parse(template) else { return };
    assert_eq!(Template::parse(&template.to_string()), Ok(template.clone()));
    if let Some(fit) = template.fit(&target) {
        assert!(template.could_fit(&target));
        assert_eq!(fit.values.len(), template.names().len());
        assert!(fit.values.iter().all(|(_, value)| !value.is_empty()));
    }
});
