//! Refreshing sessions and letting them expire (RFC 4028): by the peer's re-INVITE or UPDATE, or by ours.

use std::time::{Duration, Instant};

use sipx_sip::{CSeq, Headers, Response};

use super::{
    CallRef, Cause, Ended, Endpoint, Event,
    client::Purpose,
    outgoing::description,
    write::{ALLOW, Reply, SUPPORTED},
};
use crate::{
    limit,
    sdp::Description,
    session::{Errand, Reinvite, Session},
    session_timer::{Fired, Terms, Unfit, Wish},
};

impl Endpoint {
    /// Keeps a call's session timer to another interval of ours than the usual one.
    pub(super) fn set_session_interval(&mut self, id: CallRef, interval: Duration) {
        if let Some(call) = self.calls.get_mut(id) {
            call.interval = Some(interval_in_bounds(interval));
        }
    }

    pub(super) fn handle_session_timer(&mut self, id: CallRef, now: Instant) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let running = call.timer.as_mut().filter(|_| !call.session.is_over());
        match running.map_or(Fired::Nothing, |timer| timer.handle_timeout(now)) {
            Fired::Nothing => self.settle_call(id),
            Fired::Refresh => self.refresh(id, now),
            Fired::Expired => {
                self.end(id, Ended::Expired, None);
                self.hang_up(id, Some(Cause::TIMEOUT), now);
            }
        }
    }

    /// Takes the final response to our refresh (RFC 4028 §10).
    pub(super) fn handle_refreshed(&mut self, id: CallRef, response: &Response, now: Instant) {
        let chance = self.names.chance();
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let by_update = call.reinvite.take_if(|asked| asked.is_asked()).is_none();
        let Some(timer) = call.timer.as_mut().filter(|_| !call.session.is_over()) else {
            return;
        };
        match response.status.code() {
            200..300 => {
                call.timer = timer.refreshed(&response.headers, now);
                call.dialog.refresh_target(&response.headers);
            }
            408 => return self.lose(id, now),
            481 => {
                self.end(id, Ended::Unreachable, None);
                return self.forget_call(id, now);
            }
            405 | 501 if by_update => {
                call.knows_update = false;
                timer.retry(Duration::ZERO, now);
            }
            // It cannot be asked in any way, so it is not held to an interval.
            405 | 501 => call.timer = None,
            491 => timer.retry(after_glare(call.dialog.ours, chance), now),
            422 if timer.lengthen(&response.headers, now) => {}
            _ => timer.put_off(now),
        }
        self.settle_call(id);
        self.follow_routes(id);
    }

    /// Takes a 2xx to our re-INVITE: the first one carries the answer to our offer, and every one is acknowledged.
    pub(super) fn handle_reinvite_answered(
        &mut self,
        id: CallRef,
        response: &Response,
        now: Instant,
    ) {
        let branch = self.branch();
        let cseq = response.headers.typed::<CSeq>().and_then(Result::ok);
        let (Some(call), Some(cseq)) = (self.calls.get_mut(id), cseq) else {
            return;
        };
        let flow = call.dialog.outward();
        if let Some(Reinvite::Acknowledged { cseq: before, ack }) = &call.reinvite
            && *before == cseq.sequence
        {
            let ack = ack.clone();
            return self.send(flow, ack);
        }
        call.dialog.refresh_target(&response.headers);
        let head = call.dialog.head(cseq.sequence, branch);
        let ack = head.write("ACK", &[], None, &self.agent);
        let is_over = call.session.is_over();
        self.send(flow, ack.clone());
        self.handle_refreshed(id, response, now);
        if let Some(call) = self.calls.get_mut(id) {
            let cseq = cseq.sequence;
            call.reinvite = Some(Reinvite::Acknowledged { cseq, ack });
        }
        if let Some(answer) = description(response).filter(|_| !is_over) {
            let answer = Some(answer);
            self.tell(Event::Renegotiated { call: id, answer });
        }
    }

    /// Sends an UPDATE, or to a peer that takes none a re-INVITE, that changes nothing, if nothing else is being changed.
    pub(super) fn refresh(&mut self, id: CallRef, now: Instant) {
        let full = self.is_full();
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(timer) = &mut call.timer else {
            return;
        };
        let described = call.described.as_ref().map(Description::print);
        if full || !matches!(call.session, Session::Confirmed) {
            timer.retry(limit::REFRESH_RETRY, now);
            return self.settle_call(id);
        }
        if self.waits_for_way(id, Errand::Refresh, now) {
            return;
        }
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(timer) = &call.timer else {
            return;
        };
        let fields = [
            ("Contact", call.dialog.contact(call.dialog.outward())),
            ("Allow", ALLOW.into()),
            ("Supported", SUPPORTED.into()),
            ("Session-Expires", timer.session_expires().into_bytes()),
        ];
        let (purpose, body) = match described {
            Some(offer) if !call.knows_update => (Purpose::Reinvite, Some(offer)),
            _ => (Purpose::Refresh, None),
        };
        let sent = self.request(id, purpose, &fields, body.as_deref(), now);
        if let Some(call) = self.calls.get_mut(id) {
            if sent.is_some() && purpose == Purpose::Reinvite {
                call.reinvite = Some(Reinvite::Asked);
            } else if sent.is_none()
                && let Some(timer) = &mut call.timer
            {
                timer.put_off(now);
            }
        }
        self.settle_call(id);
    }
}

/// Reads which session timer an INVITE or UPDATE asks for.
pub(super) fn wish(headers: &Headers) -> Result<Wish, Reply> {
    Wish::of(headers).map_err(|unfit| match unfit {
        Unfit::Malformed => Reply::new(400),
        Unfit::TooBrief => {
            let least = limit::SESSION_INTERVAL_MIN.as_secs();
            Reply::new(422).with("Min-SE", least.to_string())
        }
    })
}

/// Clips an interval of ours.
pub(super) fn interval_in_bounds(interval: Duration) -> Duration {
    interval.clamp(limit::SESSION_INTERVAL_MIN, limit::SESSION_INTERVAL_MAX)
}

/// Puts the agreed timer into a 200.
pub(super) fn announce_timer(reply: Reply, terms: Option<Terms>) -> Reply {
    let Some(terms) = terms else {
        return reply;
    };
    let reply = reply.with("Session-Expires", terms.session_expires());
    if terms.is_required() {
        reply.with("Require", "timer")
    } else {
        reply
    }
}

/// How long to wait where our change of a session has met the peer's (RFC 3261 §14.1): whose the Call-ID is waits for 2.1 s to 4 s,
/// the other for 2 s at most, so that they do not meet again.
fn after_glare(ours: bool, chance: u64) -> Duration {
    match ours {
        true => Duration::from_millis(2_100 + chance % 191 * 10),
        false => Duration::from_millis(chance % 201 * 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_whose_changes_have_met_ask_again_at_different_times() {
        for chance in (0..500).chain([u64::MAX]) {
            let first = after_glare(true, chance).as_millis();
            let second = after_glare(false, chance).as_millis();
            assert!((2_100..=4_000).contains(&first) && second <= 2_000);
            assert_eq!((first % 10, second % 10), (0, 0));
        }
        let latest = |ours| (0..500).map(|chance| after_glare(ours, chance)).max();
        assert_eq!(latest(true), Some(Duration::from_secs(4)));
        assert_eq!(latest(false), Some(Duration::from_secs(2)));
    }
}
