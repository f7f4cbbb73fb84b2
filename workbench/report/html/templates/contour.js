"use strict";
// Baseline and variant over time: pitch, deviation, confidence. Frame i ends at (i + 1) * hop_s.

const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** A path through the values. It breaks where a value is missing; a value without neighbors becomes a speck. */
function trace(svg, kind, values, x, y) {
  let path = "";
  values.forEach((value, index) => {
    if (value === null) return;
    const before = index > 0 && values[index - 1] !== null, after = index + 1 < values.length && values[index + 1] !== null;
    if (!before && !after) draw(svg, "circle", { class: `speck ${kind}`, cx: x(index), cy: y(value), r: kind === "baseline" ? 3 : 1.6 });
    else path += `${before ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  if (path) draw(svg, "path", { class: `line ${kind}`, d: path });
}

/** The range of the values with some room, at least `span` wide; null without a value. */
function rangeOf(values, span) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return null;
  const low = Math.min(...known), high = Math.max(...known);
  const room = Math.max((high - low) * 0.08, (span - (high - low)) / 2, 1e-9);
  return [low - room, high + room];
}

/**
 * Draw frames first to last of a clip. `small` leaves out confidence and reading by frame, `brief` leaves out confidence
 * and is lower; `mark` is a frame to mark with a line. `againstKnown` draws the
 * error against the known f0 in place of the deviation.
 */
function drawContour(host, clip, { first = 0, last = null, small = false, brief = false, mark = null, againstKnown = false } = {}) {
  const baseline = data.baselines[clip.baseline];
  const end = last ?? clip.cents.length - 1;
  const cut = (values) => values.slice(first, end + 1);
  const pitch = cut(baseline.pitch), deviations = cut(clip.cents);
  const known = pitch.map((_, index) => baseline.known[first + index] ?? null);
  const moved = pitch.map((value, index) => (value === null || deviations[index] === null ? null : value + deviations[index] / 100));
  const errors = moved.map((value, index) => (value === null || known[index] === null ? null : 100 * (value - known[index])));
  const cents = againstKnown ? errors : deviations;
  const narrow = host.clientWidth < 600;
  const heights = small ? [110, 60] : brief ? [150, 60] : [narrow ? 200 : 250, 100, 70];
  const gap = small ? 28 : 32, left = 54, top = small ? 8 : 20, foot = small ? 24 : 38;
  const total = top + heights.reduce((sum, each) => sum + each + gap, 0) - gap + foot;
  const { svg, width } = drawing(host, total, `Pitch of baseline and variant, ${clip.clip}`);
  const right = width - 10;
  const time = (index) => (first + index + 1) * baseline.hop_s;
  const x = linear(0, Math.max(1, pitch.length - 1), left, right);
  const seconds = linear(time(0), time(Math.max(1, pitch.length - 1)), left, right);
  const panels = [
    { title: "pitch (semitones)", range: rangeOf([...pitch, ...moved, ...known], 1), ticks: small ? 3 : 5 },
    { title: againstKnown ? "variant − known f0 (cents)" : "variant − baseline (cents)", range: rangeOf([...cents, 0], 1e-3), ticks: small ? 2 : 3 },
    { title: "confidence", range: [0, 1], ticks: 2 },
  ].slice(0, heights.length);

  let from = top;
  panels.forEach((panel, index) => {
    panel.y = panel.range && linear(...panel.range, from + heights[index], from);
    for (const value of panel.range ? roundTicks(...panel.range, panel.ticks) : []) {
      draw(svg, "line", { class: value === 0 && index === 1 ? "zero" : "grid", x1: left, x2: right, y1: panel.y(value), y2: panel.y(value) });
      draw(svg, "text", { x: left - 7, y: panel.y(value) + 4, "text-anchor": "end" }, digits(value, 4));
    }
    if (!small || index === 1) draw(svg, "text", { class: "title", x: left, y: from - 6 }, panel.title);
    if (!panel.range) draw(svg, "text", { x: (left + right) / 2, y: from + heights[index] / 2, "text-anchor": "middle" }, "no voiced frame");
    from += heights[index] + gap;
  });
  const bottom = from - gap;
  for (const value of roundTicks(time(0), time(Math.max(1, pitch.length - 1)), Math.min(8, width / 90))) {
    draw(svg, "line", { class: "grid", x1: seconds(value), x2: seconds(value), y1: top, y2: bottom });
    draw(svg, "text", { x: seconds(value), y: bottom + 16, "text-anchor": "middle" }, small ? `${value} s` : value);
  }
  if (!small) draw(svg, "text", { class: "title", x: right, y: bottom + 33, "text-anchor": "end" }, "time (s)");
  if (mark !== null) draw(svg, "line", { class: "moment-mark", x1: x(mark - first), x2: x(mark - first), y1: top, y2: bottom });

  const [above, middle, below] = panels;
  if (above.y) {
    trace(svg, "baseline", pitch, x, above.y);
    trace(svg, "variant", moved, x, above.y);
    trace(svg, "known", known, x, above.y);
  }
  cents.forEach((value, index) => {
    if (value !== null) draw(svg, "circle", { class: "speck", cx: x(index).toFixed(1), cy: middle.y(value).toFixed(1), r: small ? 2 : 1.7 });
  });
  if (small) return;
  if (below) {
    trace(svg, "baseline", cut(baseline.confidence), x, below.y);
    trace(svg, "variant", cut(clip.confidence), x, below.y);
  }
  readable(svg, clip, baseline, { x, time, top, bottom, left, right, count: pitch.length });
}

/** Show the values of a frame by pointing at it, or with the arrow keys. */
function readable(svg, clip, baseline, { x, time, top, bottom, left, right, count }) {
  const cross = draw(svg, "line", { class: "cross", y1: top, y2: bottom, visibility: "hidden" });
  svg.setAttribute("tabindex", 0);
  let index = 0;
  const show = (frame) => {
    index = Math.max(0, Math.min(count - 1, frame));
    cross.setAttribute("x1", x(index));
    cross.setAttribute("x2", x(index));
    cross.setAttribute("visibility", "visible");
    const semitones = baseline.pitch[index], box = svg.getBoundingClientRect();
    const nearest = Math.round(semitones), octave = Math.floor(nearest / 12) - 1;
    const note = semitones === null ? "not voiced" : `baseline ${semitones.toFixed(2)} (${NOTES[((nearest % 12) + 12) % 12]}${octave}), variant ${clip.cents[index] > 0 ? "+" : ""}${digits(clip.cents[index])} cents`;
    const confidence = `confidence ${digits(baseline.confidence[index])} → ${digits(clip.confidence[index])}`;
    showTip(`${time(index).toFixed(2)} s\n${note}\n${confidence}`, window.scrollX + box.left + x(index), window.scrollY + box.top + top);
  };
  const hide = () => {
    cross.setAttribute("visibility", "hidden");
    hideTip();
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    show(Math.round(((event.clientX - box.left - left) / (right - left)) * (count - 1)));
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -25, PageDown: 25 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(index + step);
  });
  for (const event of ["pointerleave", "blur"]) svg.addEventListener(event, hide);
}
