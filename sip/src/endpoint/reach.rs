//! Reaching a peer again whose connection is gone: what is to be asked there waits until the door has found a way (RFC 3261
//! §12.2.1.1), or the peer comes back by itself, or there is none.

use std::time::Instant;

use super::{
    CallRef, Endpoint, Event,
    client::{Asker, Purpose},
    timers::{Owner, PATIENCE},
};
use crate::{
    limit,
    redact::Pii,
    session::{CutOff, Errand, Reinvite},
};

impl Endpoint {
    /// Lets a request of a call wait if its connection is gone, and asks the door for another way; false if it can be sent.
    pub(super) fn waits_for_way(&mut self, id: CallRef, errand: Errand, now: Instant) -> bool {
        if !self.is_cut_off(id) {
            return false;
        }
        let Some(call) = self.calls.get_mut(id) else {
            return false;
        };
        if let Some(cut_off) = &mut call.cut_off {
            cut_off.add(errand);
            return true;
        }
        call.cut_off = Some(CutOff {
            errands: vec![errand],
            until: now + PATIENCE,
        });
        let (flow, alone) = (call.dialog.flow, call.dialog.alone);
        match call.dialog.place_again() {
            Some(place) => {
                let (call, place) = (id, Pii::new(place));
                self.tell(Event::Disconnected {
                    call,
                    flow,
                    place,
                    alone,
                });
                self.settle_call(id);
            }
            None => self.no_way(id, now),
        }
        true
    }

    /// Sends what waits, if there is a way now.
    pub(super) fn take_way(&mut self, id: CallRef, now: Instant) {
        if self.is_cut_off(id) {
            return;
        }
        let call = self.calls.get_mut(id);
        let Some(cut_off) = call.and_then(|call| call.cut_off.take()) else {
            return;
        };
        for errand in cut_off.errands {
            self.run(id, errand, now);
        }
        self.settle_call(id);
    }

    /// Sends what waits in all calls that have a way now.
    pub(super) fn take_ways(&mut self, now: Instant) {
        let waiting: Vec<CallRef> = self.calls.cut_off().collect();
        for call in waiting {
            self.take_way(call, now);
        }
    }

    /// Gives up what waits: there is no way.
    pub(super) fn no_way(&mut self, id: CallRef, now: Instant) {
        let call = self.calls.get_mut(id);
        let Some(cut_off) = call.and_then(|call| call.cut_off.take()) else {
            return;
        };
        for errand in cut_off.errands {
            match errand {
                Errand::Bye => self.forget_call(id, now),
                Errand::Ping => self.tell(Event::Unasked { call: id }),
                Errand::Refresh => {
                    let call = self.calls.get_mut(id);
                    if let Some(timer) = call.and_then(|call| call.timer.as_mut()) {
                        timer.put_off(now);
                    }
                }
            }
        }
        self.settle_call(id);
    }

    /// The connection of a request is lost: what belongs to a call is asked again, as often as is worth it.
    pub(super) fn handle_cut(&mut self, id: u64, now: Instant) {
        let Some((call, errand)) = self.errand_of(id) else {
            return self.handle_no_response(id, now);
        };
        let again = self.calls.get_mut(call).filter(|of| of.cuts < limit::CUTS);
        let Some(of) = again else {
            return self.handle_no_response(id, now);
        };
        of.cuts += 1;
        match errand {
            Errand::Bye => {}
            Errand::Ping => of.ping = None,
            Errand::Refresh => {
                of.reinvite.take_if(|asked| Reinvite::is_asked(asked));
            }
        }
        self.clients.remove(id);
        self.schedule.set(Owner::Client(id), None);
        self.run(call, errand, now);
    }

    /// The peer of a call is there.
    pub(super) fn heard_of(&mut self, id: CallRef) {
        if let Some(call) = self.calls.get_mut(id) {
            call.cuts = 0;
        }
    }

    fn run(&mut self, id: CallRef, errand: Errand, now: Instant) {
        match errand {
            Errand::Bye => self.say_bye(id, now),
            Errand::Ping => self.ping(id, now),
            Errand::Refresh => self.refresh(id, now),
        }
    }

    /// What a request without response was sent for, if it can be sent again.
    fn errand_of(&mut self, id: u64) -> Option<(CallRef, Errand)> {
        let client = self.clients.get_mut(id)?;
        let Asker::Call(call) = client.asker else {
            return None;
        };
        let errand = match client.purpose {
            Purpose::Bye => Errand::Bye,
            Purpose::Ping => Errand::Ping,
            Purpose::Refresh | Purpose::Reinvite => Errand::Refresh,
            Purpose::Invite
            | Purpose::Cancel
            | Purpose::Prack
            | Purpose::Dismiss
            | Purpose::Register
            | Purpose::Probe
            | Purpose::Sound => return None,
        };
        (!client.state.is_answered()).then_some((call, errand))
    }

    /// Whether requests of a call would go over a connection that is gone.
    fn is_cut_off(&self, id: CallRef) -> bool {
        self.calls.get(id).is_some_and(|call| {
            let flow = call.dialog.outward();
            flow.protocol.is_stream() && !self.streams.contains_key(&flow)
        })
    }
}
