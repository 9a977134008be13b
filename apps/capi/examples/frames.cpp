// affekt inside a program of its own that has frames: a wrapper that frees by itself, and a loop over frames that are made
// here. frames [COUNT]: prints how often each class was voted, and how much memory the program has after a tenth of the
// frames and at the end, in KiB (Linux).
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "affekt.h"

namespace affekt {

struct Error : std::runtime_error {
    explicit Error(AffektStatus status) : std::runtime_error(affekt_last_error()), status(status) {}
    AffektStatus status;
};

inline void check(AffektStatus status) {
    if (status != AFFEKT_STATUS_OK) throw Error(status);
}

// What a call has read.
class Readings {
public:
    explicit Readings(AffektReadings *readings) : readings_(readings, affekt_readings_free) {}
    std::size_t size() const { return affekt_face_count(readings_.get()); }
    AffektFace operator[](std::size_t index) const {
        AffektFace face{};
        check(affekt_face(readings_.get(), index, &face));
        return face;
    }

private:
    std::unique_ptr<AffektReadings, decltype(&affekt_readings_free)> readings_;
};

class Recognizer {
public:
    explicit Recognizer(const AffektOptions &options) : recognizer_(opened(options), affekt_close) {}
    std::string class_name(std::size_t index) const {
        const char *name = affekt_class_name(recognizer_.get(), index);
        return name ? name : "";
    }
    std::size_t class_count() const { return affekt_class_count(recognizer_.get()); }
    Readings push(const AffektImage &image, double seconds) {
        AffektReadings *readings = nullptr;
        check(affekt_push(recognizer_.get(), &image, seconds, &readings));
        return Readings(readings);
    }
    Readings finish() {
        AffektReadings *readings = nullptr;
        check(affekt_finish(recognizer_.get(), &readings));
        return Readings(readings);
    }

private:
    static AffektRecognizer *opened(const AffektOptions &options) {
        AffektRecognizer *recognizer = nullptr;
        check(affekt_open(&options, &recognizer));
        return recognizer;
    }
    std::unique_ptr<AffektRecognizer, decltype(&affekt_close)> recognizer_;
};

}  // namespace affekt

// Memory that the program has, in KiB; 0 where the system does not tell.
static long resident_kib() {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word) {
        long kib = 0;
        if (word == "VmRSS:" && status >> kib) return kib;
    }
    return 0;
}

int main(int argc, char **argv) try {
    const int count = argc > 1 ? std::atoi(argv[1]) : 1000;
    AffektOptions options{};
    options.size = sizeof options;
    options.detector = "guide";  // A fixed box in the middle: a real program leaves this out.
    affekt::Recognizer recognizer(options);

    const std::uint32_t side = 96;
    std::vector<std::uint8_t> pixels(std::size_t{side} * side * 4);
    AffektImage image{};
    image.pixels = pixels.data();
    image.length = pixels.size();
    image.width = image.height = side;
    image.format = AFFEKT_BGRA;

    std::vector<long> votes(recognizer.class_count());
    auto tally = [&](const affekt::Readings &readings) {
        for (std::size_t i = 0; i < readings.size(); i++) votes.at(readings[i].label)++;
    };
    long early = 0;
    for (int frame = 0; frame < count; frame++) {
        for (std::size_t i = 0; i < pixels.size(); i++) pixels[i] = static_cast<std::uint8_t>(i * 7 + frame * 3);
        tally(recognizer.push(image, frame / 30.0));
        if (frame == count / 10) early = resident_kib();
    }
    tally(recognizer.finish());

    for (std::size_t label = 0; label < votes.size(); label++) {
        std::cout << recognizer.class_name(label) << ": " << votes[label] << "\n";
    }
    std::cout << "KiB: " << early << " then " << resident_kib() << "\n";
    return 0;
} catch (const affekt::Error &error) {
    std::cerr << "error " << error.status << ": " << error.what() << "\n";
    return 1;
}
