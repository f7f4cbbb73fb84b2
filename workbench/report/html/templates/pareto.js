"use strict";
// Bytes against deviation, with the gates of the recipes and the Pareto front of the passing variants.

const LOWEST_CENTS = 1e-4; // smaller deviations are rounding; they are drawn here

function summary(variant) {
  const lines = [
    variant.name + (variant.fair ? "" : " (UNFAIR)"),
    variant.verdict,
    `pitch p95 ${digits(variant.p95_cents)} cents, max ${digits(variant.max_cents, 4)}`,
    bytes(variant.bytes),
  ];
  if (variant.speedup) {
    const { p50, low, high } = variant.speedup;
    lines.push(`${p50.toFixed(2)} times faster (${low.toFixed(2)}–${high.toFixed(2)})${data.clock === "native" ? " in the native host" : ""}`);
  }
  return lines.join("\n");
}

/** The upper limits that recipes set on a metric: each once, with the indices of its variants. */
function limits(metric) {
  const found = new Map();
  data.variants.forEach((variant, index) => {
    for (const gate of variant.gates.filter((each) => each.metric === metric && each.limit.startsWith("<="))) {
      const value = Number(gate.limit.slice(2));
      found.set(value, [...(found.get(value) ?? []), index]);
    }
  });
  return [...found].map(([value, owners]) => ({ value, owners })).filter(({ value }) => value > 0);
}

function drawPareto(host) {
  const shown = data.variants.map((variant, index) => ({ variant, index })).filter(({ variant }) => variant.bytes && variant.p95_cents !== null);
  const absent = data.variants.filter((variant) => !(variant.bytes && variant.p95_cents !== null)).map((variant) => variant.name);
  document.getElementById("pareto-left-out").textContent = absent.length ? ` Not drawn, because there is no program or no figure: ${absent.join(", ")}.` : "";
  if (!shown.length) {
    host.textContent = "No variant has both figures.";
    return;
  }
  const narrow = host.clientWidth < 600;
  const { svg, width, height } = drawing(host, narrow ? 420 : 500, "Bytes against pitch deviation");
  const left = 58, right = width - 16, top = 62, bottom = height - 46;
  const byteLimits = limits("program.bytes"), centLimits = limits("deviation.pitch.p95_cents");
  const sizes = shown.map(({ variant }) => variant.bytes), cents = shown.map(({ variant }) => Math.max(variant.p95_cents, LOWEST_CENTS));
  const low = Math.min(...sizes, ...byteLimits.map(({ value }) => value)) / 1.4;
  const high = Math.max(...sizes, ...byteLimits.map(({ value }) => value)) * 1.4;
  const least = Math.max(LOWEST_CENTS, Math.min(...cents, ...centLimits.map(({ value }) => value)) / 3);
  const most = Math.max(...cents, ...centLimits.map(({ value }) => value)) * 3;
  const x = logarithmic(low, high, left, right), y = logarithmic(least, most, bottom, top);

  for (const value of decadeTicks(least, most)) {
    draw(svg, "line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) });
    draw(svg, "text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, digits(value, 2));
  }
  for (const value of spaced(decadeTicks(low, high), x, 36)) {
    draw(svg, "line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: bottom });
    draw(svg, "text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, digits(value / 1e6, 3));
  }
  draw(svg, "text", { class: "title", x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, "bytes of the program, in millions");
  draw(svg, "text", { class: "title", x: 8, y: top - 12 }, "pitch p95 (cents)");

  const gates = [
    ...byteLimits.map(({ value, owners }) => {
      const line = draw(svg, "line", { class: "gate", x1: x(value), x2: x(value), y1: top, y2: bottom });
      const text = { class: "name", transform: `translate(${x(value) - 5} ${top}) rotate(-90)`, "text-anchor": "end" };
      draw(svg, "text", text, `limit ${digits(value / 1e6)} M`);
      return { line, owners };
    }),
    ...centLimits.map(({ value, owners }) => {
      const line = draw(svg, "line", { class: "gate", x1: left, x2: right, y1: y(value), y2: y(value) });
      const close = centLimits.some((other) => other.value > value && y(value) - y(other.value) < 15);
      const text = { class: "name", x: right, y: y(value) + (close ? 13 : -5), "text-anchor": "end" };
      draw(svg, "text", text, `limit ${digits(value)} cents`);
      return { line, owners };
    }),
  ];
  const front = data.front.map((index) => data.variants[index]);
  const path = front.map((variant, index) => `${index ? "L" : "M"}${x(variant.bytes)} ${y(Math.max(variant.p95_cents, LOWEST_CENTS))}`);
  draw(svg, "path", { class: "front", d: path.join("") });

  const radius = (variant) => (variant.speedup ? 4.5 * Math.sqrt(Math.max(variant.speedup.p50, 0.3)) : 5);
  const taken = []; // boxes that a label must not cover
  const dots = [...shown].sort((a, b) => radius(b.variant) - radius(a.variant)).map(({ variant, index }) => {
    const dotAt = { index, variant, x: x(variant.bytes), y: y(Math.max(variant.p95_cents, LOWEST_CENTS)), r: radius(variant) };
    const dot = draw(svg, "circle", { class: `dot ${variant.verdict}`, cx: dotAt.x, cy: dotAt.y, r: dotAt.r, tabindex: 0, role: "img", "aria-label": summary(variant).replaceAll("\n", ", ") });
    const show = () => {
      const box = dot.getBoundingClientRect();
      showTip(summary(variant), window.scrollX + box.right, window.scrollY + box.top);
      gates.forEach(({ line, owners }) => line.classList.toggle("selected", owners.includes(index)));
    };
    const hide = () => {
      hideTip();
      gates.forEach(({ line }) => line.classList.remove("selected"));
    };
    for (const event of ["pointerenter", "focus", "click"]) dot.addEventListener(event, show);
    for (const event of ["pointerleave", "blur"]) dot.addEventListener(event, hide);
    taken.push([dotAt.x - dotAt.r, dotAt.y - dotAt.r, dotAt.x + dotAt.r, dotAt.y + dotAt.r]);
    return dotAt;
  });
  for (const { value } of centLimits) taken.push([right - 110, y(value) - 18, right, y(value) + 16]);
  for (const { value } of byteLimits) taken.push([x(value) - 18, top, x(value), top + 80]);
  label(svg, dots, taken, { left, right, top, bottom });
  dotSizes(svg, radius, right);
}

/** Names beside the dots: first those on the front, then those that do not pass, then the rest as far as there is room. */
function label(svg, dots, taken, area) {
  const rank = ({ index, variant }) => (data.front.includes(index) ? 0 : variant.verdict === "pass" ? 2 : 1);
  for (const dot of [...dots].sort((a, b) => rank(a) - rank(b))) {
    const text = draw(svg, "text", { class: "name" }, dot.variant.name);
    const wide = text.getComputedTextLength();
    const places = [
      [dot.x + dot.r + 5, dot.y + 4], [dot.x - dot.r - 5 - wide, dot.y + 4],
      [dot.x - wide / 2, dot.y - dot.r - 6], [dot.x - wide / 2, dot.y + dot.r + 15],
      [dot.x + dot.r, dot.y - dot.r - 2], [dot.x + dot.r, dot.y + dot.r + 12],
      [dot.x - dot.r - wide, dot.y - dot.r - 2], [dot.x - dot.r - wide, dot.y + dot.r + 12],
    ];
    const box = ([left, base]) => [left - 2, base - 12, left + wide + 2, base + 4];
    const free = places.map(box).findIndex(([l, t, r, b]) =>
      l > area.left && r < area.right && t > area.top && b < area.bottom &&
      taken.every(([l2, t2, r2, b2]) => r < l2 || l > r2 || b < t2 || t > b2));
    if (free < 0) {
      text.remove();
      continue;
    }
    taken.push(box(places[free]));
    text.setAttribute("x", places[free][0]);
    text.setAttribute("y", places[free][1]);
  }
}

/** The legend of dot sizes, above the chart. */
function dotSizes(svg, radius, right) {
  let x = right;
  for (const times of [10, 4, 1]) {
    const r = radius({ speedup: { p50: times } });
    draw(svg, "circle", { class: "size", cx: x - r, cy: 18, r });
    draw(svg, "text", { x: x - r, y: 47, "text-anchor": "middle" }, `${times}×`);
    x -= 2 * r + 18;
  }
  draw(svg, "text", { x, y: 22, "text-anchor": "end" }, "times faster");
}
