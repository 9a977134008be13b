/* affekt: reads facial expressions. Made by cbindgen from apps/capi/src; do not edit.
 *
 * The short way: affekt_open, affekt_read_file, affekt_face for each face, affekt_readings_free, affekt_close.
 *
 * Ownership. What affekt_open gives belongs to the caller until affekt_close, what a reading function gives until
 * affekt_readings_free. Strings that functions return belong to the library. Whatever is passed in is only looked at
 * during the call.
 *
 * Threads. Every function may be called from any thread. Calls for one recognizer wait for each other; recognizers of
 * their own work side by side. Readings never change, so several threads may look at them. affekt_close and
 * affekt_readings_free must be the last call for what they free. Do not use a recognizer after fork().
 *
 * Errors. Functions that can fail return an AffektStatus; affekt_last_error has the words. No function throws, exits or
 * aborts: null pointers, wrong sizes and mistakes in affekt itself are all a status. What cannot be seen from inside are
 * pointers that lead to no memory, or to memory that was freed.
 */

#ifndef AFFEKT_H
#define AFFEKT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// One byte a pixel.
#define AFFEKT_GREY 1

// Red, green, blue.
#define AFFEKT_RGB 2

// Blue, green, red, as OpenCV has it.
#define AFFEKT_BGR 3

// Red, green, blue, and a byte that is left out.
#define AFFEKT_RGBA 4

// Blue, green, red, and a byte that is left out.
#define AFFEKT_BGRA 5

// How a call ended. Numbers keep their meaning; later versions may add others.
typedef enum AffektStatus {
  // It did what was asked.
  AFFEKT_STATUS_OK = 0,
  // A pointer that must not be null is null.
  AFFEKT_STATUS_NULL_POINTER = 1,
  // A number, size, option or text is wrong, or contradicts what went before.
  AFFEKT_STATUS_INVALID_ARGUMENT = 2,
  // A file cannot be read, or is not what it should be.
  AFFEKT_STATUS_FILE = 3,
  // Computing failed.
  AFFEKT_STATUS_ENGINE = 4,
  // A mistake in affekt itself; the recognizer can be used on.
  AFFEKT_STATUS_INTERNAL = 5,
} AffektStatus;

// Faces and what they show. Free it by `affekt_readings_free`.
typedef struct AffektReadings AffektReadings;

// Reads facial expressions. Open it by `affekt_open`, free it by `affekt_close`.
typedef struct AffektRecognizer AffektRecognizer;

// A face in a picture or frame.
typedef struct AffektFace {
  // The frame's number in its video, from 0; of a picture 0.
  uint64_t frame;
  // The frame's time in seconds; of a picture 0.
  double seconds;
  // The person's number, from 1; the same as long as the face is followed.
  uint32_t face;
  // The class after the vote, an index into the class names: what the face shows.
  uint32_t label;
  // The most probable class of this frame alone.
  uint32_t frame_label;
  // The most probable class by the temporal encoder, or -1 without one.
  int32_t temporal_label;
  // Probability of `label` in this frame, 0 to 1.
  float confidence;
  // 1 where `confidence` is too low to go by, else 0.
  uint32_t unsure;
  // 1 where the detector saw the face in this frame, 0 where its motion was carried on.
  uint32_t detected;
  // 1 where `landmarks` are known, else 0 and they are 0.
  uint32_t has_landmarks;
  // Left, top, width and height in pixels; may reach beyond the picture.
  float face_box[4];
  // x and y in pixels of the eye on the picture's left, the eye on its right, the nose's tip, the mouth's left and
  // right corner.
  float landmarks[10];
  // The probability of each class, 0 to 1; they sum to 1. Belongs to the readings.
  const float *probabilities;
  // How many there are.
  size_t class_count;
} AffektFace;

// What a recognizer is made of. Zero everything but `size`, and every default is taken:
// `AffektOptions options = {0}; options.size = sizeof options;`. Texts are UTF-8.
typedef struct AffektOptions {
  // `sizeof(AffektOptions)`, so that later versions can add fields.
  size_t size;
  // A model's file, or the folder of a finished run; NULL: the model that is built in.
  const char *model;
  // A temporal encoder's file that reads this model's features; NULL: none.
  const char *temporal;
  // "builtin", "guide" (a fixed box in the middle), or a `YuNet` model's file; NULL: the one that is found.
  const char *detector;
  // "cpu", "wgpu" or "auto"; NULL: "cpu".
  const char *backend;
  // Threads; results do not depend on them. 0: one for each core.
  uint32_t threads;
  // The detector looks at every N-th frame of a video, between them faces are carried on. 0: at every one.
  uint32_t detect_every;
  // Frames that vote on a label. 0: as the encoder's card says, else 30.
  uint32_t window;
  // Not 0: the model sees each face's mirror image too and the mean counts, at twice the work; not with an encoder.
  uint32_t flip;
} AffektOptions;

// Pixels of a picture, 8 bits a value, rows from the top. They are copied during the call.
typedef struct AffektImage {
  // The first row's first byte.
  const uint8_t *pixels;
  // Bytes that may be read from there on.
  size_t length;
  // Pixels a row, 1 to 16384.
  uint32_t width;
  // Rows, 1 to 16384.
  uint32_t height;
  // Bytes from one row to the next; 0 where nothing lies between them.
  size_t stride;
  // `AFFEKT_GREY`, `AFFEKT_RGB`, `AFFEKT_BGR`, `AFFEKT_RGBA` or `AFFEKT_BGRA`.
  uint32_t format;
} AffektImage;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Why this thread's last call that failed did so, in English; empty before the first failure. Valid until this thread's
// next failure.
const char *affekt_last_error(void);

// The library's version, such as "0.1.0".
const char *affekt_version(void);

// How many faces there are; 0 for NULL.
//
// # Safety
// `readings` is NULL or was given by a reading function and not freed.
size_t affekt_face_count(const struct AffektReadings *readings);

// The face at `index`, from 0; faces stand by frame and person.
//
// # Safety
// `readings` is NULL or was given by a reading function and not freed; `out` is NULL or leads to an `AffektFace`.
enum AffektStatus affekt_face(const struct AffektReadings *readings,
                              size_t index,
                              struct AffektFace *out);

// Frees readings; NULL is left alone.
//
// # Safety
// `readings` is NULL or was given by a reading function, not freed before, and is not used afterwards.
void affekt_readings_free(struct AffektReadings *readings);

// Opens a recognizer. `options` may be NULL for all defaults: the built-in model on the processor, and the face detector
// that is found (a file `*yunet*.onnx` in the folder that the environment's `AFFEKT_MODELS` names, else the built-in one).
// `*out` is the recognizer, or NULL where this fails.
//
// # Safety
// `options` is NULL or leads to as many bytes as its `size` says, its texts are NULL or end in a NUL; `out` is NULL or leads
// to a pointer.
enum AffektStatus affekt_open(const struct AffektOptions *options,
                              struct AffektRecognizer **out);

// How many classes the model has; 0 for NULL.
//
// # Safety
// `recognizer` is NULL or open.
size_t affekt_class_count(const struct AffektRecognizer *recognizer);

// The name of a class, from 0, in UTF-8; NULL where there is none. Valid until `affekt_close`.
//
// # Safety
// `recognizer` is NULL or open.
const char *affekt_class_name(const struct AffektRecognizer *recognizer, size_t index);

// Reads the faces of a picture by itself. `*out` is what was read, or NULL where this fails; no face is no failure.
//
// # Safety
// `recognizer` is NULL or open, `image` NULL or a picture whose pixels can be read, `out` NULL or leads to a pointer.
enum AffektStatus affekt_read(const struct AffektRecognizer *recognizer,
                              const struct AffektImage *image,
                              struct AffektReadings **out);

// Reads the faces of a file, by its path in UTF-8: a picture (JPEG, PNG, WebP, BMP), or a whole video. `*out` is what was
// read, or NULL where this fails.
//
// # Safety
// `recognizer` is NULL or open, `path` NULL or ends in a NUL, `out` is NULL or leads to a pointer.
enum AffektStatus affekt_read_file(const struct AffektRecognizer *recognizer,
                                   const char *path,
                                   struct AffektReadings **out);

// Takes the next frame of a video, shown `seconds` after its first. `*out` is what is now read to the end: the faces of this
// frame, or with a temporal encoder that looks both ways those of earlier ones; or NULL where this fails.
//
// # Safety
// As for `affekt_read`.
enum AffektStatus affekt_push(const struct AffektRecognizer *recognizer,
                              const struct AffektImage *image,
                              double seconds,
                              struct AffektReadings **out);

// Ends the video: `*out` is what was still to come of it. The next frame begins another one.
//
// # Safety
// `recognizer` is NULL or open, `out` is NULL or leads to a pointer.
enum AffektStatus affekt_finish(const struct AffektRecognizer *recognizer, struct AffektReadings **out);

// Frees a recognizer; NULL is left alone. What was read stays.
//
// # Safety
// `recognizer` is NULL or open, no other call uses it, and it is not used afterwards.
void affekt_close(struct AffektRecognizer *recognizer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AFFEKT_H */
