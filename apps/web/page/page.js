// The page: takes a picture or a camera's frames, hands their pixels to the worker, and draws what it reads.

const of = (id) => document.getElementById(id);
const [canvas, status, people, stage] = ["canvas", "status", "people", "stage"].map(of);
const pen = canvas.getContext("2d", { willReadFrequently: true });
const worker = new Worker(`worker.js${location.search}`);

/// Longer side in pixels that pictures are reduced to: small faces stay readable, and nothing takes long.
const LONGEST = 1280;
/// The same for a camera's frames, which come all the time.
const LONGEST_LIVE = 640;
/// Colours that people are told apart by, also where colours are not.
const COLOURS = ["#ffd166", "#6fb7ff", "#8bd17c", "#ff8fa3", "#c9a6ff", "#f4a259"];

let count = 0;
let waiting = null;
let live = null;

function say(text, problem = false) {
  status.textContent = text;
  status.classList.toggle("problem", problem);
}

/// What the worker reads in these pixels; below 0 seconds a picture by itself.
function read(image, seconds) {
  return new Promise((resolve, reject) => {
    waiting = { id: ++count, resolve, reject };
    const { width, height, data } = image;
    worker.postMessage({ id: count, width, height, seconds, pixels: data.buffer }, [data.buffer]);
  });
}

worker.onmessage = ({ data }) => {
  if (data.opened) {
    of("camera").disabled = !navigator.mediaDevices;
    document.body.dataset.ready = "true";
    say("Ready.");
  } else if (data.device) {
    of("device").textContent = `Computed by ${data.device}.`;
  } else if (data.id === undefined) {
    say(data.problem, true);
  } else if (waiting && waiting.id === data.id) {
    const { resolve, reject } = waiting;
    waiting = null;
    if (data.problem) reject(new Error(data.problem));
    else resolve(data);
  }
};
worker.onerror = () => say("The model cannot be loaded: this browser has no WebAssembly with SIMD.", true);

/// Shows a picture on the canvas, reduced to `longest` pixels, and gives its pixels.
function shown(source, width, height, longest) {
  const factor = Math.min(1, longest / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * factor));
  canvas.height = Math.max(1, Math.round(height * factor));
  pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  stage.classList.add("full");
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

const colour = (face) => COLOURS[(face - 1) % COLOURS.length];
const label = (face) => (live ? face.voted_label : face.frame_label);

function draw(faces) {
  const size = Math.max(12, Math.round(canvas.width / 40));
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.lineWidth = Math.max(2, canvas.width / 320);
  for (const face of faces) {
    const [x, y, w, h] = face.box;
    pen.strokeStyle = pen.fillStyle = colour(face.face);
    pen.strokeRect(x, y, w, h);
    const text = `${face.face} ${label(face)}${face.unsure ? "?" : ""}`;
    const width = pen.measureText(text).width + size;
    const left = Math.max(0, Math.min(x, canvas.width - width));
    const top = y >= 1.5 * size ? y - 1.5 * size : Math.min(y + h, canvas.height - 1.5 * size);
    pen.fillRect(left, top, width, 1.5 * size);
    pen.fillStyle = "#17202b";
    pen.fillText(text, left + size / 2, top + 1.1 * size);
  }
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

/// The list of faces, each with a bar for each expression.
function list(faces) {
  of("none").hidden = faces.length > 0;
  of("none").textContent = "No face was found.";
  people.replaceChildren(...faces.map((face) => {
    const item = element("li");
    item.style.borderLeftColor = colour(face.face);
    const title = element("strong", `Face ${face.face}: ${label(face)}`);
    if (face.unsure) title.append(element("span", " (unsure)", "unsure"));
    const bars = element("dl");
    for (const [name, p] of Object.entries(face.probabilities).sort((a, b) => b[1] - a[1]).slice(0, live ? 3 : 8)) {
      const bar = element("dd", "", "bar");
      const filled = element("span");
      filled.style.width = `${100 * p}%`;
      bar.append(filled);
      bars.append(element("dt", name), bar, element("dd", `${Math.round(100 * p)} %`, "number"));
    }
    item.append(title, bars);
    return item;
  }));
}

function tell({ line, ms }, what) {
  draw(line.faces);
  list(line.faces);
  const faces = line.faces.length === 1 ? "1 face" : `${line.faces.length} faces`;
  say(`${what}: ${faces}, read in ${Math.round(ms)} ms.`);
}

async function picture(file) {
  stop();
  try {
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error(`${file.name} is no picture that this browser can show`);
    });
    say("Reading…");
    const pixels = shown(bitmap, bitmap.width, bitmap.height, LONGEST);
    bitmap.close();
    tell(await read(pixels, -1), file.name);
  } catch (error) {
    say(error.message, true);
  }
}

function stop() {
  if (!live) return;
  live.stream.getTracks().forEach((track) => track.stop());
  live = null;
  of("camera").setAttribute("aria-pressed", "false");
  of("camera").textContent = "Use the camera";
}

async function camera() {
  if (live) {
    stop();
    say("The camera is off.");
    return;
  }
  let stream;
  try {
    say("Waiting for the camera…");
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
  } catch (error) {
    const why = { NotAllowedError: "its use was not allowed", NotFoundError: "there is none", NotReadableError: "another program uses it" };
    say(`The camera cannot be used: ${why[error.name] ?? error.message}.`, true);
    return;
  }
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  const mine = (live = { stream });
  of("camera").setAttribute("aria-pressed", "true");
  of("camera").textContent = "Stop the camera";
  worker.postMessage({ restart: true });
  const start = performance.now();
  let frames = 0;
  let before = [];
  while (live === mine) {
    try {
      const pixels = shown(video, video.videoWidth, video.videoHeight, LONGEST_LIVE);
      // The last frame's boxes stay until this one is read, or they would flicker.
      draw(before);
      const answer = await read(pixels, (performance.now() - start) / 1000);
      if (live !== mine) return;
      frames += 1;
      before = answer.line.faces;
      tell(answer, `Camera, frame ${frames}`);
    } catch (error) {
      say(error.message, true);
      stop();
    }
    await new Promise(requestAnimationFrame);
  }
}

of("file").onchange = ({ target }) => target.files[0] && picture(target.files[0]);
of("camera").onclick = camera;
stage.ondragover = (event) => {
  event.preventDefault();
  stage.classList.add("over");
};
stage.ondragleave = () => stage.classList.remove("over");
stage.ondrop = (event) => {
  event.preventDefault();
  stage.classList.remove("over");
  if (event.dataTransfer.files[0]) picture(event.dataTransfer.files[0]);
};
