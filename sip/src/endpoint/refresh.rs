//! Refreshing sessions and letting them expire (RFC 4028): by the peer's re-INVITE or UPDATE, or by an UPDATE of ours.

use std::time::Instant;

use sipx_sip::{Headers, Response};

use super::{
    CallRef, Cause, Ended, Endpoint,
    client::Purpose,
    write::{ALLOW, Reply, SUPPORTED},
};
use crate::{
    limit,
    session::Session,
    session_timer::{Fired, Terms, Unfit, allows_update},
};

impl Endpoint {
    /// Decides on the session timer that an INVITE or UPDATE asks for; `knows_update` says what is known of the peer.
    pub(super) fn terms(
        &self,
        headers: &Headers,
        knows_update: bool,
    ) -> Result<Option<Terms>, Reply> {
        let able = allows_update(headers).unwrap_or(knows_update);
        Terms::answer(headers, self.session_interval, able).map_err(|unfit| match unfit {
            Unfit::Malformed => Reply::new(400),
            Unfit::TooBrief => {
                let least = limit::SESSION_INTERVAL_MIN.as_secs();
                Reply::new(422).with("Min-SE", least.to_string())
            }
        })
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
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
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
            // It cannot be asked in this way, so it is not held to an interval.
            405 | 501 => call.timer = None,
            491 => timer.retry(limit::REFRESH_RETRY, now),
            422 if timer.lengthen(&response.headers, now) => {}
            _ => timer.put_off(now),
        }
        self.settle_call(id);
    }

    /// Sends an UPDATE that changes nothing, if nothing else is being changed.
    fn refresh(&mut self, id: CallRef, now: Instant) {
        let full = self.is_full();
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(timer) = &mut call.timer else {
            return;
        };
        if full || !matches!(call.session, Session::Confirmed) {
            timer.retry(limit::REFRESH_RETRY, now);
            return self.settle_call(id);
        }
        let fields = [
            ("Contact", call.dialog.contact(call.dialog.flow)),
            ("Allow", ALLOW.into()),
            ("Supported", SUPPORTED.into()),
            ("Session-Expires", timer.session_expires().into_bytes()),
        ];
        if self.request(id, Purpose::Refresh, &fields, now).is_none()
            && let Some(call) = self.calls.get_mut(id)
            && let Some(timer) = &mut call.timer
        {
            // The peer may come back over another connection before the session expires.
            timer.put_off(now);
        }
        self.settle_call(id);
    }
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
