"use strict";
// Shared by all drawings: elements, scales with round ticks, and the note beside the pointer.

const data = JSON.parse(document.getElementById("data").textContent);

/** Add an SVG element; a text is set as text, never as markup. */
function draw(parent, name, attributes = {}, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

/** A fresh drawing that fills its host's width, in CSS pixels. */
function drawing(host, height, label) {
  const width = Math.max(240, Math.round(host.clientWidth));
  host.replaceChildren();
  const svg = draw(host, "svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
  return { svg, width, height };
}

/** Draw now, and again whenever the host's width changes. */
function redrawn(host, render) {
  let width = 0;
  new ResizeObserver(() => {
    if (host.clientWidth && host.clientWidth !== width) {
      width = host.clientWidth;
      render();
    }
  }).observe(host);
}

/** Round values between two ends, about `about` of them. */
function roundTicks(low, high, about) {
  const rough = (high - low) / Math.max(1, about);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * unit).find((size) => size >= rough);
  const ticks = [];
  for (let index = Math.ceil(low / step - 1e-9); index <= high / step + 1e-9; index++) ticks.push(Number((index * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten between two ends, with 2 and 5 times them if there are few, and round values if there are fewer than three. */
function decadeTicks(low, high) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const steps = last - first <= 3 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let decade = first; decade <= last; decade++) for (const step of steps) ticks.push(step * 10 ** decade);
  const inside = ticks.filter((value) => value >= low * 0.999 && value <= high * 1.001);
  return inside.length < 3 ? roundTicks(low, high, 5) : inside;
}

/** The ticks that are at least `gap` pixels apart, from the first. */
function spaced(ticks, position, gap) {
  let last = -Infinity;
  return ticks.filter((value) => {
    if (Math.abs(position(value) - last) < gap) return false;
    last = position(value);
    return true;
  });
}

/** From values to pixels. */
function linear(low, high, from, to) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

function logarithmic(low, high, from, to) {
  return (value) => from + (Math.log(Math.max(value, low) / low) / Math.log(high / low)) * (to - from);
}

function digits(value, count = 3) {
  if (value === null) return "–";
  const text = Math.abs(value) >= 10 ** count ? value.toFixed(0) : value.toPrecision(count);
  return (text.includes("e") ? Number(text).toExponential() : String(Number(text))).replace(/^-/, "−");
}

function bytes(value) {
  return value === null ? "–" : value.toLocaleString("en-US") + " bytes";
}

const tip = document.getElementById("tip");

/** Show a note beside a point of the page, where it fits. */
function showTip(text, pageX, pageY) {
  tip.textContent = text;
  tip.hidden = false;
  const right = window.scrollX + document.documentElement.clientWidth - 8;
  tip.style.left = "0px";
  tip.style.left = Math.max(window.scrollX + 8, Math.min(pageX + 14, right - tip.offsetWidth)) + "px";
  const above = pageY - tip.offsetHeight - 12;
  tip.style.top = (above < window.scrollY ? pageY + 16 : above) + "px";
}

function hideTip() {
  tip.hidden = true;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
});
