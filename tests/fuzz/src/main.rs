//! Discovery: libFuzzer feeds one body, named by `FUZZ_BODY`, with what it makes of the inputs it has.
//!
//! `make fuzz` builds and runs this. With `FUZZ_SEEDS_INTO` naming a folder, the inputs to begin with are written there.
#![no_main]

mod bodies;

use std::{env, fs, path::Path, sync::LazyLock};

use bodies::{BODIES, Body};
use libfuzzer_sys::fuzz_target;

static BODY: LazyLock<&Body> = LazyLock::new(|| {
    let name = env::var("FUZZ_BODY").unwrap_or_default();
    let names = BODIES.map(|body| body.name);
    let body = BODIES.iter().find(|body| body.name == name);
    body.unwrap_or_else(|| panic!("FUZZ_BODY is one of {names:?}"))
});

fuzz_target!(
    init: {
        if let Ok(folder) = env::var("FUZZ_SEEDS_INTO") {
            for (number, seed) in (BODY.seeds)().iter().chain(&bodies::found(BODY.name)).enumerate() {
                fs::write(Path::new(&folder).join(format!("seed-{number}")), seed)
                    .expect("the folder can be written to");
            }
        }
    },
    |input: &[u8]| (BODY.run)(input)
);
