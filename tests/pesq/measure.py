#!/usr/bin/env python3
"""Measures what a bad link costs in PESQ (ITU-T P.862), and fails where that is more than promised.

    python3 tests/pesq/measure.py target/release/examples/link

Speech comes from the voice that also speaks the prompts. It is synthesized, sent through the link by `dsp/examples/link.rs`
and judged in a temporary folder; nothing of it is kept. The packages it needs go into target/pesq.

The bars: Opus loses at most 0.5 against a clean link, with copies of earlier packets (RFC 2198), for browsers that take them,
and with its own forward error correction alone. That this misses it where packets are lost in bursts is known and said each
time; ARCHITECTURE.md has what was tried. What it loses then must not grow beyond what it was.
G.711 and G.722 are at most 0.1 worse than G.711 Appendix I is with the same packets lost.
"""

import pathlib
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "pesq"
PACKAGES = ["pesq==0.0.4", "numpy", "ttspico==0.3.2"]

SENTENCES = [
    "Good morning everybody, I hope you can all hear me. We have three points on the agenda today.",
    "The first one is the budget for next year, and I would like to begin with the numbers from the spring.",
    "Could somebody please write that down? I am afraid my keyboard is making far too much noise.",
    "We moved the delivery to the fourteenth of June, because the paint needs another week to dry.",
    "No, I think the other way round. The customer called us, and then we sent them the new contract.",
    "She sells fresh bread at the market, and every Saturday there is a queue around the corner.",
    "The old bridge over the river was closed in winter, so the bus takes a longer way through the hills.",
    "If nobody has any questions, let us look at the picture on page seven and talk about the roof.",
    "My brother bought a blue bicycle, rode it twice, and put it into the cellar for eleven years.",
    "Thank you very much for your patience. We will meet again on Thursday at a quarter past nine.",
]
LINKS, SEEDS = ("Random", "Bursts"), range(5)
OPUS = ("Opus", "OpusRed")
OPUS_LOSS_MAX = 0.5
# What misses that bar, and the most it may lose all the same.
KNOWN_MISSES = {("Bursts", "Opus"): 0.85}
BEHIND_APPENDIX_MAX = 0.1


def main():
    if sys.prefix == sys.base_prefix:
        return bootstrap()
    if len(sys.argv) != 2:
        raise SystemExit("The program `link` is wanted: cargo build --release -p dsp --example link")
    with tempfile.TemporaryDirectory() as folder:
        said, heard = pathlib.Path(folder) / "said", pathlib.Path(folder) / "heard"
        said.mkdir()
        heard.mkdir()
        speak(said)
        subprocess.run([sys.argv[1], said, heard], check=True, stdout=subprocess.DEVNULL)
        return report(judge(heard))


def bootstrap():
    """Runs this script again with what it needs."""
    python = HOME / "bin" / "python"
    wanted = HOME / "installed"
    if not wanted.exists() or wanted.read_text() != repr(PACKAGES):
        venv.create(HOME, with_pip=True, clear=True)
        installed = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES])
        if installed.returncode:
            raise SystemExit(
                "PESQ was not measured: the Python packages " + ", ".join(PACKAGES) + " could not be installed. "
                "They come from the network the first time and are kept in target/pesq."
            )
        wanted.write_text(repr(PACKAGES))
    return subprocess.run([python, __file__, *sys.argv[1:]]).returncode


def speak(folder):
    import array
    import wave

    import ttspico

    engine = ttspico.TtsEngine("en-GB")
    engine.volume = 40
    for number, sentence in enumerate(SENTENCES):
        # The voice is 8 dB louder than people on the telephone.
        spoken = array.array("h", engine.speak(sentence))
        with wave.open(str(folder / f"s{number}.wav"), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(16_000)
            out.writeframes(array.array("h", (sample * 2 // 5 for sample in spoken)).tobytes())


def judge(folder):
    """Returns for each link and codec the mean scores."""
    import concurrent.futures

    cases = [("Clean", codec, number, 0) for codec in ("Pcmu", "G722", *OPUS) for number in range(len(SENTENCES))]
    cases += [
        (link, codec, number, seed)
        for link in LINKS
        for codec in ("Pcmu", "G722", *OPUS, "Appendix I")
        for number in range(len(SENTENCES))
        for seed in SEEDS
    ]
    with concurrent.futures.ProcessPoolExecutor() as pool:
        scores = list(pool.map(score, [folder] * len(cases), cases, chunksize=8))
    means = {}
    for link, codec in {case[:2] for case in cases}:
        mine = [value for case, value in zip(cases, scores) if case[:2] == (link, codec)]
        means[link, codec] = sum(mine) / len(mine)
    return means


def score(folder, case):
    import numpy
    import pesq

    link, codec, number, seed = case
    rate, mode = (16, "wb") if codec in OPUS else (8, "nb")
    said = samples(folder / f"s{number}.said.{rate}.wav")
    if codec == "Appendix I":
        from appendix import conceal

        lost = (folder / f"s{number}.Pcmu.{link}.{seed}.lost").read_text()
        coded = samples(folder / f"s{number}.coded.8.wav")
        gone = [flag == "1" for flag in lost[len(lost) // 2 :] for _ in range(2)]
        heard = conceal(coded, gone[: len(coded) // 80])
    else:
        heard = samples(folder / f"s{number}.{codec}.{link}.{seed}.{rate}.wav")
    return float(pesq.pesq(rate * 1000, numpy.asarray(said), numpy.asarray(heard), mode))


def samples(path):
    import wave

    import numpy

    with wave.open(str(path), "rb") as file:
        return numpy.frombuffer(file.readframes(file.getnframes()), "<i2")


def report(means):
    """Prints the scores; returns 1 if a bar is missed."""
    print(f"{'':12}{'Clean':>10}" + "".join(f"{link:>10}" for link in LINKS))
    for codec in (*OPUS, "G722", "Pcmu", "Appendix I"):
        columns = (means.get((link, codec)) for link in ("Clean", *LINKS))
        print(f"{codec:12}" + "".join(" " * 10 if mean is None else f"{mean:10.2f}" for mean in columns))
    missed, known = [], []
    for link in LINKS:
        for codec in OPUS:
            lost = means["Clean", codec] - means[link, codec]
            print(f"{link}: {codec} loses {lost:.2f}")
            if lost > OPUS_LOSS_MAX:
                accepted = lost <= KNOWN_MISSES.get((link, codec), OPUS_LOSS_MAX)
                (known if accepted else missed).append(f"MISSED {link}: {codec} loses {lost:.2f}, more than {OPUS_LOSS_MAX}")
        for codec in ("Pcmu", "G722"):
            behind = means[link, "Appendix I"] - means[link, codec]
            if behind > BEHIND_APPENDIX_MAX:
                missed.append(f"MISSED {link}: {codec} is {behind:.2f} behind G.711 Appendix I, more than {BEHIND_APPENDIX_MAX}")
    print("\n".join([*missed, *(f"{miss} (known, see ARCHITECTURE.md)" for miss in known)]))
    if not missed:
        print(f"met    every other bar ({len(known)} known to be missed)" if known else "met    every bar")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
