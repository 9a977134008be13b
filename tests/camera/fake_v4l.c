/* A camera that is not there, for tests/camera/check.sh: loaded before a program, it answers what the program asks of
 * /dev/video63 as a kernel's driver would, by the kernel's own header. It offers YUYV and one format that nobody reads, takes
 * 320x240 whatever is asked for, and leaves 64 bytes between rows. Its picture is red on the left and green on the right. After
 * FAKE_FRAMES frames it is unplugged. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WIDTH = 320, HEIGHT = 240, STRIDE = 2 * WIDTH + 64, SIZE = STRIDE * HEIGHT, MOST = 8 };
static const int SPACE = (SIZE + 4095) / 4096 * 4096;

static int camera = -1, queued[MOST], waiting, taken, streaming;

static void paint(int index) {
    unsigned char *row = mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, camera, (off_t)index * SPACE);
    unsigned char *first = row;
    for (int y = 0; y < HEIGHT; y++, row += STRIDE) {
        for (int x = 0; x < WIDTH; x += 2) {
            /* luma, U, luma, V of red and of green */
            static const unsigned char red[4] = {81, 90, 81, 240}, green[4] = {145, 54, 145, 34};
            memcpy(row + 2 * x, x < WIDTH / 2 ? red : green, 4);
        }
        memset(row + 2 * WIDTH, 255, STRIDE - 2 * WIDTH);
    }
    munmap(first, SIZE);
}

static int fail(int why) {
    errno = why;
    return -1;
}

static void fill(struct v4l2_format *format) {
    struct v4l2_pix_format *pix = &format->fmt.pix;
    memset(pix, 0, sizeof *pix);
    pix->width = WIDTH, pix->height = HEIGHT, pix->pixelformat = V4L2_PIX_FMT_YUYV;
    pix->bytesperline = STRIDE, pix->sizeimage = SIZE, pix->field = V4L2_FIELD_NONE;
    pix->colorspace = V4L2_COLORSPACE_SRGB;
}

static int answer(unsigned long request, void *what) {
    switch (request) {
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *format = what;
        if (format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || format->index > 1) return fail(EINVAL);
        format->pixelformat = format->index == 0 ? V4L2_PIX_FMT_H264 : V4L2_PIX_FMT_YUYV;
        strcpy((char *)format->description, format->index == 0 ? "H.264" : "YUYV 4:2:2");
        return 0;
    }
    case VIDIOC_S_FMT:
    case VIDIOC_G_FMT:
        if (getenv("FAKE_BUSY")) return fail(EBUSY);
        fill(what);
        return 0;
    case VIDIOC_S_PARM:
    case VIDIOC_G_PARM:
        return 0;
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *buffers = what;
        if (buffers->count > 3) buffers->count = 3;
        return 0;
    }
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = what;
        buffer->length = SIZE, buffer->m.offset = buffer->index * SPACE;
        return 0;
    }
    case VIDIOC_QBUF:
        if (waiting == MOST) return fail(EINVAL);
        queued[waiting++] = ((struct v4l2_buffer *)what)->index;
        return 0;
    case VIDIOC_STREAMON:
        streaming = 1;
        return 0;
    case VIDIOC_STREAMOFF:
        streaming = waiting = 0;
        return 0;
    case VIDIOC_DQBUF: {
        struct v4l2_buffer *buffer = what;
        const char *most = getenv("FAKE_FRAMES");
        if (most && taken >= atoi(most)) return fail(ENODEV);
        if (!streaming || waiting == 0) return fail(EINVAL);
        usleep(20000);
        buffer->index = queued[0];
        memmove(queued, queued + 1, --waiting * sizeof *queued);
        paint(buffer->index);
        buffer->bytesused = SIZE, buffer->sequence = taken++, buffer->field = V4L2_FIELD_NONE;
        return 0;
    }
    }
    return fail(ENOTTY);
}

static int opened(const char *path) {
    if (strcmp(path, "/dev/video63") != 0) return -2;
    if (getenv("FAKE_DENIED")) return fail(EACCES);
    camera = memfd_create("camera", 0);
    ftruncate(camera, (off_t)MOST * SPACE);
    waiting = taken = streaming = 0;
    return camera;
}

#define OPEN(name)                                                                                                              \
    int name(const char *path, int flags, ...) {                                                                               \
        va_list list;                                                                                                           \
        va_start(list, flags);                                                                                                  \
        int mode = va_arg(list, int), found = opened(path);                                                                    \
        va_end(list);                                                                                                           \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);                                                          \
        return found == -2 ? real(path, flags, mode) : found;                                                                   \
    }
OPEN(open)
OPEN(open64)

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    /* Requests are 32 bits wide; some callers extend their sign. */
    if (number == SYS_ioctl && a[0] == camera && camera >= 0) return answer((unsigned)a[1], (void *)a[2]);
    long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall");
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
