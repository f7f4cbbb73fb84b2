// The sound: a microphone or the built-in song, as blocks of samples.

import { playSong } from "./song.js";

const REASONS = {
  NotAllowedError: "The microphone is blocked: allow it for this address in the browser, or play the song.",
  NotFoundError: "No microphone was found: connect one, or play the song.",
  NotReadableError: "The microphone cannot be opened: another program may be using it.",
};
// What a browser does to a voice in a call changes its pitch and level.
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };

export function unsupportedReason() {
  if (!window.isSecureContext) return "The browser gives sound only to pages of https or 127.0.0.1.";
  if (!window.AudioWorkletNode) return "This browser has no AudioWorklet: use a newer one.";
  if (!navigator.mediaDevices?.getUserMedia) return "This browser has no access to a microphone: use a newer one.";
  return "";
}

// Finds audio that the browser lost, because the machine slept or was too busy: no block came for a while.
export class Gaps {
  static LOST_MS = 250;
  static BURST_MS = 50; // a browser runs the audio thread for some blocks at once
  static SETTLED_MS = 2000;

  // Returns how many blocks are lost before a block; null if it is one of them, which a browser may still send.
  before(at_ms, block_ms) {
    const silent_ms = at_ms - (this.at_ms ?? at_ms);
    this.at_ms = at_ms;
    if (silent_ms > Gaps.LOST_MS) Object.assign(this, { end_ms: at_ms, since_ms: 0 });
    const after_ms = at_ms - this.end_ms;
    if (after_ms < Gaps.SETTLED_MS && this.since_ms > after_ms + Gaps.BURST_MS) return null;
    this.since_ms += block_ms;
    return silent_ms > Gaps.LOST_MS ? Math.round(silent_ms / block_ms) : 0;
  }
}

export class Source {
  // onBlock(samples, rate, lost) receives each block, with the number of blocks before it that are lost; onChange() is
  // called if the sound starts, pauses or ends.
  constructor(onBlock, onChange) {
    this.onBlock = onBlock;
    this.onChange = onChange;
    this.kind = "";
    this.paused = false;
    this.problem = "";
    this.sound = null; // what is open: { gaps, context, stream, endSong }
    const wake = () => this.wake();
    document.addEventListener("visibilitychange", wake);
    navigator.mediaDevices?.addEventListener?.("devicechange", wake);
  }

  async start(kind) {
    await this.stop();
    const sound = (this.sound = { gaps: new Gaps() });
    let problem = "";
    try {
      await (kind === "song" ? this.openSong(sound) : this.openMicrophone(sound));
    } catch (error) {
      problem = REASONS[error.name] ?? error.message;
    }
    if (problem || sound !== this.sound) await close(sound);
    if (sound !== this.sound) return; // another one was started meanwhile
    if (problem) this.sound = null;
    Object.assign(this, { kind: problem ? "" : kind, problem });
    this.onChange();
  }

  async stop() {
    const { sound } = this;
    Object.assign(this, { sound: null, kind: "", paused: false });
    if (sound) await close(sound);
  }

  async pause(paused) {
    this.paused = paused;
    if (this.sound) this.sound.gaps = new Gaps();
    const context = this.sound?.context;
    await (paused ? context?.suspend() : context?.resume());
    this.onChange();
  }

  // What the browser states for the delay of the microphone, in milliseconds; NaN if it states nothing.
  get latency_ms() {
    return 1000 * (this.sound?.stream?.getAudioTracks()[0].getSettings().latency ?? NaN);
  }

  async openContext(sound) {
    if (!window.AudioWorkletNode) throw new Error(unsupportedReason());
    const context = (sound.context = new AudioContext({ latencyHint: "interactive" }));
    await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const options = { numberOfOutputs: 1, channelCount: 1, channelCountMode: "explicit" };
    const capture = new AudioWorkletNode(context, "capture", options);
    capture.port.onmessage = ({ data: { samples, at_ms } }) => {
      if (sound !== this.sound || this.paused) return;
      const lost = sound.gaps.before(at_ms, (1000 * samples.length) / context.sampleRate);
      if (lost !== null) this.onBlock(samples, context.sampleRate, lost);
    };
    capture.connect(context.destination); // its output is silent; a node without a destination is not run
    await context.resume();
    return capture;
  }

  async openMicrophone(sound) {
    const reason = unsupportedReason();
    if (reason) throw new Error(reason);
    sound.stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN });
    const capture = await this.openContext(sound);
    sound.stream.getAudioTracks()[0].addEventListener("ended", () => sound === this.sound && this.wake());
    sound.context.createMediaStreamSource(sound.stream).connect(capture);
  }

  async openSong(sound) {
    const capture = await this.openContext(sound);
    const voice = new GainNode(sound.context);
    voice.connect(capture);
    voice.connect(new GainNode(sound.context, { gain: 0.5 })).connect(sound.context.destination);
    sound.endSong = playSong(sound.context, voice);
  }

  // After sleep, or if a headset was plugged in: goes on, with a new microphone if the old one has ended.
  async wake() {
    if (!this.kind || this.paused || document.hidden) return;
    const { context, stream } = this.sound;
    const ended = stream?.getAudioTracks().every((track) => track.readyState === "ended");
    if (ended || context.state === "closed") await this.start(this.kind);
    else if (context.state !== "running") await context.resume();
  }
}

async function close({ context, stream, endSong }) {
  endSong?.();
  stream?.getTracks().forEach((track) => track.stop());
  if (context && context.state !== "closed") await context.close();
}
