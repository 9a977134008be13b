# The program with ffmpeg, for processors. docs/cluster.md says how to build and use it.

# What the build needs is a part of what .ci/run installs; tests/tests/container.rs compares them.
FROM rust:1.95-trixie AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ libc6-dev nasm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /affekt
COPY . .
RUN cargo build --profile dist --bins --locked --package affekt

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /affekt/target/dist/affekt /usr/local/bin/affekt
COPY --from=build /affekt/LICENSE-APACHE /affekt/LICENSE-MIT /usr/local/share/doc/affekt/
WORKDIR /work
# In this form the program itself gets the signals that stop a container.
ENTRYPOINT ["affekt"]
