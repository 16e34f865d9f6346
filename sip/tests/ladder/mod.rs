//! Ladders as they are stored.

/// Random names become ‹id›, so that the ladder reads the same with every seed.
pub(crate) fn redacted(ladder: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for character in ladder.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() && !character.is_ascii_uppercase() {
            run.push(character);
            continue;
        }
        out.push_str(if run.len() >= 32 { "‹id›" } else { &run });
        run.clear();
        out.push(character);
    }
    out
}
