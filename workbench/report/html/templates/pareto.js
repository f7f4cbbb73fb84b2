"use strict";
// Bytes against deviation, with the gates of the recipes and the front of what passes.

const LEAST_CENTS = 1e-4; // below it lies nothing but rounding; drawn there

function inWords(one) {
  const lines = [
    one.name + (one.fair ? "" : " (UNFAIR)"),
    one.verdict,
    `pitch p95 ${digits(one.p95_cents)} cents, max ${digits(one.max_cents, 4)}`,
    bytes(one.bytes),
  ];
  if (one.speed) {
    const { speedup_p50: middle, speedup_low: low, speedup_high: high } = one.speed;
    lines.push(`${middle.toFixed(2)} times faster (${low.toFixed(2)}–${high.toFixed(2)})`);
  }
  return lines.join("\n");
}

/** The limits that recipes set on what the axes show: each once, with who has it. */
function limits(metric) {
  const found = new Map();
  data.variants.forEach((one, at) => {
    for (const gate of one.gates.filter((each) => each.metric === metric && each.limit.startsWith("<="))) {
      const value = Number(gate.limit.slice(2));
      found.set(value, [...(found.get(value) ?? []), at]);
    }
  });
  return [...found].map(([value, whose]) => ({ value, whose })).filter(({ value }) => value > 0);
}

function drawPareto(host) {
  const shown = data.variants.map((one, at) => ({ one, at })).filter(({ one }) => one.bytes && one.p95_cents !== null);
  const absent = data.variants.filter((one) => !(one.bytes && one.p95_cents !== null)).map((one) => one.name);
  document.getElementById("pareto-left-out").textContent = absent.length ? ` Not drawn, as there is no program or no figure: ${absent.join(", ")}.` : "";
  if (!shown.length) {
    host.textContent = "No variant has both figures.";
    return;
  }
  const narrow = host.clientWidth < 600;
  const { svg, width, height } = drawing(host, narrow ? 420 : 500, "Bytes against pitch deviation");
  const left = 58, right = width - 16, top = 62, bottom = height - 46;
  const byteLimits = limits("program.bytes"), centLimits = limits("deviation.pitch.p95_cents");
  const sizes = shown.map(({ one }) => one.bytes), cents = shown.map(({ one }) => Math.max(one.p95_cents, LEAST_CENTS));
  const low = Math.min(...sizes, ...byteLimits.map(({ value }) => value)) / 1.4;
  const high = Math.max(...sizes, ...byteLimits.map(({ value }) => value)) * 1.4;
  const least = Math.max(LEAST_CENTS, Math.min(...cents, ...centLimits.map(({ value }) => value)) / 3);
  const most = Math.max(...cents, ...centLimits.map(({ value }) => value)) * 3;
  const x = logarithmic(low, high, left, right), y = logarithmic(least, most, bottom, top);

  for (const value of decadeTicks(least, most)) {
    draw(svg, "line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) });
    draw(svg, "text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, digits(value, 1));
  }
  for (const value of decadeTicks(low, high)) {
    draw(svg, "line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: bottom });
    draw(svg, "text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, digits(value / 1e6, 2));
  }
  draw(svg, "text", { class: "title", x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, "bytes of the program, in millions");
  draw(svg, "text", { class: "title", transform: `translate(14 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, "pitch p95 (cents)");

  const gates = [
    ...byteLimits.map(({ value, whose }) => {
      const line = draw(svg, "line", { class: "gate", x1: x(value), x2: x(value), y1: top, y2: bottom });
      const text = { class: "name", transform: `translate(${x(value) - 5} ${top}) rotate(-90)`, "text-anchor": "end" };
      draw(svg, "text", text, `limit ${digits(value / 1e6)} M`);
      return { line, whose };
    }),
    ...centLimits.map(({ value, whose }) => {
      const line = draw(svg, "line", { class: "gate", x1: left, x2: right, y1: y(value), y2: y(value) });
      const close = centLimits.some((other) => other.value > value && y(value) - y(other.value) < 15);
      const text = { class: "name", x: right, y: y(value) + (close ? 13 : -5), "text-anchor": "end" };
      draw(svg, "text", text, `limit ${digits(value)} cents`);
      return { line, whose };
    }),
  ];
  const front = data.front.map((at) => data.variants[at]);
  const path = front.map((one, at) => `${at ? "L" : "M"}${x(one.bytes)} ${y(Math.max(one.p95_cents, LEAST_CENTS))}`);
  draw(svg, "path", { class: "front", d: path.join("") });

  const radius = (one) => (one.speed ? 4.5 * Math.sqrt(Math.max(one.speed.speedup_p50, 0.3)) : 5);
  const taken = []; // boxes that a label must not cover
  const dots = [...shown].sort((a, b) => radius(b.one) - radius(a.one)).map(({ one, at }) => {
    const place = { at, one, x: x(one.bytes), y: y(Math.max(one.p95_cents, LEAST_CENTS)), r: radius(one) };
    const dot = draw(svg, "circle", { class: `dot ${one.verdict}`, cx: place.x, cy: place.y, r: place.r, tabindex: 0, role: "img", "aria-label": inWords(one).replaceAll("\n", ", ") });
    const show = () => {
      const box = dot.getBoundingClientRect();
      showTip(inWords(one), window.scrollX + box.right, window.scrollY + box.top);
      gates.forEach(({ line, whose }) => line.classList.toggle("mine", whose.includes(at)));
    };
    const hide = () => {
      hideTip();
      gates.forEach(({ line }) => line.classList.remove("mine"));
    };
    for (const event of ["pointerenter", "focus", "click"]) dot.addEventListener(event, show);
    for (const event of ["pointerleave", "blur"]) dot.addEventListener(event, hide);
    taken.push([place.x - place.r, place.y - place.r, place.x + place.r, place.y + place.r]);
    return place;
  });
  for (const { value } of centLimits) taken.push([right - 110, y(value) - 18, right, y(value) + 16]);
  for (const { value } of byteLimits) taken.push([x(value) - 18, top, x(value), top + 80]);
  label(svg, dots, taken, { left, right, top, bottom });
  dotSizes(svg, radius, right);
}

/** Names beside the dots: first of the front, then of what does not pass, then as many of the rest as find room. */
function label(svg, dots, taken, area) {
  const rank = ({ at, one }) => (data.front.includes(at) ? 0 : one.verdict === "pass" ? 2 : 1);
  for (const dot of [...dots].sort((a, b) => rank(a) - rank(b))) {
    const text = draw(svg, "text", { class: "name" }, dot.one.name);
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

/** What a dot's size means, above the chart. */
function dotSizes(svg, radius, right) {
  let at = right;
  for (const times of [10, 4, 1]) {
    const r = radius({ speed: { speedup_p50: times } });
    draw(svg, "circle", { class: "size", cx: at - r, cy: 18, r });
    draw(svg, "text", { x: at - r, y: 47, "text-anchor": "middle" }, `${times}×`);
    at -= 2 * r + 18;
  }
  draw(svg, "text", { x: at, y: 22, "text-anchor": "end" }, "times faster");
}
