// The large note, how far the pitch is from it, and the difference to upstream.

import { noteName, signed } from "./notes.js";
import { hertz } from "./sound/song.js";

const HELD_MS = 400; // a short consonant does not blank the note

const element = (id) => document.getElementById(id);

export class Readout {
  constructor() {
    this.shown_ms = -Infinity;
  }

  // `frame` is the newest voiced frame of the program, or null; `difference` is in cents to upstream, or null.
  show(frame, name, difference) {
    const now = performance.now();
    if (!frame) {
      if (now - this.shown_ms > HELD_MS) this.blank();
      return;
    }
    this.shown_ms = now;
    const note = noteName(frame.pitch);
    if (element("note").dataset.note !== `${note.name}${note.octave}`) {
      element("note").dataset.note = `${note.name}${note.octave}`;
      const octave = document.createElement("small");
      octave.textContent = note.octave;
      element("note").replaceChildren(note.name, octave);
    }
    const visible = 0.35 + 0.65 * frame.confidence;
    element("note").style.opacity = visible;
    element("cents").textContent = `${signed(note.cents, 0)} cents`;
    element("needle").style.left = `${50 + note.cents}%`;
    element("needle").style.opacity = visible;
    const parts = [`${hertz(frame.pitch).toFixed(1)} Hz`, `confidence ${frame.confidence.toFixed(2)}`, name];
    if (difference !== null) parts.push(`${signed(difference, 1)} cents to upstream`);
    element("detail").textContent = parts.join("\u00a0· ");
  }

  blank() {
    element("note").textContent = "–";
    element("note").dataset.note = "";
    element("note").style.opacity = 0.35;
    element("cents").textContent = "no pitch";
    element("needle").style.opacity = 0;
    element("detail").textContent = "";
  }
}
