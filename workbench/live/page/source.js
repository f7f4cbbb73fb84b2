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
  if (!window.isSecureContext) return "The browser gives a microphone only to https or to 127.0.0.1.";
  if (!window.AudioWorkletNode) return "This browser has no AudioWorklet: use a newer one.";
  if (!navigator.mediaDevices?.getUserMedia) return "This browser has no access to a microphone: use a newer one.";
  return "";
}

export class Source {
  // onBlock(samples, rate) receives each block; onChange() is called if the sound starts, pauses or ends.
  constructor(onBlock, onChange) {
    this.onBlock = onBlock;
    this.onChange = onChange;
    this.kind = "";
    this.paused = false;
    this.problem = "";
    this.latency_ms = null;
    this.generation = 0;
    const wake = () => this.wake();
    document.addEventListener("visibilitychange", wake);
    navigator.mediaDevices?.addEventListener?.("devicechange", wake);
  }

  async start(kind) {
    await this.stop();
    const generation = ++this.generation;
    try {
      await (kind === "song" ? this.openSong() : this.openMicrophone());
      if (generation !== this.generation) return;
      Object.assign(this, { kind, paused: false, problem: "" });
    } catch (error) {
      if (generation !== this.generation) return;
      await this.stop();
      this.problem = REASONS[error.name] ?? `The sound cannot be opened: ${error.message}`;
    }
    this.onChange();
  }

  async stop() {
    this.generation++;
    this.endSong?.();
    this.stream?.getTracks().forEach((track) => track.stop());
    const context = this.context;
    Object.assign(this, { endSong: null, stream: null, context: null, kind: "", latency_ms: null });
    await context?.close();
  }

  async pause(paused) {
    this.paused = paused;
    await (paused ? this.context?.suspend() : this.context?.resume());
    this.onChange();
  }

  async openContext() {
    const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
    await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const options = { numberOfOutputs: 1, channelCount: 1, channelCountMode: "explicit" };
    const capture = new AudioWorkletNode(context, "capture", options);
    capture.port.onmessage = ({ data }) => {
      if (context === this.context && !this.paused) this.onBlock(data, context.sampleRate);
    };
    capture.connect(context.destination); // its output is silent; a node without a destination is not run
    await context.resume();
    return capture;
  }

  async openMicrophone() {
    const reason = unsupportedReason();
    if (reason) throw new Error(reason);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN });
    const capture = await this.openContext();
    this.stream = stream;
    const [track] = stream.getAudioTracks();
    this.latency_ms = 1000 * (track.getSettings().latency ?? NaN);
    track.addEventListener("ended", () => this.stream === stream && this.wake());
    this.context.createMediaStreamSource(stream).connect(capture);
  }

  async openSong() {
    const capture = await this.openContext();
    const voice = new GainNode(this.context);
    voice.connect(capture);
    voice.connect(new GainNode(this.context, { gain: 0.5 })).connect(this.context.destination);
    this.endSong = playSong(this.context, voice);
  }

  // After sleep, or if a headset was plugged in: goes on, with a new microphone if the old one has ended.
  async wake() {
    if (!this.context || this.paused || document.hidden) return;
    const ended = this.stream?.getAudioTracks().every((track) => track.readyState === "ended");
    if (ended || this.context.state === "closed") await this.start(this.kind);
    else if (this.context.state !== "running") await this.context.resume();
  }
}
