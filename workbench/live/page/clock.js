// Maps the time of the stream, which counts samples, to the clock of the page.

const WINDOW_MS = 2000;

export class StreamClock {
  constructor() {
    this.restart();
  }

  // A new stream begins.
  restart() {
    this.origin_s = 0;
    this.samples = 0;
    this.rate = 0;
    this.forget();
  }

  // After a pause: the samples go on, later.
  forget() {
    this.earlier = this.current = Infinity;
    this.turned = 0;
  }

  // A block has arrived. The one with the least delay shows when its samples were recorded.
  arrived(samples, rate) {
    if (this.rate && rate !== this.rate) {
      this.origin_s += this.samples / this.rate;
      this.samples = 0;
      this.forget();
    }
    this.rate = rate;
    this.samples += samples;
    const now = performance.now();
    if (now - this.turned > WINDOW_MS) {
      this.earlier = this.current;
      this.current = Infinity;
      this.turned = now;
    }
    this.current = Math.min(this.current, now - 1000 * this.end_s);
  }

  get end_s() {
    return this.origin_s + this.samples / this.rate;
  }

  // Milliseconds since the sound at a time of the stream.
  age_ms(time_s) {
    return performance.now() - Math.min(this.earlier, this.current) - 1000 * time_s;
  }
}
