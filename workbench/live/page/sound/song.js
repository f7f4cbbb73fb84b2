// A built-in song in place of a microphone, and a tone to sing to: both are oscillators, so nothing is loaded.

const BEAT_S = 0.42;
// Beethoven, Ode to Joy: MIDI note and beats; 0 is a rest.
const MELODY = [
  [64, 1], [64, 1], [65, 1], [67, 1], [67, 1], [65, 1], [64, 1], [62, 1], [60, 1], [60, 1], [62, 1], [64, 1], [64, 1.5], [62, 0.5], [62, 2],
  [0, 1], [64, 1], [64, 1], [65, 1], [67, 1], [67, 1], [65, 1], [64, 1], [62, 1], [60, 1], [60, 1], [62, 1], [64, 1], [62, 1.5], [60, 0.5], [60, 2],
  [0, 1],
];
const RELEASE_S = 0.06;

export const hertz = (semitones) => 440 * 2 ** ((semitones - 69) / 12);

// The n-th harmonic has amplitude 1/n, as in the synthetic clips.
function voice(context, harmonics) {
  const oscillator = new OscillatorNode(context);
  const imaginary = Float32Array.from({ length: harmonics + 1 }, (_, n) => (n ? 1 / n : 0));
  oscillator.setPeriodicWave(context.createPeriodicWave(new Float32Array(harmonics + 1), imaginary));
  return oscillator;
}

// Plays the melody over and over into `target`. Returns a function that ends it.
export function playSong(context, target) {
  const oscillator = voice(context, 16);
  const envelope = new GainNode(context, { gain: 0 });
  const vibrato = new OscillatorNode(context, { frequency: 5.5 });
  const extent = new GainNode(context, { gain: 25 });
  vibrato.connect(extent).connect(oscillator.detune);
  oscillator.connect(envelope).connect(target);
  let next = context.currentTime + 0.1;
  let timer = 0;
  const schedule = () => {
    for (const [note, beats] of MELODY) {
      const end = next + beats * BEAT_S;
      if (note) {
        oscillator.frequency.setValueAtTime(hertz(note), next);
        envelope.gain.setTargetAtTime(0.25, next, 0.02);
        envelope.gain.setTargetAtTime(0, end - RELEASE_S, 0.02);
      }
      next = end;
    }
    timer = setTimeout(schedule, Math.max(0, 1000 * (next - context.currentTime - 2)));
  };
  schedule();
  oscillator.start();
  vibrato.start();
  return () => {
    clearTimeout(timer);
    oscillator.stop();
    vibrato.stop();
  };
}

// A steady tone on the loudspeaker.
export class Tone {
  async start(semitones) {
    await this.stop();
    this.context = new AudioContext();
    const gain = new GainNode(this.context, { gain: 0.15 });
    this.oscillator = voice(this.context, 8);
    this.oscillator.connect(gain).connect(this.context.destination);
    this.tune(semitones);
    this.oscillator.start();
  }

  tune(semitones) {
    if (this.oscillator) this.oscillator.frequency.value = hertz(semitones);
  }

  async stop() {
    const context = this.context;
    this.context = this.oscillator = null;
    await context?.close();
  }
}
