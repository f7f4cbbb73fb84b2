// The table of the programs: which are shown, which one is the large note, and how each keeps up.

import { History, centsBetween, median } from "./history.js";
import { signed } from "./notes.js";

const NUMBERS = ["difference", "p50", "p99", "missed", "delay"];
const COLUMNS = ["name", "large", ...NUMBERS, "runs"];
const KEPT_DELAYS = 500; // ten seconds of frames of 20 ms

const format = (number, digits) => (number === null || !Number.isFinite(number) ? "–" : number.toFixed(digits));

export class Programs {
  // onChange() is called if other programs are shown.
  constructor(body, onChange) {
    this.body = body;
    this.onChange = onChange;
    this.list = [];
    this.large = 1;
  }

  // Makes a row for each program of a "hello"; which ones are shown is kept if the names are the same.
  open(programs) {
    const same = programs.map(({ name }) => name).join("\n") === this.list.map(({ name }) => name).join("\n");
    const hidden = same ? this.list.map((program) => program.hidden) : [];
    if (!same) this.large = Math.min(1, programs.length - 1);
    this.list = programs.map((program, index) => ({
      ...program,
      index,
      hidden: hidden[index] ?? false,
      history: new History(),
      delays: [],
      difference: null,
      cells: {},
    }));
    this.body.replaceChildren(...this.list.map((program) => this.row(program)));
  }

  row(program) {
    const row = document.createElement("tr");
    for (const column of COLUMNS) {
      const cell = (program.cells[column] = document.createElement("td"));
      if (NUMBERS.includes(column)) cell.className = "number";
      row.append(cell);
    }
    const label = document.createElement("label");
    program.checkbox = this.input("checkbox", !program.hidden, () => this.toggle(program.index));
    const swatch = document.createElement("i");
    swatch.className = `swatch s${program.index}`;
    label.append(program.checkbox, swatch, program.name);
    program.cells.name.append(label);
    const radio = this.input("radio", program.index === this.large, () => (this.large = program.index));
    radio.name = "large";
    radio.setAttribute("aria-label", `Show the note of ${program.name}`);
    program.cells.large.append(radio);
    program.cells.runs.textContent = program.native ? "native host" : "Python";
    program.row = row;
    return row;
  }

  input(type, checked, onChange) {
    const input = document.createElement("input");
    Object.assign(input, { type, checked });
    input.addEventListener("change", () => {
      onChange();
      this.onChange();
    });
    return input;
  }

  toggle(index) {
    const program = this.list[index];
    if (!program) return;
    program.hidden = !program.hidden;
    program.checkbox.checked = !program.hidden;
    this.onChange();
  }

  clear() {
    for (const program of this.list) {
      program.history.clear();
      Object.assign(program, { delays: [], difference: null });
    }
  }

  frames(message) {
    this.list[message.program]?.history.add(message);
  }

  failed({ program, reason }) {
    this.list[program].row.classList.add("failed");
    this.list[program].cells.runs.textContent = "ended";
    this.list[program].cells.runs.title = reason;
  }

  // After the picture was drawn: the delay of every frame that was new in it.
  painted(clock) {
    for (const program of this.list) {
      for (const time of program.history.unpainted) program.delays.push(clock.age_ms(time));
      program.history.unpainted = [];
      if (program.delays.length > KEPT_DELAYS) program.delays.splice(0, program.delays.length - KEPT_DELAYS);
    }
  }

  shown() {
    const shown = this.list.filter((program) => !program.hidden && program.index !== this.large);
    const large = this.list[this.large];
    if (large && !large.hidden) shown.push(large); // above the others
    return shown.map(({ index, history }) => [index, history]);
  }

  // A "status" of the server has arrived: fills the numbers of the table.
  status(statuses, threshold) {
    const [baseline] = this.list;
    this.list.forEach((program, index) => {
      const { p50_ms, p99_ms, missed, skipped_ms, failed } = statuses[index];
      const near_s = program.hop_ms / 2000;
      program.difference = index ? centsBetween(program.history, baseline.history, threshold, near_s) : null;
      program.cells.difference.textContent = program.difference === null ? "–" : signed(program.difference, 2);
      program.cells.p50.textContent = format(p50_ms, 2);
      program.cells.p99.textContent = format(p99_ms, 2);
      program.cells.missed.textContent = skipped_ms ? `${missed}, skipped ${(skipped_ms / 1000).toFixed(1)} s` : missed;
      program.cells.missed.classList.toggle("late", missed > 0 || skipped_ms > 0);
      program.cells.delay.textContent = format(median(program.delays), 0);
      if (failed) this.failed({ program: index, reason: failed });
    });
  }
}
