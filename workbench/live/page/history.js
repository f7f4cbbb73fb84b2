// The frames of one session in the last seconds, in order of time.

export const KEPT_S = 20;

export class History {
  constructor() {
    this.clear();
  }

  clear() {
    this.times = [];
    this.pitches = [];
    this.confidences = [];
    this.first = 0; // earlier entries are too old; they are removed now and then
    this.unpainted = [];
  }

  // Adds a step; null is a frame that is not finite.
  add({ time_s, pitch, confidence }) {
    if (time_s[0] < this.newest_s) this.clear(); // what is there came late, from before a new stream
    time_s.forEach((time, index) => {
      this.times.push(time);
      this.pitches.push(pitch[index] ?? NaN);
      this.confidences.push(confidence[index] ?? 0);
      this.unpainted.push(time);
    });
    const oldest = this.newest_s - KEPT_S;
    while (this.times[this.first] < oldest) this.first++;
    if (this.first > 4096) {
      for (const values of [this.times, this.pitches, this.confidences]) values.splice(0, this.first);
      this.first = 0;
    }
    if (document.hidden) this.unpainted = []; // nothing is painted, so nothing is late
  }

  get newest_s() {
    return this.times.at(-1) ?? 0;
  }

  // The index of the first frame at or after a time.
  at(time_s) {
    let low = this.first;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < time_s) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // The newest frame if it is voiced; null if not.
  voicedNow(threshold) {
    const last = this.times.length - 1;
    if (last < this.first || !(this.confidences[last] >= threshold)) return null;
    return { pitch: this.pitches[last], confidence: this.confidences[last] };
  }
}

// Median difference in cents of two sessions in the last second, of frames that are voiced in both; null if none are.
export function centsBetween(history, baseline, threshold, near_s) {
  const differences = [];
  for (let index = history.at(history.newest_s - 1); index < history.times.length; index++) {
    const time = history.times[index];
    const other = baseline.at(time - near_s);
    if (Math.abs(baseline.times[other] - time) > near_s) continue;
    if (Math.min(history.confidences[index], baseline.confidences[other]) < threshold) continue;
    const cents = 100 * (history.pitches[index] - baseline.pitches[other]);
    if (Number.isFinite(cents)) differences.push(cents);
  }
  return median(differences);
}

export function median(values) {
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
