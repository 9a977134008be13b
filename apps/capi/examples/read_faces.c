/* Reads the faces of a picture or video: read_faces FILE [DETECTOR]. A line a face and frame:
 * frame, person, box, and the three most probable expressions. */
#include <stdio.h>
#include <string.h>

#include "affekt.h"

/* Says what went wrong; the program ends with the status. */
static int failed(const char *what, AffektStatus status) {
    fprintf(stderr, "%s: %s (status %d)\n", what, affekt_last_error(), (int)status);
    return (int)status;
}

/* The most probable class that is not among those taken. */
static size_t best(const AffektFace *face, const char *taken) {
    size_t found = face->class_count;
    for (size_t i = 0; i < face->class_count; i++) {
        if (!taken[i] && (found == face->class_count || face->probabilities[i] > face->probabilities[found])) {
            found = i;
        }
    }
    return found;
}

static void print_face(const AffektRecognizer *recognizer, const AffektFace *face) {
    char taken[256] = {0};
    printf("frame %llu face %u at %.1f,%.1f %.1fx%.1f:", (unsigned long long)face->frame, (unsigned)face->face,
           face->face_box[0], face->face_box[1], face->face_box[2], face->face_box[3]);
    for (int place = 0; place < 3 && face->class_count <= sizeof taken; place++) {
        size_t label = best(face, taken);
        if (label == face->class_count) {
            break;
        }
        taken[label] = 1;
        printf(" %s %.4f", affekt_class_name(recognizer, label), face->probabilities[label]);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: read_faces FILE [DETECTOR]\n");
        return 2;
    }
    AffektOptions options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.detector = argc > 2 ? argv[2] : NULL;

    AffektRecognizer *recognizer = NULL;
    AffektStatus status = affekt_open(&options, &recognizer);
    if (status != AFFEKT_STATUS_OK) {
        return failed("cannot open", status);
    }
    AffektReadings *readings = NULL;
    status = affekt_read_file(recognizer, argv[1], &readings);
    if (status == AFFEKT_STATUS_OK) {
        for (size_t i = 0; i < affekt_face_count(readings); i++) {
            AffektFace face;
            if (affekt_face(readings, i, &face) == AFFEKT_STATUS_OK) {
                print_face(recognizer, &face);
            }
        }
    } else {
        failed("cannot read", status);
    }
    affekt_readings_free(readings);
    affekt_close(recognizer);
    return (int)status;
}
