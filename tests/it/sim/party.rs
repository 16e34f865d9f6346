//! What most scenarios begin with, and what they ask in the end: who is in, and who hears whom.

use std::time::{Duration, Instant};

use dsp::Codec;
use rundruf::conference::participant::Role;

use super::{
    browser::Browser,
    ear::{Voice, heard, level_dbfs},
    now,
    phone::Phone,
    recording::Recording,
    world::World,
};

/// Nobody is heard below this level.
pub const SILENCE_DBFS: f64 = -60.0;
/// How long a measurement listens.
pub const LISTENING: Duration = Duration::from_secs(1);
/// How many voices there are.
const VOICES: usize = 6;
/// Time in which everything that was said on the way is over.
const SETTLING: Duration = Duration::from_millis(500);

/// Lets a telephone in with a role's PIN, until its welcome is said.
pub async fn comes_in_as(world: &mut World, name: &str, codec: Codec, role: Role) -> Phone {
    let phone = world.phone(name);
    phone.speaks(codec);
    let room = world.room();
    phone.dials(&room.room.number);
    world.run_until(|_| phone.is_up()).await;
    world.run_for(Duration::from_millis(100)).await;
    phone.types(&room.pin(role));
    let admitted = world.server.census().admitted();
    world
        .run_until(|w| w.server.census().admitted() > admitted)
        .await;
    world.run_for(Duration::from_secs(6)).await;
    phone
}

/// Lets a guest in by telephone.
pub async fn comes_in(world: &mut World, name: &str) -> Phone {
    comes_in_as(world, name, Codec::Pcma, Role::Guest).await
}

/// Lets a guest in by telephone, with the microphone on and this voice.
pub async fn talks(world: &mut World, name: &str, codec: Codec, voice: Voice) -> Phone {
    let phone = comes_in_as(world, name, codec, Role::Guest).await;
    phone.says(voice);
    phone.types("66");
    world.run_until(|_| phone.has_typed()).await;
    world.run_for(Duration::from_secs(2)).await;
    phone
}

/// Lets a browser in and connects it.
pub async fn opens(world: &mut World, name: &str, role: Role) -> Browser {
    let browser = world.browser(name);
    let room = world.room();
    browser.joins(world, &room, role).await;
    world.run_until(|_| browser.is_connected()).await;
    world.run_for(Duration::from_millis(200)).await;
    browser
}

/// Somebody with ears.
pub trait Listener {
    fn heard_since(&self, from: Instant) -> Recording;
    fn name(&self) -> String;
}

impl Listener for Phone {
    fn heard_since(&self, from: Instant) -> Recording {
        self.heard_since(from)
    }

    fn name(&self) -> String {
        self.name()
    }
}

impl Listener for Browser {
    fn heard_since(&self, from: Instant) -> Recording {
        self.heard_since(from)
    }

    fn name(&self) -> String {
        self.roster_line()
    }
}

/// Waits until nothing of what was is in the air, then listens for a while; returns since when.
pub async fn listen(world: &mut World) -> Instant {
    world.run_for(SETTLING).await;
    let from = now();
    world.run_for(LISTENING).await;
    from
}

/// The levels in dBFS at which a voice is heard: speech is brought to −26 dBov, and voices of the ear have no pauses.
pub const LOUDNESS: std::ops::Range<f64> = -31.0..-23.0;

/// Asserts that exactly these voices are heard: each of them clearly, every other 20 dB below, and all else, which a
/// lossy codec makes of them, 10 dB below.
pub fn assert_hears(listener: &dyn Listener, from: Instant, voices: &[Voice]) {
    let recording = listener.heard_since(from);
    let Recording { rate, samples } = &recording;
    let name = listener.name();
    let level = |voice: Voice| voice.heard_in(samples, *rate).level_dbfs;
    for voice in voices {
        let level = level(*voice);
        assert!(
            LOUDNESS.contains(&level),
            "{name} hears {voice:?} at {level} dBFS"
        );
    }
    let weakest = voices.iter().map(|v| level(*v)).fold(0.0, f64::min);
    for other in (0..VOICES).map(Voice).filter(|v| !voices.contains(v)) {
        let level = level(other);
        assert!(
            weakest - level >= 20.0,
            "{name} hears {other:?} at {level} dBFS"
        );
    }
    let carriers: Vec<f64> = voices.iter().flat_map(|voice| *voice.carriers()).collect();
    let all = heard(&carriers, samples, *rate);
    assert!(all.over_rest_db() >= 10.0, "{name} hears noise: {all:?}");
}

/// Asserts that nothing at all is heard, though packets come.
pub fn assert_silent(listener: &dyn Listener, from: Instant) {
    let Recording { rate, samples } = listener.heard_since(from);
    let least = LISTENING.as_secs_f64() * f64::from(rate) * 0.9;
    assert!(
        samples.len() as f64 >= least,
        "{}: no packets",
        listener.name()
    );
    let level = level_dbfs(&samples);
    assert!(
        level < SILENCE_DBFS,
        "{} hears {level} dBFS",
        listener.name()
    );
}
