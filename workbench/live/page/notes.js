// Names of notes, by MIDI semitones: 69 is A4.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

export function noteName(semitones) {
  const note = Math.round(semitones);
  return { name: NAMES[((note % 12) + 12) % 12], octave: Math.floor(note / 12) - 1, cents: 100 * (semitones - note) };
}

export const signed = (number, digits) => {
  const text = Math.abs(number).toFixed(digits);
  return (Number(text) === 0 ? "" : number < 0 ? "−" : "+") + text;
};
