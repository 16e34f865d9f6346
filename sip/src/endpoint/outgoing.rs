//! Calls of ours until they are answered (RFC 3261 §13.2): forked, refused, given up, or won by the first 2xx.
//!
//! A call that is answered goes on as any other in `calls.rs`. What is left here then only acknowledges the 2xx of its
//! winner again, and hangs up on the branches that answer after it.

use std::{collections::BTreeMap, time::Instant};

use sipx_sip::{
    HeaderName, Response, Uri,
    headers::Require,
    rel::{OPTION_TAG, RAck, RSeq, Received, Sequence},
    session::{MinSe, Refresher, SessionExpires},
};

use super::{
    Assertion, CallRef, Cause, Dial, Ended, Endpoint, Event, Identity, Shown, TrunkRef, body,
    client::{Asker, Exchange, Purpose},
    refresh::interval_in_bounds,
    request::{Incoming, Verb, printable},
    requests::{capabilities, refused_method, screen_extensions},
    timers::Owner,
    write::{ACCEPT, ALLOW, Head, Reply, SUPPORTED, Wire},
};
use crate::{
    auth::Digest,
    dialog::{Dialog, remote_tag},
    limit,
    registration::{Registration, uri},
    sdp::Description,
    session::Session,
    session_timer::{Timer, allows_update},
};

/// A call of ours whose INVITE still has a transaction.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The beginning of the INVITE that is out.
    head: Head,
    /// Its transaction.
    transaction: Option<u64>,
    contact: Vec<u8>,
    identity: Option<Identity>,
    trunk: Option<TrunkRef>,
    digest: Digest,
    sdp: Description,
    /// The session interval that we ask for, and the least that we were told to.
    interval: SessionExpires,
    progress: Progress,
    /// The early dialogs by the peer's tag.
    early: BTreeMap<Vec<u8>, Early>,
    /// The acknowledgements of every branch that answered, by the peer's tag.
    acknowledged: BTreeMap<Vec<u8>, Wire>,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It rings, until that time at most.
    Ringing { until: Instant },
    /// The door has left for this cause, and CANCEL waits for a provisional response (RFC 3261 §9.1).
    Leaving(Option<Cause>),
    /// The door has left, and CANCEL is out.
    Cancelled,
    /// A branch has answered.
    Answered,
}

/// An early dialog.
#[derive(Debug)]
struct Early {
    dialog: Dialog,
    sequence: Sequence,
    answer: Option<Description>,
}

/// All calls of ours, by handle and by Call-ID.
#[derive(Debug, Default)]
pub(super) struct OutgoingCalls {
    all: BTreeMap<CallRef, Outgoing>,
    by_call_id: BTreeMap<Vec<u8>, CallRef>,
}

impl OutgoingCalls {
    /// Those that are not calls yet.
    pub(super) fn waiting(&self) -> usize {
        let waits = |call: &&Outgoing| call.progress != Progress::Answered;
        self.all.values().filter(waits).count()
    }

    fn insert(&mut self, id: CallRef, call: Outgoing) {
        self.by_call_id.insert(call.head.call_id.clone(), id);
        self.all.insert(id, call);
    }

    fn remove(&mut self, id: CallRef) -> Option<Outgoing> {
        let call = self.all.remove(&id)?;
        self.by_call_id.remove(&call.head.call_id);
        Some(call)
    }

    /// The early dialog that a request names.
    fn early(&self, incoming: &Incoming) -> Option<&Early> {
        let call = self.all.get(self.by_call_id.get(&incoming.call_id)?)?;
        let early = call.early.get(&incoming.from_tag)?;
        (Some(&early.dialog.id.local_tag) == incoming.to_tag.as_ref()).then_some(early)
    }
}

impl Endpoint {
    /// Returns the handle of a call that is about to be made by [`Command::Invite`](super::Command::Invite).
    pub fn reserve(&mut self) -> CallRef {
        self.calls.reserve()
    }

    pub(super) fn dial(&mut self, id: CallRef, dial: Dial, now: Instant) {
        let is_known = self.calls.get(id).is_some() || self.outgoing.all.contains_key(&id);
        if is_known {
            return;
        }
        let target = uri(dial.target.expose());
        let is_sip = Uri::parse(target.clone().into()).is_ok_and(|uri| uri.scheme().is_sip());
        let refused = match is_sip {
            _ if self.is_full() || self.calls() >= self.limits.dialogs => Some(503),
            false => Some(416),
            true => None,
        };
        if let Some(status) = refused {
            return self.tell(Event::Ended {
                call: id,
                reason: Ended::Refused(status),
                cause: None,
            });
        }
        let registration = dial.trunk.and_then(|trunk| self.trunks.registration(trunk));
        let routes = registration.map(Registration::routes).unwrap_or_default();
        let contact = registration.map_or_else(
            || Dialog::contact_of(dial.flow, false),
            |registration| registration.contact(dial.flow),
        );
        let head = Head {
            flow: dial.flow,
            branch: String::new(),
            uri: target.clone().into_bytes(),
            routes,
            from: format!("<{}>;tag={}", uri(dial.from.expose()), self.names.fresh()).into_bytes(),
            to: format!("<{target}>").into_bytes(),
            call_id: self.names.fresh().into_bytes(),
            cseq: 0,
        };
        let until = now + dial.within.min(limit::RING_WITHIN);
        let call = Outgoing {
            head,
            transaction: None,
            contact,
            identity: dial.identity,
            trunk: dial.trunk,
            digest: Digest::default(),
            sdp: dial.sdp,
            interval: SessionExpires {
                interval: dial
                    .session_interval
                    .map_or(self.session_interval, interval_in_bounds),
                refresher: None,
            },
            progress: Progress::Ringing { until },
            early: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
        };
        self.outgoing.insert(id, call);
        self.schedule.set(Owner::Outgoing(id), Some(until));
        self.send_invite(id, now);
    }

    /// Sends the INVITE, the next one of its dialog-to-be (RFC 3261 §8.1.3.5).
    fn send_invite(&mut self, id: CallRef, now: Instant) {
        let (branch, cnonce) = (self.branch(), self.names.fresh());
        let Some(call) = self.outgoing.all.get_mut(&id) else {
            return;
        };
        call.head.branch = branch;
        call.head.cseq += 1;
        let mut fields = vec![
            ("Contact", call.contact.clone()),
            ("Allow", ALLOW.into()),
            ("Accept", ACCEPT.into()),
            ("Supported", SUPPORTED.into()),
            ("Session-Expires", call.interval.to_string().into_bytes()),
        ];
        if call.interval.refresher.is_some() {
            let least = call.interval.interval.as_secs();
            fields.push(("Min-SE", least.to_string().into_bytes()));
        }
        fields.extend(call.identity.iter().flat_map(identify));
        let registration = call.trunk.and_then(|trunk| self.trunks.registration(trunk));
        if let Some(registration) = registration {
            fields.extend(registration.security());
            let target = String::from_utf8_lossy(&call.head.uri).into_owned();
            let account = registration.account();
            fields.extend(call.digest.authorize(account, "INVITE", &target, &cnonce));
        }
        let (head, body) = (call.head.clone(), call.sdp.print());
        let asker = Asker::Call(id);
        let sent = self.ask(&head, asker, Purpose::Invite, &fields, Some(&body), now);
        match self.outgoing.all.get_mut(&id) {
            Some(call) if sent.is_some() => call.transaction = sent,
            _ => self.end_outgoing(id, Ended::Unreachable, None),
        }
    }

    /// Gives up a call that is not answered yet; false if it is none.
    pub(super) fn leave_outgoing(
        &mut self,
        id: CallRef,
        reason: Ended,
        cause: Option<Cause>,
        now: Instant,
    ) -> bool {
        let Some(call) = self.outgoing.all.get_mut(&id) else {
            return false;
        };
        if !matches!(call.progress, Progress::Ringing { .. }) {
            return call.progress != Progress::Answered;
        }
        call.progress = Progress::Leaving(cause);
        self.schedule.set(Owner::Outgoing(id), None);
        self.tell(Event::Ended {
            call: id,
            reason,
            cause: None,
        });
        self.cancel(id, cause, now);
        true
    }

    /// Nobody has answered for too long.
    pub(super) fn handle_outgoing_timeout(&mut self, id: CallRef, now: Instant) {
        self.leave_outgoing(id, Ended::Unanswered, Some(Cause::TIMEOUT), now);
    }

    /// Sends CANCEL as soon as it may be sent.
    fn cancel(&mut self, id: CallRef, cause: Option<Cause>, now: Instant) {
        let Some(call) = self.outgoing.all.get_mut(&id) else {
            return;
        };
        let client = call
            .transaction
            .and_then(|sent| self.clients.get_mut(sent).map(|client| (sent, client)));
        let Some((sent, client)) = client else {
            return;
        };
        let Exchange::Invite(state) = &mut client.state else {
            return;
        };
        if let Some(head) = state.cancellable(now) {
            call.progress = Progress::Cancelled;
            self.settle_client(sent);
            let cause = cause.and_then(Cause::value);
            let fields = cause.map(|cause| ("Reason", cause.into_bytes()));
            let (asker, fields) = (Asker::Call(id), fields.as_slice());
            self.ask(&head, asker, Purpose::Cancel, fields, None, now);
        }
    }

    pub(super) fn handle_provisional(&mut self, id: CallRef, response: &Response, now: Instant) {
        let Some(call) = self.outgoing.all.get_mut(&id) else {
            return;
        };
        match call.progress {
            Progress::Ringing { .. } => {}
            Progress::Leaving(cause) => return self.cancel(id, cause, now),
            Progress::Cancelled | Progress::Answered => return,
        }
        let status = response.status.code();
        let tag = remote_tag(response).filter(|_| status > 100);
        let mut answer = None;
        if let Some(tag) = tag {
            if !call.early.contains_key(&tag) {
                let dialog = Dialog::of_response(&call.head, response);
                let Some(dialog) = dialog.filter(|_| call.early.len() < limit::FORKS) else {
                    return;
                };
                let early = Early {
                    dialog,
                    sequence: Sequence::default(),
                    answer: None,
                };
                call.early.insert(tag.clone(), early);
            }
            if let Some(number) = reliable(response)
                && !self.acknowledge_provisional(id, &tag, number, now)
            {
                return;
            }
            let call = self.outgoing.all.get_mut(&id);
            if let Some(early) = call.and_then(|call| call.early.get_mut(&tag))
                && early.answer.is_none()
            {
                early.answer = description(response);
                answer.clone_from(&early.answer);
            }
        }
        if status == 180 {
            self.tell(Event::Ringing { call: id });
        }
        if let Some(answer) = answer {
            self.tell(Event::Early { call: id, answer });
        }
    }

    /// Sends PRACK for the next reliable provisional response (RFC 3262 §4); false for one that is not the next.
    fn acknowledge_provisional(
        &mut self,
        id: CallRef,
        tag: &[u8],
        number: u32,
        now: Instant,
    ) -> bool {
        let branch = self.branch();
        let Some(call) = self.outgoing.all.get_mut(&id) else {
            return false;
        };
        let Some(early) = call.early.get_mut(tag) else {
            return false;
        };
        if early.sequence.accept(number) != Received::Acknowledge {
            self.counters.retransmissions += 1;
            return false;
        }
        let acknowledged = RAck {
            rseq: number,
            cseq: call.head.cseq,
            method: b"INVITE".to_vec(),
        };
        let head = early.dialog.next_head(branch);
        let fields = [("RAck", acknowledged.to_string().into_bytes())];
        self.ask(&head, Asker::Call(id), Purpose::Prack, &fields, None, now);
        true
    }

    /// Takes a 2xx (RFC 3261 §13.2.2.4): the first wins, and every other branch is hung up on.
    pub(super) fn handle_answered(&mut self, id: CallRef, response: &Response, now: Instant) {
        let (acknowledging, dismissing) = (self.branch(), self.branch());
        let Some(call) = self.outgoing.all.get_mut(&id) else {
            return;
        };
        let tag = remote_tag(response).unwrap_or_default();
        if let Some(ack) = call.acknowledged.get(&tag) {
            self.counters.retransmissions += 1;
            let (flow, ack) = (call.head.flow, ack.clone());
            return self.send(flow, ack);
        }
        let dialog = Dialog::of_response(&call.head, response);
        let Some(mut dialog) = dialog.filter(|_| call.acknowledged.len() <= limit::FORKS) else {
            return;
        };
        let early = call.early.remove(&tag);
        if let Some(early) = &early {
            dialog.continue_from(&early.dialog);
        }
        let head = dialog.head(call.head.cseq, acknowledging);
        let ack = head.write("ACK", &[], None, &self.agent);
        call.acknowledged.insert(tag, ack.clone());
        let wins = matches!(call.progress, Progress::Ringing { .. });
        if wins {
            call.progress = Progress::Answered;
            call.early.clear();
        }
        let (sdp, interval) = (call.sdp.clone(), call.interval);
        self.send(dialog.flow, ack);
        if !wins {
            let head = dialog.next_head(dismissing);
            self.ask(&head, Asker::Call(id), Purpose::Dismiss, &[], None, now);
            return;
        }
        self.schedule.set(Owner::Outgoing(id), None);
        let call = self.calls.insert(id, dialog, Session::Confirmed);
        call.described = Some(sdp);
        call.interval = Some(interval.interval);
        call.timer = Timer::agreed(&response.headers, interval.interval, now);
        call.knows_update = allows_update(&response.headers).unwrap_or(false);
        self.settle_call(id);
        self.follow_routes(id);
        match description(response).or(early.and_then(|early| early.answer)) {
            Some(answer) => self.tell(Event::Answered { call: id, answer }),
            None => {
                self.end(id, Ended::BadAnswer, None);
                self.hang_up(id, Some(Cause::NOT_ACCEPTABLE), now);
            }
        }
    }

    /// Takes the refusal of the INVITE. It is sent again with credentials, or with a longer session interval; a 3xx is
    /// never followed, because it would let whoever answers choose whom we call.
    pub(super) fn handle_invite_refused(&mut self, id: CallRef, response: &Response, now: Instant) {
        let Some(call) = self.outgoing.all.get_mut(&id) else {
            return;
        };
        let status = response.status.code();
        let registration = call.trunk.and_then(|trunk| self.trunks.registration(trunk));
        let again = match (status, call.progress, registration) {
            (401 | 407, Progress::Ringing { .. }, Some(registration)) => call
                .digest
                .handle_challenge(response, registration.account())
                .is_ok(),
            (422, Progress::Ringing { .. }, _) => {
                call.digest.renew();
                lengthen(&mut call.interval, response)
            }
            _ => false,
        };
        if again {
            call.early.clear();
            return self.send_invite(id, now);
        }
        let cause = Cause::of(&response.headers);
        self.end_outgoing(id, Ended::Refused(status), cause);
    }

    /// The INVITE stays without final response.
    pub(super) fn handle_invite_unanswered(&mut self, id: CallRef) {
        self.end_outgoing(id, Ended::Unreachable, None);
    }

    /// The transaction of an INVITE has nothing left to do, so nothing is left to be acknowledged. What rings by then was
    /// answered by nothing but what no dialog could be made of.
    pub(super) fn forget_outgoing(&mut self, id: CallRef, transaction: u64) {
        let is_last = |call: &Outgoing| call.transaction == Some(transaction);
        if self.outgoing.all.get(&id).is_some_and(is_last) {
            self.end_outgoing(id, Ended::BadAnswer, None);
        }
    }

    /// Answers a request within an early dialog, without state: what it would change is not agreed yet. None of ours.
    pub(super) fn answer_early(&self, incoming: &Incoming) -> Option<Reply> {
        let early = self.outgoing.early(incoming)?;
        let verb = incoming.verb();
        Some(match verb {
            Verb::Options => capabilities(),
            Verb::Update => match screen_extensions(&incoming.request) {
                Err(reply) => reply,
                Ok(()) if incoming.request.body().is_empty() => {
                    let contact = early.dialog.contact(early.dialog.outward());
                    Reply::new(200).with("Contact", contact)
                }
                Ok(()) if early.answer.is_none() => Reply::new(491),
                Ok(()) => Reply::new(488),
            },
            Verb::Bye | Verb::Prack | Verb::Invite | Verb::Cancel => Reply::new(481),
            Verb::Ack | Verb::Info | Verb::Unserved | Verb::Unknown => refused_method(verb),
        })
    }

    /// Drops a call that will not be answered, and tells the door unless it has left.
    fn end_outgoing(&mut self, id: CallRef, reason: Ended, cause: Option<Cause>) {
        self.schedule.set(Owner::Outgoing(id), None);
        let ended = self.outgoing.remove(id);
        if ended.is_some_and(|call| matches!(call.progress, Progress::Ringing { .. })) {
            self.tell(Event::Ended {
                call: id,
                reason,
                cause,
            });
        }
    }
}

/// The fields that tell a carrier who calls.
fn identify(identity: &Identity) -> Vec<(&'static str, Vec<u8>)> {
    let name = match identity.assertion {
        Assertion::Preferred => "P-Preferred-Identity",
        Assertion::Asserted => "P-Asserted-Identity",
    };
    let who = format!("<{}>", uri(identity.uri.expose())).into_bytes();
    let mut fields = vec![(name, who)];
    if identity.shown == Shown::No {
        fields.push(("Privacy", b"id".to_vec()));
    }
    fields
}

/// The number of a reliable provisional response (RFC 3262 §7.1).
fn reliable(response: &Response) -> Option<u32> {
    let mut required = response.headers.typed_all::<Require>().flatten();
    let RSeq(number) = response.headers.typed::<RSeq>()?.ok()?;
    required
        .any(|tags| tags.contains(OPTION_TAG))
        .then_some(number)
}

/// Asks for the longer session interval that a 422 names (RFC 4028 §7.4); false if there is none.
fn lengthen(asked: &mut SessionExpires, response: &Response) -> bool {
    let least = response.headers.typed::<MinSe>().and_then(Result::ok);
    let longer = least
        .map(|MinSe(least)| least)
        .filter(|least| asked.interval < *least && *least <= limit::SESSION_INTERVAL_MAX);
    // Only once: whoever names a refresher was refused before.
    let longer = longer.filter(|_| asked.refresher.is_none());
    if let Some(interval) = longer {
        *asked = SessionExpires {
            interval,
            refresher: Some(Refresher::Uac),
        };
    }
    longer.is_some()
}

/// The session description of a response; one that cannot be read counts as none.
pub(super) fn description(response: &Response) -> Option<Description> {
    body::description(&response.headers, response.body())
        .ok()
        .flatten()
}

/// To as an acknowledgement repeats it.
pub(super) fn to_of(response: &Response) -> Vec<u8> {
    let to = response.headers.value(&HeaderName::To).unwrap_or_default();
    printable(to.trim_ascii().to_vec())
}
