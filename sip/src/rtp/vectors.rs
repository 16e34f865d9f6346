//! Published test vectors, read from beside the project. Tests that need them have `vectors` in their names and fail without
//! them, so that they can be left out by name where the folder is absent, and by nothing else.

use std::{fs, path::PathBuf};

/// Reads one file of a suite as text.
pub(super) fn text(suite: &str, file: &str) -> String {
    let path = folder(suite).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| absent(&path, &error))
}

/// Reads all files of a suite's folder, by name.
pub(super) fn files(suite: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder(suite);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| absent(&folder, &error));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

fn absent(path: &std::path::Path, error: &std::io::Error) -> ! {
    panic!(
        "{}: {error}. This test needs the published vectors; without them leave out what has `vectors` in its name.",
        path.display()
    )
}

fn folder(suite: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vectors")
        .join(suite)
}
