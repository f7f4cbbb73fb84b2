"use strict";
// The page as a whole: sorting, sound, and the charts of a variant, which are drawn when it is opened.

/** Sort by a heading: once up, again down. What has no number stays last. */
function sortable(table) {
  const headings = [...table.querySelectorAll("thead th")];
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach((each) => each.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numbers = column > 0;
    const key = (body) => body.rows[0].cells[column].dataset.key;
    const bodies = [...table.tBodies].sort((a, b) => {
      const [first, second] = [key(a), key(b)];
      if (first === "" || second === "") return (first === "") - (second === "");
      const order = numbers ? Number(first) - Number(second) : first.localeCompare(second, "en", { numeric: true });
      return down ? -order : order;
    });
    table.append(...bodies);
  }));
}

let playing = null; // the button whose sound is playing
const audio = new Audio();

function stopped() {
  if (!playing) return;
  playing.classList.remove("playing");
  playing.lastChild.textContent = " Play this second";
  playing.firstChild.textContent = "▶";
  playing = null;
}

function play(button) {
  const again = playing === button;
  audio.pause();
  stopped();
  if (again) return;
  audio.src = data.sounds[button.dataset.sound];
  audio.play().then(() => {
    playing = button;
    button.classList.add("playing");
    button.firstChild.textContent = "■";
    button.lastChild.textContent = " Stop";
  }, (error) => {
    button.lastChild.textContent = ` Cannot be played (${error.name})`;
  });
}
audio.addEventListener("ended", stopped);

function openVariant(section) {
  if (section.dataset.drawn) return;
  section.dataset.drawn = "yes";
  const variant = data.variants[section.dataset.index];
  const select = section.querySelector("select.clip");
  if (!select) return;
  const worst = variant.clips.reduce((best, clip, index) => ((clip.max_cents ?? -1) > (variant.clips[best].max_cents ?? -1) ? index : best), 0);
  select.value = worst;
  const host = section.querySelector(".contour");
  const render = () => drawContour(host, variant.clips[select.value]);
  select.addEventListener("change", render);
  redrawn(host, render);
  section.querySelectorAll(".moment").forEach((figure, index) => {
    const moment = variant.moments[index], clip = variant.clips.find((each) => each.clip === moment.clip);
    const hop = data.baselines[clip.baseline].hop_s;
    const first = Math.max(0, Math.round(moment.from_s / hop) - 1);
    const last = Math.min(clip.cents.length - 1, first + Math.round(1 / hop));
    const small = figure.querySelector(".chart");
    redrawn(small, () => drawContour(small, clip, { first, last, small: true, mark: Math.round(moment.at_s / hop) - 1, againstKnown: moment.known_frames > 0 }));
  });
}

/** The contour above the table of variants: the clip of a variant's worst moment. */
function drawFirst(figure) {
  const variant = data.variants[figure.dataset.variant], clip = variant.clips[figure.dataset.clip];
  const host = figure.querySelector(".chart"), [moment] = variant.moments;
  const mark = moment ? Math.round(moment.at_s / data.baselines[clip.baseline].hop_s) - 1 : null;
  redrawn(host, () => drawContour(host, clip, { brief: true, mark }));
}

/** A link into a closed variant opens it. */
function follow() {
  const section = location.hash.startsWith("#variant-") && document.getElementById(location.hash.slice(1));
  if (!section) return;
  section.open = true;
  section.scrollIntoView();
}

sortable(document.getElementById("variants"));
redrawn(document.getElementById("pareto"), () => drawPareto(document.getElementById("pareto")));
for (const figure of document.querySelectorAll("#first")) drawFirst(figure);
for (const section of document.querySelectorAll("details.variant")) {
  section.addEventListener("toggle", () => section.open && openVariant(section));
}
for (const button of document.querySelectorAll(".play")) button.addEventListener("click", () => play(button));
window.addEventListener("hashchange", follow);
follow();
