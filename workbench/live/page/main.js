// Connects the parts of the page: sound, socket, curve, table, takes, buttons and keys.

import { StreamClock } from "./clock.js";
import { Connection } from "./connection.js";
import { Curve } from "./curve.js";
import { noteName } from "./notes.js";
import { Programs } from "./programs.js";
import { Readout } from "./readout.js";
import { Tone } from "./sound/song.js";
import { Source, unsupportedReason } from "./sound/source.js";
import { Takes } from "./takes.js";

const THRESHOLD_STEP = 0.02;
const element = (id) => document.getElementById(id);

let changed = true; // since the last picture
const onChange = () => (changed = true);

const clock = new StreamClock();
const programs = new Programs(element("programs"), onChange);
const curve = new Curve(element("curve"), onChange);
const readout = new Readout();
const tone = new Tone();
let threshold = 0.12;
let thresholdChosen = false;
let rate = 0;

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

const say = (text, isBad = false) => {
  element("state").textContent = text;
  element("state").classList.toggle("bad", isBad);
};

const source = new Source((samples, sampleRate, lost) => {
  rate = sampleRate;
  const blocks = connection.send(samples, sampleRate, lost);
  if (blocks) clock.arrived(blocks * samples.length, sampleRate);
}, showSource);

const connection = new Connection(
  (message) => handlers[message.kind](message),
  (reason, again) => {
    takes.recording = false;
    showSource();
    const next = again ? "Connecting again…" : "Reload the page to connect again.";
    say(`Disconnected: ${reason || "the workbench has ended"}. ${next}`, true);
  },
);
const takes = new Takes(connection, element("takes-section"), element("takes"), say);

const handlers = {
  hello(message) {
    takes.client = message.client;
    programs.open(message.programs);
    if (!thresholdChosen) setThreshold(message.threshold);
    restart();
    say(unsupportedReason() || "Ready: press Microphone or Song.", Boolean(unsupportedReason()));
    showSource();
  },
  frames(message) {
    programs.frames(message);
    onChange();
  },
  status(message) {
    programs.status(message.programs, threshold);
    showStream(message);
    takes.recording = message.recording_s !== null;
    element("record").textContent = takes.recording ? `Stop ${message.recording_s.toFixed(0)} s` : "Record";
    element("record").classList.toggle("recording", takes.recording);
  },
  failed(message) {
    programs.failed(message);
    say(`${programs.list[message.program].name}: ${message.reason}`, true);
  },
  take(message) {
    takes.add(message);
    say(`${message.file} is written.`);
  },
};

function showStream({ drop_outs, dropped_ms, rate_changes }) {
  const parts = [];
  if (rate) parts.push(`${rate.toLocaleString("en")} Hz from the browser`);
  if (source.latency_ms) parts.push(`the browser states ${source.latency_ms.toFixed(0)} ms for the microphone`);
  const lost = drop_outs ? ` (${(dropped_ms / 1000).toFixed(1)} s)` : "";
  parts.push(count(drop_outs, "drop-out") + lost, count(rate_changes, "rate change"));
  element("stream").textContent = parts.join("\u00a0· ");
}

function showSource() {
  for (const kind of ["microphone", "song"]) element(kind).classList.toggle("on", source.kind === kind);
  element("pause").textContent = source.paused ? "Go on" : "Pause";
  for (const id of ["pause", "clear", "record"]) element(id).disabled = !source.kind || !connection.ready;
  if (source.problem) say(source.problem, true);
  else if (source.kind && connection.ready) say(source.paused ? "Paused." : source.kind === "song" ? "Playing the song." : "Listening.");
  clock.forget(); // after a pause, and with another microphone
}

function restart() {
  connection.restart();
  clock.restart();
  programs.clear();
  readout.blank();
  onChange();
}

function setThreshold(value) {
  threshold = Math.round(100 * Math.min(1, Math.max(0, value))) / 100;
  element("threshold").value = threshold;
  element("threshold-value").value = threshold.toFixed(2);
  onChange();
}

function chooseThreshold(value) {
  thresholdChosen = true;
  setThreshold(value);
}

async function toggleSource(kind) {
  const stops = source.kind === kind;
  await source.stop();
  if (stops) {
    readout.blank();
    showSource();
    return say("Stopped.");
  }
  restart();
  if (connection.ready) say("Opening…");
  await source.start(kind);
}

async function toggleTone() {
  const plays = element("tone").getAttribute("aria-pressed") === "true";
  element("tone").setAttribute("aria-pressed", String(!plays));
  await (plays ? tone.stop() : tone.start(Number(element("tone-note").value)));
}

const actions = {
  m: () => toggleSource("microphone"),
  s: () => toggleSource("song"),
  " ": () => source.pause(!source.paused),
  c: restart,
  r: () => takes.toggle(),
  t: toggleTone,
  "+": () => chooseThreshold(threshold + THRESHOLD_STEP),
  "-": () => chooseThreshold(threshold - THRESHOLD_STEP),
};
const buttons = { microphone: "m", song: "s", pause: " ", clear: "c", record: "r", tone: "t" };

for (const [id, key] of Object.entries(buttons)) {
  element(id).addEventListener("click", ({ detail, currentTarget }) => {
    if (detail) currentTarget.blur(); // after a click of the mouse, space pauses and does not click again
    actions[key]();
  });
}
element("threshold").addEventListener("input", ({ target }) => chooseThreshold(Number(target.value)));
element("tone-note").addEventListener("change", ({ target }) => tone.tune(Number(target.value)));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("select")) return;
  if (event.key === " " && event.target.matches("button, input, summary")) return; // it presses these
  if (/^[1-9]$/.test(event.key)) programs.toggle(Number(event.key) - 1);
  const button = Object.keys(buttons).find((id) => buttons[id] === event.key);
  if (!actions[event.key] || (button && element(button).disabled)) return;
  event.preventDefault();
  actions[event.key]();
});
for (let note = 40; note <= 84; note++) {
  const { name, octave } = noteName(note);
  element("tone-note").append(new Option(`${name}${octave}`, note, note === 60, note === 60));
}

function paint() {
  requestAnimationFrame(paint);
  if (!changed) return;
  changed = false;
  curve.draw(programs.shown(), threshold);
  const large = programs.list[programs.large];
  if (large) readout.show(source.kind ? large.history.voicedNow(threshold) : null, large.name, large.difference);
  programs.painted(clock);
}
paint();
