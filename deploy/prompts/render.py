#!/usr/bin/env python3
"""Renders the spoken clips of the catalogue into deploy/prompts/<wording>/<clip>.opus, with a manifest of each wording.

Needs Python 3.11, opusenc (Debian: opus-tools) and the SVOX Pico voices, which come with one package:

    python3 -m venv target/prompts && target/prompts/bin/pip install ttspico==0.3.2
    target/prompts/bin/python deploy/prompts/render.py

A clip whose words have not changed is left alone; --all renders every clip, --check only reports, --reproduce renders some
of each wording and compares them, octet by octet, with the files that are there. Ogg Opus, 16 kHz mono,
24 kbit/s, speech at -26 dBov while active (ITU-T P.56 simplified: mean over the 20 ms frames within 25 dB of the loudest),
silence trimmed to a short lead and tail. The same versions of the tools give the same bytes, whatever else is rendered.
"""

import argparse
import array
import hashlib
import io
import math
import pathlib
import subprocess
import sys
import tomllib
import typing
import wave

ROOT = pathlib.Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "src" / "conference" / "catalogue"
PROMPTS = ROOT / "deploy" / "prompts"

# Speech a little slower than the voice's default, for ears on a telephone; and slower still where words are to be easy.
SPEED = 92
SPEED_EASY = 74


class Wording(typing.NamedTuple):
    """How the catalogue is worded."""

    voice: str
    # The language in whose words is said what it does not say differently.
    language: str
    speed: int
    # Whether it has a recording of every clip, or only of those that it says differently.
    whole: bool


WORDINGS = {
    "de": Wording("de-DE", "de", SPEED, True),
    "en": Wording("en-GB", "en", SPEED, True),
    "de-du": Wording("de-DE", "de", SPEED, False),
    "de-einfach": Wording("de-DE", "de", SPEED_EASY, True),
}

RATE = 16_000
FRAME = RATE // 50
BITRATE = 24
ACTIVE_LEVEL = -26.0
PEAK_MAX = -3.0
# Frames quieter than this below the loudest are pause, not speech.
ACTIVE_RANGE = 25.0
LEAD = RATE // 25
TAIL = RATE // 8
# The voice's default volume clips its loud vowels.
VOLUME = 40
# What is played to the waiting: chords of two sines, well below speech, swelling and fading so that nothing clicks.
SOUND_LEVEL = -38.0
# What tells that somebody comes or goes: two soft notes a fifth apart, upwards or downwards.
TONE_LEVEL = -32.0
TONES = (440.0, 660.0)
TONE_SECONDS = 0.3
TONE_SLOPE = 0.06
CHORDS = [(220.0, 330.0), (246.94, 369.99), (196.0, 293.66), (220.0, 330.0)]
CHORD_SECONDS = 3.0
# The tone after which somebody may speak: one sine, as loud as speech, with slopes that do not click.
TEST_TONE_LEVEL = -26.0
TEST_TONE_HERTZ = 880.0
TEST_TONE_SECONDS = 0.4
TEST_TONE_SLOPE = 0.03
# What --reproduce renders of each wording that has it: short and long words, sentences, and a sound.
REPRODUCED = ("ask-pin", "digit-3", "help-menu", "hello", "tone-in", "waiting-sound", "you-are-muted")
# Words that the voice would spell.
RESPELLED = {"en": {"PIN": "pin"}}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--all", action="store_true", help="render every clip")
    arguments.add_argument("--check", action="store_true", help="report what is out of date and measure")
    arguments.add_argument("--reproduce", action="store_true", help="render some clips and compare them with the files")
    arguments = arguments.parse_args()
    if arguments.reproduce:
        return 1 if sum(differing(name, wording) for name, wording in WORDINGS.items()) else 0
    stale = 0
    for name, wording in WORDINGS.items():
        stale += render_wording(name, wording, arguments)
    return 1 if arguments.check and stale else 0


def clips_of(name):
    return tomllib.loads((CATALOGUE / f"{name}.toml").read_text("utf-8"))["clip"]


def all_clips(name, wording):
    clips = clips_of(name)
    return clips_of(wording.language) | clips if wording.whole else clips


def differing(name, wording):
    """Renders some clips of a wording; returns how many differ from their files."""
    found, voice = 0, Voice(wording)
    for clip, words in sorted(all_clips(name, wording).items()):
        if clip not in REPRODUCED:
            continue
        same = (PROMPTS / name / f"{clip}.opus").read_bytes() == encode(sound_of(clip, words, voice), clip)
        print(f"{name}/{clip}: {'the same' if same else 'DIFFERENT'}")
        found += not same
    return found


def sound_of(clip, words, voice):
    return SOUNDS[clip]() if clip in SOUNDS else level_out(trim(voice.speak(words)))


def render_wording(name, wording, arguments):
    clips = all_clips(name, wording)
    folder = PROMPTS / name
    folder.mkdir(parents=True, exist_ok=True)
    manifest_path = folder / "manifest.toml"
    manifest = tomllib.loads(manifest_path.read_text("utf-8")) if manifest_path.exists() else {}
    stale, voice = 0, None
    for clip, words in sorted(clips.items()):
        path = folder / f"{clip}.opus"
        if not arguments.all and is_fresh(path, words, manifest.get(clip)):
            continue
        stale += 1
        if arguments.check:
            print(f"{path.relative_to(ROOT)} is out of date")
            continue
        voice = voice or Voice(wording)
        path.write_bytes(encode(sound_of(clip, words, voice), clip))
        manifest[clip] = describe(path, words)
        print(f"{name}/{clip}: {manifest[clip]}")
    if not arguments.check:
        remove_strangers(folder, clips)
        manifest_path.write_text(print_manifest({clip: manifest[clip] for clip in sorted(clips)}), "utf-8")
    return stale


def is_fresh(path, words, noted):
    return (
        noted is not None
        and path.exists()
        and noted["text"] == sha256(words.encode())
        and noted["file"] == sha256(path.read_bytes())
    )


def remove_strangers(folder, clips):
    for path in folder.glob("*.opus"):
        if path.stem not in clips:
            path.unlink()


class Voice:
    """A Pico voice."""

    def __init__(self, wording):
        self.wording = wording
        self.respelled = RESPELLED.get(wording.language, {})

    def speak(self, words):
        """Speaks as the first thing an engine ever says: what it has said before changes how it goes on."""
        import ttspico

        engine = ttspico.TtsEngine(self.wording.voice)
        engine.rate = self.wording.speed
        engine.volume = VOLUME
        for written, spoken in self.respelled.items():
            words = words.replace(written, spoken)
        samples = array.array("h", engine.speak(words))
        if max(samples) == 32767 or min(samples) == -32768:
            raise SystemExit(f"the voice clips: {words}")
        return samples


def waiting_sound():
    """Synthesizes the sound of waiting: the same in every language, nobody's music."""
    length = round(CHORD_SECONDS * RATE)
    amplitude = 10 ** (SOUND_LEVEL / 20) * 32768
    samples = array.array("h")
    for chord in CHORDS:
        for index in range(length):
            swell = math.sin(math.pi * index / length) ** 2
            tones = sum(math.sin(2 * math.pi * hertz * index / RATE) for hertz in chord)
            samples.append(round(amplitude * swell * tones))
    return samples


def notes(*hertz):
    """Synthesizes notes one after another, each with soft slopes."""
    length, slope = round(TONE_SECONDS * RATE), TONE_SLOPE * RATE
    amplitude = 10 ** (TONE_LEVEL / 20) * 32768 * math.sqrt(2)
    samples = array.array("h")
    for note in hertz:
        for index in range(length):
            edge = min(index, length - 1 - index, slope) / slope
            swell = math.sin(math.pi / 2 * edge) ** 2
            samples.append(round(amplitude * swell * math.sin(2 * math.pi * note * index / RATE)))
    return samples


def tone():
    """Synthesizes the tone after which somebody may speak."""
    length = round(TEST_TONE_SECONDS * RATE)
    amplitude = 10 ** (TEST_TONE_LEVEL / 20) * 32768 * math.sqrt(2)
    samples = array.array("h")
    for index in range(length):
        slope = min(1.0, index / (TEST_TONE_SLOPE * RATE), (length - index) / (TEST_TONE_SLOPE * RATE))
        samples.append(round(amplitude * slope * math.sin(2 * math.pi * TEST_TONE_HERTZ * index / RATE)))
    return samples


# Clips that are not spoken: the catalogue has a description of them in place of their words.
SOUNDS = {
    "waiting-sound": waiting_sound,
    "tone-in": lambda: notes(*TONES),
    "tone-out": lambda: notes(*reversed(TONES)),
    "tone-on": lambda: notes(523.25, 659.26),
    "tone-off": lambda: notes(659.26, 523.25),
    "tone-yes": lambda: notes(880.0),
    "test-tone": tone,
    "tone-no": lambda: notes(330.0, 330.0),
}


def frames(samples):
    return [samples[start : start + FRAME] for start in range(0, len(samples), FRAME)]


def power(samples):
    return sum(sample * sample for sample in samples) / max(len(samples), 1) / 32768**2


def decibel(value):
    return 10 * math.log10(max(value, 1e-12))


def active_frames(samples):
    powers = [power(frame) for frame in frames(samples)]
    floor = max(powers) / 10 ** (ACTIVE_RANGE / 10)
    return [(index, value) for index, value in enumerate(powers) if value >= floor]


def active_level(samples):
    active = active_frames(samples)
    return decibel(sum(value for _, value in active) / len(active))


def trim(samples):
    active = active_frames(samples)
    first, last = active[0][0] * FRAME, (active[-1][0] + 1) * FRAME
    kept = samples[max(0, first - LEAD) : last + TAIL]
    for index in range(min(LEAD // 2, len(kept))):
        kept[index] = kept[index] * index // (LEAD // 2)
        kept[-1 - index] = kept[-1 - index] * index // (LEAD // 2)
    return kept


def level_out(samples):
    peak = max(abs(sample) for sample in samples) / 32768
    gain = 10 ** ((ACTIVE_LEVEL - active_level(samples)) / 20)
    gain = min(gain, 10 ** (PEAK_MAX / 20) / peak)
    return array.array("h", (round(sample * gain) for sample in samples))


def encode(samples, clip):
    # The stream's number comes from the clip's name, so that a new clip leaves those of the others alone.
    serial = int.from_bytes(hashlib.sha256(clip.encode()).digest()[:3], "big")
    command = ["opusenc", "--quiet", "--speech", "--bitrate", str(BITRATE), "--comp", "10", "--framesize", "20"]
    command += ["--serial", str(serial), "--discard-comments", "--padding", "0", "-", "-"]
    return subprocess.run(command, input=as_wave(samples), stdout=subprocess.PIPE, check=True).stdout


def as_wave(samples):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return buffer.getvalue()


def describe(path, words):
    """Notes what a recording was made from and what a listener gets, measured on the decoded file."""
    command = ["opusdec", "--quiet", "--rate", str(RATE), "--no-dither", str(path), "-"]
    heard = array.array("h", subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    data = path.read_bytes()
    return {
        "text": sha256(words.encode()),
        "file": sha256(data),
        "seconds": round(len(heard) / RATE, 2),
        "level": round(active_level(heard), 1),
        "peak": round(decibel((max(abs(sample) for sample in heard) / 32768) ** 2), 1),
    }


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def print_manifest(manifest):
    lines = ["# Written by render.py: hashes of words and file, seconds, active level and peak in dBov."]
    for clip, noted in manifest.items():
        lines.append(f"\n[{clip}]")
        lines += [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in noted.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
