// In the audio thread: collects the samples of the first channel, and posts them in blocks with the time of the clock.

const BLOCK_SAMPLES = 256; // two render quanta: 5 ms at 48 kHz

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK_SAMPLES);
    this.filled = 0;
  }

  process([input]) {
    const samples = input[0]; // undefined while nothing is connected
    for (let taken = 0; samples && taken < samples.length; ) {
      const part = samples.subarray(taken, taken + BLOCK_SAMPLES - this.filled);
      this.block.set(part, this.filled);
      this.filled += part.length;
      taken += part.length;
      if (this.filled === BLOCK_SAMPLES) {
        this.port.postMessage({ samples: this.block, at_ms: Date.now() }, [this.block.buffer]);
        this.block = new Float32Array(BLOCK_SAMPLES);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
