use super::*;

#[test]
fn a_flag_goes_before_the_file_and_absence_is_said() {
    let given = Fragment { store: Some("file:///flag".into()), ..Fragment::default() };
    let file: Fragment = toml::from_str("store = 'file:///file'\npolicy = '/p.toml'\nregion = 'eu-west-1'").unwrap();
    let settings = Settings::merge(given, file).unwrap();
    assert_eq!(settings.store().unwrap().to_string(), "file:///flag");
    assert_eq!(settings.policy().unwrap(), Path::new("/p.toml"));
    let none = Settings::merge(Fragment::default(), Fragment::default()).unwrap();
    assert!(matches!(none.store(), Err(SettingsError::Missing { what: "store", .. })));
    assert!(matches!(none.policy(), Err(SettingsError::Missing { what: "policy", .. })));
}

#[test]
fn the_policy_in_force_is_never_the_one_of_a_flag() {
    let given = || Fragment { policy: Some("/new.toml".into()), ..Fragment::default() };
    let file: Fragment = toml::from_str("policy = '/p.toml'").unwrap();
    let settings = Settings::merge(given(), file).unwrap();
    assert_eq!(settings.policy().unwrap(), Path::new("/new.toml"));
    assert_eq!(settings.policy_in_force(None).unwrap(), Path::new("/p.toml"));
    assert_eq!(settings.policy_in_force(Some("".into())).unwrap(), Path::new("/p.toml"));
    assert_eq!(settings.policy_in_force(Some("/e.toml".into())).unwrap(), Path::new("/e.toml"));
    let none = Settings::merge(given(), Fragment::default()).unwrap();
    assert!(matches!(none.policy_in_force(None), Err(SettingsError::Missing { .. })));
}

#[test]
fn overrides_of_a_flag_go_before_those_of_the_file_and_what_is_in_force_is_told_apart() {
    let given = Fragment { overrides: vec!["flag.jsonl".into()], ..Fragment::default() };
    let file: Fragment = toml::from_str("overrides = ['/etc/x.jsonl', 's3://other/evidence']").unwrap();
    let settings = Settings::merge(given, file.clone()).unwrap().overrides;
    assert_eq!((settings.places.len(), settings.named), (1, true));
    assert_eq!(settings.in_force(None).unwrap().places.len(), 2);
    let of_environment = settings.in_force(Some("a,b,c".into())).unwrap();
    assert_eq!((of_environment.places.len(), of_environment.named), (3, true));
    let settings = Settings::merge(Fragment::default(), file).unwrap().overrides;
    assert_eq!((settings.places.len(), settings.named), (2, false));
    let given = Fragment { overrides: vec!["ftp://x".into()], ..Fragment::default() };
    assert!(matches!(Settings::merge(given, Fragment::default()), Err(SettingsError::Overrides(_))));
}

#[test]
fn receipts_are_not_kept_where_the_evidence_is() {
    let merged = |receipts: &str| {
        let given = Fragment { store: Some("s3://evidence/golden".into()), ..Fragment::default() };
        Settings::merge(given, Fragment { receipts: Some(receipts.into()), ..Fragment::default() })
    };
    assert_eq!(merged("s3://receipts").unwrap().receipts().unwrap().to_string(), "s3://receipts");
    for bad in ["s3://evidence/golden", "s3://evidence", "s3://evidence/golden/receipts", "https://receipts.example"] {
        assert!(matches!(merged(bad), Err(SettingsError::Receipts(_))), "{bad}");
    }
}

#[test]
fn unknown_keys_and_bad_values_are_errors() {
    for bad in ["stroe = 'x'", "region = 'Europe'", "store = 3"] {
        assert!(toml::from_str::<Fragment>(bad).is_err(), "{bad}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "store = 'file:///x'\n[hook]\n  queue = 3\n").unwrap();
    let error = Settings::load(Fragment::default(), Some(&file)).unwrap_err().to_string();
    assert!(error.ends_with("settings.toml:3:11: invalid type: integer `3`, expected a string"), "{error}");
    let given = Fragment { store: Some("ftp://x".into()), ..Fragment::default() };
    assert!(matches!(Settings::merge(given, Fragment::default()), Err(SettingsError::Store(_))));
}
