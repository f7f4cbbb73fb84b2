/* Estimates the pitch of one voice from live audio, with a program of the workbench. For C and C++.
 *
 *   char error[256];
 *   pesto* tracker = pesto_create("program.pte", error, sizeof error);    // NULL: `error` has the reason
 *   const pesto_frame* frames;
 *   int count = pesto_process(tracker, samples, n, &frames);              // in the audio callback
 *   for (int i = 0; i < count; ++i) show(pesto_hertz(frames[i].pitch_semitones), frames[i].confidence);
 *   pesto_destroy(tracker);
 *
 * The samples are mono, float, and at the rate that pesto_sample_rate_hz returns. A program supports this rate only: the app
 * converts any other. (The workbench builds programs for 8000 to 192000 Hz, one for each rate.)
 *
 * A callback has any size from 1 to PESTO_MAX_SAMPLES, and the size may change. If a chunk is full, pesto_process runs the
 * network, which takes as long as one call of the program. This code allocates nothing there, takes no lock and reads no
 * file. `speed.native.allocations_per_call` in a result counts what the runtime allocates. One thread at a time uses a
 * tracker. */

#ifndef PESTO_H
#define PESTO_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PESTO_MAX_SAMPLES = 4096 };
enum { PESTO_TOO_MANY_SAMPLES = -1, PESTO_FAILED = -2 }; /* what pesto_process and pesto_reset return instead */

typedef struct pesto pesto;

typedef struct pesto_frame {
  float pitch_semitones; /* MIDI note number, with a fraction */
  float confidence;      /* 0 to 1; show no pitch below pesto_confidence_threshold */
  float volume;          /* as the program returns it; an output that the program does not have is NaN */
  uint64_t end_sample;   /* samples from the reset to the end of the frame */
} pesto_frame;

/* Loads a program. Returns NULL if it cannot, with the reason in `error` (at most `error_size` bytes, also if it is 0). */
pesto* pesto_create(const char* program_path, char* error, size_t error_size);

/* Returns the sample rate that the program needs. */
int pesto_sample_rate_hz(const pesto* tracker);

/* Returns the confidence below which a frame has no pitch to show: in silence the program still returns one. */
float pesto_confidence_threshold(const pesto* tracker);

/* Returns how many samples lie between the middle of the audio that a frame describes and the call of pesto_process that
 * returns it, at most: the program's own delay and a whole chunk. */
int pesto_latency_samples(const pesto* tracker);

/* Takes the next samples. Sets `frames` to the frames that they complete, which are valid until the next call, and returns
 * how many there are (often 0), or a negative number. */
int pesto_process(pesto* tracker, const float* samples, size_t count, const pesto_frame** frames);

/* Forgets all audio, as at the beginning of a recording. Returns 0 or PESTO_FAILED. */
int pesto_reset(pesto* tracker);

void pesto_destroy(pesto* tracker);

static inline float pesto_hertz(float pitch_semitones) { return 440.0f * exp2f((pitch_semitones - 69.0f) / 12.0f); }

#ifdef __cplusplus
}
#endif

#endif
