use super::*;

const FILE: &str = "origin='a'\nrp_id='localhost'\npublic_url='http://localhost:1'\n\
                    publish_ms=7\noutcome_s=8\n";

type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;
/// Variables and flags, and what they give: the value, and where it comes from.
type Case<'a> = (Variables<'a>, &'a [(&'a str, String)], &'a Value, Source);

fn none(_: &str) -> Option<String> {
    None
}

/// Three values of a setting that are good and differ, as texts of flags and variables: for the
/// file, a variable, a flag.
fn samples(setting: &Setting, folder: &Path) -> [String; 3] {
    let texts = |texts: [&str; 3]| texts.map(str::to_owned);
    match (setting.key, setting.kind) {
        ("rp_id", _) => texts(["placet.localhost", "a.placet.localhost", "localhost"]),
        ("public_url", _) => ["1", "2", "3"].map(|port| format!("http://localhost:{port}")),
        ("external_issuers", _) => ["ab", "cd", "ef"].map(|hex| hex.repeat(32)),
        ("trusted_proxy", _) => texts(["10.0.0.1", "10.0.0.0/8", "::1,10.0.0.2"]),
        ("callback_origins", _) => texts(["https://a", "https://b", "https://c,https://d"]),
        (_, Kind::Text) => texts(["a", "b", "c"]),
        (_, Kind::Address) => texts(["127.0.0.1:1", "127.0.0.1:2", "[::1]:3"]),
        (_, Kind::Number) => texts(["90001", "90002", "90003"]),
        (_, Kind::Flag) => texts(["true", "false", "true"]),
        (_, Kind::Choice(words)) => {
            let word = |at: usize| words[at % words.len()].to_owned();
            [word(1), word(0), word(1)]
        }
        (_, Kind::List) => texts(["a.example", "b.example", "c.example,d.example"]),
        (_, Kind::TextFile) => [1, 2, 3].map(|n| {
            let path = folder.join(format!("{}-{n}", setting.key));
            std::fs::write(&path, format!("quorum none\n{}", "\n".repeat(n))).unwrap();
            path.to_str().unwrap().to_owned()
        }),
        (_, Kind::Tables) => [1, 2, 3].map(|n| {
            let path = folder.join(format!("{}-{n}", setting.key));
            let url = format!("https://hooks.example/secret-{n}");
            let text = format!("[[notify]]\nname='target-{n}'\nurl='{url}'\ntemplate='generic'\n");
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        }),
    }
}

/// A file in which every rule between settings is kept whatever one of them is.
fn file_with(setting: &Setting, value: &Value) -> Table {
    let mut table: Table = "origin='a'\nrp_id='localhost'\n\
        public_url='http://a.placet.localhost:1'\ndev=true\naudience='p'\nreceipt_alg='ed25519'\n"
        .parse()
        .unwrap();
    match setting.key {
        "tls_cert" | "tls_key" => {
            table.insert("public_url".into(), "https://localhost".into());
            for key in ["tls_cert", "tls_key"] {
                table.insert(key.into(), "other".into());
            }
        }
        "require_attested" => {
            table.insert("attestation_roots".into(), "roots".into());
            table.insert("attestation".into(), "direct".into());
        }
        _ => {}
    }
    table.insert(setting.key.to_owned(), value.clone());
    table
}

#[test]
fn every_setting_is_a_key_a_variable_and_a_flag_and_the_flag_goes_first() {
    let tmp = tempfile::tempdir().unwrap();
    for setting in SETTINGS {
        let texts = samples(setting, tmp.path());
        let [in_file, in_variable, in_flag] =
            texts.clone().map(|text| setting.read(&text).unwrap());
        let text = toml::to_string(&file_with(setting, &in_file)).unwrap();
        // What a ledger was made with has no file yet.
        let rest = file_with(setting, &in_file);
        let others: Vec<(&str, String)> = match setting.stage {
            Stage::Made => rest
                .iter()
                .filter(|(key, _)| *key != setting.key)
                .map(|(key, value)| (Setting::named(key).unwrap().key, plain(value)))
                .collect(),
            Stage::Start => Vec::new(),
        };
        let file = (setting.stage == Stage::Start).then_some(text.as_str());
        let variable = |name: &str| (name == setting.variable()).then(|| texts[1].clone());
        let flags = [others.clone(), vec![(setting.key, texts[2].clone())]].concat();
        let cases: [Case<'_>; 3] = [
            (&none, &others, &in_file, Source::File),
            (&variable, &others, &in_variable, Source::Environment),
            (&variable, &flags, &in_flag, Source::Flag),
        ];
        for (variable, flags, value, source) in cases {
            if file.is_none() && source == Source::File {
                let (config, _) = overlay(Some(&text), variable, &[]).unwrap();
                let all = Table::try_from(&config).unwrap();
                assert_eq!(all.get(setting.key), Some(value), "{}", setting.key);
                continue;
            }
            let (config, effective) = overlay(file, variable, flags).unwrap();
            let all = Table::try_from(&config).unwrap();
            // What is as by default may be left out.
            let is = all.get(setting.key).cloned().unwrap_or(Value::Boolean(false));
            assert_eq!(&is, value, "{} from {source:?}", setting.key);
            let told = effective.iter().find(|e| e.key == setting.key).unwrap();
            assert_eq!(told.source, source, "{}", setting.key);
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn every_key_of_the_file_is_in_the_table_with_its_default() {
    let mut config = Config::local("a", 1);
    // What is left out when it is as by default.
    config.tls_cert = Some("x".into());
    config.tls_key = Some("x".into());
    config.trusted_proxy = vec!["::1".into()];
    config.metrics_public = true;
    config.attestation_roots = Some("x".into());
    config.outbound_allow = vec!["x".into()];
    config.export_required = vec!["x".into()];
    config.outbound_ca_file = Some("x".into());
    let table = Table::try_from(&config).unwrap();
    for key in table.keys() {
        assert!(Setting::named(key).is_some(), "{key}");
    }
    let keys = table.len() + 1; // `notify`, whose tables are left out when there are none.
    assert_eq!(SETTINGS.len(), keys);
    let defaults = Table::try_from(Config::parse(FILE.split("publish").next().unwrap()).unwrap());
    for (key, value) in defaults.unwrap() {
        let setting = Setting::named(&key).unwrap();
        let literal = !setting.default.contains(['`', ' ']);
        let words = ["required", "none", "nobody"].contains(&setting.default);
        match value {
            Value::Array(items) => assert!(items.is_empty(), "{key}"),
            value if literal && !words => assert_eq!(plain(&value), setting.default, "{key}"),
            _ => {}
        }
    }
}

#[test]
fn a_mistake_is_told_with_where_it_stands() {
    let variable = |name: &str| (name == "PLACET_PUBLISH_MS").then(|| "soon".to_owned());
    let error = overlay(Some(FILE), &variable, &[]).unwrap_err();
    assert_eq!(error.code(), "config.invalid");
    assert!(error.to_string().contains("PLACET_PUBLISH_MS"), "{error}");
    let told = |more: &str| overlay(Some(&format!("{FILE}{more}\n")), &none, &[]).unwrap_err();
    let error = told("tls_crt='x'").to_string();
    assert!(error.contains("line 6") && error.contains("`tls_cert`"), "{error}");
    let error = told("[[notfy]]\nname='x'").to_string();
    assert!(error.contains("line 6") && error.contains("`notify`"), "{error}");
    assert!(!told("zzz=1").to_string().contains("mean"));
    let error = told("recosign_open_s='x'").to_string();
    assert!(error.contains("recosign_open_s"), "{error}");
    let flags = [("tls_cert", "x.pem".to_owned())];
    assert!(overlay(Some(FILE), &none, &flags).is_err(), "a certificate without its key");
}

#[test]
fn what_a_ledger_was_made_with_can_be_repeated_but_not_changed() {
    for (key, value) in
        [("PLACET_ORIGIN", "a"), ("PLACET_DEV", "false"), ("PLACET_AUDIENCE", "a/pep")]
    {
        let repeated = |name: &str| (name == key).then(|| value.to_owned());
        assert!(overlay(Some(FILE), &repeated, &[]).is_ok(), "{key}");
    }
    let changed = |name: &str| (name == "PLACET_ORIGIN").then(|| "b".to_owned());
    let error = overlay(Some(FILE), &changed, &[]).unwrap_err();
    assert!(error.to_string().contains("PLACET_ORIGIN"), "{error}");
    let empty = |name: &str| (name == "PLACET_ORIGIN").then(String::new);
    assert!(overlay(Some(FILE), &empty, &[]).is_ok());
}

#[test]
fn secrets_are_not_shown() {
    let more = "[[notify]]\nname='ops'\nurl='https://hooks.example/s3cret'\n";
    let (_, all) = overlay(Some(&format!("{FILE}{more}")), &none, &[]).unwrap();
    let notify = all.iter().find(|e| e.key == "notify").unwrap();
    assert_eq!(notify.value.as_deref(), Some("[\"ops\"]"));
    assert_eq!(notify.source, Source::File);
}
