/* An audio callback, as an app has it: callbacks of changing sizes over a WAV of 32-bit floats, mono, at the program's rate.
 *
 *   ./pesto_callback PROGRAM.pte AUDIO.wav     prints a line for each frame: end_sample, pitch, confidence, volume
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pesto.h"

static float* read_wav(const char* path, int rate_hz, size_t* count) {
  unsigned char header[12], chunk[8], format[16];
  FILE* file = fopen(path, "rb");
  uint32_t size, rate;
  uint16_t kind[2];
  float* samples = NULL;
  if (file == NULL) return NULL;
  if (fread(header, sizeof header, 1, file) == 1 && memcmp(header, "RIFF", 4) == 0) {
    while (fread(chunk, sizeof chunk, 1, file) == 1) {
      memcpy(&size, chunk + 4, 4); /* little-endian, like every phone */
      if (memcmp(chunk, "fmt ", 4) == 0 && size >= sizeof format) {
        if (fread(format, sizeof format, 1, file) != 1) break;
        memcpy(kind, format, 4);
        memcpy(&rate, format + 4, 4);
        if (kind[1] != 1 || rate != (uint32_t)rate_hz || format[14] != 32) break;
        fseek(file, (long)(size - sizeof format), SEEK_CUR);
      } else if (memcmp(chunk, "data", 4) == 0) {
        *count = size / sizeof(float);
        samples = malloc(size > 0 ? size : 1);
        if (samples != NULL && fread(samples, sizeof(float), *count, file) != *count) {
          free(samples);
          samples = NULL;
        }
        break;
      } else {
        fseek(file, (long)(size + size % 2), SEEK_CUR);
      }
    }
  }
  fclose(file);
  return samples;
}

int main(int count, char** words) {
  static const size_t sizes[] = {16, 441, 64, 4096, 1, 480, 1024, 17};
  char error[256];
  size_t length = 0, done = 0;
  int failed = 0;
  if (count != 3) {
    fprintf(stderr, "usage: pesto_callback PROGRAM.pte AUDIO.wav\n");
    return 2;
  }
  pesto* tracker = pesto_create(words[1], error, sizeof error);
  if (tracker == NULL) {
    fprintf(stderr, "error: %s\n", error);
    return 2;
  }
  float* samples = read_wav(words[2], pesto_sample_rate_hz(tracker), &length);
  if (samples == NULL) {
    fprintf(stderr, "error: %s: not a WAV of 32-bit floats, mono, at %d Hz\n", words[2], pesto_sample_rate_hz(tracker));
    pesto_destroy(tracker);
    return 2;
  }
  for (size_t turn = 0; done < length && !failed; ++turn) {
    const size_t wanted = sizes[turn % (sizeof sizes / sizeof sizes[0])];
    const size_t n = length - done < wanted ? length - done : wanted;
    const pesto_frame* frames;
    const int found = pesto_process(tracker, samples + done, n, &frames);
    failed = found < 0;
    for (int i = 0; i < found; ++i)
      printf("%llu,%.9g,%.9g,%.9g\n", (unsigned long long)frames[i].end_sample, (double)frames[i].pitch_semitones,
             (double)frames[i].confidence, (double)frames[i].volume);
    done += n;
  }
  fprintf(stderr, "latency: %d samples\n", pesto_latency_samples(tracker));
  free(samples);
  pesto_destroy(tracker);
  return failed;
}
