"""Packet loss concealment by ITU-T G.711 Appendix I, as the reference that ours is measured against.

Frames of 10 ms at 8 kHz. The sound is held back by 3.75 ms, so that the last quarter of a pitch period can still be
blended into what is made up; the result is shifted back by that.
"""

import numpy

LONGEST, SHORTEST = 120, 40
COMPARED, REMEMBERED, HELD, FRAME = 160, 390, 30, 80
# Frames of 10 ms after which an erasure is silent.
SILENT_AFTER = 6
LOSS_PER_FRAME = 0.2


def conceal(samples, lost):
    """Conceals the frames of 10 ms that are lost."""
    concealer = Concealer()
    out = [
        concealer.lose() if gone else concealer.hear(samples[at * FRAME : (at + 1) * FRAME].astype(float))
        for at, gone in enumerate(lost)
    ]
    return numpy.concatenate(out + [numpy.zeros(HELD)])[HELD:].clip(-32768, 32767).astype(numpy.int16)


class Concealer:
    """The state of one stream."""

    def __init__(self):
        self.history = numpy.zeros(REMEMBERED)
        self.erased = 0
        self.position = 0

    def hear(self, frame):
        frame = frame.copy()
        if self.erased:
            length = min(FRAME, self.quarter + (self.erased - 1) * 32)
            tail = self.continued(length) * self.gain()
            rising = numpy.arange(1, length + 1) / length
            frame[:length] = tail * (1 - rising) + frame[:length] * rising
            self.erased = 0
        return self.push(frame)

    def lose(self):
        if self.erased == 0:
            self.before = self.history.copy()
            self.period = self.find_period()
            self.quarter = self.period // 4
            self.position = 0
            self.repeat(1)
            self.history[-self.quarter :] = self.loop[-self.quarter :]
            frame = self.continued(FRAME)
        elif self.erased in (1, 2):
            position = self.position
            tail = self.continued(self.quarter)
            self.position = position % self.period
            self.repeat(self.erased + 1)
            frame = self.continued(FRAME)
            rising = numpy.arange(1, self.quarter + 1) / self.quarter
            frame[: self.quarter] = tail * (1 - rising) + frame[: self.quarter] * rising
            frame *= self.fall()
        elif self.erased < SILENT_AFTER:
            frame = self.continued(FRAME) * self.fall()
        else:
            frame = numpy.zeros(FRAME)
        self.erased += 1
        return self.push(frame)

    def push(self, frame):
        self.history = numpy.concatenate([self.history[FRAME:], frame])
        return self.history[-FRAME - HELD : -HELD].copy()

    def gain(self):
        return max(0.0, 1 - (self.erased - 1) * LOSS_PER_FRAME)

    def fall(self):
        return (self.gain() - LOSS_PER_FRAME * numpy.arange(1, FRAME + 1) / FRAME).clip(0)

    def find_period(self):
        recent = self.before[-COMPARED:]

        def likeness(lag):
            earlier = self.before[-COMPARED - lag : -lag]
            return recent @ earlier / numpy.sqrt(max(earlier @ earlier, 250.0))

        return max(range(LONGEST, SHORTEST - 1, -1), key=likeness)

    def repeat(self, periods):
        """Makes the last periods join their own beginning."""
        length = self.period * periods
        self.loop = self.before[-length:].copy()
        rising = numpy.arange(1, self.quarter + 1) / self.quarter
        earlier = self.before[-length - self.quarter : -length]
        self.loop[-self.quarter :] = self.loop[-self.quarter :] * (1 - rising) + earlier * rising

    def continued(self, count):
        out = self.loop[(self.position + numpy.arange(count)) % len(self.loop)]
        self.position = (self.position + count) % len(self.loop)
        return out
