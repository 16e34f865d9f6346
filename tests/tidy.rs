//! The architecture as a test: floors, clocks, sizes and habits, held as data and checked against the tree.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Root modules by floor; a module may use floors below its own and nothing on or above it but itself.
const FLOORS: [(&str, u8); 19] = [
    ("id", 1),
    ("dscp", 1),
    ("network", 1),
    ("pii", 1),
    ("clock", 1),
    ("limit", 1),
    ("conference", 2),
    ("media", 3),
    ("store", 3),
    ("server", 4),
    ("tls", 4),
    ("phone", 5),
    ("browser", 5),
    ("http", 5),
    ("config", 6),
    ("cli", 6),
    ("card", 6),
    ("start", 6),
    ("serve", 6),
];

/// External crates a module must not know.
const STRANGERS: [(&str, &[&str]); 4] = [
    (
        "conference",
        &["sip", "dsp", "tokio", "axum", "sqlx", "rtc_stun", "dimpl"],
    ),
    ("media", &["axum", "sqlx", "tokio_util"]),
    ("store", &["axum", "dsp"]),
    ("server", &["axum"]),
];

/// Files that may read a clock, beside tests: the wall clock, the media worker and the drivers of the doors.
const CLOCK_READERS: [&str; 10] = [
    "src/clock.rs",
    "src/main.rs",
    "src/cli.rs",
    "src/media/worker.rs",
    "src/server/conference.rs",
    "src/phone/driver.rs",
    "src/phone/call.rs",
    "src/browser/session.rs",
    "src/browser/tcp.rs",
    "src/http/mod.rs",
];

/// The file that speaks to libopus: its encoder has to be copied, which no finished binding does.
const UNSAFE_FILE: &str = "dsp/src/codec/opus_state.rs";

/// Lines a source file may have, tests included.
const FILE_LINES_MAX: usize = 800;

#[test]
fn imports_go_down_only() {
    let mut climbs = Vec::new();
    for file in sources("src") {
        let Some((module, floor)) = module_of(&file) else {
            continue;
        };
        for used in crate_uses(&production(&read(&file))) {
            let Some(&(_, other)) = FLOORS.iter().find(|(name, _)| *name == used) else {
                continue;
            };
            let own = used == module;
            // Floor 1 is helpers that may know each other; the composition root may know everything.
            if !own && other >= floor && (2..6).contains(&floor) {
                climbs.push(format!("{} uses crate::{used}", file.display()));
            }
        }
    }
    assert!(
        climbs.is_empty(),
        "imports that climb or cross:\n{}",
        climbs.join("\n")
    );
}

#[test]
fn modules_do_not_know_strangers() {
    let mut known = Vec::new();
    for file in sources("src") {
        let Some((module, _)) = module_of(&file) else {
            continue;
        };
        let Some((_, strangers)) = STRANGERS.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        // The worker is the shell of the data plane; its queue ends are tokio's.
        let text = production(&read(&file));
        for stranger in *strangers {
            if text.lines().any(|line| mentions_crate(line, stranger)) {
                known.push(format!("{} knows {stranger}", file.display()));
            }
        }
    }
    assert!(known.is_empty(), "{}", known.join("\n"));
}

#[test]
fn the_engine_crates_depend_on_no_runtime() {
    for package in ["dsp", "sip"] {
        let tree = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--locked",
                "-e",
                "normal",
                "--prefix",
                "none",
                "-p",
                package,
            ])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(
            tree.status.success(),
            "{}",
            String::from_utf8_lossy(&tree.stderr)
        );
        let tree = String::from_utf8_lossy(&tree.stdout);
        for banned in ["tokio", "mio", "axum", "sqlx", "rundruf"] {
            let found = tree
                .lines()
                .any(|line| line.split(' ').next() == Some(banned));
            assert!(!found, "{package} depends on {banned}");
        }
        let stranger = if package == "dsp" { "sip" } else { "dsp" };
        assert!(
            !tree
                .lines()
                .any(|line| line.split(' ').next() == Some(stranger)),
            "{package} knows {stranger}"
        );
    }
}

#[test]
fn clocks_are_read_in_few_places() {
    let mut readers = Vec::new();
    for file in all_sources().into_iter().filter(|file| !is_test(file)) {
        let text = production(&read(&file));
        let reads = ["Instant::now", "SystemTime::now", ".elapsed()"]
            .iter()
            .any(|read| text.contains(read));
        if reads
            && !CLOCK_READERS
                .iter()
                .any(|allowed| file == root().join(allowed))
        {
            readers.push(file.display().to_string());
        }
    }
    assert!(
        readers.is_empty(),
        "clock reads outside the list:\n{}",
        readers.join("\n")
    );
}

#[test]
fn queues_are_bounded_and_pure_modules_lock_nothing() {
    for file in all_sources() {
        let text = production(&read(&file));
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            assert!(
                !line.contains("unbounded"),
                "{}: unbounded queue: {line}",
                file.display()
            );
        }
        let pure = ["dsp/src", "sip/src", "src/conference", "src/media"]
            .iter()
            .any(|p| file.starts_with(root().join(p)));
        assert!(
            !(pure && text.contains("Mutex")),
            "{}: a lock in a pure module",
            file.display()
        );
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    for file in all_sources()
        .into_iter()
        .chain(sources("tests"))
        .chain(sources("benches"))
    {
        let text = read(&file);
        assert!(
            text.starts_with("//!"),
            "{} does not open with //!",
            file.display()
        );
        let lines = text.lines().count();
        assert!(
            lines <= FILE_LINES_MAX,
            "{} has {lines} lines",
            file.display()
        );
    }
}

#[test]
fn nothing_names_a_machine_or_waits_unowned() {
    for file in tracked() {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        if file.ends_with("tests/tidy.rs") || file.extension().is_some_and(|e| e == "lock") {
            continue;
        }
        for (line, number) in text.lines().zip(1..) {
            let trouble = ["/home/", "/root/", "/work/", "#[ignore", "TODO", "FIXME"]
                .iter()
                .find(|t| line.contains(**t));
            assert!(
                trouble.is_none(),
                "{}:{number}: {}",
                file.display(),
                trouble.unwrap_or(&"")
            );
        }
    }
}

/// What `tests/attacks.md` names in backquotes: tests by their functions, files by their paths.
#[test]
fn every_attack_has_the_tests_it_names() {
    let table = read(&root().join("tests/attacks.md"));
    let rust: String = tracked()
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
        .map(|file| read(file))
        .collect();
    let rows = table.lines().filter(|line| line.starts_with("| R"));
    let mut named = 0;
    for row in rows {
        let cell = row.rsplit('|').nth(1).expect("a row has cells");
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names.into_iter().filter(|name| !name.starts_with("make ")) {
            let is_there = match name.contains('/') {
                true => root().join(name).is_file(),
                false => rust.contains(&format!("fn {name}(")),
            };
            assert!(is_there, "{name} is not there");
            named += 1;
        }
    }
    assert!(named > 80, "{named}");
}

#[test]
fn every_limit_is_used() {
    for (limits, scope) in [
        ("src/limit.rs", "src"),
        ("dsp/src/limit.rs", "dsp/src"),
        ("sip/src/limit.rs", "sip/src"),
    ] {
        let path = root().join(limits);
        let others: String = sources(scope)
            .iter()
            .filter(|f| **f != path)
            .map(|f| read(f))
            .collect();
        let own = read(&path);
        for line in own.lines() {
            let Some(rest) = line
                .trim_start()
                .strip_prefix("pub const ")
                .or(line.trim_start().strip_prefix("pub(crate) const "))
            else {
                continue;
            };
            let name = rest.split(':').next().unwrap_or_default();
            let used = others.contains(name) || own.matches(name).count() > 1;
            assert!(used, "{limits}: {name} limits nothing");
        }
    }
}

#[test]
fn unsafe_code_is_open_in_one_file() {
    for (lib, lint, files) in [
        ("src/lib.rs", "forbid", "src"),
        ("sip/src/lib.rs", "forbid", "sip/src"),
        ("dsp/src/lib.rs", "deny", "dsp/src"),
    ] {
        let closed = read(&root().join(lib)).contains(&format!("#![{lint}(unsafe_code)]"));
        assert!(closed, "{lib} does not {lint} unsafe code");
        for file in sources(files) {
            let text: String = read(&file).split_whitespace().collect();
            let opens = [
                "unsafe{",
                "unsafefn",
                "unsafeimpl",
                "unsafeextern",
                "expect(unsafe_code",
                "allow(unsafe_code",
            ]
            .iter()
            .any(|opening| text.contains(opening));
            let may = file == root().join(UNSAFE_FILE);
            assert_eq!(opens, may, "{}", file.display());
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust files below a folder of the project, in order.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a folder of the project")
            .flatten()
        {
            let path = entry.path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn all_sources() -> Vec<PathBuf> {
    ["src", "dsp/src", "sip/src"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

/// Every file under version control.
fn tracked() -> Vec<PathBuf> {
    let list = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    list.split('\0')
        .filter(|f| !f.is_empty())
        .map(|f| root().join(f))
        .collect()
}

/// The part of a file that is not its inline tests; a file that is a test module altogether counts as empty.
fn production(text: &str) -> String {
    if text.contains("#![cfg(test)]") {
        return String::new();
    }
    text.split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The module of the root package a file belongs to, with its floor; none for crate roots and test modules.
fn module_of(file: &Path) -> Option<(String, u8)> {
    let relative = file.strip_prefix(root().join("src")).ok()?;
    let first = relative
        .iter()
        .next()?
        .to_str()?
        .trim_end_matches(".rs")
        .to_owned();
    if is_test(file) {
        return None;
    }
    FLOORS
        .iter()
        .find(|(name, _)| *name == first)
        .map(|&(_, floor)| (first, floor))
}

/// Tells whether a file is a module of tests.
fn is_test(file: &Path) -> bool {
    let relative = file.strip_prefix(root()).unwrap_or(file);
    relative
        .iter()
        .any(|part| part == "tests" || part == "tests.rs")
}

/// Modules of the root package that a text imports or names.
fn crate_uses(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for part in text.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => used.extend(std::iter::once(first_word(&word)).chain({
                        word.clear();
                        None
                    })),
                    _ if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            used.insert(first_word(&word));
        } else {
            used.insert(first_word(part));
        }
    }
    used.remove("");
    used
}

fn first_word(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Tells whether a line of code names a crate as the head of a path.
fn mentions_crate(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    if line.starts_with("//") {
        return false;
    }
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

mod checks {
    use super::*;

    #[test]
    fn the_check_of_imports_sees_groups_and_paths() {
        let uses = crate_uses(
            "use crate::{\n    id::LegId,\n    media::{api, leg},\n};\nfn f() { crate::store::x() }",
        );
        assert_eq!(uses, ["id", "media", "store"].map(String::from).into());
        assert!(mentions_crate("use tokio::sync;", "tokio"));
        assert!(!mentions_crate("use my_tokio::sync;", "tokio"));
    }
}
