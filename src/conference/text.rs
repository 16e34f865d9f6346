//! What people write to each other: typed text, which the others read while it is typed, and chat.
//!
//! Typed text is the microphone in writing (EN 301 549 §6.2, after ITU-T T.140): lines that grow, shrink and end. Each
//! message carries the line as a whole, so a lost one is made good by the next. Chat is lines that are sent when they are
//! done, to all or to one. Neither is kept anywhere. Who wrote something is told by the conference, never by the writer.

use crate::{
    conference::participant::{is_mark, one_line, visible},
    id::ParticipantId,
    limit::{
        CHAT_LINE_BYTES_MAX, CHAT_LINE_GRAPHEMES_MAX, TYPED_LINE_BYTES_MAX,
        TYPED_LINE_GRAPHEMES_MAX,
    },
    pii::Words,
};

/// What somebody has typed, as their door tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Typing {
    /// The whole line as it is at this moment.
    pub words: Words,
    /// It is ended; what is typed next is another.
    pub ended: bool,
}

/// Something written, as those are given it whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Post {
    /// A line that is being typed, or was.
    Typed(TypedLine),
    /// A line of chat.
    Chat(ChatLine),
}

impl Post {
    /// Returns who wrote it.
    pub const fn author(&self) -> ParticipantId {
        match self {
            Self::Typed(line) => line.from,
            Self::Chat(line) => line.from,
        }
    }
}

/// A line that somebody types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    /// Who.
    pub from: ParticipantId,
    /// Its number among theirs, from 1.
    pub line: u32,
    /// The whole line as it is at this moment; nothing when all was taken back.
    pub words: Words,
    /// It is ended and changes no more.
    pub ended: bool,
}

/// A line of chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatLine {
    /// Who wrote it.
    pub from: ParticipantId,
    /// To whom alone; none to all.
    pub to: Option<ParticipantId>,
    /// The line.
    pub words: Words,
}

/// Returns a typed line as it may be shown; an empty one when nothing visible remains.
pub(super) fn clean_typed(raw: &Words) -> Words {
    let (graphemes, bytes) = (TYPED_LINE_GRAPHEMES_MAX, TYPED_LINE_BYTES_MAX);
    Words::new(clean(raw.expose(), graphemes, bytes).unwrap_or_default())
}

/// Returns a line of chat as it may be shown; `None` when nothing visible remains.
pub(super) fn clean_chat(raw: &Words) -> Option<Words> {
    let (graphemes, bytes) = (CHAT_LINE_GRAPHEMES_MAX, CHAT_LINE_BYTES_MAX);
    clean(raw.expose(), graphemes, bytes).map(Words::new)
}

/// One line, cleaned as names are, cut before the first cluster that is beyond a limit.
fn clean(raw: &str, graphemes_max: usize, bytes_max: usize) -> Option<String> {
    let line = one_line(raw);
    let within = cluster_ends(&line)
        .take(graphemes_max)
        .take_while(|end| *end <= bytes_max);
    let end = within.last().unwrap_or_default();
    visible(&line[..end])
}

/// Where each cluster ends that readers take for one character: marks, emoji sequences and flags stay whole. Of the rules in
/// UAX #29 those for old Hangul and for vowels that stand beside their consonant are left out; only a cut could show that.
fn cluster_ends(line: &str) -> impl Iterator<Item = usize> {
    let mut before: Option<char> = None;
    // Regional indicators in a row, of which two are a flag.
    let mut indicators = 0_usize;
    let starts = line.char_indices().filter_map(move |(at, c)| {
        let goes_on = before.is_some_and(|before| {
            is_mark(c)
                || is_skin_tone(c)
                || before == JOINER
                || is_indicator(c) && indicators % 2 == 1
        });
        indicators = if is_indicator(c) { indicators + 1 } else { 0 };
        let is_first = before.replace(c).is_none();
        (!is_first && !goes_on).then_some(at)
    });
    starts.chain([line.len()])
}

const JOINER: char = '\u{200D}';

const fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

const fn is_indicator(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(raw: &str) -> Option<String> {
        clean_chat(&Words::new(raw.to_owned())).map(Words::into_inner)
    }

    fn typed(raw: &str) -> String {
        clean_typed(&Words::new(raw.to_owned())).into_inner()
    }

    #[test]
    fn writing_of_any_script_passes_unchanged() {
        for line in [
            "Können wir um 10:30 Uhr anfangen? <b>Nein</b> & \"ja\"",
            "می‌خواهم",
            "नमस्ते, कैसे हैं",
            "👩🏽‍❤️‍💋‍👨🏻 🇩🇪🇪🇺 1️⃣",
            "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f} Cymru",
        ] {
            assert_eq!(chat(line).as_deref(), Some(line));
            assert_eq!(typed(line), line);
        }
    }

    #[test]
    fn control_and_direction_characters_and_line_breaks_are_removed() {
        let raw = " Hallo\r\nAn\u{0}na\u{202e}\u{2066}\u{7}!\u{feff}\u{1b}[31m\u{e0041} ";
        assert_eq!(chat(raw).as_deref(), Some("Hallo Anna![31m"));
        assert_eq!(typed(raw), "Hallo Anna![31m");
    }

    #[test]
    fn what_nobody_can_see_is_no_chat_and_an_empty_line() {
        for raw in ["", " \n ", "\u{202e}\u{200b}", "\u{200d}\u{fe0f}"] {
            assert_eq!(chat(raw), None, "{raw:?}");
            assert_eq!(typed(raw), "", "{raw:?}");
        }
    }

    #[test]
    fn ten_kilobytes_are_cut_at_the_limit() {
        let long = "ä".repeat(5_000);
        assert_eq!(
            chat(&long).unwrap().chars().count(),
            CHAT_LINE_GRAPHEMES_MAX
        );
        assert_eq!(typed(&long).chars().count(), TYPED_LINE_GRAPHEMES_MAX);
    }

    #[test]
    fn no_emoji_is_cut_in_two() {
        let scotland = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
        let joined = ["👩🏽‍❤️‍💋‍👨🏻", "👨‍👩‍👧‍👦"];
        let others = ["🇩🇪", "1️⃣", "👍🏿", "e\u{301}", scotland];
        for emoji in joined.into_iter().chain(others) {
            let limits = [(3, usize::MAX), (usize::MAX, 3 * emoji.len() + 2)];
            for (graphemes, bytes) in limits {
                let cut = clean(&emoji.repeat(7), graphemes, bytes);
                assert_eq!(cut.as_deref(), Some(&*emoji.repeat(3)), "{emoji}");
            }
        }
    }

    /// A single cluster may be as long as a message: what is not within the bytes is nothing.
    #[test]
    fn a_chain_of_joiners_is_no_way_around_the_limit() {
        let chain = "👩\u{200d}".repeat(3_000);
        assert_eq!(chat(&chain), None);
        assert_eq!(chat(&format!("Hallo {chain}")).as_deref(), Some("Hallo"));
    }
}
