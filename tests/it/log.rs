//! The log as files and journals get it.

use std::{fs, process::Command};

#[test]
fn a_log_that_no_terminal_shows_is_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("config.toml");
    fs::write(&settings, "[store]\npath = \"db\"\nkey_file = \"key\"\n").unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_rundruf"))
        .args(["room", "list", "--config"])
        .arg(&settings)
        .current_dir(folder.path())
        .env("RUST_LOG", "trace")
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    let log = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{log}");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
}
