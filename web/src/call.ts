//! The call: one peer connection, audio only.
//!
//! The offer has one sendrecv transceiver without a track; the microphone is attached by `replaceTrack` when it is turned on
//! for the first time, so listening needs no permission. The server is ICE-lite with public candidates and the browser sends
//! the checks, so the offer goes without candidates, and only the answer puts it in force: candidates are gathered when it is
//! known whether the server has a way round strict firewalls. No other ICE servers are asked. The call does not touch the DOM.

import { Copies, preferCopies } from "./copies";
import type { Obstacle } from "./state";
import type { Quality, Relay } from "./wire";

/** What the call tells its owner. */
export type CallNews = { type: "remote"; stream: MediaStream } | { type: "connection"; state: RTCPeerConnectionState };

export class Call {
  #peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  #sender: RTCRtpSender;
  #seen = { received: 0, lost: 0 };
  #offer: RTCSessionDescriptionInit | null = null;
  #answer = "";
  #copies = new Copies();
  #copying = false;
  #tell: (news: CallNews) => void;

  constructor(tell: (news: CallNews) => void) {
    this.#tell = tell;
    this.#sender = this.#peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    this.#peer.ontrack = ({ track }) => this.#tell({ type: "remote", stream: new MediaStream([track]) });
    this.#peer.onconnectionstatechange = () => this.#tell({ type: "connection", state: this.#peer.connectionState });
  }

  /** Makes the offer; nothing is gathered or sent yet. */
  async offer(): Promise<string> {
    this.#offer = await this.#peer.createOffer();
    return this.#offer.sdp ?? "";
  }

  /** Begins: directly, and over the relay as well where there is one; the browser takes the best way that leads there. */
  async answer(sdp: string, relay: Relay | null): Promise<void> {
    this.#answer = sdp;
    if (relay) this.#take(relay);
    if (this.#offer) await this.#peer.setLocalDescription(this.#offer);
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
  }

  /** Attaches the microphone, or takes it away. */
  async attach(track: MediaStreamTrack | null): Promise<void> {
    await this.#sender.replaceTrack(track);
  }

  /** Judges the time since the last question by loss, jitter and round trip; `null` when no packet came. */
  async quality(): Promise<Quality | null> {
    let lost = 0;
    let received = 0;
    let jitter = 0;
    let roundTrip = 0;
    let lostUpwards = 0;
    (await this.#peer.getStats()).forEach((report: Record<string, unknown>) => {
      if (report.type === "inbound-rtp") {
        lost = number(report.packetsLost);
        received = number(report.packetsReceived);
        jitter = number(report.jitter);
      } else if (report.type === "remote-inbound-rtp") lostUpwards = number(report.fractionLost);
      else if (report.type === "candidate-pair" && report.nominated) roundTrip = number(report.currentRoundTripTime);
    });
    const news = { received: received - this.#seen.received, lost: lost - this.#seen.lost };
    this.#seen = { received, lost };
    await this.#protect(this.#copies.judge(lostUpwards));
    return news.received > 0 ? judge(Math.max(0, news.lost) / (news.received + Math.max(0, news.lost)), jitter, roundTrip) : null;
  }

  close(): void {
    this.#tell = () => {};
    this.#peer.close();
  }

  #take(relay: Relay): void {
    try {
      this.#peer.setConfiguration({ ...this.#peer.getConfiguration(), iceServers: [relay] });
    } catch {
      // Firefox before 119 takes no servers any more at this point; the direct way is left.
    }
  }

  /** Has copies sent, or none; what was agreed with the server stays as it is. */
  async #protect(wanted: boolean): Promise<void> {
    const preferred = preferCopies(this.#answer);
    if (wanted === this.#copying || preferred === null || !(await this.#settle())) return;
    try {
      await this.#peer.setLocalDescription(await this.#peer.createOffer());
      await this.#peer.setRemoteDescription({ type: "answer", sdp: wanted ? preferred : this.#answer });
      this.#copying = wanted;
    } catch {
      // The call goes on as it was.
      await this.#settle();
    }
  }

  /** Withdraws an offer that was not answered, or answers it with what is in force; tells whether nothing is open any more. */
  async #settle(): Promise<boolean> {
    if (this.#isOffering()) await this.#peer.setLocalDescription({ type: "rollback" }).catch(() => undefined);
    const sdp = this.#copying ? (preferCopies(this.#answer) ?? this.#answer) : this.#answer;
    if (this.#isOffering()) await this.#peer.setRemoteDescription({ type: "answer", sdp }).catch(() => undefined);
    return this.#peer.signalingState === "stable";
  }

  #isOffering(): boolean {
    return this.#peer.signalingState === "have-local-offer";
  }
}

/** Says what is asked of a microphone: one channel, since the mix has one, and treated for speech unless it is to be left as it is. */
export function capture(device: string | null, original: boolean): MediaTrackConstraints {
  const treated = !original;
  const audio = { echoCancellation: treated, noiseSuppression: treated, autoGainControl: treated, channelCount: 1 };
  return device ? { ...audio, deviceId: { exact: device } } : audio;
}

/** Opens a microphone; a device that is not there any more means the browser's choice. Chromium takes no notice of one that is only preferred. */
export async function openMicrophone(device: string | null, original: boolean): Promise<MediaStreamTrack> {
  // Browsers hide all of it from pages over plain http, and some apps from every page.
  if (!navigator.mediaDevices) throw new DOMException("the browser gives pages no microphone", "NotSupportedError");
  const ask = (id: string | null) => navigator.mediaDevices.getUserMedia({ audio: capture(id, original), video: false });
  const stream = await ask(device).catch((error: unknown) => {
    if (device && isAbsent(error)) return ask(null);
    throw error;
  });
  const [track] = stream.getAudioTracks();
  if (!track) throw new DOMException("the browser gave no audio track", "NotFoundError");
  return track;
}

/** Some browsers do not count the first of these among their DOMExceptions. */
function isAbsent(error: unknown): boolean {
  return error instanceof Error && ["OverconstrainedError", "NotFoundError"].includes(error.name);
}

/** Tells what kept a microphone from opening. Chromium and Safari call a device that another program holds unreadable, Firefox may abort. */
export function obstacleOf(error: unknown): Obstacle {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotSupportedError") return "unable";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "missing";
}

/** Lists the microphones; labels are filled once the person has permitted one. */
export async function microphones(): Promise<{ id: string; label: string }[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((d) => d.kind === "audioinput" && d.deviceId !== "").map((d) => ({ id: d.deviceId, label: d.label }));
}

/** The bounds follow ITU-T G.114 (delay) and what Opus conceals without being noticed (loss). */
function judge(loss: number, jitter: number, roundTrip: number): Quality {
  if (loss > 0.08 || roundTrip > 0.6 || jitter > 0.12) return "poor";
  if (loss > 0.02 || roundTrip > 0.3 || jitter > 0.05) return "fair";
  return "good";
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
