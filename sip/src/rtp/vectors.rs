//! Published test vectors, read from beside the project where they are present.

use std::{fs, path::PathBuf};

/// Reads one file of a suite as text.
pub(super) fn text(suite: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(folder(suite).join(file)).ok();
    if text.is_none() {
        println!("vectors absent: {suite} not run");
    }
    text
}

/// Reads all files of a suite's folder, by name.
pub(super) fn files(suite: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(suite)) else {
        println!("vectors absent: {suite} not run");
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn folder(suite: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vectors")
        .join(suite)
}
