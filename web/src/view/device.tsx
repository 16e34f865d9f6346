//! The choice of a microphone, and its level.

import { useEffect, useRef } from "preact/hooks";
import type { Sound } from "../sound";
import { text } from "../text";
import { VOLUME_MAX } from "../state";
import type { Props } from "./app";

/** Level that counts as a voice, and for how many frames it must last. */
const VOICE_LEVEL = 0.35;
const VOICE_FRAMES = 6;
/** Fall of the bar per frame, so that it can be followed by eye. */
const FALL = 0.03;
/** A step of the volume by an arrow key, in percent. */
const VOLUME_STEP = 5;

/** A bar that follows the microphone. It moves by itself, outside the state: sixty times a second is no event. */
export function Meter({ sound, label, onVoice }: { sound: Sound; label: string; onVoice?: (() => void) | null }) {
  const bar = useRef<HTMLDivElement>(null);
  const voice = useRef(onVoice);
  voice.current = onVoice;
  useEffect(() => {
    let shown = 0;
    let frames = 0;
    let next = requestAnimationFrame(function draw() {
      const level = sound.level();
      shown = Math.max(level, shown - FALL);
      bar.current?.style.setProperty("--level", shown.toFixed(3));
      frames = level > VOICE_LEVEL ? frames + 1 : 0;
      if (frames === VOICE_FRAMES) voice.current?.();
      next = requestAnimationFrame(draw);
    });
    return () => cancelAnimationFrame(next);
  }, [sound]);
  return <div class="meter" ref={bar} role="img" aria-label={label} data-testid="meter" />;
}

export function DeviceChoice({ state, dispatch }: Pick<Props, "state" | "dispatch">) {
  const { language, devices, device } = state;
  if (devices.length === 0) return null;
  return (
    <div class="field">
      <label for="device">{text(language, "check.device")}</label>
      <select
        id="device"
        data-testid="device"
        value={device ?? devices[0]?.id ?? ""}
        onChange={(event) => dispatch({ type: "device-chosen", device: event.currentTarget.value })}
      >
        {devices.map(({ id, label }, index) => (
          <option key={id} value={id}>
            {label || text(language, "check.device.unnamed", { number: index + 1 })}
          </option>
        ))}
      </select>
    </div>
  );
}

/** How loud the others are, for this person alone. The slider says its value by itself, so the one beside it is for the eye. */
export function Volume({ state, dispatch }: Pick<Props, "state" | "dispatch">) {
  const { language, volume } = state;
  if (volume === null) return <p class="hint">{text(language, "volume.device")}</p>;
  const value = text(language, "volume.value", { volume });
  return (
    <div class="field">
      <label for="volume">{text(language, "volume.label")}</label>
      <div class="volume">
        <input
          id="volume"
          data-testid="volume"
          type="range"
          min={0}
          max={VOLUME_MAX}
          step={VOLUME_STEP}
          value={volume}
          aria-valuetext={volume > 0 ? value : text(language, "volume.none")}
          onInput={(event) => dispatch({ type: "volume-chosen", volume: event.currentTarget.valueAsNumber })}
        />
        <span class="volume-value" aria-hidden="true">
          {value}
        </span>
      </div>
    </div>
  );
}
