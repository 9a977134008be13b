// Loads the module and the model, and reads the pictures that the page sends, one after the other.

/// The file's bytes, unpacked: files lie compressed, so that the download is small on any server.
async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // A server may have told the browser to unpack already.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let module;

/// Puts bytes into the module's room.
function put(bytes) {
  const at = module.affekt_room(bytes.length);
  if (at === 0) throw new Error("the picture is too large");
  new Uint8Array(module.memory.buffer, at, bytes.length).set(bytes);
}

/// The answer of a call, or its error.
function answer(code) {
  const bytes = new Uint8Array(module.memory.buffer, module.affekt_answer(), module.affekt_answer_length());
  const text = new TextDecoder().decode(bytes.slice());
  if (code !== 0) throw new Error(text);
  return text;
}

/// A copy of numbers in the module's memory.
const numbers = ({ at, count }) => new Float32Array(module.memory.buffer, at, count).slice();

/// Puts numbers into the module's room; how many they are.
function putNumbers(values) {
  put(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return values.length;
}

/// What the GPU has to do: with 0 faces, to open the model; else, to answer about so many.
const work = (faces) => JSON.parse(answer(module.affekt_gpu(faces)));

let gpu = null;

/// Takes the GPU where there is one that answers as the processor does. `?gpu=no` leaves it, `?gpu=any` takes one in software too.
async function openGpu() {
  const wish = new URLSearchParams(location.search).get("gpu");
  if (!navigator.gpu || wish === "no") return;
  try {
    const { Gpu } = await import("./gpu.js");
    const found = await Gpu.open(wish === "any");
    if (!found) return;
    const { work: first, contents, trial, face, answer: each, most } = work(0);
    await found.prepare(first, contents.map(([name, values]) => [name, numbers(values)]));
    Object.assign(found, { face, most, each });
    const logits = await asked(found, numbers(trial));
    answer(module.affekt_trust(putNumbers(logits)));
    gpu = found;
  } catch (error) {
    console.info(`No GPU is used: ${error.message}`);
  }
}

/// A GPU's logits for the faces of an input, in as many passes as they take.
async function asked(device, input) {
  const { face, most, each } = device;
  const faces = input.length / face;
  const logits = new Float32Array(faces * each);
  for (let first = 0; first < faces; first += most) {
    const count = Math.min(most, faces - first);
    const part = input.subarray(first * face, (first + count) * face);
    logits.set(await device.logits(count, part, () => work(count)), first * each);
  }
  return logits;
}

/// Tells the page what computes.
const tellDevice = () => postMessage({ device: gpu ? `the GPU (${gpu.name})` : "the processor" });

async function open() {
  const [program, model] = await Promise.all([fetched("affekt.wasm.gz"), fetched("model.bin.gz")]);
  module = (await WebAssembly.instantiate(program, {})).instance.exports;
  put(model);
  const classes = JSON.parse(answer(module.affekt_open()));
  await openGpu();
  tellDevice();
  postMessage({ opened: classes });
}

/// Reads a picture; where the GPU fails, and from then on, the processor answers.
async function read({ width, height, seconds, pixels }) {
  put(new Uint8Array(pixels));
  const { input } = JSON.parse(answer(module.affekt_look(width, height, seconds)));
  let given = 0;
  if (gpu && input.count > 0) {
    try {
      given = putNumbers(await asked(gpu, numbers(input)));
    } catch (error) {
      console.info(`The GPU is left: ${error.message}`);
      gpu = null;
      tellDevice();
    }
  }
  return JSON.parse(answer(module.affekt_read(given)));
}

async function turn(data) {
  try {
    if (data.restart) {
      answer(module.affekt_restart());
      return;
    }
    const start = performance.now();
    const line = await read(data);
    postMessage({ id: data.id, line, ms: performance.now() - start });
  } catch (error) {
    postMessage({ id: data.id, problem: error.message });
  }
}

const opened = open();
opened.catch((error) => postMessage({ problem: `The model cannot be loaded: ${error.message}` }));

// One after the other: while the GPU computes nothing else is read.
let last = opened;
onmessage = ({ data }) => {
  last = last.then(() => turn(data), (error) => postMessage({ id: data.id, problem: error.message }));
};
