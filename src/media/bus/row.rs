//! One row of the matrix: the legs that hear the same channels, and what is encoded for them.
//!
//! ```text
//! mix ─┬─ without anybody ─ one encoding per codec, loss class and gain ─ payload ─ every listener's packet
//!      ├─ without own, or beneath a whisper ─ a stream of one's own, begun as a copy of the shared one
//!      └─ nothing left     ─ after some ticks of it: the silence of all rooms, coded once for all
//! ```
//!
//! Invariants: each shared encoding is encoded once per tick, and only while somebody hears something in it; nobody hears
//! themself; whoever was heard goes back to the shared encoding where [`Handover`](dsp::Handover) says so, or at once where
//! both stand in the same silence.

use std::time::Instant;

use dsp::{Alike, Frame, Level, LineSound, Mixer, Served};

use super::{
    Place,
    announce::{Announcer, Words},
    stage::{Nomination, Stage},
};
use crate::{
    id::LegId,
    media::{
        api::{Channels, ListeningGain},
        common::Common,
        counters::Counter,
        encoders::{Finish, Stream},
        leg::{Ear, Key, Leg},
        legs::{Legs, Slot},
    },
};

/// The legs that hear the same channels.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) hears: Channels,
    pub(super) members: Vec<Member>,
    encodings: Vec<Encoding>,
    mixer: Mixer,
    /// What those hear who are not part of it.
    sound: Frame,
    finish: Finish,
    /// The same as it stood before the tick, which is where a stream of one's own goes on from, and comes back to.
    finish_before: Finish,
    level: Level,
    /// How many are heard in it, words that are said to all included.
    voices: usize,
}

/// One attached leg.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) leg: LegId,
    pub(super) slot: Slot,
    /// Where it may speak.
    pub(super) speaks: Channels,
    ear: Ear,
    /// Ticks that a change of the encoding has waited for a quiet one.
    waited: u8,
    voice: Voice,
    /// Its place among the talkers, where it is heard in this tick.
    pub(super) talks: Option<usize>,
    /// What is whispered to it in this tick.
    pub(super) whisper: Option<usize>,
    /// It takes part in this tick.
    present: bool,
}

/// Which encoder a leg's packets come from.
#[derive(Debug)]
enum Voice {
    /// None: it hears a prompt, silence or nothing.
    None,
    /// The encoding of this number.
    Shared(usize),
    /// One of its own.
    Private(Box<Stream>, ListeningGain),
    /// The one that codes the silence of all rooms; it left another of this key.
    Hushed(Key),
}

/// What several legs hear.
#[derive(Debug)]
struct Encoding {
    key: Key,
    /// There while there are users.
    stream: Option<Box<Stream>>,
    users: usize,
}

impl Member {
    /// Makes a member that hears nothing yet.
    pub(super) const fn new(leg: LegId, slot: Slot, speaks: Channels) -> Self {
        Self {
            leg,
            slot,
            speaks,
            ear: Ear::Closed,
            waited: 0,
            voice: Voice::None,
            talks: None,
            whisper: None,
            present: false,
        }
    }
}

impl Member {
    /// Tells whether another encoding of the same sound may wait for a tick in which the change is not heard.
    fn waits(&mut self, ear: Ear, mix: Level) -> bool {
        let (Ear::Mix(before), Ear::Mix(after)) = (self.ear, ear) else {
            return false;
        };
        let alike = before.settings.codec == after.settings.codec && before.gain == after.gain;
        if alike && mix > QUIET && self.waited < LONGEST_WAIT {
            self.waited += 1;
            return true;
        }
        self.waited = 0;
        false
    }
}

impl Row {
    pub(super) const fn new(hears: Channels) -> Self {
        Self {
            hears,
            members: Vec::new(),
            encodings: Vec::new(),
            mixer: Mixer::new(),
            sound: Frame::SILENCE,
            finish: Finish::new(),
            finish_before: Finish::new(),
            level: Level::SILENCE,
            voices: 0,
        }
    }

    /// Takes a member out; the last one moves to its place.
    pub(super) fn remove(&mut self, at: usize, common: &mut Common) -> Member {
        self.mute(at, common);
        let mut member = self.members.swap_remove(at);
        member.ear = Ear::Closed;
        member.talks = None;
        member.whisper = None;
        member
    }

    /// Asks every leg what it has to say and how it hears.
    pub(super) fn listen(
        &mut self,
        number: usize,
        at: Instant,
        stage: &mut Stage,
        legs: &mut Legs,
        common: &mut Common,
        now: Instant,
    ) {
        let mut members = std::mem::take(&mut self.members);
        let mut place = Place { row: number, at: 0 };
        let deaf = self.hears == Channels::NONE;
        common.each(
            &mut members,
            |member| member.leg,
            |member, common| {
                let here = place;
                place.at += 1;
                member.present = false;
                member.talks = None;
                member.whisper = None;
                let Some(leg) = legs.at(member.slot) else {
                    return;
                };
                if !leg.begin_tick(at, common, now) {
                    return;
                }
                member.present = true;
                let claim = leg.due(common, now);
                let may_speak = member.speaks != Channels::NONE;
                let sound = leg.line_sound(claim);
                let speech = claim.filter(|_| sound != LineSound::Noise);
                let listens = !deaf && !leg.is_prompted();
                leg.judge_unheard(claim, may_speak, listens, common);
                let nominee = speech.map(|level| Nomination {
                    claim: level,
                    as_heard: leg.as_heard(level),
                    steady: sound == LineSound::Steady,
                });
                if !may_speak || !stage.nominate(member, here, nominee) {
                    let level = claim.filter(|_| may_speak);
                    leg.judge(level.unwrap_or(Level::SILENCE), common);
                    leg.rest(common);
                }
                let ear = leg.ear(deaf, common);
                if ear != member.ear && !member.waits(ear, self.level) {
                    member.ear = ear;
                    let stood = (&self.finish, self.level);
                    tune(&mut self.encodings, member, stood, common);
                }
            },
        );
        self.members = members;
    }

    /// Mixes what is said in the row's channels, encodes it and sends every member its packet.
    pub(super) fn speak(
        &mut self,
        stage: &mut Stage,
        announcer: &Announcer,
        legs: &mut Legs,
        common: &mut Common,
    ) {
        if self.members.is_empty() {
            return;
        }
        self.mix(stage, announcer, common);
        self.arrange(stage, common);
        self.encode(common);
        self.send(stage, announcer, legs, common);
    }

    fn mix(&mut self, stage: &Stage, announcer: &Announcer, common: &Common) {
        self.mixer.clear();
        self.voices = 0;
        let mut level = Level::SILENCE;
        for talker in stage.talkers() {
            if talker.speaks.meets(self.hears) {
                self.mixer.add(&talker.sound);
                self.voices += 1;
                level = level.max(talker.level);
            }
        }
        let words = announcer.announcement();
        if let Some(words) = words.filter(|_| Channels::MAIN.meets(self.hears)) {
            self.mixer.add(words.sound());
            self.voices += 1;
            level = level.max(words.sound().level());
        }
        self.level = level;
        self.finish_before.clone_from(&self.finish);
        let (finish, noise) = (&mut self.finish, common.hush.sound());
        if self.voices == 0 {
            finish.rest(noise, &mut self.sound);
        } else {
            finish.finish(self.mixer.sums(), noise, &mut self.sound);
        }
    }

    /// Gives whoever is part of the mix or whispered to a stream of their own, and takes it back a while later; whoever
    /// hears nobody for a while needs none.
    fn arrange(&mut self, stage: &Stage, common: &mut Common) {
        for at in 0..self.members.len() {
            let member = &mut self.members[at];
            let whispered = member.whisper.is_some();
            let speaks = own_part(member, stage, self.hears).is_some();
            let own = speaks || whispered;
            let silent = self.voices == usize::from(speaks) && !whispered;
            match &mut member.voice {
                Voice::Shared(number) if own => {
                    let number = *number;
                    let voice = if silent && self.encodings[number].is_hushed() {
                        self.encodings[number].leave(common);
                        Voice::Hushed(self.encodings[number].key)
                    } else {
                        self.part(number, common)
                    };
                    self.members[at].voice = voice;
                }
                Voice::Private(stream, gain) => {
                    let alike = stream.alike;
                    if stream.handover.handle_tick(own, self.level, alike) == Served::Shared {
                        self.rejoin(at, common);
                    } else if silent && stream.is_hushed() {
                        let key = key_of(stream, *gain);
                        quit(&mut self.encodings, member, common);
                        member.voice = Voice::Hushed(key);
                    }
                }
                Voice::Hushed(key) => {
                    let key = *key;
                    self.wake(at, key, own, silent, common);
                }
                Voice::None | Voice::Shared(_) => {}
            }
            if let Voice::Hushed(key) = &self.members[at].voice {
                let complexity = common.encoders.complexity;
                common.hush.keep(key.settings, complexity);
            }
        }
    }

    /// Takes a listener out of an encoding who is part of the mix.
    fn part(&mut self, number: usize, common: &mut Common) -> Voice {
        let gain = self.encodings[number].key.gain;
        let hushed = self.encodings[number].is_hushed();
        let Some(mut stream) = self.encodings[number].part(common) else {
            return Voice::None;
        };
        if hushed {
            stream.wake(&common.hush);
        } else if gain == ListeningGain::default() {
            stream.finish.clone_from(&self.finish_before);
        }
        stream
            .handover
            .handle_tick(true, self.level, Alike::Unknown);
        Voice::Private(stream, gain)
    }

    /// Brings a member back that heard silence: to the others where they stand in it too, else to a stream of its own if
    /// there is something to hear again.
    fn wake(&mut self, at: usize, key: Key, own: bool, silent: bool, common: &mut Common) {
        let mut encodings = self.encodings.iter();
        let shared = encodings.position(|encoding| encoding.key == key && encoding.users > 0);
        let alike = shared.is_none_or(|number| self.encodings[number].is_hushed());
        if !own && alike {
            let number = find(&mut self.encodings, key);
            self.encodings[number].join(None, common);
            if shared.is_none() {
                self.encodings[number].hush();
            }
            self.members[at].voice = Voice::Shared(number);
        } else if !silent {
            let stream = common.encoders.take_to_follow(key.settings);
            common.counters.count(Counter::EncodersCopied);
            self.members[at].voice = stream.map_or(Voice::None, |mut stream| {
                stream.wake(&common.hush);
                stream.factor = key.gain.factor();
                stream
                    .handover
                    .handle_tick(true, self.level, Alike::Unknown);
                Voice::Private(stream, key.gain)
            });
        }
    }

    /// Brings a member with a stream of its own back to the shared encoding.
    fn rejoin(&mut self, at: usize, common: &mut Common) {
        let member = &mut self.members[at];
        if let Voice::Private(stream, gain) = std::mem::replace(&mut member.voice, Voice::None) {
            let key = key_of(&stream, gain);
            let number = find(&mut self.encodings, key);
            self.encodings[number].join(Some(stream), common);
            member.voice = Voice::Shared(number);
        }
    }

    fn encode(&mut self, common: &mut Common) {
        let silent = self.voices == 0;
        for encoding in &mut self.encodings {
            let Some(stream) = &mut encoding.stream else {
                continue;
            };
            let complexity = common.encoders.complexity;
            if silent {
                common.hush.keep(stream.settings(), complexity);
            }
            if stream.is_hushed() {
                if silent {
                    continue;
                }
                stream.wake(&common.hush);
            }
            let plain = encoding.key.gain == ListeningGain::default();
            let done = if plain {
                stream.encode_other(&self.sound, complexity)
            } else {
                hear(&self.mixer, None, None, encoding.key.gain, stream, common);
                stream.encode(complexity)
            };
            let coded = if plain { &self.sound } else { &stream.sound };
            let hushed = silent && coded == common.hush.sound();
            stream.note_hush(hushed);
            common.counters.count(if done {
                Counter::EncodedShared
            } else {
                Counter::EncodeFailed
            });
        }
    }

    fn send(
        &mut self,
        stage: &mut Stage,
        announcer: &Announcer,
        legs: &mut Legs,
        common: &mut Common,
    ) {
        let Self {
            hears,
            members,
            encodings,
            mixer,
            sound,
            finish,
            finish_before,
            voices,
            ..
        } = self;
        let mut told = Frame::SILENCE;
        common.each(
            members,
            |member| member.leg,
            |member, common| {
                if !member.present || common.is_gone(member.leg) {
                    return;
                }
                let Some(leg) = legs.at(member.slot) else {
                    return;
                };
                let own = own_part(member, stage, *hears);
                let sent = match (member.ear, &mut member.voice) {
                    (Ear::Mix(_), Voice::Shared(number)) => {
                        let stream = encodings[*number].stream.as_deref_mut();
                        send_shared(leg, stream, *voices == 0, common);
                        &*sound
                    }
                    (Ear::Mix(_), Voice::Hushed(key)) => {
                        let payload = common.hush.payload(key.settings);
                        leg.send(payload, &mut common.outbox, &mut common.counters);
                        &Frame::SILENCE
                    }
                    (Ear::Mix(_), Voice::Private(stream, gain)) => {
                        let words = member.whisper.map(|number| announcer.whispered(number));
                        let plain = *gain == ListeningGain::default();
                        let turns = stream.factor != gain.factor();
                        let like_others = own.is_none()
                            && words.is_none()
                            && !turns
                            && (!plain || stream.finish.stands_like(finish_before));
                        if words.is_none() && *voices == usize::from(own.is_some()) {
                            stream.finish.rest(common.hush.sound(), &mut stream.sound);
                            stream.factor = gain.factor();
                        } else if like_others && plain {
                            stream.sound.clone_from(sound);
                            stream.finish.clone_from(finish);
                        } else {
                            hear(mixer, own, words, *gain, stream, common);
                        }
                        let shared = shared_by(encodings, stream, *gain).filter(|_| like_others);
                        speak_alone(leg, stream, shared, common);
                        &stream.sound
                    }
                    (ear, _) => {
                        leg.send_ear(ear, common);
                        prompt_of(ear, member.talks.is_some(), &mut told, common)
                    }
                };
                if let Some(talker) = member.talks {
                    stage.note_heard(talker, sent);
                }
            },
        );
    }

    /// Gives back what a member's packets are encoded with.
    fn mute(&mut self, at: usize, common: &mut Common) {
        quit(&mut self.encodings, &mut self.members[at], common);
    }
}

impl Encoding {
    /// Adds a listener; a stream that is brought along is used where there is none.
    fn join(&mut self, brought: Option<Box<Stream>>, common: &mut Common) {
        self.users += 1;
        match (&self.stream, brought) {
            (Some(_), Some(stream)) => common.encoders.give(stream),
            (None, Some(stream)) => self.stream = Some(stream),
            (None, None) => {
                self.stream = common.encoders.take(self.key.settings);
                if let Some(stream) = &mut self.stream {
                    stream.factor = self.key.gain.factor();
                }
            }
            (Some(_), None) => {}
        }
    }

    /// Takes a listener away.
    fn leave(&mut self, common: &mut Common) {
        self.users -= 1;
        if self.users == 0
            && let Some(stream) = self.stream.take()
        {
            common.encoders.give(stream);
        }
    }

    /// Tells whether it stands in the silence of all rooms.
    fn is_hushed(&self) -> bool {
        let stream = self.stream.as_ref();
        stream.is_some_and(|stream| stream.is_hushed())
    }

    /// Takes over from the silence of all rooms.
    fn hush(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.hush();
        }
    }

    /// Takes a listener away who needs a stream that goes on like the shared one: the last one takes it along.
    fn part(&mut self, common: &mut Common) -> Option<Box<Stream>> {
        self.users -= 1;
        if self.users == 0 {
            return self.stream.take();
        }
        let mut stream = common.encoders.take_to_follow(self.key.settings)?;
        common.counters.count(Counter::EncodersCopied);
        let shared = self.stream.as_ref()?;
        stream.finish.clone_from(&shared.finish);
        stream.factor = self.key.gain.factor();
        stream.follow(shared).then_some(stream)
    }
}

const fn key_of(stream: &Stream, gain: ListeningGain) -> Key {
    Key {
        settings: stream.settings(),
        gain,
    }
}

/// What a member says in the mix it hears.
fn own_part<'a>(member: &Member, stage: &'a Stage, hears: Channels) -> Option<&'a Frame> {
    let talker = stage.talker(member.talks?);
    talker.speaks.meets(hears).then_some(&talker.sound)
}

/// Writes the mix without somebody's own part and beneath what is whispered to them, as loud as they want it; in the tick in
/// which they turn it louder or quieter it slides.
fn hear(
    mixer: &Mixer,
    own: Option<&Frame>,
    words: Option<&Words>,
    gain: ListeningGain,
    stream: &mut Stream,
    common: &Common,
) {
    let mut sums = *mixer.sums();
    if let Some(own) = own {
        for (sum, own) in sums.iter_mut().zip(&own.samples) {
            *sum -= i32::from(*own);
        }
    }
    if let Some(words) = words {
        words.lay_over(&mut sums);
    }
    let to = gain.factor();
    let from = std::mem::replace(&mut stream.factor, to);
    // Times the sum of eight speakers and words over them it fits an `i32`.
    if from != to {
        for (at, sum) in (0..).zip(&mut sums) {
            *sum = (*sum * (from + (to - from) * at / SLIDE)) >> 10;
        }
    } else if gain != ListeningGain::default() {
        for sum in &mut sums {
            *sum = (*sum * to) >> 10;
        }
    }
    let noise = common.hush.sound();
    stream.finish.finish(&sums, noise, &mut stream.sound);
}

/// Sends what all hear who have an encoding, or silence while nobody speaks.
fn send_shared(leg: &mut Leg, stream: Option<&mut Stream>, silent: bool, common: &mut Common) {
    match stream {
        Some(stream) if silent && stream.is_hushed() => {
            let payload = common.hush.payload(stream.settings());
            leg.send(payload, &mut common.outbox, &mut common.counters);
        }
        Some(stream) => leg.send_coded(stream, &mut common.outbox, &mut common.counters),
        None => leg.send_ear(Ear::Silence, common),
    }
}

/// Returns what a leg was sent that hears no mix, if anybody asks.
fn prompt_of<'a>(ear: Ear, asked: bool, told: &'a mut Frame, common: &Common) -> &'a Frame {
    match ear {
        Ear::Prompt(spot) if asked => {
            common.clips.outline(spot, told);
            told
        }
        Ear::Prompt(_) | Ear::Closed | Ear::Silence | Ear::Mix(_) => &Frame::SILENCE,
    }
}

/// Samples in which a volume slides: a tick's.
const SLIDE: i32 = 960;

/// A mix in which a change of the encoding is not heard.
const QUIET: Level = Level::from_rfc6464(50);

/// Ticks that such a change waits at most: two seconds.
const LONGEST_WAIT: u8 = 100;

/// What those are sent who hear the same as the owner of a stream, once that one is silent; none while it is the silence
/// of all rooms, which this stream is not needed for.
fn shared_by<'a>(
    encodings: &'a [Encoding],
    stream: &Stream,
    gain: ListeningGain,
) -> Option<&'a Stream> {
    let key = key_of(stream, gain);
    let found = encodings.iter().find(|encoding| encoding.key == key);
    let shared = found?.stream.as_deref();
    shared.filter(|shared| !shared.is_hushed())
}

/// Encodes what only one leg hears and sends it; on the way back to a shared stream in its wake, where the codec can.
fn speak_alone(leg: &mut Leg, stream: &mut Stream, shared: Option<&Stream>, common: &mut Common) {
    let complexity = common.encoders.complexity;
    let hushed = stream.sound == *common.hush.sound();
    stream.note_hush(hushed);
    if hushed {
        common.hush.keep(stream.settings(), complexity);
    }
    let follows = !hushed && shared.is_some_and(|shared| stream.approach(shared));
    if follows || stream.encode(complexity) {
        common.counters.count(Counter::EncodedPrivate);
    } else {
        common.counters.count(Counter::EncodeFailed);
    }
    leg.send_coded(stream, &mut common.outbox, &mut common.counters);
}

/// Lets a member's encoding follow its ear, given how the row stood before this tick.
fn tune(
    encodings: &mut Vec<Encoding>,
    member: &mut Member,
    (finish, level): (&Finish, Level),
    common: &mut Common,
) {
    let Ear::Mix(key) = member.ear else {
        return quit(encodings, member, common);
    };
    let before = match &member.voice {
        Voice::None => None,
        Voice::Shared(number) => Some(encodings[*number].key),
        Voice::Private(stream, gain) => Some(key_of(stream, *gain)),
        Voice::Hushed(hushed) => Some(*hushed),
    };
    if before == Some(key) {
        return;
    }
    if before.is_some_and(|before| before.settings == key.settings) {
        turn(encodings, member, key, finish, common);
    } else {
        quit(encodings, member, common);
    }
    match &mut member.voice {
        Voice::None => {
            let number = find(encodings, key);
            encodings[number].join(None, common);
            member.voice = Voice::Shared(number);
        }
        Voice::Private(stream, _) => {
            stream.handover.handle_tick(true, level, Alike::Unknown);
        }
        Voice::Shared(_) | Voice::Hushed(_) => {}
    }
}

/// Lets a member hear the same louder or quieter: from an encoder that goes on as the one before, alone until it may join
/// those who hear it as loud.
fn turn(
    encodings: &mut [Encoding],
    member: &mut Member,
    key: Key,
    finish: &Finish,
    common: &mut Common,
) {
    member.voice = match std::mem::replace(&mut member.voice, Voice::None) {
        Voice::None => Voice::None,
        Voice::Hushed(_) => Voice::Hushed(key),
        Voice::Private(stream, _) => Voice::Private(stream, key.gain),
        Voice::Shared(number) if encodings[number].is_hushed() => {
            encodings[number].leave(common);
            Voice::Hushed(key)
        }
        Voice::Shared(number) => {
            let plain = encodings[number].key.gain == ListeningGain::default();
            encodings[number]
                .part(common)
                .map_or(Voice::None, |mut stream| {
                    if plain {
                        stream.finish.clone_from(finish);
                    }
                    Voice::Private(stream, key.gain)
                })
        }
    };
}

fn quit(encodings: &mut [Encoding], member: &mut Member, common: &mut Common) {
    match std::mem::replace(&mut member.voice, Voice::None) {
        Voice::None | Voice::Hushed(_) => {}
        Voice::Shared(number) => encodings[number].leave(common),
        Voice::Private(stream, _) => common.encoders.give(stream),
    }
}

/// Finds the encoding of a key, or makes one in the place of one that nobody uses.
fn find(encodings: &mut Vec<Encoding>, key: Key) -> usize {
    let found = encodings.iter().position(|encoding| encoding.key == key);
    if let Some(number) = found {
        return number;
    }
    let encoding = Encoding {
        key,
        stream: None,
        users: 0,
    };
    match encodings.iter().position(|encoding| encoding.users == 0) {
        Some(number) => {
            encodings[number] = encoding;
            number
        }
        None => {
            encodings.push(encoding);
            encodings.len() - 1
        }
    }
}
