// The scrolling pitch curve: a line for each program, lines for the notes, opacity by confidence.

import { noteName } from "./notes.js";

const SHOWN_S = 10;
const LEVELS = 5; // of opacity: a path for each is much faster than a stroke for each frame
const LEAST_SPAN = 14; // semitones
const LABEL_PX = 44;

export class Curve {
  // onChange() is called if the curve has to be drawn again.
  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.low = 50;
    this.high = 70;
    this.readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readColours());
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.lines = [0, 1, 2, 3, 4, 5, 6].map((index) => colour(`--p${index}`));
    this.colours = { grid: colour("--grid"), line: colour("--line"), dim: colour("--dim") };
    this.onChange();
  }

  resize() {
    const scale = window.devicePixelRatio;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.pen = this.canvas.getContext("2d", { alpha: true });
    this.pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.onChange();
  }

  // Draws the histories that are shown, each [index, history], up to the newest frame.
  draw(shown, threshold) {
    const newest = Math.max(0, ...shown.map(([, history]) => history.newest_s));
    this.fit(shown, threshold, newest - SHOWN_S);
    this.pen.clearRect(0, 0, this.width, this.height);
    this.drawNotes();
    this.pen.lineCap = "round";
    shown.forEach(([index, history], position) => {
      this.pen.lineWidth = 2.5 * (shown.length - position); // equal pitches lie on each other: all stay visible
      this.drawLine(history, this.lines[index], threshold, newest);
    });
    this.pen.globalAlpha = 1;
  }

  x(time_s, newest_s) {
    return this.width - 4 - ((newest_s - time_s) / SHOWN_S) * (this.width - LABEL_PX - 4);
  }

  y(pitch) {
    return this.height * (1 - (pitch - this.low) / (this.high - this.low));
  }

  // Moves the range of notes towards what is sung, slowly, so that the picture does not jump.
  fit(shown, threshold, since_s) {
    let [low, high] = [Infinity, -Infinity];
    for (const [, history] of shown) {
      for (let index = history.at(since_s); index < history.times.length; index++) {
        if (history.confidences[index] < Math.max(threshold, 0.3) || !Number.isFinite(history.pitches[index])) continue;
        low = Math.min(low, history.pitches[index]);
        high = Math.max(high, history.pitches[index]);
      }
    }
    if (low > high) return;
    const missing = Math.max(2, (LEAST_SPAN - (high - low)) / 2);
    this.low += (low - missing - this.low) * 0.08;
    this.high += (high + missing - this.high) * 0.08;
  }

  drawNotes() {
    const { pen } = this;
    const step = this.height / (this.high - this.low);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    for (let note = Math.ceil(this.low); note <= this.high; note++) {
      const isC = note % 12 === 0;
      if (step < 4 && !isC) continue;
      const y = Math.round(this.y(note)) + 0.5;
      pen.strokeStyle = isC ? this.colours.line : this.colours.grid;
      pen.beginPath();
      pen.moveTo(LABEL_PX, y);
      pen.lineTo(this.width, y);
      pen.stroke();
      if (y < 8 || y > this.height - 8) continue; // its label would be cut
      const { name, octave } = noteName(note);
      if (isC || (step >= 14 && name.length === 1) || step >= 22) {
        pen.fillStyle = this.colours.dim;
        pen.fillText(`${name}${octave}`, 8, y);
      }
    }
  }

  drawLine(history, colour, threshold, newest_s) {
    const paths = Array.from({ length: LEVELS }, () => new Path2D());
    const begin = Math.max(history.first + 1, history.at(newest_s - SHOWN_S) + 1);
    for (let index = begin; index < history.times.length; index++) {
      const confidence = Math.min(history.confidences[index - 1], history.confidences[index]);
      const jump = Math.abs(history.pitches[index] - history.pitches[index - 1]);
      const gap_s = history.times[index] - history.times[index - 1];
      if (confidence < threshold || !(jump < 3) || gap_s > 0.25) continue;
      const path = paths[Math.min(LEVELS - 1, Math.floor(confidence * LEVELS))];
      path.moveTo(this.x(history.times[index - 1], newest_s), this.y(history.pitches[index - 1]));
      path.lineTo(this.x(history.times[index], newest_s), this.y(history.pitches[index]));
    }
    this.pen.strokeStyle = colour;
    paths.forEach((path, level) => {
      this.pen.globalAlpha = (level + 1) / LEVELS;
      this.pen.stroke(path);
    });
  }
}
