//! How a roll call is said: what is so at the moment first, then who is here, which may take longer.
//!
//! Those are named whose names are sounds; the rest is counted, by their ways in.

use super::{Clip, Piece};
use crate::conference::{
    participant::Door,
    rollcall::{Deed, Label, Listed, Others, Rollcall, Speaking},
};

/// Returns what is said of a roll call where these people's names are sounds.
pub(super) fn pieces(rollcall: Rollcall, is_sound: impl Fn(Label) -> bool) -> Vec<Piece> {
    let mut said = vec![Piece::Clip(Clip::present(rollcall.present))];
    match rollcall.speaking {
        Speaking::Nobody => said.push(Piece::Clip(Clip::SPEAKS_NOBODY)),
        Speaking::Several => said.push(Piece::Clip(Clip::SPEAKS_SEVERAL)),
        Speaking::One(whom) if is_sound(whom) => {
            said.extend([Piece::Clip(Clip::SPEAKS_NAMED), Piece::Name(whom)]);
        }
        Speaking::One(whom) => said.push(Piece::Clip(Clip::speaks(whom))),
    }
    said.extend(state(rollcall).into_iter().map(Piece::Clip));
    said.extend(own(rollcall.own, &is_sound));
    said.extend(others(rollcall.others, &is_sound));
    said
}

/// Who asks for the floor, who may come in, and what a moderator just did.
fn state(rollcall: Rollcall) -> Vec<Clip> {
    let mut clips = Vec::new();
    if rollcall.hands > 0 {
        clips.push(Clip::counted(Clip::HANDS, rollcall.hands).unwrap_or(Clip::HANDS_MANY));
    }
    if rollcall.locked {
        clips.push(Clip::LOCKED);
    }
    clips.extend(rollcall.deed.map(|deed| match deed {
        Deed::MutedAll => Clip::MUTED_ALL,
        Deed::AskToSpeak => Clip::ASK_TO_SPEAK,
        Deed::AllMaySpeak => Clip::ALL_MAY_SPEAK,
        Deed::Unlocked => Clip::UNLOCKED,
    }));
    if rollcall.waiting {
        clips.extend([Clip::SOMEBODY_WAITS, Clip::TO_HEAR_WAITING]);
    }
    clips
}

/// Under which name the others see who asks. Nothing is said where that is a name which is no sound: the number would be
/// found in no list.
fn own(own: Listed, is_sound: impl Fn(Label) -> bool) -> Vec<Piece> {
    let name = if is_sound(own.label) {
        Piece::Name(own.label)
    } else if own.named {
        return Vec::new();
    } else {
        Piece::Clip(Clip::label(own.label))
    };
    vec![Piece::Clip(Clip::YOU_ARE), name]
}

/// Who else is here.
fn others(others: Others, is_sound: impl Fn(Label) -> bool) -> Vec<Piece> {
    if others.phones == 0 && others.browsers == 0 {
        return Vec::new();
    }
    let named: Vec<Label> = others
        .named
        .into_iter()
        .flatten()
        .filter(|whom| is_sound(*whom))
        .collect();
    let mut rest = [others.phones, others.browsers];
    for whom in &named {
        let [phones, browsers] = &mut rest;
        let count = match whom.door {
            Door::Phone => phones,
            Door::Browser => browsers,
        };
        *count = count.saturating_sub(1);
    }
    let rows = [
        (Clip::REST_PHONE, Clip::REST_PHONE_MANY),
        (Clip::REST_BROWSER, Clip::REST_BROWSER_MANY),
    ];
    let counted: Vec<Clip> = rest
        .into_iter()
        .zip(rows)
        .filter(|(count, _)| *count > 0)
        .map(|(count, (row, many))| Clip::counted(row, count).unwrap_or(many))
        .collect();
    let also = (!named.is_empty() && !counted.is_empty()).then_some(Clip::AND_ALSO);
    let clips = also.into_iter().chain(counted).map(Piece::Clip);
    let names = named.into_iter().map(Piece::Name);
    let begin = std::iter::once(Piece::Clip(Clip::BESIDE_YOU));
    begin.chain(names).chain(clips).collect()
}
